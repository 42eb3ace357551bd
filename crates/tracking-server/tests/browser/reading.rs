//! What the pages make of runs: in which unit places are told, which time is a run's own, which direction is better, and what
//! of it can be taken away.

use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};

use super::driver::Browser;
use super::lab::Lab;

/// Starts a browser on the table of runs of a server with two runs, or says why not.
async fn begin(test: &str) -> Option<(Lab, Browser)> {
    let browser = Browser::start(test).await?;
    let lab = Lab::with_two_runs().await;
    browser.open(&lab.address("/")).await;
    browser
        .until("document.querySelectorAll('tbody tr[data-run]').length === 2")
        .await;
    Some((lab, browser))
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_told_in_what_the_runs_count() {
    let Some((mut lab, browser)) = begin("places_are_told_in_what_the_runs_count").await else {
        return;
    };
    let said = "document.querySelector('#cursor .at').textContent + '|' + document.querySelector('#cursor .segments button').textContent";
    browser.open(&lab.compare()).await;
    browser
        .until(&format!("{said} === '2,000 images|Images seen'"))
        .await;
    lab.add_foreign_run().await;
    browser.open(&lab.compare()).await;
    browser
        .until(&format!("{said} === 'step 2,000|Step'"))
        .await;
    let alt = "[...document.querySelectorAll('.stage img')].map(({ alt }) => alt.split(', ')[1]).join('|')";
    let each = "at 2,000 images seen|at 2,000 images seen|at step 1,000";
    browser.until(&format!("{alt} === '{each}'")).await;
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_stood_still_is_not_its_own_time() {
    let Some((lab, browser)) = begin("what_a_run_stood_still_is_not_its_own_time").await else {
        return;
    };
    let run = "{ start: 1000, end: 601000, status: 'FINISHED', pauses: [[61000, 301000]] }";
    let lasted = browser
        .call("columns.js", "lasted", &format!("lasted({run})"))
        .await;
    assert_eq!(lasted, 360_000);
    let places =
        format!("[31000, 61000, 181000, 361000].map((at) => place('relative', {run}, 7, at))");
    let minutes = browser.call("history.js", "place", &places).await;
    assert_eq!(minutes, json!([0.5, 1, 1, 2]));
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_losses_of_two_players_have_no_better_direction() {
    let Some((lab, browser)) = begin("the_losses_of_two_players_have_no_better_direction").await
    else {
        return;
    };
    let keys = json!([
        "loss/generator",
        "loss/discriminator",
        "g_loss",
        "score/real",
        "diversity/ratio",
        "loss/colour",
        "evaluate/test/kid",
        "test/agreement_ece",
        "evaluate/test/coverage",
        "test/agreement_auc",
    ]);
    let call = format!("{keys}.map(better).join()");
    let directions = browser.call("columns.js", "better", &call).await;
    assert_eq!(directions, ",,,,,low,low,low,high,high");
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runs_machine_has_a_tab_of_its_own() {
    let Some((lab, browser)) = begin("a_runs_machine_has_a_tab_of_its_own").await else {
        return;
    };
    lab.log_metric(0, "memory/rss_mb", 512.0, 100).await;
    let charts =
        "[...document.querySelectorAll('#panel .chart')].map(({ dataset }) => dataset.key).join()";
    for (tab, shown) in [("system", "memory/rss_mb"), ("curves", "loss/colour")] {
        browser.open(&lab.run_page(0, tab)).await;
        browser.until(&format!("{charts} === '{shown}'")).await;
    }
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_taken_away_as_parquet_are_read_by_others() {
    let Some((lab, browser)) = begin("rows_taken_away_as_parquet_are_read_by_others").await else {
        return;
    };
    // Many rows, so that no length fits into one byte; nulls at the beginning, in between and at the end.
    let table = "{ columns: [{ name: 'a text', kind: 'text' }, { name: 'step', kind: 'int' }, { name: 'value', kind: 'number' }],
        rows: Array.from({ length: 1000 }, (_, i) => [i % 3 ? `字${i}` : '', 9007199254740991 - i, i % 5 ? i / 3 : undefined])
          .concat([['ten', -5, NaN], [null, undefined, -Infinity]]) }";
    let call = format!("btoa(String.fromCharCode(...parquet(({table}).columns, ({table}).rows)))");
    let rows = rows_of(&browser.call("parquet.js", "parquet", &call).await);
    assert_eq!(rows.len(), 1002);
    for (i, row) in rows[..1000].iter().enumerate() {
        let text = if i % 3 == 0 {
            Field::Null
        } else {
            Field::Str(format!("字{i}"))
        };
        let value = if i % 5 == 0 {
            Field::Null
        } else {
            Field::Double(i as f64 / 3.0)
        };
        let step = Field::Long(9_007_199_254_740_991 - i as i64);
        let expected = [("a text", text), ("step", step), ("value", value)];
        assert_eq!(*row, expected.map(|(name, field)| (name.to_owned(), field)));
    }
    let fields = |row: &[(String, Field)]| {
        row.iter()
            .map(|(_, field)| field.clone())
            .collect::<Vec<_>>()
    };
    let broken = fields(&rows[1000]);
    assert_eq!(broken[..2], [Field::Str("ten".into()), Field::Long(-5)]);
    assert!(matches!(broken[2], Field::Double(value) if value.is_nan()));
    let last = [Field::Null, Field::Null, Field::Double(f64::NEG_INFINITY)];
    assert_eq!(fields(&rows[1001]), last);

    // And by the button: every point of both runs.
    browser.open(&lab.compare()).await;
    browser
        .until("document.querySelectorAll('.trace').length === 2")
        .await;
    browser.run("URL.createObjectURL = (file) => { file.arrayBuffer().then((bytes) => { window.saved = btoa(String.fromCharCode(...new Uint8Array(bytes))); }); return '#'; }").await;
    browser
        .run("document.querySelector('.curves [data-export=parquet]').click()")
        .await;
    browser.until("window.saved").await;
    let rows = rows_of(&browser.value("window.saved").await);
    assert_eq!(rows.len(), 2 * Lab::N_POINTS);
    let texts = [lab.run_id(0), "plain", "loss/colour"].map(|text| Field::Str(text.to_owned()));
    assert_eq!(fields(&rows[0])[..3], texts);
    let numbers = [
        Field::Long(0),
        Field::Long(1_700_000_000_000),
        Field::Double(1.25),
    ];
    assert_eq!(fields(&rows[0])[3..], numbers);
    browser.finish(lab).await;
}

fn rows_of(base64: &Value) -> Vec<Vec<(String, Field)>> {
    let bytes = STANDARD
        .decode(base64.as_str().unwrap_or_else(|| panic!("{base64}")))
        .unwrap();
    let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().into_columns()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_comparison_keeps_its_controls_in_sight() {
    let Some((lab, browser)) = begin("a_narrow_comparison_keeps_its_controls_in_sight").await
    else {
        return;
    };
    let script = format!(
        "const frame = document.createElement('iframe'); frame.id = 'narrow'; frame.src = {}; frame.style.cssText = 'width:400px;height:800px'; document.body.append(frame)",
        json!(lab.compare())
    );
    browser.run(&script).await;
    let page = "document.querySelector('#narrow').contentDocument";
    browser
        .until(&format!(
            "{page}.querySelectorAll('.stage img').length === 2"
        ))
        .await;
    let outside = format!(
        "[...{page}.querySelectorAll('.top button, #cursor button, #cursor input, #share button, .stage .card')].filter((part) => part.getBoundingClientRect().right > 400).map((part) => part.textContent)"
    );
    assert_eq!(browser.value(&outside).await, json!([]));
    browser.finish(lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_begin_alike_keep_their_ends_where_room_is_short() {
    let Some((lab, browser)) = begin("names_that_begin_alike_keep_their_ends").await else {
        return;
    };
    let call = "['baseline-20261128-011500', 'short'].map((name) => shortName(name)).map((cut) => [cut.textContent, cut.title, cut.querySelector('.end')?.textContent ?? null])";
    let cut = browser.call("names.js", "shortName", call).await;
    let expected = json!([
        [
            "baseline-20261128-011500",
            "baseline-20261128-011500",
            "-011500"
        ],
        ["short", "short", null]
    ]);
    assert_eq!(cut, expected);
    browser.finish(lab).await;
}
