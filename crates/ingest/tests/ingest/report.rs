//! The page about a dataset.

use std::sync::atomic::AtomicBool;

use idiom_ingest::report;

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
        "<code>unsupported_format</code>",
        "<code>no_caption</code>",
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
