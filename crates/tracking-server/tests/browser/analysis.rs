//! What a reader learns from several runs: means over seeds, what differs, marks of failure, and what can be taken away.

use super::driver::Browser;
use super::lab::Lab;

async fn begin(test: &str) -> Option<(Lab, Browser)> {
    let browser = Browser::start(test).await?;
    Some((Lab::with_two_runs().await, browser))
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_differ_in_their_seed_are_drawn_as_a_mean_with_its_band() {
    let Some((lab, browser)) = begin("runs_that_differ_in_their_seed_are_drawn_as_a_mean").await
    else {
        return;
    };
    browser
        .open(&format!("{}&seeds=yes&versus=seeds", lab.compare()))
        .await;
    // 1.25 and 1.5: their mean, and 12.7062 (t of one degree of freedom) x 0.17678 / sqrt 2.
    let said = "document.querySelector('[data-key=\"loss/colour\"] .readout li').textContent";
    browser
        .until(&format!("{said} === '1.375 ± 1.588 · n=2'"))
        .await;
    browser.until("document.querySelectorAll('[data-key=\"loss/colour\"] .scatterlayer .trace').length === 3").await;
    let row = "document.querySelector('#versus tbody tr').textContent";
    browser
        .until(&format!("{row} === 'loss/colour1.375 ± 1.588'"))
        .await;
    browser.press("e").await;
    browser.until("document.querySelectorAll('[data-key=\"loss/colour\"] .scatterlayer .trace').length === 2").await;
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn intervals_and_tests_are_those_of_scipy() {
    let Some((lab, browser)) = begin("intervals_and_tests_are_those_of_scipy").await else {
        return;
    };
    browser.open(&lab.address("/")).await;
    // scipy.stats.ttest_ind([.31, .29, .35], [.41, .38, .45, .52], equal_var=False) and scipy.stats.t.ppf(.975, df).
    let test = "Object.values(welch([.31, .29, .35], [.41, .38, .45, .52])).map((x) => x.toFixed(6)).join()";
    assert_eq!(
        browser.call("stats.js", "welch", test).await,
        "-3.519821,4.589026,0.019502"
    );
    let quantiles = "[1, 2, 4, 30].map((df) => quantile(df).toFixed(5)).join()";
    assert_eq!(
        browser.call("stats.js", "quantile", quantiles).await,
        "12.70620,4.30265,2.77645,2.04227"
    );
    let about = "Object.values(summary([1, 2, NaN, 4])).map((x) => x.toFixed(5)).join()";
    assert_eq!(
        browser.call("stats.js", "summary", about).await,
        "3.00000,2.33333,1.52753"
    );
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_stops_being_a_number_is_marked_on_curve_and_strip() {
    let Some((lab, browser)) = begin("a_run_that_stops_being_a_number_is_marked").await else {
        return;
    };
    lab.log_metric(0, "loss/colour", f64::NAN, 1500).await;
    browser.open(&lab.compare()).await;
    browser
        .until("document.querySelectorAll('.matrix td.broken').length === 1")
        .await;
    let place = "[...document.querySelector('.matrix td.broken').parentElement.cells].findIndex((cell) => cell.matches('.broken'))";
    assert_eq!(
        browser.value(place).await,
        3,
        "the pictures at 0 and 1000 were before it, the one at 2000 after"
    );
    browser.until("document.querySelectorAll('[data-key=\"loss/colour\"] .scatterlayer .points path').length === 1").await;
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pinned_run_is_what_the_others_are_measured_against() {
    let Some((lab, browser)) =
        begin("the_pinned_run_is_what_the_others_are_measured_against").await
    else {
        return;
    };
    browser
        .open(&format!(
            "{}&versus=metrics&base={}",
            lab.compare(),
            lab.run_id(1)
        ))
        .await;
    let changes = "[...document.querySelectorAll('#versus tbody .change')].map((mark) => mark.textContent + mark.className).join()";
    // 1.25 against 1.5: 16.7 % less, and of a loss less is better.
    browser
        .until(&format!("{changes} === '−17 %change better'"))
        .await;
    browser
        .until("document.querySelectorAll('#parallel .parallel-run').length === 2")
        .await;
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_comparison_holds_its_pictures_and_needs_nothing_else() {
    let Some((lab, browser)) = begin("a_saved_comparison_holds_its_pictures").await else {
        return;
    };
    browser.open(&lab.compare()).await;
    browser.until("document.querySelectorAll('.trace').length === 2 && document.querySelectorAll('.stage img').length === 2").await;
    browser.run("URL.createObjectURL = (file) => { file.text().then((text) => { window.saved = text; }); return '#'; }").await;
    browser
        .run("document.querySelector('#report').click()")
        .await;
    browser.until("window.saved").await;
    let page = browser.value("window.saved").await;
    let page = page.as_str().unwrap();
    assert_eq!(page.matches("src=\"data:image/png").count(), 2);
    assert_eq!(page.matches("src=\"data:image/svg+xml").count(), 1);
    assert!(page.contains("<th>seed</th><td>1</td><td>2</td>"), "{page}");
    assert!(
        !page.contains("<script") && !page.contains("<img src=x"),
        "a run's name is text here, too"
    );
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_grouped_deleted_and_brought_back() {
    let Some((lab, browser)) = begin("runs_are_grouped_deleted_and_brought_back").await else {
        return;
    };
    browser
        .open(&lab.address("/?group=param:seed&columns=metric:best:loss/colour"))
        .await;
    browser
        .until("document.querySelectorAll('.group-row').length === 2")
        .await;
    let best = "[...document.querySelectorAll('tr[data-run] td:last-child')].map((cell) => cell.childNodes[0].textContent).sort().join()";
    browser.until(&format!("{best} === '0.2500,0.5000'")).await;
    browser.run("document.querySelector('tr[data-run] input').click(); document.querySelector('#bin').click()").await;
    browser
        .until("document.querySelectorAll('tr[data-run]').length === 1")
        .await;
    browser.run("const view = document.querySelector('#view'); view.value = 'deleted'; view.dispatchEvent(new Event('change'))").await;
    browser.until("location.search.includes('view=deleted') && document.querySelectorAll('tr[data-run]').length === 1").await;
    browser.run("document.querySelector('tr[data-run] input').click(); document.querySelector('#bin').click()").await;
    browser.until("document.querySelector('.empty')").await;
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_a_name_and_a_tag_stay() {
    let Some((lab, browser)) = begin("a_note_a_name_and_a_tag_stay").await else {
        return;
    };
    browser.open(&lab.run_page(0, "overview")).await;
    browser
        .until("document.querySelector('.note textarea')")
        .await;
    let write = "const note = document.querySelector('.note textarea'); note.value = '<b>good</b>';
        note.dispatchEvent(new Event('input')); document.querySelector('.note button').click()";
    browser.run(write).await;
    browser
        .until("document.querySelector('.note button').disabled")
        .await;
    browser.run("document.querySelector('.editable button').click(); document.querySelector('.editable input').value = 'renamed'; \
        document.querySelector('.editable [type=submit]').click()").await;
    browser
        .until("document.querySelector('h1').textContent === 'renamed'")
        .await;
    browser.open(&lab.run_page(0, "provenance")).await;
    browser.until("document.querySelector('.tag-form')").await;
    browser.run("const [key, value] = document.querySelectorAll('.tag-form input'); key.value = 'mood'; value.value = 'fine'; \
        document.querySelector('.tag-form button').click()").await;
    browser.until("[...document.querySelectorAll('#panel .chip')].some((chip) => chip.textContent.startsWith('mood: fine'))").await;
    browser.open(&lab.run_page(0, "overview")).await;
    browser
        .until("document.querySelector('.note textarea')?.value === '<b>good</b>'")
        .await;
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_nobody_chose_tell_runs_apart_and_name_whole_scores() {
    let test = "columns_nobody_chose_tell_runs_apart_and_name_whole_scores";
    let Some(browser) = Browser::start(test).await else {
        return;
    };
    let lab = Lab::with_two_runs().await;
    browser.open(&lab.address("/")).await;
    // Four runs: one is small in two ways, two play another game; scores with their parts, and what stands beside them.
    let runs = r#"[["hinge", 64, 9], ["hinge", 64, 9], ["pairs", 64, 9], ["pairs", 16, 1]].map(([game, width, depth]) => ({
        name: `b${depth}-1`,
        params: { game, width, depth, seed: "1", name: `b${depth}`, drawn: `["${game}", "a rocket", "a unicorn"]` },
        metrics: Object.fromEntries(["evaluate/accuracy", "evaluate/beyond/look_accuracy_learnt", "evaluate/distance_ratio",
            "evaluate/test/kid", "evaluate/test/kid_beside", "evaluate/test/look_accuracy", "evaluate/test/look_accuracy_en",
            "evaluate/test/look_accuracy_gap_en_zh", "loss/colour"].map((key) => [key, { value: 1 }])),
    }))"#;
    let call = format!("defaults({runs})");
    let columns = browser.call("columns.js", "defaults", &call).await;
    let expected = [
        "attribute:status",
        "attribute:started",
        "attribute:duration",
        "param:game",
        "param:depth",
        "param:width",
        "metric:curve:loss/colour",
        "metric:last:evaluate/test/kid",
        "metric:last:evaluate/test/look_accuracy",
        "metric:last:evaluate/accuracy",
        "metric:last:loss/colour",
        "metric:last:evaluate/distance_ratio",
    ];
    assert_eq!(columns, serde_json::json!(expected));
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_window_shows_every_control_of_the_toolbar() {
    let test = "a_narrow_window_shows_every_control_of_the_toolbar";
    let Some(browser) = Browser::start(test).await else {
        return;
    };
    let lab = Lab::with_two_runs().await;
    browser.open(&lab.address("/")).await;
    browser
        .until("document.querySelectorAll('tbody tr[data-run]').length === 2")
        .await;
    // A frame as wide as a telephone: the window of a headless browser has a least width.
    browser
        .run("const frame = document.createElement('iframe'); frame.id = 'narrow'; frame.src = '/'; frame.style.cssText = 'width:400px;height:800px'; document.body.append(frame)")
        .await;
    let page = "document.querySelector('#narrow').contentDocument";
    browser
        .until(&format!(
            "{page}.querySelectorAll('tbody tr[data-run]').length === 2"
        ))
        .await;
    let outside = format!(
        "[...{page}.querySelectorAll('.bar > *')].filter((part) => part.getBoundingClientRect().right > 400).length"
    );
    assert_eq!(browser.value(&outside).await, 0);
    browser.finish(lab).await;
}
