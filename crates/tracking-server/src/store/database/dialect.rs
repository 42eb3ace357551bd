//! What SQLite and PostgreSQL spell differently. Pure.

/// Which database a statement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A word for statements, with what SQLite and PostgreSQL call it. `?` stands for the placeholder of a bound JSON list.
const WORDS: &[(&str, &str, &str)] = &[
    (
        "{numbers ",
        "(SELECT value FROM json_each(?))",
        "(SELECT value::bigint FROM json_array_elements_text(?::json))",
    ),
    (
        "{texts ",
        "(SELECT value FROM json_each(?))",
        "(SELECT value FROM json_array_elements_text(?::json))",
    ),
];

impl Dialect {
    /// A statement as this database spells it: `run IN {numbers $1}` asks whether a run stands in the JSON list that is
    /// bound first, `{texts $1}` is the same for texts.
    pub(super) fn spell(self, statement: &str) -> String {
        let mut spelled = String::with_capacity(statement.len() + 64);
        let mut rest = statement;
        while let Some((before, word, placeholder, after)) = next_word(rest) {
            let (_, sqlite, postgres) = word;
            let spelling = if self == Self::Sqlite {
                sqlite
            } else {
                postgres
            };
            spelled.push_str(before);
            spelled.push_str(&spelling.replace('?', placeholder));
            rest = after;
        }
        spelled.push_str(rest);
        spelled
    }

    /// Begins a transaction that writes; others that write wait for its end. PostgreSQL, which lets writers work side by
    /// side, is told to let them wait, too: points are read, merged and written back, and two servers may share a database.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN; SELECT pg_advisory_xact_lock(7308332046)",
        }
    }

    /// `LIKE` that minds case, and the pattern as it must be bound. In SQLite that is what `GLOB` does.
    pub(crate) fn like(self, pattern: &str) -> (&'static str, String, &'static str) {
        match self {
            Self::Sqlite => (" GLOB ", glob(pattern), ""),
            Self::Postgres => (" LIKE ", pattern.to_owned(), NO_ESCAPE),
        }
    }

    /// `LIKE` that minds no case.
    pub(crate) fn like_any_case(self, pattern: &str) -> (&'static str, String, &'static str) {
        match self {
            Self::Sqlite => (" LIKE ", pattern.to_owned(), ""),
            Self::Postgres => (" ILIKE ", pattern.to_owned(), NO_ESCAPE),
        }
    }
}

/// A backslash in a pattern is a backslash, as it is for SQLite.
const NO_ESCAPE: &str = " ESCAPE ''";

type Found<'a> = (
    &'a str,
    &'static (&'static str, &'static str, &'static str),
    &'a str,
    &'a str,
);

/// What stands before the next word, the word, its placeholder, and what stands after it.
fn next_word(text: &str) -> Option<Found<'_>> {
    let (at, word) = WORDS
        .iter()
        .filter_map(|word| Some((text.find(word.0)?, word)))
        .min_by_key(|(at, _)| *at)?;
    let (placeholder, after) = text[at + word.0.len()..].split_once('}')?;
    Some((&text[..at], word, placeholder, after))
}

/// A pattern of `LIKE` as one of `GLOB`.
fn glob(pattern: &str) -> String {
    let mut glob = String::new();
    for c in pattern.chars() {
        match c {
            '%' => glob.push('*'),
            '_' => glob.push('?'),
            '*' | '?' | '[' => glob.extend(['[', c, ']']),
            other => glob.push(other),
        }
    }
    glob
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_like_pattern_keeps_its_meaning_as_a_glob() {
        assert_eq!(glob("a%b_c"), "a*b?c");
        assert_eq!(glob("50%[*?]"), "50*[[][*][?]]");
    }

    #[test]
    fn each_database_gets_lists_as_it_spells_them() {
        let statement = "a IN {numbers $1} OR b IN {texts $12} -- {c}";
        assert_eq!(
            Dialect::Sqlite.spell(statement),
            "a IN (SELECT value FROM json_each($1)) OR b IN (SELECT value FROM json_each($12)) -- {c}"
        );
        assert_eq!(
            Dialect::Postgres.spell(statement),
            "a IN (SELECT value::bigint FROM json_array_elements_text($1::json)) \
             OR b IN (SELECT value FROM json_array_elements_text($12::json)) -- {c}"
        );
        assert_eq!(Dialect::Sqlite.spell("SELECT 1"), "SELECT 1");
    }
}
