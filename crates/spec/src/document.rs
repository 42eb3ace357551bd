//! From files and `key=value` to one typed value: read, follow `extends:`, override, deserialise, validate.
//!
//! `extends: FILE` takes FILE (relative to the file that says so) as the ground and lays this file's keys
//! over it: mappings are merged key by key, all else is replaced. YAML's own `<<` merge is not used, since
//! strict types refuse it.

use crate::locate::locate;
use crate::overrides::Override;
use crate::{Problem, SpecError};
use garde::Validate;
use serde::de::DeserializeOwned;
use serde_yaml::Value;
use std::path::{Path, PathBuf};

/// A configuration that was read, and what it was read from.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The validated value.
    pub value: T,
    /// The document after `extends:` and overrides, before defaults were filled in.
    pub resolved: Value,
    /// The files read: the one asked for first, then those it extends.
    pub sources: Vec<PathBuf>,
}

/// Files longer than this are no configuration.
const MAX_BYTES: u64 = 1 << 20;
/// Longest chain of `extends:`.
const MAX_CHAIN: usize = 8;
/// The key that names the file to build upon.
const EXTENDS: &str = "extends";

/// Reads `path`, what it extends, and lays `overrides` (`dotted.key=value`) over it.
///
/// # Errors
/// [`SpecError`], which names the file, line, column and key, and the nearest known key for a misspelt one.
pub fn load<T>(path: &Path, overrides: &[String]) -> Result<Loaded<T>, SpecError>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    let overrides = overrides
        .iter()
        .map(|o| Override::parse(o))
        .collect::<Result<Vec<_>, _>>()?;
    let mut sources = Vec::new();
    let mut document = read_chain(path, &mut sources)?;
    for one in &overrides {
        one.apply(&mut document)?;
    }
    let origins = Origins {
        sources: &sources,
        overrides: &overrides,
    };
    let value: T =
        serde_path_to_error::deserialize(document.clone()).map_err(|e| origins.misread(&e))?;
    value
        .validate()
        .map_err(|report| origins.invalid(&report))?;
    Ok(Loaded {
        value,
        resolved: document,
        sources: sources.into_iter().map(|s| s.path).collect(),
    })
}

struct Source {
    path: PathBuf,
    text: String,
}

fn read_chain(path: &Path, sources: &mut Vec<Source>) -> Result<Value, SpecError> {
    let source = read(path)?;
    let mut document = parse(&source)?;
    let parent = take_extends(&mut document, path)?;
    sources.push(source);
    let Some(parent) = parent else {
        return Ok(document);
    };
    let parent = path.parent().unwrap_or(Path::new("")).join(parent);
    let fail = |reason: &str| SpecError::Extends {
        path: path.into(),
        reason: reason.into(),
    };
    if sources.iter().any(|s| s.path == parent) {
        return Err(fail(&format!("leads back to `{}`", parent.display())));
    }
    if sources.len() >= MAX_CHAIN {
        return Err(fail(&format!("chains more than {MAX_CHAIN} files")));
    }
    let ground = read_chain(&parent, sources)?;
    Ok(merge(ground, document))
}

fn read(path: &Path) -> Result<Source, SpecError> {
    let fail = |reason: String| SpecError::Unreadable {
        path: path.into(),
        reason,
    };
    let size = std::fs::metadata(path).map_err(|e| fail(plain(&e)))?.len();
    if size > MAX_BYTES {
        return Err(fail(format!(
            "is {size} bytes long, more than {MAX_BYTES}: no configuration is"
        )));
    }
    let bytes = std::fs::read(path).map_err(|e| fail(plain(&e)))?;
    let text =
        String::from_utf8(bytes).map_err(|e| fail(format!("is not UTF-8: {}", e.utf8_error())))?;
    let text = text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text);
    Ok(Source {
        path: path.into(),
        text,
    })
}

fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "may not be read by this user".into(),
        _ => error.to_string(),
    }
}

