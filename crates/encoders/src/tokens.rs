//! From a text to token ids, by the `tokenizers` crate.
//!
//! SentencePiece gives each unknown character its own unknown token; `tokenizers` fuses neighbours into one. The multilingual
//! encoder was trained on the former, so [`Unknown::EachCharacter`] takes them apart again.

use crate::EncoderError;
use std::borrow::Cow;
use std::path::Path;

/// A sentence as ids, with its start and end marks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tokens {
    pub(crate) ids: Vec<i64>,
    pub(crate) truncated: bool,
}

/// What unknown characters become.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Unknown {
    /// Whatever the tokenizer's file says.
    AsConfigured,
    /// One token a character, with this id; a text without any token becomes one such token.
    EachCharacter(i64),
}

pub(crate) struct Tokenizer {
    inner: tokenizers::Tokenizer,
    unknown: Unknown,
    max_tokens: usize,
    prompt: String,
    lower_case: bool,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`. Its own padding and truncation are ignored.
    pub(crate) fn read(
        path: &Path,
        bytes: &[u8],
        unknown: Unknown,
        max_tokens: usize,
    ) -> Result<Self, EncoderError> {
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes)
            .map_err(|reason| EncoderError::damaged(path, reason))?;
        inner.with_padding(None);
        let cut = tokenizers::TruncationParams {
            max_length: max_tokens,
            ..Default::default()
        };
        inner
            .with_truncation((unknown == Unknown::AsConfigured).then_some(cut))
            .map_err(|reason| EncoderError::damaged(path, reason))?;
        Ok(Self {
            inner,
            unknown,
            max_tokens,
            prompt: String::new(),
            lower_case: false,
        })
    }

    /// Puts `prompt` in front of each text, and writes both in lower case where asked.
    pub(crate) fn with_prompt(self, prompt: &str, lower_case: bool) -> Self {
        Self {
            prompt: prompt.to_owned(),
            lower_case,
            ..self
        }
    }

    /// Tokens of the prompt, with the mark of the start.
    pub(crate) fn prompt_tokens(&self) -> Result<usize, EncoderError> {
        Ok(self.tokens_of("")?.ids.len().saturating_sub(1))
    }

    /// That the network has a row for each token.
    pub(crate) fn check_vocabulary(&self, path: &Path, rows: i64) -> Result<(), EncoderError> {
        let found = self.vocabulary();
        if found as i64 > rows {
            let reason = format!("has {found} tokens, but `vocab_size` is {rows}");
            return Err(EncoderError::damaged(path, reason));
        }
        Ok(())
    }

    /// Ids that the tokenizer can give, plus one.
    pub(crate) fn vocabulary(&self) -> usize {
        self.inner
            .get_vocab(true)
            .into_values()
            .max()
            .map_or(0, |id| id as usize + 1)
    }

    /// The tokens of each text, on all cores.
    pub(crate) fn tokens_of_all(&self, texts: &[&str]) -> Result<Vec<Tokens>, EncoderError> {
        let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = texts.len().div_ceil(n_threads).max(256);
        std::thread::scope(|scope| {
            let work = |texts: &[&str]| {
                texts
                    .iter()
                    .map(|text| self.tokens_of(text))
                    .collect::<Result<Vec<_>, _>>()
            };
            let threads: Vec<_> = texts
                .chunks(share)
                .map(|texts| scope.spawn(move || work(texts)))
                .collect();
            let mut all = Vec::with_capacity(texts.len());
            for thread in threads {
                all.extend(
                    thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?,
                );
            }
            Ok(all)
        })
    }

    fn tokens_of(&self, text: &str) -> Result<Tokens, EncoderError> {
        let mut text = Cow::Borrowed(text);
        if !self.prompt.is_empty() {
            text = Cow::Owned(format!("{}{text}", self.prompt));
        }
        if self.lower_case {
            text = Cow::Owned(text.to_lowercase());
        }
        // Not `encode_fast`: it leaves out the tokens' texts, by whose length unknown characters are counted.
        let found = self
            .inner
            .encode(text.as_ref(), true)
            .map_err(|reason| EncoderError::Tokenize(reason.to_string()))?;
        match self.unknown {
            Unknown::AsConfigured => Ok(Tokens {
                ids: found.get_ids().iter().map(|&id| i64::from(id)).collect(),
                truncated: !found.get_overflowing().is_empty(),
            }),
            Unknown::EachCharacter(unknown) => Ok(cut(unfused(&found, unknown), self.max_tokens)),
        }
    }
}

/// The ids, with a fused run of unknown characters as one id each.
fn unfused(found: &tokenizers::Encoding, unknown: i64) -> Vec<i64> {
    let mut ids = Vec::with_capacity(found.len() + 1);
    for (&id, token) in found.get_ids().iter().zip(found.get_tokens()) {
        let id = i64::from(id);
        let n = if id == unknown && token != "<unk>" {
            token.chars().count()
        } else {
            1
        };
        ids.extend(std::iter::repeat_n(id, n));
    }
    if ids.len() == 2 {
        ids.insert(1, unknown);
    }
    ids
}

/// The first tokens and the mark of the end.
fn cut(mut ids: Vec<i64>, max_tokens: usize) -> Tokens {
    let truncated = ids.len() > max_tokens;
    if let (true, Some(&end)) = (truncated, ids.last()) {
        ids.truncate(max_tokens - 1);
        ids.push(end);
    }
    Tokens { ids, truncated }
}
