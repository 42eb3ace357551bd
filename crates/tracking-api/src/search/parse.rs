//! Reading filters and orderings.

use super::fields::Subject;
use super::token::{Token, Word, tokens};
use super::tree::{Comparison, Direction, Field, Filter, Operator, Order, Value};
use crate::ApiError;

/// Bytes of a filter, at most.
const MAX_FILTER_BYTES: usize = 64 << 10;
/// Parentheses inside parentheses, at most.
const MAX_DEPTH: usize = 32;

/// Which language a filter is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Comparisons joined by AND.
    Mlflow,
    /// Those, and OR and parentheses.
    Idiom,
}

/// Reads a filter; an empty one lets everything through.
///
/// # Errors
/// When it is not in the language, in MLflow's words where MLflow has the same error.
pub fn filter(text: &str, subject: Subject, dialect: Dialect) -> Result<Filter, ApiError> {
    if text.len() > MAX_FILTER_BYTES {
        return Err(ApiError::invalid(format!(
            "Invalid filter: it has more than {MAX_FILTER_BYTES} bytes"
        )));
    }
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(Filter::All(Vec::new()));
    }
    let mut parser = Parser {
        tokens: &tokens,
        next: 0,
        subject,
        dialect,
    };
    let filter = parser.any_of(0)?;
    if parser.next < tokens.len() {
        return Err(parser.stray());
    }
    Ok(filter)
}

/// Reads one ordering, e.g. ``metrics.`a b` DESC``.
///
/// # Errors
/// When it names no known field or another direction than `ASC` and `DESC`.
pub fn order_by(text: &str, subject: Subject) -> Result<Order, ApiError> {
    let unreadable = || {
        ApiError::invalid(format!(
            "Invalid order_by clause '{text}'. Could not be parsed."
        ))
    };
    let tokens = tokens(text).map_err(|_| unreadable())?;
    let (word, rest) = match tokens.split_first() {
        Some((Token::Word(word), rest)) => (word, rest),
        _ => return Err(unreadable()),
    };
    let direction = match rest {
        [] => Direction::Ascending,
        [token] if is_keyword(token, "ASC") => Direction::Ascending,
        [token] if is_keyword(token, "DESC") => Direction::Descending,
        [_] => {
            return Err(ApiError::invalid(format!(
                "Invalid ordering key in order_by clause '{text}'."
            )));
        }
        _ => return Err(unreadable()),
    };
    Ok(Order {
        field: subject.field(word)?,
        direction,
    })
}

fn is_keyword(token: &Token, keyword: &str) -> bool {
    matches!(token, Token::Word(Word { head, key: None }) if head.eq_ignore_ascii_case(keyword))
}

struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
    subject: Subject,
    dialect: Dialect,
}

