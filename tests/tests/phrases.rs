//! What is claimed of `pipelines/phrases.tsv`, the colloquial words for each style.
//!
//! A figure on held-out phrases means something only where they do not repeat the training phrases' words, so
//! each claim is a function from phrases to faults: run on the real table it must find none, and run on a
//! planted fault it must find it. How well an encoder tells the styles apart is not here, but in
//! `crates/encoders/oracle/phrase_probe.py`.

use std::collections::{BTreeMap, BTreeSet};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../pipelines/phrases.tsv");
const HEADER: &str = "style\tlang\ttext\tkind\tsplit";
const STYLES: [&str; 6] = [
    "noto",
    "twemoji",
    "openmoji",
    "openmoji-line",
    "fluent-ink",
    "fluent-3d",
];
/// Language, then the least number of phrases a style has in it to learn from, and held out.
const LEAST: [(&str, usize, usize); 3] = [("en", 120, 21), ("zh", 120, 21), ("yue", 80, 10)];
const SET_NAMES: [&str; 8] = [
    "noto",
    "twemoji",
    "openmoji",
    "fluent",
    "emoji",
    "google",
    "twitter",
    "microsoft",
];

/// English words that carry no look: function words, light verbs and hedges.
const EN_STOP_WORDS: &str = "a about above after all almost an and any anywhere are around as at be been before bit \
     but by can could did do does each else even ever every everything for from get gets go \
     goes got has have here how i if in into is it its just kind kinda like look looks lot \
     lots made make makes little many me more most much my never no none not nothing of off \
     on one only onto or out over pretty quite really s so some somebody someone something \
     somewhat sort still such super t than that the their them then there they thing this \
     those through till to too under until up very was way we what when where which who will \
     with without you your d re ve ll";

/// Chinese characters, simplified, that join words: particles, pronouns, light verbs, measure words.
const ZH_FUNCTION: &str = "的了着过是在有没不无也都就还很太最更好只又再把被给跟和与同对从到向往用以为而且但\
     这那哪个一些点种样像似般如地得吧呢啊呀嘛吗哦啦上下里外中内出来去起看会能可要想让\
     我你他她它们什么怎几多少每所谁之";

/// The same for written Cantonese.
const YUE_FUNCTION: &str = "嘅啲咁似冇唔係咗住喺嗰呢個到得好晒埋吓下啦喎囉添出入去嚟將俾畀就仲都先幾一乜嘢咩\
     佢你我哋噉樣見睇起上落同啱隻條嚿忽陣緊返㗎又有可以用淨";

struct Phrase {
    style: String,
    lang: String,
    text: String,
    kind: String,
    split: String,
}

fn parse(table: &str) -> Vec<Phrase> {
    let mut lines = table.lines();
    assert_eq!(
        lines.next(),
        Some(HEADER),
        "the table opens with its header"
    );
    lines
        .enumerate()
        .map(|(line_idx, line)| parse_line(line_idx + 2, line))
        .collect()
}

fn parse_line(line_number: usize, line: &str) -> Phrase {
    let cells: Vec<&str> = line.split('\t').collect();
    let [style, lang, text, kind, split] = cells[..] else {
        panic!(
            "line {line_number}: 5 columns expected, found {}",
            cells.len()
        );
    };
    Phrase {
        style: style.to_owned(),
        lang: lang.to_owned(),
        text: text.to_owned(),
        kind: kind.to_owned(),
        split: split.to_owned(),
    }
}

fn phrases() -> Vec<Phrase> {
    parse(&std::fs::read_to_string(TABLE).unwrap_or_else(|error| panic!("{TABLE}: {error}")))
}

/// The phrases of one style in one language, by `(style, lang)`.
fn groups(phrases: &[Phrase]) -> BTreeMap<(&str, &str), Vec<&Phrase>> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Phrase>> = BTreeMap::new();
    for phrase in phrases {
        groups
            .entry((&phrase.style, &phrase.lang))
            .or_default()
            .push(phrase);
    }
    groups
}

/// What a phrase's look hangs on: stems of content words, or pairs of neighbouring content characters.
fn content(lang: &str, text: &str) -> BTreeSet<String> {
    match lang {
        "en" => english_stems(text),
        "zh" => character_pairs(text, ZH_FUNCTION),
        _ => character_pairs(text, YUE_FUNCTION),
    }
}

fn english_stems(text: &str) -> BTreeSet<String> {
    let stop_words: BTreeSet<&str> = EN_STOP_WORDS.split_whitespace().collect();
    text.to_lowercase()
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty() && !stop_words.contains(word))
        .map(stem)
        .collect()
}

