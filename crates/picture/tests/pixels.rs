//! Golden pixels: what is decoded, against Pillow's values and formulas (`fixtures/make.py` writes `fixtures/expected.json`).
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs;
use std::path::Path;

use idiom_picture::{
    Clip, ClipFrame, Container, Decoded, Encoding, Frame, Limits, PictureError, Rgb8, Rgba8,
    Scaling, Tile, decode, decode_clip, encode, encode_marked, encode_marked_gif, encode_png,
    rasterise, resize, sheet,
};
use rstest::rstest;

fn fixture(name: &str) -> Vec<u8> {
    fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures")
            .join(name),
    )
    .unwrap()
}

fn decoded(name: &str) -> Decoded {
    decode(&fixture(name), &Limits::default()).unwrap()
}

/// Compares with the expected pixels at four places, each channel within `tolerance`.
fn check(name: &str, background: [u8; 3], tolerance: u8) -> Decoded {
    let expected: serde_json::Value = serde_json::from_slice(&fixture("expected.json")).unwrap();
    let decoded = decoded(name);
    let picture = decoded.pixels.clone().on_background(background);
    assert_eq!(
        serde_json::json!([picture.width, picture.height]),
        expected[name]["size"],
        "{name}"
    );
    for place in expected[name]["places"].as_array().unwrap() {
        let value = |i: usize| place[i].as_u64().unwrap();
        let found = picture.at(value(0) as u32, value(1) as u32);
        for channel in 0..3 {
            let difference = u64::from(found[channel]).abs_diff(value(2 + channel));
            assert!(
                difference <= u64::from(tolerance),
                "{name}: {found:?} instead of {place}"
            );
        }
    }
    decoded
}

#[rstest]
#[case("plain.png", "png", 0)]
#[case("plain.webp", "webp", 0)]
#[case("plain.gif", "gif", 0)]
#[case("plain.bmp", "bmp", 0)]
#[case("plain.jpg", "jpeg", 3)]
#[case("progressive.jpg", "jpeg", 3)]
fn every_format_gives_its_pixels(#[case] name: &str, #[case] format: &str, #[case] tolerance: u8) {
    assert_eq!(check(name, [255; 3], tolerance).format.name(), format);
}

#[rstest]
fn exif_orientation_is_undone(#[values(2, 3, 4, 5, 6, 7, 8)] tag: u32) {
    let decoded = check(&format!("exif_{tag}.jpg"), [255; 3], 6);
    assert!(decoded.steps.contains(&"turned"));
}

#[test]
fn broken_exif_is_ignored() {
    let decoded = check("exif_broken.jpg", [255; 3], 3);
    assert_eq!(decoded.steps, ["exif_ignored"]);
}

#[test]
fn cmyk_has_its_colours() {
    check("cmyk.jpg", [255; 3], 6);
}

#[rstest]
#[case("rgb16.png")]
#[case("grey16.png")]
fn sixteen_bits_are_scaled(#[case] name: &str) {
    assert!(check(name, [255; 3], 1).steps.contains(&"16_to_8_bits"));
}

#[rstest]
#[case("animated.gif")]
#[case("animated.webp")]
fn an_animation_gives_its_first_frame(#[case] name: &str) {
    check(name, [255; 3], 0);
}

#[rstest]
#[case("palette_alpha.png")]
#[case("half_alpha.png")]
fn transparent_places_show_the_stated_background(#[case] name: &str) {
    assert!(check(name, [10, 20, 30], 1).pixels.is_transparent());
}

#[test]
fn a_wide_gamut_is_moved_into_srgb() {
    assert!(
        check("display_p3.png", [255; 3], 2)
            .steps
            .contains(&"icc_to_srgb")
    );
}

#[rstest]
#[case("huge_header.png", "too_many_pixels")]
#[case("huge_canvas.gif", "too_many_pixels")]
fn dimensions_are_refused_before_pixels_are_decoded(#[case] name: &str, #[case] code: &str) {
    assert_eq!(
        decode(&fixture(name), &Limits::default())
            .unwrap_err()
            .code(),
        code
    );
}

#[rstest]
#[case("iccp_bomb.png")]
#[case("ztxt_bomb.png")]
fn a_bomb_in_the_metadata_is_refused_or_passed_over(#[case] name: &str) {
    let limits = Limits {
        max_memory: 1 << 20,
        ..Limits::default()
    };
    match decode(&fixture(name), &limits) {
        Ok(decoded) => assert_eq!(decoded.pixels.on_background([0; 3]).at(0, 0), [200, 30, 30]),
        Err(error) => assert!(
            ["too_much_memory", "broken"].contains(&error.code()),
            "{error}"
        ),
    }
}

