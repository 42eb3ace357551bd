//! What an artist does with the binary: trains a look, restyles a picture by words, hands the model on, uses the page.

use crate::browser::Browser;
use crate::owned::Owned;
use crate::project::{Project, Server, binary};
use crate::workspace;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Networks so small that the training takes seconds; what they draw is not looked at.
const TINY: [&str; 9] = [
    "train.device=cpu",
    "train.images=160",
    "samples.subjects=1",
    "restyle.encoder.images=96",
    "restyle.encoder.channels=[8,8,8,16]",
    "restyle.generator.channels=[8,8,16]",
    "restyle.generator.n_blocks=1",
    "restyle.discriminator.channels=[8,8,8,8]",
    "logging.every_images=32",
];

/// Trains a restyling model in a project whose data set is current, and uses it in every way.
///
/// # Panics
/// Where anything is not as it should be.
pub fn restyles_pictures(project: &Project, server: &Server) {
    run(
        project,
        server,
        &[&["experiment", "restyle.yaml"][..], &TINY].concat(),
    );
    uses_the_newest_model(project, server);
}

/// Does with a project's newest restyling model whatever can be done.
///
/// # Panics
/// Where anything is not as it should be.
pub fn uses_the_newest_model(project: &Project, server: &Server) {
    let source = project.path("drawing.bmp");
    std::fs::write(&source, drawing()).unwrap_or_else(|e| panic!("{e}"));
    let source = source.to_string_lossy().into_owned();
    restyles_by_words(project, server, &source);
    one_broken_picture_costs_no_other(project, server, &source);
    keeps_a_clip_in_one_style(project, server, &source);
    hands_the_model_on(project, server, &source);
    let said = run(project, server, &["describe", &source]);
    assert_eq!(
        said.matches(" %").count(),
        10,
        "five looks, five subjects: {said}"
    );
    shows_everything_on_one_sheet(project, server);
    serves_a_page(project, &source);
}

