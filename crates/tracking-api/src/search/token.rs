//! Cutting a filter into words.

use crate::ApiError;

/// A word of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A field or a keyword: `metrics`, `a.b`, `AND`. Quoted parts after a dot are joined: ``metrics.`a b` ``.
    Word(Word),
    /// Text in single or double quotes.
    Text(String),
    /// A number, as it was written.
    Number(String),
    /// `=`, `!=`, `<` and so on; also ones that nobody knows.
    Symbol(String),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
}

/// A name, cut at its first dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Before the first dot.
    pub(super) head: String,
    /// After it, without quotes.
    pub(super) key: Option<String>,
}

impl std::fmt::Display for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(Word { head, key: None }) => out.write_str(head),
            Self::Word(Word {
                head,
                key: Some(key),
            }) => write!(out, "{head}.{key}"),
            Self::Text(text) => write!(out, "'{text}'"),
            Self::Number(text) | Self::Symbol(text) => out.write_str(text),
            Self::Open => out.write_str("("),
            Self::Close => out.write_str(")"),
            Self::Comma => out.write_str(","),
        }
    }
}

/// Cuts a text into words.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ApiError> {
    let mut reader = Reader { rest: text };
    let mut tokens = Vec::new();
    while let Some(token) = reader.token()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn token(&mut self) -> Result<Option<Token>, ApiError> {
        self.rest = self.rest.trim_start();
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        let token = match first {
            '(' => self.single(Token::Open),
            ')' => self.single(Token::Close),
            ',' => self.single(Token::Comma),
            '\'' | '"' => Token::Text(self.quoted(first)?),
            '=' | '!' | '<' | '>' => Token::Symbol(self.run_of(|c| "=!<>".contains(c)).to_owned()),
            '`' => self.word()?,
            _ if self.begins_number() => Token::Number(self.number().to_owned()),
            _ if is_head(first) => self.word()?,
            _ => Token::Symbol(self.run_of(|c| !c.is_whitespace()).to_owned()),
        };
        Ok(Some(token))
    }

    fn single(&mut self, token: Token) -> Token {
        self.rest = &self.rest[1..];
        token
    }

    fn run_of(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        run
    }

    /// Text up to the closing quote; a doubled quote stands for itself.
    fn quoted(&mut self, quote: char) -> Result<String, ApiError> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((place, c)) = chars.next() {
            if c != quote {
                text.push(c);
            } else if chars.next_if(|(_, next)| *next == quote).is_some() {
                text.push(quote);
            } else {
                self.rest = &self.rest[place + 1..];
                return Ok(text);
            }
        }
        Err(ApiError::invalid(format!(
            "Invalid filter: the quote {} is never closed",
            self.rest
        )))
    }

    fn word(&mut self) -> Result<Token, ApiError> {
        let head = if self.rest.starts_with('`') {
            self.quoted('`')?
        } else {
            self.run_of(is_head).to_owned()
        };
        let Some(after_dot) = self.rest.strip_prefix('.') else {
            return Ok(Token::Word(Word { head, key: None }));
        };
        self.rest = after_dot;
        let key = match self.rest.chars().next() {
            Some(quote @ ('`' | '"' | '\'')) => self.quoted(quote)?,
            _ => self.run_of(is_word).to_owned(),
        };
        Ok(Token::Word(Word {
            head,
            key: Some(key),
        }))
    }

    fn begins_number(&self) -> bool {
        let unsigned = self.rest.trim_start_matches(['-', '+']);
        let unsigned = unsigned.strip_prefix('.').unwrap_or(unsigned);
        let signs = self.rest.len() - self.rest.trim_start_matches(['-', '+']).len();
        signs <= 1 && unsigned.starts_with(|c: char| c.is_ascii_digit())
    }

    fn number(&mut self) -> &'a str {
        let mut after_exponent = false;
        let mut end = self.rest.len();
        for (place, c) in self.rest.char_indices() {
            let signed = "+-".contains(c) && (place == 0 || after_exponent);
            if !(signed || c.is_ascii_alphanumeric() || c == '.') {
                end = place;
                break;
            }
            after_exponent = "eE".contains(c);
        }
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        number
    }
}

/// What a name before its dot is made of.
fn is_head(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What a key may hold without quotes; MLflow wants quotes around all but letters, digits, `_` and `.`.
fn is_word(c: char) -> bool {
    is_head(c) || "./-:".contains(c)
}
