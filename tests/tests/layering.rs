//! The "never" lines of `crates/ARCHITECTURE.md` that cargo's own graph can tell, and the licences.

use idiom_tests::workspace::Graph;
use std::collections::{BTreeMap, BTreeSet};

/// Which of the workspace's crates each crate may name. A crate that is missing here fails the test.
const MAP: &[(&str, &[&str])] = &[
    ("idiom-spec", &[]),
    ("idiom-picture", &[]),
    ("idiom-dataset", &[]),
    ("idiom-torch-ext", &[]),
    ("idiom-tracking-api", &[]),
    (
        "idiom-ingest",
        &["idiom-spec", "idiom-picture", "idiom-dataset"],
    ),
    ("idiom-encoders", &["idiom-torch-ext"]),
    ("idiom-gan", &["idiom-torch-ext"]),
    ("idiom-tracking", &["idiom-tracking-api"]),
    ("idiom-tracking-server", &["idiom-tracking-api"]),
    (
        "idiom-embed",
        &[
            "idiom-spec",
            "idiom-picture",
            "idiom-dataset",
            "idiom-encoders",
        ],
    ),
    (
        "idiom-model",
        &[
            "idiom-spec",
            "idiom-gan",
            "idiom-encoders",
            "idiom-torch-ext",
        ],
    ),
    (
        "idiom-evaluate",
        &[
            "idiom-dataset",
            "idiom-picture",
            "idiom-torch-ext",
            "idiom-encoders",
            "idiom-gan",
            "idiom-model",
        ],
    ),
    (
        "idiom-playground",
        &["idiom-picture", "idiom-studio", "idiom-tracking-server"],
    ),
    (
        "idiom-studio",
        &[
            "idiom-picture",
            "idiom-model",
            "idiom-encoders",
            "idiom-gan",
        ],
    ),
    (
        "idiom-train",
        &[
            "idiom-spec",
            "idiom-dataset",
            "idiom-picture",
            "idiom-torch-ext",
            "idiom-encoders",
            "idiom-gan",
            "idiom-model",
            "idiom-evaluate",
            "idiom-tracking",
        ],
    ),
];

#[test]
fn each_crate_names_only_crates_below_it() {
    let graph = Graph::load();
    let map: BTreeMap<&str, &[&str]> = MAP.iter().copied().collect();
    for package in graph.packages().iter().filter(|p| p["source"].is_null()) {
        let name = package["name"].as_str().unwrap_or_default();
        if name == "idiom" || name == "idiom-tests" {
            continue;
        }
        let allowed = map
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not on the map"));
        for used in graph.direct(name).iter().filter(|d| d.starts_with("idiom")) {
            assert!(
                allowed.contains(&used.as_str()),
                "{name} names {used}, which the map does not allow"
            );
        }
    }
}

#[test]
fn data_and_tracking_never_link_libtorch() {
    let graph = Graph::load();
    for name in [
        "spec",
        "picture",
        "dataset",
        "ingest",
        "tracking",
        "tracking-api",
        "tracking-server",
    ] {
        let reached = graph.transitive(&format!("idiom-{name}"));
        assert!(
            !reached.contains("torch-sys"),
            "idiom-{name} links libtorch"
        );
    }
    assert!(
        graph.transitive("idiom").contains("torch-sys"),
        "the check itself is blind"
    );
}

#[test]
fn only_servers_ingest_and_the_binary_name_tokio() {
    let graph = Graph::load();
    for (name, _) in MAP {
        if !["idiom-tracking-server", "idiom-ingest", "idiom-playground"].contains(name) {
            assert!(!graph.direct(name).contains("tokio"), "{name} names tokio");
        }
    }
}

#[test]
fn tests_ask_no_dependency_for_more_features_than_the_binaries_do() {
    let binaries = features(&[
        "-p",
        "idiom",
        "-p",
        "idiom-tracking-server",
        "-e",
        "normal,build",
    ]);
    let tests = features(&["--workspace", "-e", "normal,build,dev"]);
    assert!(binaries.len() > 100, "the check itself is blind");
    for (package, set) in &binaries {
        if let Some(other) = tests.get(package) {
            assert_eq!(
                set, other,
                "{package} would be compiled twice: align its features in crates/idiom/Cargo.toml"
            );
        }
    }
}

/// Each package in a build, with the sets of features it is built with.
fn features(selection: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let output = std::process::Command::new("cargo")
        .args([
            "tree",
            "--offline",
            "--locked",
            "--prefix",
            "none",
            "-f",
            "{p}|{f}",
        ])
        .args(selection)
        .current_dir(idiom_tests::workspace::root())
        .output();
    let output = output.unwrap_or_else(|e| panic!("cannot run cargo tree: {e}"));
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some((package, set)) = line.trim_end_matches(" (*)").split_once('|') {
            found
                .entry(package.to_owned())
                .or_default()
                .insert(set.to_owned());
        }
    }
    found
}

/// Licences that ask no more than that they are named, and MPL-2.0, which binds only changes to its own files.
const LICENSES: &[&str] = &[
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "IJG",
    "Unlicense",
    "CC0-1.0",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "MPL-2.0",
];

#[test]
fn every_dependency_has_a_licence_that_may_be_used() {
    for package in Graph::load()
        .packages()
        .iter()
        .filter(|p| !p["source"].is_null())
    {
        let license = package["license"].as_str().unwrap_or("none");
        assert!(
            allowed(license),
            "{} {} is under `{license}`",
            package["name"],
            package["version"]
        );
    }
}

#[test]
fn a_licence_expression_is_read_as_spdx_means_it() {
    assert!(
        allowed("GPL-3.0 OR MIT")
            && allowed("MIT/Apache-2.0")
            && allowed("(MIT OR GPL-3.0) AND Unicode-3.0")
    );
    assert!(!allowed("GPL-3.0") && !allowed("MIT AND GPL-3.0") && !allowed("none"));
}

/// Whether an SPDX expression can be met by the licences above. `OR` binds weaker than `AND`; `/` is the old `OR`.
fn allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let alternatives = split(&expression, " OR ");
    if alternatives.len() > 1 {
        return alternatives.iter().any(|e| allowed(e));
    }
    let parts = split(&expression, " AND ");
    if parts.len() > 1 {
        return parts.iter().all(|e| allowed(e));
    }
    let one = expression.trim();
    match one.strip_prefix('(').and_then(|e| e.strip_suffix(')')) {
        Some(inner) => allowed(inner),
        None => LICENSES.contains(&one),
    }
}

/// Splits at `by` outside parentheses.
fn split(expression: &str, by: &str) -> Vec<String> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (i, c) in expression.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 && expression[i..].starts_with(by) && i >= start {
            parts.push(expression[start..i].to_owned());
            start = i + by.len();
        }
    }
    parts.push(expression[start..].to_owned());
    parts
}