/// Formats by the file's name; frames and an animated GIF as one clip.
fn keeps_a_clip_in_one_style(project: &Project, server: &Server, source: &str) {
    let frames = project.path("frames");
    std::fs::create_dir(&frames).unwrap_or_else(|e| panic!("{e}"));
    for name in ["1.bmp", "2.bmp"] {
        std::fs::copy(source, frames.join(name)).unwrap_or_else(|e| panic!("{e}"));
    }
    let (from, out) = (frames.to_string_lossy(), project.path("frames-out"));
    let arguments = [
        "stylize",
        "--clip",
        &from,
        "--words",
        "stamped in ink",
        "--format",
        "webp",
    ];
    let to = out.to_string_lossy();
    let said = run(project, server, &[&arguments[..], &["--out", &to]].concat());
    assert!(
        said.contains("2 frames") && said.contains("0.0 levels change, in the source 0.0"),
        "{said}"
    );
    for name in ["1.webp", "2.webp"] {
        assert!(has_mark(&out.join(name)), "{name}: {said}");
    }
    for name in ["one.jpg", "one.gif"] {
        let out = project.path(name);
        run(
            project,
            server,
            &[
                "stylize",
                source,
                "stamped in ink",
                "--out",
                &out.to_string_lossy(),
            ],
        );
        assert!(has_mark(&out), "{name}");
    }
    let video = project.path("none.mp4");
    std::fs::write(&video, b"no video").unwrap_or_else(|e| panic!("{e}"));
    let output = project
        .idiom(&server.uri)
        .args(["stylize", &video.to_string_lossy(), "stamped in ink"])
        .env("PATH", "/nowhere")
        .output();
    let output = output.unwrap_or_else(|e| panic!("{e}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("ffmpeg, which is not installed") && said.contains("--clip"),
        "{said}"
    );
}

fn shows_everything_on_one_sheet(project: &Project, server: &Server) {
    let drawings = workspace::root().join("experiments/pictures/sources");
    let (from, out) = (drawings.to_string_lossy(), project.path("gallery.png"));
    let to = out.to_string_lossy();
    let arguments = [
        "gallery",
        &from,
        "--side",
        "32",
        "--language",
        "en",
        "--out",
        &to,
    ];
    let said = run(project, server, &arguments);
    assert!(said.contains("3 pictures"), "{said}");
    assert_eq!(
        said.matches("agreement").count(),
        6,
        "a line a look: {said}"
    );
    assert!(has_mark(&out), "{said}");
}

fn restyles_by_words(project: &Project, server: &Server, source: &str) {
    let out = project.path("out.png");
    let name = out.to_string_lossy();
    let said = run(
        project,
        server,
        &["stylize", source, "像小時候嘅簡筆畫", "--out", &name],
    );
    assert!(said.contains("agreement"), "{said}");
    assert!(
        is_marked(&out),
        "the picture does not say that a machine made it"
    );
    let untouched = run(
        project,
        server,
        &["stylize", source, "ink", "--strength", "2", "--out", &name],
    );
    assert!(untouched.contains("`strength` is 2"), "{untouched}");
    let strange = "the quarterly earnings call of a logistics company";
    let warned = run(
        project,
        server,
        &["stylize", source, strange, "--out", &name],
    );
    assert!(warned.contains("unlike all it has learnt"), "{warned}");
}

fn one_broken_picture_costs_no_other(project: &Project, server: &Server, source: &str) {
    let (folder, out) = (project.path("several"), project.path("several-out"));
    std::fs::create_dir(&folder).unwrap_or_else(|e| panic!("{e}"));
    std::fs::copy(source, folder.join("whole.bmp")).unwrap_or_else(|e| panic!("{e}"));
    std::fs::write(folder.join("cut.png"), b"\x89PNG\r\n\x1a\n").unwrap_or_else(|e| panic!("{e}"));
    let (from, to) = (folder.to_string_lossy(), out.to_string_lossy());
    let arguments = ["stylize", &from, "stamped in ink", "--out", &to];
    let output = project.idiom(&server.uri).args(arguments).output();
    let output = output.unwrap_or_else(|e| panic!("{e}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("cut.png") && said.contains("1 of 2 pictures are done"),
        "{said}"
    );
    assert!(is_marked(&out.join("whole.png")), "{said}");
    assert!(!out.join("cut.png").exists(), "{said}");
}

fn hands_the_model_on(project: &Project, server: &Server, source: &str) {
    let model = project.newest_run("restyle");
    let handed = project.path("handed-on");
    let (model, to) = (model.to_string_lossy(), handed.to_string_lossy());
    run(project, server, &["export", &model, "--out", &to]);
    let card = std::fs::read_to_string(handed.join("README.md")).unwrap_or_default();
    assert!(
        card.contains("CC-BY-SA-4.0") && card.contains("share alike"),
        "{card}"
    );
    let out = project.path("from-the-handed-on.png");
    let name = out.to_string_lossy();
    run(
        project,
        server,
        &[
            "stylize",
            "--run",
            &to,
            source,
            "--reference",
            source,
            "--out",
            &name,
        ],
    );
    assert!(is_marked(&out));
}

fn serves_a_page(project: &Project, source: &str) {
    let run = project.newest_run("restyle");
    let mut command = Command::new(binary("idiom"));
    command
        .arg("--home")
        .arg(project.path(""))
        .args(["serve", "--port", "0", "--studio"])
        .arg(&run)
        .stderr(Stdio::piped())
        .stdout(Stdio::null());
    let mut child = Owned::spawn(&mut command);
    let errors = child.stderr.take().map(BufReader::new);
    let address = (errors.into_iter().flat_map(BufRead::lines))
        .map_while(Result::ok)
        .find_map(|line| {
            Some(line[line.find("http://")?..].trim().to_owned())
                .filter(|a| a.ends_with("/playground"))
        });
    let asked = address.map(|address| {
        is_used_in_a_browser(&address);
        ask(&address, source)
    });
    let (page, answer) = asked.unwrap_or_else(|| panic!("no playground"));
    assert!(page.contains("playground.js"), "{page}");
    let picture = answer["picture"].as_str().unwrap_or_default();
    assert!(picture.starts_with("data:image/png;base64,"), "{answer}");
    assert!(
        answer["agreement"]
            .as_f64()
            .is_some_and(|p| (0.0..=1.0).contains(&p)),
        "{answer}"
    );
}

/// A drawing of ours goes in by the file field; two looks come out beside one another, and everything on the page does what it says.
fn is_used_in_a_browser(address: &str) {
    let Some(browser) = Browser::start("is_used_in_a_browser") else {
        return;
    };
    let drawing = workspace::root().join("experiments/pictures/sources/figure.svg");
    browser.open(address);
    browser.choose("#file", &drawing);
    browser.until("document.querySelector('#source').naturalWidth === 256");
    browser.until("document.querySelectorAll('#seen ol').length === 2");
    browser.until("/^[0-9]+ %$/.test(document.querySelector('#seen .percent').textContent)");
    // What is dictated becomes a line. The microphone is a stand-in: nothing listens before the click.
    let heard = browser.run(
        "document.querySelector('#words').value = 'stamped in ink';
         window.webkitSpeechRecognition = window.SpeechRecognition = class {
           start() { this.onresult({ results: [[{ transcript: ' a shiny clay toy ' }]] }); this.onend(); }
         };
         const before = document.querySelector('#words').value;
         document.querySelector('#dictate').click();
         return [before, document.querySelector('#words').value, document.querySelector('#dictate-note').hidden];",
    );
    assert_eq!(
        heard,
        serde_json::json!(["stamped in ink", "stamped in ink\na shiny clay toy", false])
    );
    set(&browser, "#strength", "60", "input");
    let _ = browser.run("document.querySelector('#go').click();");
    let drawn = "[...document.querySelectorAll('.result img.after')].filter((picture) => picture.naturalWidth === 256)";
    browser.until(&format!("{drawn}.length === 2"));
    browser.until("/[0-9]+\\s%/.test(document.querySelector('.result p').textContent)");
    // The swipe uncovers the source.
    set(&browser, ".result input[type=range]", "40", "input");
    browser.until("getComputedStyle(document.querySelector('.result .before')).clipPath === 'inset(0px 60% 0px 0px)'");
    // What is downloaded bears the mark.
    browser.until("document.querySelector('.result a').download === 'stamped in ink.png'");
    browser.until("atob(document.querySelector('.result a').href.split(',')[1]).includes('compositeWithTrainedAlgorithmicMedia')");
    // Results follow the strength; at none the picture is the source.
    let _ = browser.run("document.querySelector('.result').dataset.old = 'yes';");
    set(&browser, "#strength", "0", "input");
    set(&browser, "#strength", "0", "change");
    browser.until(&format!(
        "!document.querySelector('[data-old]') && {drawn}.length === 2"
    ));
    let _ = browser.run("document.cookie = 'idiom_language=zh; path=/';");
    browser.open(address);
    browser.until("document.documentElement.lang === 'zh' && document.querySelector('#go').textContent === '换样子'");
    let _ = browser.run("document.querySelector('#go').click();");
    browser.until("document.querySelector('#message').textContent === '请先选一张图'");
}

fn set(browser: &Browser, selector: &str, value: &str, event: &str) {
    let _ = browser.run(&format!(
        "const field = document.querySelector('{selector}');
         field.value = '{value}';
         field.dispatchEvent(new Event('{event}', {{ bubbles: true }}));"
    ));
}

fn ask(address: &str, source: &str) -> (String, serde_json::Value) {
    let client = reqwest::blocking::Client::new();
    let page = client.get(address).send().and_then(|a| a.text());
    let query = [("words", "stamped in ink"), ("strength", "0.5")];
    let body = std::fs::read(source).unwrap_or_default();
    let answer = client
        .post(format!("{address}/restyle"))
        .query(&query)
        .body(body);
    let answer = answer.send().and_then(|a| a.json());
    (
        page.unwrap_or_else(|e| panic!("{e}")),
        answer.unwrap_or_else(|e| panic!("{e}")),
    )
}

/// What a verb prints, errors included.
fn run(project: &Project, server: &Server, arguments: &[&str]) -> String {
    let output = project.idiom(&server.uri).args(arguments).output();
    let output = output.unwrap_or_else(|e| panic!("{e}"));
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    text.concat()
}

fn is_marked(picture: &Path) -> bool {
    let bytes = std::fs::read(picture).unwrap_or_default();
    bytes.starts_with(b"\x89PNG") && has_mark(picture)
}

fn has_mark(picture: &Path) -> bool {
    let bytes = std::fs::read(picture).unwrap_or_default();
    let mark = b"digitalsourcetype/compositeWithTrainedAlgorithmicMedia";
    bytes.windows(mark.len()).any(|part| part == mark)
}

/// A BMP of 40 x 28 pixels: a dark square on white.
fn drawing() -> Vec<u8> {
    let (width, height) = (40_u32, 28_u32);
    let size = width * height * 3;
    let mut bytes = b"BM".to_vec();
    for number in [
        54 + size,
        0,
        54,
        40,
        width,
        height,
        1 | (24 << 16),
        0,
        size,
        2835,
        2835,
        0,
        0,
    ] {
        bytes.extend(number.to_le_bytes());
    }
    for place in 0..width * height {
        let (x, y) = (place % width, place / width);
        let is_inside = (10..30).contains(&x) && (6..20).contains(&y);
        bytes.extend(if is_inside {
            [90, 40, 20]
        } else {
            [255, 255, 255]
        });
    }
    bytes
}
