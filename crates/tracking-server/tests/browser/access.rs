//! Whether everybody can use the pages: axe-core looks at each of them in both themes, and the keyboard alone goes
//! through a comparison. Needs axe-core (`just axe`) besides the browser.

use std::path::PathBuf;

use super::driver::Browser;
use super::lab::Lab;

/// axe-core's script; `None`, with a line that says so, where it was not fetched.
fn axe(test: &str) -> Option<String> {
    let cache = std::env::var_os("IDIOM_CACHE")
        .map(PathBuf::from)
        .or_else(|| {
            let own = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
            let usual = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
            own.or(usual).map(|folder| folder.join("idiom"))
        });
    let script = std::fs::read_to_string(cache?.join("axe/axe.min.js")).ok();
    if script.is_none() {
        assert_ne!(
            std::env::var("IDIOM_REQUIRE_ALL").as_deref(),
            Ok("1"),
            "{test} needs axe-core (just axe)"
        );
        println!("skipped: {test} needs axe-core (just axe)");
    }
    script
}

/// Opens each page and each dialog in a theme, and has axe-core look at it.
async fn look_everywhere(test: &str, theme: &str) {
    let Some(axe) = axe(test) else {
        return;
    };
    let Some(browser) = Browser::start(test).await else {
        return;
    };
    let lab = Lab::with_two_runs().await;
    browser.open(&lab.address("/")).await;
    browser
        .run(&format!("document.cookie = 'idiom_theme={theme}; path=/'"))
        .await;
    let rows = "document.querySelectorAll('tbody tr[data-run]').length === 2";
    let loaded = "document.querySelector('.stage img')?.naturalWidth > 0";
    let pages = [
        (
            lab.address("/"),
            rows,
            "document.querySelector('tbody input').click()",
        ),
        (
            lab.address("/"),
            rows,
            "document.querySelector('#columns').click()",
        ),
        (
            lab.address("/"),
            rows,
            "document.querySelector('#help').click()",
        ),
        (
            lab.address("/?filter=nothing-like-it"),
            "document.querySelector('.empty')",
            "",
        ),
        (
            lab.compare(),
            "document.querySelectorAll('.trace').length === 2",
            "",
        ),
        (
            lab.compare(),
            loaded,
            "document.querySelector('.picture').click()",
        ),
        (lab.run_page(1, "overview"), loaded, ""),
        (
            lab.run_page(1, "curves"),
            "document.querySelector('.trace')",
            "",
        ),
        (
            lab.run_page(1, "artifacts"),
            "document.querySelector('#panel').textContent.includes('images')",
            "",
        ),
        (
            lab.run_page(1, "system"),
            "document.querySelector('#panel .curves')",
            "",
        ),
        (
            lab.run_page(1, "config"),
            "document.querySelector('#panel td')",
            "",
        ),
        (
            lab.run_page(1, "ledger"),
            "document.querySelector('.ledger tbody tr')",
            "",
        ),
        (
            lab.run_page(1, "provenance"),
            "document.querySelector('#panel td')",
            "",
        ),
    ];
    let mut faults = Vec::new();
    for (page, ready, then) in pages {
        browser.open(&page).await;
        browser.until(ready).await;
        browser.run(then).await;
        let found = browser.faults(&axe).await;
        faults.extend(
            found
                .into_iter()
                .map(|fault| format!("{page} {then}: {fault}")),
        );
    }
    assert!(faults.is_empty(), "{theme}:\n{}", faults.join("\n"));
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_read_and_named_in_the_light_theme() {
    look_everywhere(
        "every_page_can_be_read_and_named_in_the_light_theme",
        "light",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_read_and_named_in_the_dark_theme() {
    look_everywhere("every_page_can_be_read_and_named_in_the_dark_theme", "dark").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_can_be_compared_by_keys_alone() {
    let Some(browser) = Browser::start("two_runs_can_be_compared_by_keys_alone").await else {
        return;
    };
    let lab = Lab::with_two_runs().await;
    browser.open(&lab.address("/")).await;
    browser
        .until("document.querySelectorAll('tbody tr[data-run]').length === 2")
        .await;
    for key in ["j", "x", "j", "x", "c"] {
        browser.press(key).await;
    }
    browser.until("location.pathname === '/compare' && document.querySelectorAll('#runs .chip').length === 2").await;
    browser
        .until("document.querySelectorAll('.stage img').length === 2")
        .await;
    let place = "document.querySelector('.stage .at').textContent";
    let before = browser.value(place).await;
    browser.press("\u{e012}").await; // the left arrow
    browser.until(&format!("{place} !== {before}")).await;
    browser.press("?").await;
    browser
        .until("document.querySelector('dialog[open] dl.keys')")
        .await;
    browser.press("\u{e00c}").await; // escape
    browser
        .until("!document.querySelector('dialog[open]')")
        .await;
    browser.finish(lab).await;
}