#[rstest]
#[case(b"", "empty")]
#[case(b"II*\0 this is a TIFF", "unsupported_format")]
#[case(b"<!DOCTYPE html><html></html>", "unsupported_format")]
#[case(b"\x89PNG\r\n\x1a\n", "broken")]
#[case(b"\xff\xd8\xff\xe0", "broken")]
#[case(b"<svg xmlns='http://www.w3.org/2000/svg'><path", "broken")]
fn what_is_no_picture_has_a_code(#[case] bytes: &[u8], #[case] code: &str) {
    assert_eq!(decode(bytes, &Limits::default()).unwrap_err().code(), code);
}

#[test]
fn the_message_says_what_the_bytes_are() {
    let error = decode(b"<html>404</html>", &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("an HTML page"), "{error}");
}

#[rstest]
#[case(1, 1, "too_small")]
#[case(1, 30_000, "too_small")]
#[case(8, 1_000, "too_elongated")]
fn a_useless_shape_is_refused(#[case] width: u32, #[case] height: u32, #[case] code: &str) {
    let png = encode_png(&Rgb8::filled(width, height, [0; 3])).unwrap();
    assert_eq!(decode(&png, &Limits::default()).unwrap_err().code(), code);
}

#[test]
fn a_tail_after_the_picture_is_dropped() {
    let mut bytes = fixture("plain.png");
    bytes.extend_from_slice(b"PK\x03\x04 a ZIP archive behind the picture");
    assert_eq!(
        decode(&bytes, &Limits::default()).unwrap().pixels,
        decoded("plain.png").pixels
    );
}

#[test]
fn png_comes_back_as_it_went_in() {
    let pixels = (0..16 * 8 * 3).map(|i| (i * 7 % 251) as u8).collect();
    let picture = Rgb8 {
        width: 16,
        height: 8,
        pixels,
    };
    let png = encode_png(&picture).unwrap();
    assert_eq!(
        decode(&png, &Limits::default())
            .unwrap()
            .pixels
            .on_background([9; 3]),
        picture
    );
    assert_eq!(encode_png(&picture), Ok(png));
}

#[test]
fn jpeg_has_colours_at_half_the_resolution_and_stays_close() {
    let pixels = (0..48 * 33_u32).flat_map(|i| [i % 48 * 5, i / 48 * 7, 120]);
    let picture = Rgb8 {
        width: 48,
        height: 33,
        pixels: pixels.map(|value| value as u8).collect(),
    };
    let bytes = encode(&picture, Encoding::Jpeg(95)).unwrap();
    // The frame's header: length, bits, height, width, three components; each with its sampling, 2x2 for the first alone.
    let frame = bytes
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    let sampling = [11, 14, 17].map(|offset| bytes[frame + offset]);
    assert_eq!(sampling, [0x22, 0x11, 0x11]);
    let back = decode(&bytes, &Limits::default())
        .unwrap()
        .pixels
        .on_background([0; 3]);
    assert_eq!((back.width, back.height), (48, 33));
    let apart = back
        .pixels
        .iter()
        .zip(&picture.pixels)
        .map(|(a, b)| a.abs_diff(*b));
    assert!(apart.max().unwrap() <= 12);
    assert_eq!(Ok(bytes), encode(&picture, Encoding::Jpeg(95)));
}

fn drawn(svg: &str, side: u32) -> Rgb8 {
    rasterise(svg.as_bytes(), side, &Limits::default())
        .unwrap()
        .pixels
        .on_background([255; 3])
}

#[test]
fn current_colour_is_black_and_nothing_is_white() {
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><path fill="currentColor" d="M0 0h2v4H0z"/></svg>"#;
    let picture = drawn(svg, 64);
    assert_eq!((picture.at(10, 30), picture.at(50, 30)), ([0; 3], [255; 3]));
}

#[test]
fn an_svg_that_is_not_square_is_centred() {
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 2"><rect width="4" height="2" fill="red"/></svg>"#;
    let picture = drawn(svg, 64);
    assert_eq!(
        (picture.at(32, 2), picture.at(2, 32), picture.at(61, 32)),
        ([255; 3], [255, 0, 0], [255, 0, 0])
    );
}

#[test]
fn an_svg_reads_no_file_and_no_embedded_picture() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plain.png");
    let svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><image width="4" height="4" href="{}"/></svg>"#,
        path.display()
    );
    assert_eq!(drawn(&svg, 16), Rgb8::filled(16, 16, [255; 3]));
}

#[test]
fn entities_that_multiply_are_refused() {
    let mut svg = String::from("<!DOCTYPE svg [<!ENTITY a \"<g></g>\">");
    for i in 1..9 {
        let refer = format!("&{};", (b'a' + i - 1) as char).repeat(12);
        svg += &format!("<!ENTITY {} \"{refer}\">", (b'a' + i) as char);
    }
    svg += "]><svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 4 4\">&i;</svg>";
    assert!(matches!(
        decode(svg.as_bytes(), &Limits::default()),
        Err(PictureError::Broken { .. })
    ));
}