/// Light stem: one ending off, then a doubled or silent last letter, so that `shiny` and `shine`, `cut` and
/// `cutting`, `puffed` and `puffy` meet.
fn stem(word: &str) -> String {
    let endings = ["ing", "es", "ed", "ly", "s", "y"];
    let long_enough = |rest: &&str| rest.chars().count() >= 3;
    let bare = endings
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(long_enough))
        .unwrap_or(word);
    let mut letters: Vec<char> = bare.chars().collect();
    let doubled = letters.len() > 3 && letters[letters.len() - 1] == letters[letters.len() - 2];
    let silent = letters.len() > 3 && letters.ends_with(&['e']);
    if doubled || silent {
        letters.pop();
    }
    letters.into_iter().collect()
}

/// Words in Latin letters within Chinese text are content too, whole. A pair never reaches over a comma.
fn character_pairs(text: &str, function: &str) -> BTreeSet<String> {
    let is_content = |letter: char| is_han(letter) && !function.contains(letter);
    let letters: Vec<char> = text.chars().collect();
    let pairs = letters
        .windows(2)
        .filter(|pair| pair.iter().all(|&letter| is_content(letter)));
    let latin = text
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| word.len() > 1)
        .map(str::to_lowercase);
    pairs
        .map(|pair| pair.iter().collect())
        .chain(latin)
        .collect()
}