fn parse(source: &Source) -> Result<Value, SpecError> {
    let document: Value = serde_yaml::from_str(&source.text).map_err(|e| {
        let place = e.location().map_or((1, 1), |l| (l.line(), l.column()));
        problem(
            place_in(&source.path, place),
            "",
            strip_place(&e.to_string()),
        )
    })?;
    match document {
        Value::Mapping(_) => Ok(document),
        Value::Null => Ok(Value::Mapping(serde_yaml::Mapping::new())),
        _ => Err(problem(
            place_in(&source.path, (1, 1)),
            "",
            "is not a mapping of keys to values".into(),
        )),
    }
}

/// The reader repeats the place at the end of its message; ours stands in front.
fn strip_place(message: &str) -> String {
    message
        .split(" at line ")
        .next()
        .unwrap_or(message)
        .to_owned()
}

fn take_extends(document: &mut Value, path: &Path) -> Result<Option<String>, SpecError> {
    match document.as_mapping_mut().and_then(|m| m.remove(EXTENDS)) {
        None => Ok(None),
        Some(Value::String(parent)) => Ok(Some(parent)),
        Some(_) => Err(SpecError::Extends {
            path: path.into(),
            reason: "must name one file".into(),
        }),
    }
}

fn merge(ground: Value, over: Value) -> Value {
    match (ground, over) {
        (Value::Mapping(mut ground), Value::Mapping(over)) => {
            for (key, value) in over {
                let merged = match ground.remove(&key) {
                    Some(old) => merge(old, value),
                    None => value,
                };
                ground.insert(key, merged);
            }
            Value::Mapping(ground)
        }
        (_, over) => over,
    }
}

/// Knows which file or override a key came from.
struct Origins<'a> {
    sources: &'a [Source],
    overrides: &'a [Override],
}

impl Origins<'_> {
    fn misread(&self, error: &serde_path_to_error::Error<serde_yaml::Error>) -> SpecError {
        let path: Vec<String> = error.path().iter().filter_map(segment).collect();
        let message = error.inner().to_string();
        let hint = nearest(&message);
        SpecError::Problems(vec![Problem {
            place: self.place(&path),
            key: path.join("."),
            message,
            hint,
        }])
    }

    fn invalid(&self, report: &garde::Report) -> SpecError {
        let problems = report.iter().map(|(path, error)| {
            let key = path.to_string().replace('[', ".").replace(']', "");
            let parts: Vec<String> = key
                .split('.')
                .filter(|p| !p.is_empty())
                .map(str::to_owned)
                .collect();
            Problem {
                place: self.place(&parts),
                key,
                message: error.to_string(),
                hint: None,
            }
        });
        SpecError::Problems(problems.collect())
    }

    /// The place of `path` or, where a default stands there, of its nearest parent that was typed.
    fn place(&self, path: &[String]) -> String {
        if self.overrides.iter().any(|o| path.starts_with(&o.path)) {
            return "command line".into();
        }
        for length in (1..=path.len()).rev() {
            for source in self.sources {
                if let Some(at) = locate(&source.text, &path[..length]) {
                    return place_in(&source.path, at);
                }
            }
        }
        self.sources
            .first()
            .map_or_else(String::new, |s| place_in(&s.path, (1, 1)))
    }
}

fn segment(segment: &serde_path_to_error::Segment) -> Option<String> {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

/// From serde's "unknown field `x`, expected one of `a`, `b`": did they mean `a`?
fn nearest(message: &str) -> Option<String> {
    let unknown = message.starts_with("unknown ");
    let mut names = message.split('`').skip(1).step_by(2);
    let typed = names.next().filter(|_| unknown)?;
    let best = names
        .max_by(|a, b| strsim::jaro_winkler(typed, a).total_cmp(&strsim::jaro_winkler(typed, b)))?;
    (strsim::jaro_winkler(typed, best) > 0.7).then(|| format!("did you mean `{best}`?"))
}

fn place_in(path: &Path, (line, column): (usize, usize)) -> String {
    format!("{}:{line}:{column}", path.display())
}

fn problem(place: String, key: &str, message: String) -> SpecError {
    SpecError::Problems(vec![Problem {
        place,
        key: key.into(),
        message,
        hint: None,
    }])
}