#[test]
fn shrinking_keeps_flat_colours_and_proportions() {
    let wide = Rgb8::filled(200, 100, [10, 200, 30]);
    let padded = resize(wide.clone(), 64, Frame::Pad([1, 2, 3]), Scaling::OnlyDown).unwrap();
    assert_eq!(
        (padded.at(32, 0), padded.at(32, 16), padded.at(0, 47)),
        ([1, 2, 3], [10, 200, 30], [10, 200, 30])
    );
    let cropped = resize(wide, 64, Frame::Crop, Scaling::OnlyDown).unwrap();
    assert_eq!(cropped, Rgb8::filled(64, 64, [10, 200, 30]));
}

#[test]
fn a_crop_takes_the_centre() {
    let mut picture = Rgb8::filled(300, 100, [0; 3]);
    for (i, pixel) in picture.pixels.chunks_exact_mut(3).enumerate() {
        let x = i % 300;
        pixel.fill(if (100..200).contains(&x) { 255 } else { 0 });
    }
    let cropped = resize(picture.clone(), 50, Frame::Crop, Scaling::OnlyDown).unwrap();
    assert_eq!(cropped, Rgb8::filled(50, 50, [255; 3]));
}

#[test]
fn nothing_is_enlarged_unless_told_to() {
    let small = Rgb8::filled(32, 32, [5; 3]);
    assert_eq!(
        resize(small.clone(), 64, Frame::Crop, Scaling::OnlyDown)
            .unwrap_err()
            .code(),
        "too_small"
    );
    assert_eq!(
        resize(small, 64, Frame::Crop, Scaling::UpToo).unwrap(),
        Rgb8::filled(64, 64, [5; 3])
    );
}

#[test]
fn a_sheet_without_font_shows_the_pictures_in_a_grid() {
    let tile = |colour| Tile {
        picture: Rgb8::filled(10, 10, [colour; 3]),
        caption: "words".to_owned(),
    };
    let sheet = sheet(&[tile(1), tile(2), tile(3)], 2, &[]);
    assert_eq!((sheet.width, sheet.height), (6 + 2 * 16, 6 + 2 * 16));
    assert_eq!(
        (sheet.at(6, 6), sheet.at(22, 6), sheet.at(6, 22)),
        ([1; 3], [2; 3], [3; 3])
    );
    assert_eq!(sheet.at(22, 22), [255; 3]);
}

fn spotted() -> Rgba8 {
    let pixel = |place: u32| [(place * 7 % 256) as u8, (place * 3 % 256) as u8, 90, 255];
    Rgba8 {
        width: 20,
        height: 12,
        pixels: (0..240).flat_map(pixel).collect(),
    }
}

fn xmp_of(bytes: &[u8]) -> Vec<u8> {
    use image::ImageDecoder as _;
    let reader = image::ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format();
    let mut decoder = reader.unwrap().into_decoder().unwrap();
    decoder.xmp_metadata().unwrap().unwrap_or_default()
}

#[rstest]
#[case(Container::Png, 0)]
#[case(Container::Webp, 0)]
#[case(Container::Jpeg, 40)]
fn a_marked_picture_keeps_its_pixels_and_other_readers_find_the_mark(
    #[case] container: Container,
    #[case] tolerance: u8,
) {
    // 300 bytes and more: no length of one byte would do. 中 has three.
    let xmp = format!("<x:xmpmeta>{}</x:xmpmeta>", "中".repeat(100));
    let bytes = encode_marked(&spotted(), container, &xmp).unwrap();
    let found = decode(&bytes, &Limits::default())
        .unwrap()
        .pixels
        .into_rgba();
    let wanted = spotted().pixels;
    let pairs = found.pixels.iter().zip(&wanted);
    let furthest = pairs.map(|(one, other)| one.abs_diff(*other)).max();
    assert!(furthest <= Some(tolerance), "{furthest:?}");
    assert_eq!(xmp_of(&bytes), xmp.as_bytes());
}

