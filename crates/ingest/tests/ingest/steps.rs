//! What a pipeline's steps do to rows: filters in their order, frames, formats, templates, duplicates that look alike.

use idiom_picture::{Limits, Rgb8, decode, encode_png};
use rstest::rstest;

use crate::world::World;

/// A picture of this size: a ramp of greys with a dark block, so that it is neither flat nor blurred.
fn picture(width: u32, height: u32) -> Rgb8 {
    let value = |x: u32, y: u32| {
        if (x / 4 + y / 4).is_multiple_of(3) {
            0
        } else {
            (x * 200 / width + 40) as u8
        }
    };
    let pixels = (0..width * height)
        .flat_map(|i| [value(i % width, i / width); 3])
        .collect();
    Rgb8 {
        width,
        height,
        pixels,
    }
}

fn world(steps: &str) -> World {
    let world = World::new();
    world.pipeline(&format!(
        "name: small\nsources:\n  pictures: {{license: MIT, folder: {{path: pictures, lang: en}}}}\n{steps}\n"
    ));
    world
}

fn add(world: &World, name: &str, picture: &Rgb8, json: &str) {
    world.write(
        &format!("pictures/{name}.png"),
        encode_png(picture).unwrap(),
    );
    world.write(&format!("pictures/{name}.json"), json);
}

const SQUARE: &str = "picture: {side: 32, frame: crop}\n";

