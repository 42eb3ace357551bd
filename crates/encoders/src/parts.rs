//! A sentence and its parts: what stands between marks of punctuation.
//!
//! One vector for "a tiger, cut from felt" says the tiger and the felt half as clearly as a vector each would. So a network may read the
//! whole and its parts (`TextHead` in `idiom-gan` learns which of them to heed). What is cut where depends on the text alone.

/// Parts of one text that are ever encoded.
pub const MOST_PARTS: usize = 4;

/// The first `most` parts of a text, without the space around them; none where it is one piece.
///
/// Any mark of Chinese punctuation parts, as do `,` `;` `!` `?` `|` and a line's end. A `.` or `:` does before a space or at the end, and no mark
/// does between two digits: `3.5`, `10:30` and `1,000` are one piece.
#[must_use]
pub fn parts_of(text: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut before) = (0, ' ');
    let mut letters = text.char_indices().peekable();
    while let Some((place, letter)) = letters.next() {
        let after = letters.peek().map_or(' ', |(_, next)| *next);
        if is_cut(before, letter, after) {
            parts.push(&text[start..place]);
            start = place + letter.len_utf8();
        }
        before = letter;
    }
    parts.push(&text[start..]);
    let mut parts: Vec<&str> = parts.into_iter().map(str::trim).collect();
    parts.retain(|part| !part.is_empty());
    if parts.len() < 2 {
        return Vec::new();
    }
    parts.truncate(most);
    parts
}

fn is_cut(before: char, letter: char, after: char) -> bool {
    if before.is_ascii_digit() && after.is_ascii_digit() {
        return false;
    }
    match letter {
        ',' | ';' | '!' | '?' | '|' | '\n' => true,
        '，' | '、' | '；' | '：' | '。' | '！' | '？' | '…' | '—' => true,
        '.' | ':' => after.is_whitespace(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_punctuation_in_any_script() {
        let all = |text| parts_of(text, MOST_PARTS);
        assert_eq!(all("a tiger, cut from felt"), ["a tiger", "cut from felt"]);
        assert_eq!(
            all("minimalist, like a sign: dotted line face"),
            ["minimalist", "like a sign", "dotted line face"]
        );
        assert_eq!(all("画一个融化，漆黑如墨"), ["画一个融化", "漆黑如墨"]);
        assert_eq!(all("老虎、毛氈。"), ["老虎", "毛氈"]);
        assert_eq!(all("a,b;c!d?e"), ["a", "b", "c", "d"]);
    }

    #[test]
    fn one_piece_has_no_parts_and_numbers_stay_whole() {
        for text in [
            "",
            ",",
            "a tiger",
            "a tiger.",
            " ， ",
            "3.5 kg",
            "10:30",
            "1,000 cats",
            "e.g.x",
        ] {
            assert!(parts_of(text, MOST_PARTS).is_empty(), "{text}");
        }
        assert_eq!(parts_of("one, two, three", 2), ["one", "two"]);
        assert!(parts_of("one, two", 0).is_empty());
    }
}
