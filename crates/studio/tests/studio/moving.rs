//! Moving pictures: steady where the source is steady, in one style all along.

use crate::{picture, studio};
use idiom_picture::Rgba8;
use idiom_studio::{Moving, Options};

#[test]
fn a_pan_pans_the_drawing_and_a_still_clip_stands_still() {
    // A window over a large picture moves by the generator's stride: with the known flow undone, the drawings are the same but for what
    // the edges let in (32 mirrored pixels beyond the window, seen through 4 blocks at a quarter of the size).
    let studio = studio();
    let style = studio.words("a sticker").unwrap();
    let large = picture(240, 120, 255);
    let window = |left: usize| Rgba8 {
        width: 200,
        height: 120,
        pixels: (0..120_usize)
            .flat_map(|y| large.pixels[(y * 240 + left) * 4..(y * 240 + left + 200) * 4].to_vec())
            .collect(),
    };
    let options = Options::default();
    let mut moving = Moving::new(&studio, &style, options);
    let (first, second) = (
        moving.next(&window(0)).unwrap(),
        moving.next(&window(4)).unwrap(),
    );
    let mut warp_error = 0;
    for y in 0..120 {
        for x in 60..136 {
            let at = |drawn: &Rgba8, x: usize| drawn.pixels[(y * 200 + x) * 4..][..3].to_vec();
            for (one, other) in at(&first, x + 4).iter().zip(at(&second, x)) {
                warp_error = warp_error.max(one.abs_diff(other));
            }
        }
    }
    assert!(warp_error <= 1, "{warp_error} levels");
    assert!(moving.flicker().source > 0.0);

    let mut moving = Moving::new(&studio, &style, options);
    let drawn: Vec<Rgba8> = (0..3_u8)
        .map(|noise| {
            let mut frame = window(0);
            frame
                .pixels
                .iter_mut()
                .step_by(4)
                .for_each(|red| *red = red.saturating_add(noise));
            moving.next(&frame).unwrap()
        })
        .collect();
    assert!(
        drawn[1] == drawn[0] && drawn[2] == drawn[0],
        "noise is not drawn"
    );
    let flicker = moving.flicker();
    assert_eq!((flicker.n_frames, flicker.drawn), (3, 0.0));
    assert!(
        (0.2..0.4).contains(&flicker.source),
        "a third of a level: {flicker:?}"
    );
    assert!(
        moving.next(&picture(16, 16, 255)).is_err(),
        "a frame of another size"
    );
}

#[test]
fn a_clip_at_half_strength_starts_from_the_first_frames_style() {
    // A first frame by itself is a clip of one, and gives what a picture gives.
    let studio = studio();
    let style = studio.words("a sticker").unwrap();
    let options = Options {
        strength: 0.5,
        ..Options::default()
    };
    let frames = [picture(40, 40, 255), picture(40, 40, 0)];
    let alone = studio
        .restyle(&frames[0], &style, &options)
        .unwrap()
        .picture;
    let mut moving = Moving::new(&studio, &style, options);
    assert_eq!(moving.next(&frames[0]).unwrap(), alone);
    let second = moving.next(&frames[1]).unwrap();
    let apart = studio
        .restyle(&frames[1], &style, &options)
        .unwrap()
        .picture;
    assert_ne!(second, apart, "its own style is not asked");
}
