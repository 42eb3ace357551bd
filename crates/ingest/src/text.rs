//! Captions as people typed them to captions as they are stored: one line, composed Unicode, nothing invisible.

use unicode_normalization::UnicodeNormalization as _;

/// Longest caption that is kept, in bytes; longer ones are no captions.
pub(crate) const MAX_BYTES: usize = 10_000;

/// The caption in NFC with single spaces; controls, bidi marks, zero-width characters and byte-order marks are dropped.
///
/// Dropped before it is composed: a letter and its accent are one also where something invisible stood between them.
pub(crate) fn clean(text: &str) -> String {
    let visible = text
        .chars()
        .map(|character| {
            if character.is_whitespace() {
                ' '
            } else {
                character
            }
        })
        .filter(|character| !character.is_control() && !is_invisible(*character));
    let composed: String = visible.nfc().collect();
    composed
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn is_invisible(character: char) -> bool {
    matches!(u32::from(character), 0x61c | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x2064 | 0x2066..=0x2069 | 0xfeff | 0xfffd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_dropped() {
        assert_eq!(
            clean("\u{feff}a \u{202e}red\u{200b}\0 cat\r\n"),
            "a red cat"
        );
        assert_eq!(clean("e\u{301}te\u{301}"), "été");
        assert_eq!(clean("一隻\u{3000}貓"), "一隻 貓");
        assert_eq!(clean(" \u{200b} "), "");
        assert_eq!(clean("e\u{200b}\u{301} \u{61c}x"), "é x");
    }
}
