//! The UI in a real browser: what a reader sees and does, from the table of runs to the comparison.
//!
//! Needs Debian's `chromium` and `chromium-driver`; without them each test prints one line and is skipped, unless
//! `IDIOM_REQUIRE_ALL=1`. Waiting is done inside the page (a look at every frame), never by sleeping.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at the first surprise and says why it was skipped"
)]

mod browser {
    mod access;
    mod analysis;
    pub(crate) mod driver;
    pub(crate) mod lab;
    mod reading;
}

use browser::driver::Browser;
use browser::lab::Lab;

/// What the chart of `loss/colour` says of each run at the cursor.
const READOUT: &str = "[...document.querySelectorAll('[data-key=\"loss/colour\"] .readout li')]
    .map((value) => value.textContent).join()";

/// Starts a server with two runs and a browser, or says why not.
async fn begin(test: &str) -> Option<(Lab, Browser)> {
    let browser = Browser::start(test).await?;
    Some((Lab::with_two_runs().await, browser))
}

#[tokio::test(flavor = "multi_thread")]
async fn ticking_two_runs_leads_to_their_comparison() {
    let Some((lab, browser)) = begin("ticking_two_runs_leads_to_their_comparison").await else {
        return;
    };
    browser.open(&lab.address("/")).await;
    browser
        .until("document.querySelectorAll('tbody tr[data-run]').length === 2")
        .await;
    assert_eq!(
        browser
            .value("document.querySelector('#count').textContent")
            .await,
        "2 runs"
    );
    browser
        .run("document.querySelectorAll('tbody input').forEach((box) => box.click())")
        .await;
    browser
        .until("document.querySelector('#compare').textContent.includes('2')")
        .await;
    browser
        .run("document.querySelector('#compare').click()")
        .await;
    browser.until("location.pathname === '/compare' && document.querySelectorAll('#runs .chip').length === 2").await;
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_comparison_draws_every_point_of_both_runs() {
    let Some((lab, browser)) = begin("the_comparison_draws_every_point_of_both_runs").await else {
        return;
    };
    browser.open(&lab.compare()).await;
    let lines = "[...document.querySelectorAll('[data-key=\"loss/colour\"] .scatterlayer .trace path.js-line')]";
    browser.until(&format!("{lines}.length === 2")).await;
    let points = browser
        .value(&format!(
            "{lines}.map((line) => line.getAttribute('d').split(/[ML]/).length - 1).join()"
        ))
        .await;
    assert_eq!(points, format!("{},{}", Lab::N_POINTS, Lab::N_POINTS));
    browser.until(&format!("{READOUT} === '1.250,1.500'")).await;
    let smoothed = "const s = document.querySelector('#smoothing'); s.value = 0.9; s.dispatchEvent(new Event('input'))";
    browser.run(smoothed).await;
    browser.until(&format!("{lines}.length === 4")).await;
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_slider_moves_the_pictures_of_all_runs() {
    let Some((lab, browser)) = begin("one_slider_moves_the_pictures_of_all_runs").await else {
        return;
    };
    browser.open(&lab.compare()).await;
    let loaded =
        "[...document.querySelectorAll('.stage img')].filter((image) => image.naturalWidth > 0)";
    browser.until(&format!("{loaded}.length === 2")).await;
    browser.until("[...document.querySelectorAll('.matrix img')].filter((image) => image.naturalWidth > 0).length > 0").await;
    let rows = browser.value("[...document.querySelectorAll('.matrix tbody tr')].map((row) => row.querySelectorAll('img').length).join()").await;
    assert_eq!(
        rows, "3,2",
        "the second run has no picture at the first step"
    );
    let labels =
        "[...document.querySelectorAll('.stage .at')].map((label) => label.textContent).join('|')";
    assert_eq!(browser.value(labels).await, "2,000 images|2,000 images");
    browser.run("const s = document.querySelector('#slider'); s.value = 0; s.dispatchEvent(new Event('input'))").await;
    browser
        .until(&format!("{labels} === '0 images|1,000 images'"))
        .await;
    let shown = format!(
        "{loaded}.map((image) => new URL(image.src).searchParams.get('path').split('+')[2]).join()"
    );
    browser.until(&format!("{shown} === '0,1000'")).await;
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_on_a_curve_moves_the_pictures() {
    let Some((lab, browser)) = begin("a_place_on_a_curve_moves_the_pictures").await else {
        return;
    };
    browser.open(&lab.compare()).await;
    browser
        .until("document.querySelector('[data-key=\"loss/colour\"] .nsewdrag')")
        .await;
    browser
        .until("document.querySelectorAll('.stage img').length === 2")
        .await;
    let point = "const edge = document.querySelector('[data-key=\"loss/colour\"] .nsewdrag').getBoundingClientRect();
        const at = { clientX: edge.left + edge.width / 2, clientY: edge.top + 5, bubbles: true };
        document.querySelector('[data-key=\"loss/colour\"] .nsewdrag').dispatchEvent(new PointerEvent('pointermove', at));";
    browser.run(point).await;
    let labels =
        "[...document.querySelectorAll('.stage .at')].map((label) => label.textContent).join('|')";
    browser
        .until(&format!("{labels} === '1,000 images|1,000 images'"))
        .await;
    let said = browser.value(READOUT).await;
    assert_eq!(
        said, "0.2500,0.5000",
        "the least of each curve is in its middle"
    );
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loupe_shows_two_pictures_pixel_for_pixel() {
    let Some((lab, browser)) = begin("the_loupe_shows_two_pictures_pixel_for_pixel").await else {
        return;
    };
    browser.open(&lab.compare()).await;
    browser
        .until("document.querySelector('.picture img')?.naturalWidth > 0")
        .await;
    browser
        .run("document.querySelector('.picture').click()")
        .await;
    let widths =
        "[...document.querySelectorAll('.loupe img')].map((image) => image.clientWidth).join()";
    browser.until(&format!("{widths} === '64,64'")).await; // 4 pixels wide, at the largest zoom: 16
    browser
        .run("[...document.querySelectorAll('.loupe .segments button')][1].click()")
        .await;
    browser
        .until("document.querySelector('.loupe .stack .over img')?.naturalWidth > 0")
        .await;
    let look = "getComputedStyle(document.querySelector('.loupe .over img')).imageRendering";
    browser.until(&format!("{look} === 'pixelated'")).await;
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_params_that_differ_are_listed_until_asked_for_all() {
    let Some((lab, browser)) =
        begin("only_params_that_differ_are_listed_until_asked_for_all").await
    else {
        return;
    };
    browser.open(&lab.compare()).await;
    let rows =
        "[...document.querySelectorAll('#versus tbody th')].map((cell) => cell.textContent).join()";
    browser.until(&format!("{rows} === 'seed'")).await;
    browser
        .run("document.querySelector('#all-rows').click()")
        .await;
    browser
        .until(&format!("{rows} === 'batch_size,seed'"))
        .await;
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_follows_a_run_while_it_trains() {
    let Some((lab, browser)) = begin("a_page_follows_a_run_while_it_trains").await else {
        return;
    };
    browser.open(&lab.compare()).await;
    browser
        .until("document.querySelector('#link-state').dataset.state === 'live'")
        .await;
    browser
        .until("document.querySelectorAll('[data-key=\"loss/colour\"] .trace').length === 2")
        .await;
    lab.log_metric(0, "score/real", 0.5, 2500).await;
    browser
        .until("document.querySelector('[data-key=\"score/real\"] .trace')")
        .await;
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_tags_are_text_whatever_they_say() {
    let Some((lab, browser)) = begin("names_and_tags_are_text_whatever_they_say").await else {
        return;
    };
    browser.open(&lab.address("/")).await;
    browser
        .until("document.querySelector('.lead a')?.textContent")
        .await;
    let names = browser.value("[...document.querySelectorAll('.lead a')].map((link) => link.textContent).sort().join('|')").await;
    assert_eq!(names, "<img src=x onerror=alert(1)>|plain");
    browser.open(&lab.run_page(1, "provenance")).await;
    browser
        .until("document.querySelector('#panel').textContent.includes('<script>alert(2)</script>')")
        .await;
    assert_eq!(
        browser
            .value("document.querySelectorAll('#panel script, main img[src=x]').length")
            .await,
        0
    );
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_cannot_be_read_is_answered_in_words_and_plain_words_find_names() {
    let Some((lab, browser)) = begin("a_filter_that_cannot_be_read").await else {
        return;
    };
    browser.open(&lab.address("/?filter=plain")).await;
    browser
        .until("document.querySelectorAll('tbody tr[data-run]').length === 1")
        .await;
    let either = "/?filter=params.seed+%3D+'1'+OR+(params.seed+%3D+'2')";
    browser.open(&lab.address(either)).await;
    browser
        .until("document.querySelectorAll('tbody tr[data-run]').length === 2")
        .await;
    browser
        .open(&lab.address("/?filter=nonsense+%3D%3D+1"))
        .await;
    browser
        .until("!document.querySelector('#filter-error').hidden")
        .await;
    let words = browser
        .value("document.querySelector('#filter-error').textContent")
        .await;
    assert!(
        words
            .as_str()
            .unwrap()
            .starts_with("This filter cannot be read"),
        "{words}"
    );
    browser.expect_refusal().await;
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_shows_what_its_sender_saw() {
    let Some((lab, browser)) = begin("a_link_shows_what_its_sender_saw").await else {
        return;
    };
    browser
        .open(
            &lab.address("/?columns=param:seed,metric:min:loss/colour&sort=metric:min:loss/colour"),
        )
        .await;
    browser
        .until("document.querySelector('tbody td.best')")
        .await;
    let heads = browser.value("[...document.querySelectorAll('thead .label')].map((label) => label.textContent).join()").await;
    assert_eq!(heads, "Run,seed,colour");
    let values = browser.value("[...document.querySelectorAll('tbody td:last-child')].map((cell) => cell.firstChild.textContent).join()").await;
    assert_eq!(
        values, "0.2500,0.5000",
        "lowest first; the least of each curve, not the last"
    );
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_mlflows_own_pages_leads_to_ours() {
    let Some((lab, browser)) = begin("a_link_to_mlflows_own_pages_leads_to_ours").await else {
        return;
    };
    let there = format!("location.pathname === '/runs/{}'", lab.run_id(0));
    let by_name = "/#/experiments/0/runs/plain".to_owned();
    let by_id = format!("/#/experiments/0/runs/{}", lab.run_id(0));
    for link in [by_name, by_id] {
        browser.open(&lab.address("/compare?runs=")).await;
        browser.open(&lab.address(&link)).await;
        browser.until(&there).await;
    }
    browser.open(&lab.address("/compare?runs=")).await;
    browser.open(&lab.address("/#/experiments/0")).await;
    browser.until("location.search === '?experiment=0' && document.querySelectorAll('tbody tr[data-run]').length === 2").await;
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn smoothing_is_the_weighted_mean_of_what_came_before() {
    let Some((lab, browser)) = begin("smoothing_is_the_weighted_mean_of_what_came_before").await
    else {
        return;
    };
    browser.open(&lab.address("/")).await;
    let smoothed = browser
        .call(
            "smoothing.js",
            "smooth",
            "smooth([1, 2, 3], 0.5).map((y) => y.toFixed(6)).join()",
        )
        .await;
    assert_eq!(
        smoothed, "1.000000,1.666667,2.428571",
        "weights 1/2^age: 1, (1/2+2)/(3/2), (1/4+1+3)/(7/4)"
    );
    let gap = browser
        .call(
            "smoothing.js",
            "smooth",
            "smooth([1, NaN, 4], 0.5).map((y) => y.toFixed(6)).join()",
        )
        .await;
    assert_eq!(
        gap, "1.000000,NaN,3.000000",
        "what is not a number has no weight: (1/2+4)/(3/2)"
    );
    assert_eq!(
        browser
            .call("smoothing.js", "smooth", "smooth([3, 1], 0).join()")
            .await,
        "3,1"
    );
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_field_is_quoted_as_csv_wants_and_never_a_formula() {
    let Some((lab, browser)) =
        begin("an_exported_field_is_quoted_as_csv_wants_and_never_a_formula").await
    else {
        return;
    };
    browser.open(&lab.address("/")).await;
    let text = browser
        .call(
            "export.js",
            "csv",
            r#"csv([["a,b", 'say "hi"', "=SUM(A1)", -3, "-3", undefined]])"#,
        )
        .await;
    assert_eq!(text, "\"a,b\",\"say \"\"hi\"\"\",'=SUM(A1),-3,-3,\r\n");
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_picture_is_the_earlier_of_two_equally_near() {
    let Some((lab, browser)) =
        begin("the_nearest_picture_is_the_earlier_of_two_equally_near").await
    else {
        return;
    };
    browser.open(&lab.address("/")).await;
    let found = browser
        .call(
            "history.js",
            "nearest",
            "[-5, 0, 14, 15, 16, 99].map((x) => nearest([0, 10, 20], x)).join()",
        )
        .await;
    assert_eq!(found, "0,0,1,1,2,2");
    assert_eq!(
        browser
            .call("history.js", "nearest", "nearest([], 1)")
            .await,
        -1
    );
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_of_a_run_says_what_came_and_adds_up() {
    let Some((lab, browser)) = begin("the_ledger_of_a_run_says_what_came_and_adds_up").await else {
        return;
    };
    browser.open(&lab.run_page(0, "ledger")).await;
    let rows =
        "[...document.querySelectorAll('.ledger tbody tr')].map((row) => row.textContent).join()";
    let curve = format!("loss/colour{}0", Lab::N_POINTS);
    browser.until(&format!("{rows}.includes('{curve}')")).await;
    let said = "sums({ produced: 100, delivered: 90, dead: 2, dropped: 1 })";
    let sums = browser.call("ledger.js", "sums", said).await;
    let counts: Vec<i64> = sums
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["count"].as_i64().unwrap())
        .collect();
    assert_eq!(
        counts,
        [100, 90, 7, 2, 1],
        "logged, taken, on their way, refused, lost"
    );
    let strange = "saidOf({ ledger: '{\"produced\": \"<b>\"}' })";
    let said = browser.call("ledger.js", "saidOf", strange).await;
    assert_eq!(said, serde_json::Value::Null);
    browser.finish(lab).await;
}
