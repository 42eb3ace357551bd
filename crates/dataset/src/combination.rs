//! Which combinations of a subject and a style are kept out of a training, so that it can be asked for what it never saw together.
//!
//! The hash of both decides, as in the splits: adding or removing other rows changes nothing. Training and evaluation ask the same
//! question, so nothing has to be stored but the share.

use crate::Record;
use crate::digest::sha256;

/// Whether the picture's subject in the picture's style is held out where `share` of such combinations are, 0 to 1; never where it
/// lacks one of the two.
#[must_use]
pub fn is_held_out(record: &Record, share: f64) -> bool {
    let (Some(subject), Some(style)) = (&record.subject, &record.style) else {
        return false;
    };
    if share <= 0.0 {
        return false;
    }
    let digest = sha256(format!("combination\n{subject}\n{style}").as_bytes());
    let head = digest[..8]
        .iter()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    (head as f64) < share * 2.0_f64.powi(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(subject: u32, style: &str) -> Record {
        Record {
            subject: Some(subject.to_string()),
            style: Some(style.to_owned()),
            ..Record::default()
        }
    }

    #[test]
    fn the_share_is_met_and_styles_are_drawn_apart() {
        let held_out = |style: &'static str| {
            (0..4000).filter(move |subject| is_held_out(&record(*subject, style), 0.1))
        };
        let (one, other): (Vec<u32>, Vec<u32>) =
            (held_out("ink").collect(), held_out("clay").collect());
        // Binomial(4000, 0.1): sd 19.
        assert!((320..480).contains(&one.len()), "{}", one.len());
        assert_ne!(one, other);
    }

    #[test]
    fn without_a_share_or_a_style_nothing_is_held_out() {
        assert!((0..100).all(|subject| !is_held_out(&record(subject, "ink"), 0.0)));
        let plain = Record {
            style: None,
            ..record(1, "")
        };
        assert!(!is_held_out(&plain, 1.0));
        assert!(is_held_out(&record(1, "ink"), 1.0));
    }
}