impl Parser<'_> {
    fn any_of(&mut self, depth: usize) -> Result<Filter, ApiError> {
        let mut parts = vec![self.all_of(depth)?];
        while self.dialect == Dialect::Idiom && self.take_keyword("OR") {
            parts.push(self.all_of(depth)?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Filter::Any(parts)
        })
    }

    fn all_of(&mut self, depth: usize) -> Result<Filter, ApiError> {
        let mut parts = vec![self.part(depth)?];
        while self.take_keyword("AND") {
            parts.push(self.part(depth)?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Filter::All(parts)
        })
    }

    fn part(&mut self, depth: usize) -> Result<Filter, ApiError> {
        if self.dialect == Dialect::Idiom && depth < MAX_DEPTH && self.take(&Token::Open) {
            let inner = self.any_of(depth + 1)?;
            return if self.take(&Token::Close) {
                Ok(inner)
            } else {
                Err(self.stray())
            };
        }
        self.comparison().map(Filter::Compare)
    }

    fn comparison(&mut self) -> Result<Comparison, ApiError> {
        let field = match self.peek() {
            Some(Token::Word(word)) => self.subject.field(word)?,
            _ => return Err(self.stray()),
        };
        self.next += 1;
        let operator = self.operator(&field)?;
        if !field.operators().contains(&operator) {
            return Err(wrong_operator(self.subject, &field, operator.as_str()));
        }
        let value = self.value(&field, operator)?;
        Ok(Comparison {
            field,
            operator,
            value,
        })
    }

    fn operator(&mut self, field: &Field) -> Result<Operator, ApiError> {
        if let Some(Token::Symbol(symbol)) = self.peek() {
            let known = [
                Operator::Equal,
                Operator::NotEqual,
                Operator::Less,
                Operator::LessEqual,
                Operator::Greater,
                Operator::GreaterEqual,
            ];
            let operator = known
                .into_iter()
                .find(|operator| operator.as_str() == symbol);
            let operator = operator.ok_or_else(|| wrong_operator(self.subject, field, symbol))?;
            self.next += 1;
            return Ok(operator);
        }
        let worded = [
            Operator::Like,
            Operator::ILike,
            Operator::In,
            Operator::NotIn,
            Operator::IsNull,
            Operator::IsNotNull,
        ];
        let operator = worded
            .into_iter()
            .find(|operator| self.take_keywords(operator.as_str()));
        operator.ok_or_else(|| self.stray())
    }

    fn value(&mut self, field: &Field, operator: Operator) -> Result<Value, ApiError> {
        match operator {
            Operator::IsNull | Operator::IsNotNull => Ok(Value::Nothing),
            Operator::In | Operator::NotIn => self.list(field).map(Value::List),
            _ if field.is_number() => self.number(field).map(Value::Number),
            _ => self.text(field).map(Value::Text),
        }
    }

    fn number(&mut self, field: &Field) -> Result<f64, ApiError> {
        let found = match self.peek() {
            Some(Token::Number(text)) => {
                text.parse().ok().filter(|number: &f64| number.is_finite())
            }
            _ => None,
        };
        let number = found.ok_or_else(|| {
            let found = self.peek().map_or_else(String::new, Token::to_string);
            let kind = if field.kind() == "metric" {
                "metric".to_owned()
            } else {
                format!("numeric attribute: {}", field.key)
            };
            ApiError::invalid(format!(
                "Expected numeric value type for {kind}. Found {found}"
            ))
        })?;
        self.next += 1;
        Ok(number)
    }

    fn text(&mut self, field: &Field) -> Result<String, ApiError> {
        match self.peek() {
            Some(Token::Text(text)) => {
                let text = text.clone();
                self.next += 1;
                Ok(text)
            }
            Some(Token::Word(word)) => Err(ApiError::invalid(format!(
                "Parameter value is either not quoted or unidentified quote types used for string value {}. Use either \
                 single or double quotes.",
                Token::Word(word.clone())
            ))),
            other => {
                let found = other.map_or_else(String::new, Token::to_string);
                let kind = field.kind();
                Err(ApiError::invalid(format!(
                    "Expected a quoted string value for {kind} (e.g. 'my-value'). Got value {found}"
                )))
            }
        }
    }

    fn list(&mut self, field: &Field) -> Result<Vec<String>, ApiError> {
        let mut texts = Vec::new();
        if !self.take(&Token::Open) {
            return Err(self.stray());
        }
        while texts.is_empty() || self.take(&Token::Comma) {
            texts.push(self.text(field)?);
        }
        if self.take(&Token::Close) {
            Ok(texts)
        } else {
            Err(self.stray())
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        self.take_keywords(keyword)
    }

    /// Takes words such as `NOT IN` if they are all there.
    fn take_keywords(&mut self, keywords: &str) -> bool {
        let words: Vec<&str> = keywords.split(' ').collect();
        let there = self.tokens.get(self.next..self.next + words.len());
        let found = there.is_some_and(|there| {
            there
                .iter()
                .zip(&words)
                .all(|(token, word)| is_keyword(token, word))
        });
        self.next += if found { words.len() } else { 0 };
        found
    }

    /// The error of a word that does not belong where it stands, or of an end that comes too early.
    fn stray(&self) -> ApiError {
        match self.peek() {
            Some(token) => {
                ApiError::invalid(format!("Invalid clause(s) in filter string: '{token}'"))
            }
            None => ApiError::invalid("Invalid clause(s) in filter string: it ends too early"),
        }
    }
}

fn wrong_operator(subject: Subject, field: &Field, operator: &str) -> ApiError {
    let Field { key, .. } = field;
    if operator.starts_with("IS ") {
        let (kinds, kind) = match subject {
            Subject::Runs | Subject::Models => (
                "tags and params",
                format!("'{}'", field.kind().trim_end_matches('s')),
            ),
            Subject::Experiments => ("tags", "attribute".to_owned()),
        };
        let message =
            format!("IS NULL / IS NOT NULL is only supported for {kinds}, not for {kind} '{key}'");
        return ApiError::invalid(message);
    }
    let allowed: Vec<&str> = field
        .operators()
        .iter()
        .map(|operator| operator.as_str())
        .collect();
    let allowed = allowed.join("', '");
    ApiError::invalid(format!(
        "Invalid comparator '{operator}' not one of '{{'{allowed}'}}'"
    ))
}