#[rstest]
#[case("[{min_side: 60}]", "small.png", "too_small")]
#[case("[{max_aspect: 1.5}]", "long.png", "too_elongated")]
#[case("[{min_contrast: 5}]", "flat.png", "flat")]
#[case("[{min_sharpness: 100}]", "flat.png", "blurred")]
#[case("[{min_contrast: 5}, {min_sharpness: 100}]", "flat.png", "flat")]
#[case("[{min_sharpness: 100}, {min_contrast: 5}]", "flat.png", "blurred")]
#[case("[{min_caption_chars: 4}]", "short.png", "no_caption_left")]
#[case("[{max_caption_chars: 12}]", "wordy.png", "no_caption_left")]
#[case("[{languages: [en]}]", "yue.png", "no_caption_left")]
#[case("[{licenses: [MIT, CC0-1.0]}]", "closed.png", "license")]
fn a_row_that_fails_a_filter_is_refused_with_its_code(
    #[case] filters: &str,
    #[case] refused: &str,
    #[case] code: &str,
) {
    let world = world(&format!("{SQUARE}filters: {filters}"));
    let good = picture(64, 64);
    add(&world, "good", &good, r#""a good one""#);
    add(&world, "small", &picture(40, 70), r#""a small one""#);
    add(&world, "long", &picture(64, 128), r#""a long one""#);
    add(
        &world,
        "flat",
        &Rgb8::filled(64, 64, [9, 9, 9]),
        r#""a flat one""#,
    );
    add(&world, "short", &good, r#""ok""#);
    add(&world, "wordy", &good, r#""a caption of many words""#);
    add(
        &world,
        "yue",
        &good,
        r#"{"captions": [{"text": "一隻貓仔", "lang": "yue"}]}"#,
    );
    add(
        &world,
        "closed",
        &good,
        r#"{"caption": "a closed one", "license": "proprietary"}"#,
    );
    let counts = world.run(2).unwrap().counts;
    assert_eq!(world.code(refused), code);
    assert!(world.rows().contains_key("good.png") && counts.agree());
    assert_eq!(world.code("good.png"), "");
}

#[test]
fn captions_that_fail_are_dropped_and_the_others_kept() {
    let world = world(&format!(
        "{SQUARE}filters: [{{languages: [EN, yue], max_caption_chars: 12}}]"
    ));
    let json = r#"["a caption of many words", "a cat", {"text": "一隻貓", "lang": "yue"}, {"text": "un chat", "lang": "fr"}]"#;
    add(&world, "cat", &picture(64, 64), json);
    world.run(1).unwrap();
    assert_eq!(world.texts("cat.png"), ["a cat", "一隻貓"]);
}

#[rstest]
#[case("pad", (32, 32))]
#[case("crop", (32, 32))]
#[case("fit", (32, 16))]
#[case("none", (100, 50))]
fn each_frame_has_its_size(#[case] frame: &str, #[case] size: (u32, u32)) {
    let world = world(&format!("picture: {{side: 32, frame: {frame}}}"));
    add(&world, "a", &picture(100, 50), r#""words""#);
    world.run(1).unwrap();
    let (_, row) = &world.rows()["a.png"];
    assert_eq!((row.width, row.height), size);
    let stored = decode(&row.image, &Limits::default()).unwrap().pixels;
    assert_eq!(stored.size(), size);
    assert_eq!((row.orig_width, row.orig_height), (100, 50));
}

#[rstest]
#[case("png", "png", "cropped resized")]
#[case("webp_lossless", "webp", "cropped resized as_webp")]
#[case("jpeg", "jpg", "cropped resized as_jpeg")]
fn each_format_is_what_it_says(
    #[case] format: &str,
    #[case] extension: &str,
    #[case] transform: &str,
) {
    let png = world(SQUARE);
    let other = world(&format!(
        "picture: {{side: 32, frame: crop, format: {format}, quality: 95}}"
    ));
    for world in [&png, &other] {
        add(world, "a", &picture(64, 80), r#""words""#);
        world.run(1).unwrap();
    }
    let (_, row) = &other.rows()["a.png"];
    assert_eq!(
        row.image_path.as_deref(),
        Some(format!("a.png.{extension}").as_str())
    );
    assert_eq!(row.transform.as_deref(), Some(transform));
    let pixels = |row: &idiom_dataset::Record| {
        decode(&row.image, &Limits::default())
            .unwrap()
            .pixels
            .on_background([0; 3])
            .pixels
    };
    let differences = pixels(row)
        .iter()
        .zip(pixels(&png.rows()["a.png"].1))
        .map(|(a, b)| a.abs_diff(b))
        .max();
    assert!(
        differences.unwrap() <= if format == "jpeg" { 60 } else { 0 },
        "{differences:?}"
    );
}

#[test]
fn templates_add_sentences() {
    let world = world(&format!(
        "{SQUARE}templates: {{en: [\"a drawing of {{caption}}\", \"in {{style}}\"]}}"
    ));
    add(
        &world,
        "a",
        &picture(64, 64),
        r#"{"caption": "a cat", "style": "chalk"}"#,
    );
    add(&world, "b", &picture(64, 66), r#""a dog""#);
    world.run(1).unwrap();
    assert_eq!(
        world.texts("a.png"),
        ["a cat", "a drawing of a cat", "in chalk"]
    );
    assert_eq!(world.texts("b.png"), ["a dog", "a drawing of a dog"]);
}

#[test]
fn pictures_that_look_alike_are_dropped_when_asked() {
    let world = world(&format!("{SQUARE}drop_similar: 4"));
    let ramp = |up: bool| {
        let pixels = (0..64 * 64_u32)
            .flat_map(|i| [if up { i % 64 * 4 } else { 252 - i % 64 * 4 } as u8; 3])
            .collect();
        Rgb8 {
            width: 64,
            height: 64,
            pixels,
        }
    };
    let mut near = ramp(true);
    near.pixels[..300].fill(7);
    for (name, picture) in [("a", ramp(true)), ("b", near), ("c", ramp(false))] {
        add(&world, name, &picture, r#""words""#);
    }
    let counts = world.run(2).unwrap().counts;
    assert_eq!(
        (counts.rows_in, counts.rows_out, counts.duplicates),
        (3, 2, 1)
    );
    assert!(
        !world.rows().contains_key("b.png"),
        "the first by key stays"
    );
}
