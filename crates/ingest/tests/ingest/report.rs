//! The page about a dataset.

use std::sync::atomic::AtomicBool;

use idiom_dataset::{Manifest, thumbnails};
use idiom_ingest::{Share, ingest_share, report, retry_rejects, seal};
use idiom_picture::{Limits, Rgb8, decode, encode_png};

use crate::world::{World, png};

#[test]
fn a_page_shows_sums_pictures_and_rejects_and_needs_nothing_else() {
    let world = World::new();
    world
        .sources(&["pictures: {license: CC0-1.0, style: ink, folder: {path: pictures, lang: en}}"]);
    for i in 0..20 {
        world.picture(&format!("p{i:02}"), i, "a small cat\nanother line");
    }
    world.picture("twin", 3, "<script>alert('x')</script> & \"quotes\"");
    world.write("pictures/bad.png", b"<html>");
    world.write("pictures/bad.txt", "words");
    world.write("pictures/lonely.png", png(9));
    world.run(2).unwrap();
    let page = world.root.join("page.html");
    report(&world.out(), &page, &|_| {}, &AtomicBool::new(false)).unwrap();
    let html = std::fs::read_to_string(&page).unwrap();
    assert_eq!(html.matches("src=\"data:image/png;base64,").count(), 21);
    for words in [
        "<b>23</b>pictures offered",
        "<b>21</b>rows",
        "<b>2</b>rejects",
        "<code>unsupported_format</code> <span>1 row</span>",
        "<code>no_caption</code> <span>1 row</span>",
        "CC0-1.0",
        "en · text",
        "p03.png, twin.png",
        "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;quotes&quot;",
    ] {
        assert!(html.contains(words), "no `{words}`");
    }
    for forbidden in ["<script", "http://", "https://", "<link", "@import", "url("] {
        assert!(!html.contains(forbidden), "`{forbidden}` in the page");
    }
    let again = world.root.join("again.html");
    report(&world.out(), &again, &|_| {}, &AtomicBool::new(false)).unwrap();
    assert_eq!(
        html,
        std::fs::read_to_string(again).unwrap(),
        "equal data gives an equal page"
    );
}

/// Small, oblong, flat, opted out, cut, lonely: what is refused and can be drawn is shown, and of the rest why not.
fn refused() -> World {
    let world = World::new();
    world.pipeline(
        "name: small\npicture: {side: 32, frame: crop}\nfilters: [{min_contrast: 4}]\nsources:\n  \
         p: {folder: {path: pictures}}\n  q: {folder: {path: others}}\n",
    );
    world.picture("good", 1, "words");
    for i in 0..9 {
        let tiny = Rgb8::filled(20, 10 + i, [9, 90, 200]);
        world.write(&format!("pictures/tiny{i}.png"), encode_png(&tiny).unwrap());
        world.write(&format!("pictures/tiny{i}.txt"), "a small thing");
    }
    for (name, width, height) in [("flat", 300, 300), ("oblong", 400, 9), ("unwanted", 40, 40)] {
        let picture = Rgb8::filled(width, height, [200, 40, 90]);
        world.write(
            &format!("pictures/{name}.png"),
            encode_png(&picture).unwrap(),
        );
    }
    world.write("pictures/flat.txt", "nothing");
    world.write("pictures/oblong.txt", "a stripe");
    world.write(
        "pictures/unwanted.json",
        r#"{"captions": ["x"], "opt_out": "noai"}"#,
    );
    world.write("pictures/cut.png", &png(5)[..60]);
    world.write("pictures/cut.txt", "words");
    world.write("pictures/lonely.png", png(6));
    for (folder, seed) in [("pictures", 7), ("others", 8)] {
        world.write(&format!("{folder}/same.png"), png(seed));
        world.write(&format!("{folder}/same.txt"), "words");
    }
    world
}