fn is_han(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

fn shared_content(phrases: &[Phrase]) -> Vec<String> {
    let mut faults = Vec::new();
    for group in groups(phrases).values() {
        let train: Vec<&&Phrase> = group
            .iter()
            .filter(|phrase| phrase.split == "train")
            .collect();
        for held_out in group.iter().filter(|phrase| phrase.split == "test") {
            let words = content(&held_out.lang, &held_out.text);
            for seen in &train {
                let seen_words = content(&seen.lang, &seen.text);
                let shared: Vec<&String> = words.intersection(&seen_words).collect();
                if !shared.is_empty() {
                    faults.push(format!(
                        "{}: `{}` and `{}` share {shared:?}",
                        seen.style, held_out.text, seen.text
                    ));
                }
            }
        }
    }
    faults
}

fn set_names(phrases: &[Phrase]) -> Vec<String> {
    let named = |text: &str| {
        SET_NAMES
            .into_iter()
            .find(|name| text.to_lowercase().contains(name))
    };
    phrases
        .iter()
        .filter_map(|phrase| {
            named(&phrase.text).map(|name| format!("`{}` names {name}", phrase.text))
        })
        .collect()
}

/// Same letters and characters, whatever the case and punctuation, in any style and language.
fn duplicates(phrases: &[Phrase]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let bare = |text: &str| {
        text.to_lowercase()
            .chars()
            .filter(|letter| letter.is_alphanumeric())
            .collect::<String>()
    };
    phrases
        .iter()
        .filter(|phrase| !seen.insert(bare(&phrase.text)))
        .map(|phrase| phrase.text.clone())
        .collect()
}

/// English: 2 to 12 words. Chinese: 3 to 24 characters.
fn lengths(phrases: &[Phrase]) -> Vec<String> {
    let fits = |phrase: &&Phrase| match phrase.lang.as_str() {
        "en" => (2..=12).contains(&phrase.text.split_whitespace().count()),
        _ => (3..=24).contains(&phrase.text.chars().count()),
    };
    phrases
        .iter()
        .filter(|phrase| !fits(phrase))
        .map(|phrase| phrase.text.clone())
        .collect()
}

/// A phrase filed under the wrong language: Latin letters alone, or the joining words of the other Chinese.
fn wrong_language(phrases: &[Phrase]) -> Vec<String> {
    let mandarin_or_simplified = "的是没沒这這们們吗嗎么很了边画线颜";
    let marks_of_yue = "嘅啲咁冇唔係喺嗰嘢嚟晒";
    let is_wrong = |phrase: &&Phrase| match phrase.lang.as_str() {
        "en" => phrase.text.chars().any(is_han),
        "zh" => {
            !phrase.text.chars().any(is_han)
                || phrase
                    .text
                    .chars()
                    .any(|letter| marks_of_yue.contains(letter))
        }
        _ => {
            !phrase.text.chars().any(is_han)
                || phrase
                    .text
                    .chars()
                    .any(|letter| mandarin_or_simplified.contains(letter))
        }
    };
    phrases
        .iter()
        .filter(is_wrong)
        .map(|phrase| format!("{}: `{}`", phrase.lang, phrase.text))
        .collect()
}

fn assert_none(faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

fn count(group: &[&Phrase], is_counted: impl Fn(&Phrase) -> bool) -> usize {
    group.iter().filter(|phrase| is_counted(phrase)).count()
}

fn planted(lang: &str, split: &str, text: &str) -> Phrase {
    parse_line(2, &format!("noto\t{lang}\t{text}\tcolloquial\t{split}"))
}

#[test]
fn every_style_has_phrases_to_learn_from_and_held_out_ones_in_each_language() {
    let phrases = phrases();
    let groups = groups(&phrases);
    assert_eq!(
        groups.len(),
        STYLES.len() * LEAST.len(),
        "only the six styles in the three languages"
    );
    for style in STYLES {
        for (lang, least_train, least_test) in LEAST {
            let group = groups.get(&(style, lang)).map_or(&[][..], Vec::as_slice);
            let n_train = count(group, |phrase| phrase.split == "train");
            let n_test = count(group, |phrase| phrase.split == "test");
            assert_eq!(
                n_test + n_train,
                group.len(),
                "{style} in {lang}: a split is `train` or `test`"
            );
            assert!(
                n_train >= least_train && n_test >= least_test,
                "{style} in {lang}: {n_train} to learn from and {n_test} held out, at least {least_train} and {least_test} expected"
            );
        }
    }
}

#[test]
fn few_phrases_are_formal_and_some_of_them_are_held_out() {
    for ((style, lang), group) in groups(&phrases()) {
        let n_formal = count(&group, |phrase| phrase.kind == "formal");
        let n_colloquial = count(&group, |phrase| phrase.kind == "colloquial");
        assert_eq!(
            n_formal + n_colloquial,
            group.len(),
            "{style} in {lang}: a kind is `formal` or `colloquial`"
        );
        assert!(
            n_formal >= 4 && n_formal * 5 <= group.len(),
            "{style} in {lang}: {n_formal} formal phrases"
        );
        let n_formal_test = count(&group, |phrase| {
            phrase.kind == "formal" && phrase.split == "test"
        });
        assert!(
            n_formal_test >= 1,
            "{style} in {lang}: no formal phrase is held out"
        );
    }
}

#[test]
fn no_held_out_phrase_shares_a_content_word_with_training_phrases_of_its_style() {
    assert_none(&shared_content(&phrases()));
}

#[test]
fn no_phrase_names_a_picture_set() {
    assert_none(&set_names(&phrases()));
}

#[test]
fn no_phrase_stands_twice() {
    assert_none(&duplicates(&phrases()));
}

#[test]
fn every_phrase_is_short() {
    assert_none(&lengths(&phrases()));
}

#[test]
fn every_phrase_is_in_the_language_it_is_filed_under() {
    assert_none(&wrong_language(&phrases()));
}

#[test]
fn the_file_is_plain_lines_without_stray_blanks() {
    let table = std::fs::read_to_string(TABLE).unwrap_or_else(|error| panic!("{TABLE}: {error}"));
    assert!(
        !table.contains('\r') && !table.starts_with('\u{feff}'),
        "line feeds only, no byte order mark"
    );
    assert!(
        table.ends_with('\n') && !table.ends_with("\n\n"),
        "one line feed at the end"
    );
    for phrase in parse(&table) {
        assert_eq!(
            phrase.text.trim(),
            phrase.text,
            "no blank at the ends of a phrase"
        );
        assert!(
            !phrase.text.contains("  "),
            "no double blank in `{}`",
            phrase.text
        );
    }
}

#[test]
fn planted_faults_are_found() {
    let pair = |lang: &str, seen: &str, held_out: &str| {
        [
            planted(lang, "train", seen),
            planted(lang, "test", held_out),
        ]
    };
    assert_eq!(
        shared_content(&pair("en", "a shiny button", "such a lot of shine")).len(),
        1,
        "one stem"
    );
    assert_eq!(
        shared_content(&pair("en", "kind of shiny", "kind of wet")).len(),
        0,
        "stop words may be shared"
    );
    assert_eq!(
        shared_content(&pair("zh", "像水果糖", "像一颗水果")).len(),
        1,
        "one pair of characters"
    );
    assert_eq!(
        shared_content(&pair("zh", "亮亮的那种", "滑滑的那种")).len(),
        0,
        "function characters may be shared"
    );
    assert_eq!(
        shared_content(&pair("yue", "立立令嘅", "好似立立令咁")).len(),
        1,
        "one pair of characters"
    );
    assert_eq!(
        set_names(&pair("en", "an Emoji look", "in monotone")).len(),
        2,
        "also inside a word"
    );
    assert_eq!(
        duplicates(&pair("en", "Soft, and wet", "soft and wet")).len(),
        1,
        "case and commas are no difference"
    );
    assert_eq!(
        lengths(&pair("en", "wet", "soft and wet")).len(),
        1,
        "one word is no phrase"
    );
    assert_eq!(
        wrong_language(&pair("yue", "好似糖咁", "像糖一样的")).len(),
        1,
        "Mandarin is not Cantonese"
    );
}

#[test]
fn endings_do_not_hide_a_word() {
    for (one, other) in [
        ("shiny", "shine"),
        ("cut", "cutting"),
        ("puffed", "puffy"),
        ("edges", "edge"),
        ("smooth", "smoothly"),
    ] {
        assert_eq!(stem(one), stem(other), "{one}, {other}");
    }
}