#[test]
fn a_clip_survives_a_gif_with_its_mark_its_times_and_its_holes() {
    let mut frames = Vec::new();
    for step in 0..3_u8 {
        let mut picture = Rgba8 {
            width: 16,
            height: 9,
            pixels: [20, 200, 90, 255].repeat(16 * 9),
        };
        let place = usize::from(step) * 4;
        picture.pixels[place..place + 4].copy_from_slice(&[255, 0, step, 255]);
        picture.pixels[400..404].copy_from_slice(&[255, 255, 255, 0]);
        frames.push(ClipFrame {
            picture,
            centiseconds: 4 + u16::from(step),
        });
    }
    let clip = Clip { frames, n_loops: 3 };
    let bytes = encode_marked_gif(&clip, "<x:xmpmeta>marked</x:xmpmeta>").unwrap();
    let found = decode_clip(&bytes, &Limits::default()).unwrap().unwrap();
    assert_eq!((found.n_loops, found.frames.len()), (3, 3));
    for (found, wanted) in found.frames.iter().zip(&clip.frames) {
        assert_eq!(found.centiseconds, wanted.centiseconds);
        let pairs = found
            .picture
            .pixels
            .chunks_exact(4)
            .zip(wanted.picture.pixels.chunks_exact(4));
        for (found, wanted) in pairs {
            // What lies beneath a hole is nobody's.
            assert!(
                found == wanted || (found[3], wanted[3]) == (0, 0),
                "{found:?} {wanted:?}"
            );
        }
    }
    assert_eq!(xmp_of(&bytes), b"<x:xmpmeta>marked</x:xmpmeta>");
}

#[test]
fn what_stands_still_has_one_colour_in_all_frames_of_a_gif() {
    // More than 256 colours, half of them moving: palettes of their own would change the other half as well.
    let picture = |step: u32| {
        let pixel = move |place: u32| match place % 40 < 20 {
            true => [(place % 256) as u8, (place / 7 % 256) as u8, 30, 255],
            false => [
                ((place + step * 31) % 256) as u8,
                (place / 5 % 256) as u8,
                200,
                255,
            ],
        };
        Rgba8 {
            width: 40,
            height: 40,
            pixels: (0..1600).flat_map(pixel).collect(),
        }
    };
    let frames = (0..4).map(|step| ClipFrame {
        picture: picture(step),
        centiseconds: 4,
    });
    let clip = Clip {
        frames: frames.collect(),
        n_loops: 0,
    };
    let bytes = encode_marked_gif(&clip, "").unwrap();
    let found = decode_clip(&bytes, &Limits::default()).unwrap();
    let frames = found.unwrap().frames;
    for (place, first) in frames[0].picture.pixels.chunks_exact(4).enumerate() {
        if place % 40 < 20 {
            let at = |frame: &ClipFrame| frame.picture.pixels[place * 4..place * 4 + 4].to_vec();
            assert!(frames.iter().all(|frame| at(frame) == first));
        }
    }
}

#[test]
fn a_picture_that_stands_still_is_no_clip() {
    let clip = |name: &str| decode_clip(&fixture(name), &Limits::default());
    assert_eq!(clip("plain.gif"), Ok(None));
    assert_eq!(clip("plain.png"), Ok(None));
    assert!(clip("animated.gif").unwrap().unwrap().frames.len() > 1);
    assert!(matches!(
        clip("huge_canvas.gif"),
        Err(PictureError::TooManyPixels { .. })
    ));
    let limits = Limits {
        max_memory: 1,
        ..Limits::default()
    };
    let error = decode_clip(&fixture("animated.gif"), &limits).unwrap_err();
    assert_eq!(error.code(), "too_much_memory");
}

/// What no file of a format can hold is an error with a code, never a panic.
#[test]
fn pixels_that_a_format_cannot_say_are_refused() {
    let long = |width| Rgb8::filled(width, 1, [0; 3]);
    let with_alpha = |width: u32| Rgba8 {
        width,
        height: 1,
        pixels: vec![0; width as usize * 4],
    };
    let clip = |frames: &[u32]| Clip {
        frames: frames
            .iter()
            .map(|width| ClipFrame {
                picture: with_alpha(*width),
                centiseconds: 4,
            })
            .collect(),
        n_loops: 0,
    };
    let torn = Rgb8 {
        width: 3,
        ..long(2)
    };
    let packet = "x".repeat(65_536);
    for refused in [
        encode(&long(16_385), Encoding::WebpLossless),
        encode(&long(65_536), Encoding::Jpeg(95)),
        encode(&long(0), Encoding::Png),
        encode(&torn, Encoding::Png),
        encode_marked(&with_alpha(16_385), Container::Webp, ""),
        encode_marked(&with_alpha(65_536), Container::Jpeg, ""),
        encode_marked(&with_alpha(0), Container::Png, ""),
        encode_marked(&with_alpha(2), Container::Jpeg, &packet),
        encode_marked_gif(&clip(&[]), ""),
        encode_marked_gif(&clip(&[0]), ""),
        encode_marked_gif(&clip(&[2, 3]), ""),
        encode_marked_gif(&clip(&[65_536]), ""),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.code(), "unwritable", "{error}");
    }
    assert!(encode(&long(16_384), Encoding::WebpLossless).is_ok());
}
