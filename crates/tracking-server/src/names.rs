//! Names for runs that come without one: an adjective, a noun and a number, as MLflow makes them.

const ADJECTIVES: [&str; 24] = [
    "amber", "brave", "calm", "clear", "dapper", "eager", "fine", "gentle", "happy", "ivory",
    "jolly", "keen", "lucid", "merry", "neat", "olive", "plain", "quiet", "rosy", "silver", "tidy",
    "vivid", "warm", "young",
];

const NOUNS: [&str; 24] = [
    "brush", "canvas", "cedar", "cloud", "crane", "easel", "fern", "finch", "harbor", "heron",
    "ink", "lake", "lantern", "maple", "meadow", "otter", "palette", "pine", "reed", "river",
    "sparrow", "stone", "tide", "willow",
];

/// A name out of random bits.
pub(crate) fn made_up(bits: u128) -> String {
    let draw = |shift: u32| (bits >> shift) as u32 as usize;
    let (adjective, noun) = (
        ADJECTIVES[draw(0) % ADJECTIVES.len()],
        NOUNS[draw(32) % NOUNS.len()],
    );
    format!("{adjective}-{noun}-{}", draw(80) % 1000)
}

#[cfg(test)]
mod tests {
    use super::made_up;

    #[test]
    fn a_made_up_name_is_two_words_and_a_number() {
        assert_eq!(made_up(0), "amber-brush-0");
        assert_eq!(made_up(1 | (2 << 32) | (345 << 80)), "brave-cedar-345");
    }
}