#[test]
fn refused_pictures_are_shown_or_it_is_said_why_not() {
    let world = refused();
    let counts = world.run(2).unwrap().counts;
    assert_eq!((counts.rows_out, counts.rejects), (1, 16));
    let kept = thumbnails::read(&world.out().join(thumbnails::FILE)).unwrap();
    let of = |code: &str| -> Vec<(&str, (u32, u32))> {
        kept.iter()
            .filter(|thumbnail| thumbnail.code == code)
            .map(|thumbnail| {
                let picture = decode(&thumbnail.image, &any_size()).unwrap().pixels;
                (&*thumbnail.member, picture.size())
            })
            .collect()
    };
    let tiny: Vec<(String, (u32, u32))> = (0..6)
        .map(|i| (format!("tiny{i}.png"), (20, 10 + i)))
        .collect();
    let tiny: Vec<(&str, (u32, u32))> = tiny.iter().map(|(n, size)| (&**n, *size)).collect();
    assert_eq!(of("too_small"), tiny, "the first six, as they are");
    assert_eq!(of("flat"), [("flat.png", (96, 96))]);
    assert_eq!(of("too_elongated"), [("oblong.png", (96, 2))]);
    assert_eq!(of("key_conflict").len(), 2, "both that have one key");
    assert_eq!(
        kept.len(),
        10,
        "no other is kept, least of all what was opted out"
    );

    let page = world.root.join("page.html");
    report(&world.out(), &page, &|_| {}, &AtomicBool::new(false)).unwrap();
    let html = std::fs::read_to_string(&page).unwrap();
    assert_eq!(html.matches("src=\"data:image/jpeg;base64,").count(), 10);
    for words in [
        "<code>too_small</code> <span>9 rows, 6 of them here</span>",
        "<code>opt_out</code> <span>1 row</span>",
        "<div>not shown, since it must not be used</div>",
        "<div>refused by its name or its line; no picture was read</div>",
        "<div>its bytes cannot be drawn</div>",
    ] {
        assert!(html.contains(words), "no `{words}`");
    }
}

#[test]
fn what_may_not_be_used_is_not_kept_whatever_else_is_wrong_with_it() {
    let world = World::new();
    world.pipeline(
        "name: small\npicture: {side: 16}\nfilters: [{min_contrast: 4}, {licenses: [MIT]}]\nsources:\n  \
         p: {license: MIT, folder: {path: pictures}}\n",
    );
    world.picture("good", 1, "words");
    for (name, json) in [
        ("flat", r#"{"caption": "x"}"#),
        (
            "flat_unwanted",
            r#"{"caption": "x", "license": "CC-BY-4.0"}"#,
        ),
        ("flat_opted_out", r#"{"caption": "x", "opt_out": "noai"}"#),
    ] {
        let flat = encode_png(&Rgb8::filled(40, 40, [9, 9, 9])).unwrap();
        world.write(&format!("pictures/{name}.png"), flat);
        world.write(&format!("pictures/{name}.json"), json);
    }
    world.write("pictures/unwanted.png", png(3));
    world.write(
        "pictures/unwanted.json",
        r#"{"caption": "x", "license": "CC-BY-4.0"}"#,
    );
    assert_eq!(world.run(1).unwrap().counts.rejects, 4);
    let kept = thumbnails::read(&world.out().join(thumbnails::FILE)).unwrap();
    let members: Vec<&str> = kept.iter().map(|thumbnail| &*thumbnail.member).collect();
    assert_eq!(members, ["flat.png"]);
}

/// Decodes what is smaller or longer than data sets take.
fn any_size() -> Limits {
    Limits {
        min_side: 1,
        max_aspect: u32::MAX,
        ..Limits::default()
    }
}

#[test]
fn small_pictures_of_rejects_are_the_same_for_any_threads_workers_and_retries() {
    let world = refused();
    world.run(1).unwrap();
    let fresh = std::fs::read(world.out().join(thumbnails::FILE)).unwrap();
    let files = || world.files().remove(thumbnails::FILE);
    let stop = AtomicBool::new(false);
    retry_rejects(&world.request(2), "too_small", &|_| {}, &stop).unwrap();
    assert!(files().is_some_and(|bytes| bytes == fresh), "after a retry");
    std::fs::remove_dir_all(world.out()).unwrap();
    for rank in 0..3 {
        let share = Share::new(rank, 3).unwrap();
        ingest_share(&world.request(2), share, &|_| {}, &stop).unwrap();
    }
    seal(&world.request(1), &|_| {}, &stop).unwrap();
    assert!(files().is_some_and(|bytes| bytes == fresh), "three workers");
    for name in ["flat", "oblong", "unwanted", "cut", "lonely", "same"] {
        let _ = std::fs::remove_file(world.root.join(format!("pictures/{name}.png")));
    }
    (0..9).for_each(|i| world.picture(&format!("tiny{i}"), i, "no longer small"));
    world.run(2).unwrap();
    assert_eq!(files(), None, "nothing to show, no table");
    let manifest = Manifest::read(&world.out()).unwrap().0;
    assert_eq!(manifest.thumbnails, None);
}

#[test]
fn what_is_no_data_set_is_an_error_that_says_so() {
    let world = World::new();
    let error = report(
        &world.root,
        &world.root.join("page.html"),
        &|_| {},
        &AtomicBool::new(false),
    );
    assert!(error.unwrap_err().to_string().contains("holds no dataset"));
    assert!(!world.root.join("page.html").exists());
}
