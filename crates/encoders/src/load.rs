//! Finds an encoder: a folder that was named, a folder among the user's encoders, the hub's cache, the hub; in that order.
//!
//! What the folder holds says which family it is, never its name.

use crate::{
    EncoderError, MobileNet, PictureEncoder, TextEncoder, bert, clip, hub, sentence,
    use_multilingual,
};
use std::path::{Component, Path, PathBuf};
use tch::Device;

/// The default encoder: 16 languages, Chinese among them; 512 entries.
pub const USE_MULTILINGUAL: &str = "use-multilingual";
/// A small English encoder: 384 entries.
pub const ALL_MINILM_L6_V2: &str = "all-minilm-l6-v2";

/// The encoders that a recipe fetches by name.
pub const BUILT_IN: [&str; 2] = [USE_MULTILINGUAL, ALL_MINILM_L6_V2];

/// Short names, and where the hub keeps the same model.
const HUB_IDS: [(&str, &str); 1] = [(ALL_MINILM_L6_V2, "sentence-transformers/all-MiniLM-L6-v2")];

/// Endings of files that can hold a pickle.
const PICKLES: [&str; 7] = ["pt", "pth", "pkl", "pickle", "bin", "ckpt", "joblib"];

/// Where encoders are looked for.
#[derive(Debug, Clone, Default)]
pub struct Locations {
    /// The folder of encoders' folders, by default `IDIOM_CACHE/encoders`.
    pub folder: PathBuf,
    /// The hub's cache; the hub library's own default where there is none.
    pub hub_cache: Option<PathBuf>,
    /// The hub's address; the hub library's own default where there is none.
    pub hub_endpoint: Option<String>,
    /// A token for models that need one.
    pub hub_token: Option<String>,
    /// Whether the network must not be used.
    pub offline: bool,
}

/// Loads a text encoder by its name among the user's encoders, by its folder's path, or by its hub id `owner/name`.
///
/// # Errors
/// Where there is none, or it is damaged or of a kind that is not known. A pickle is refused unopened.
pub fn load(
    name: &str,
    locations: &Locations,
    device: Device,
) -> Result<Box<dyn TextEncoder>, EncoderError> {
    let folder = find(name, locations)?;
    if folder.join("weights.npz").exists() {
        return Ok(Box::new(use_multilingual::read(&folder, device)?));
    }
    refuse_pickle(&folder)?;
    let name = short_name(name);
    if model_type(&folder)?.as_deref() == Some("clip") {
        return Ok(Box::new(clip::read_text(&folder, &name, device)?));
    }
    Ok(Box::new(bert::read(&folder, &name, device)?))
}

/// Loads a picture encoder in the same way: a folder with `config.json` is CLIP, one without is MobileNetV2.
///
/// # Errors
/// As [`load`].
pub fn load_for_pictures(
    name: &str,
    locations: &Locations,
    device: Device,
) -> Result<Box<dyn PictureEncoder>, EncoderError> {
    let folder = find(name, locations)?;
    refuse_pickle(&folder)?;
    match model_type(&folder)?.as_deref() {
        Some("clip") => {
            let tower = clip::read_pictures(&folder, &short_name(name), device)?;
            Ok(Box::new(tower))
        }
        None if folder.join("model.safetensors").exists() => {
            Ok(Box::new(MobileNet::read(&folder, device)?))
        }
        other => Err(EncoderError::Unsupported {
            path: folder,
            reason: match other {
                Some(kind) => {
                    format!("`model_type` is `{kind}`, which has no vectors for pictures")
                }
                None => "holds no picture encoder".into(),
            },
        }),
    }
}

/// The folder of an encoder, fetched where it must be.
fn find(name: &str, locations: &Locations) -> Result<PathBuf, EncoderError> {
    let mut looked = Vec::new();
    if is_pickle(Path::new(name)) {
        return Err(EncoderError::Pickle { path: name.into() });
    }
    for folder in folders(name, locations) {
        if folder.is_dir() {
            return Ok(folder);
        }
        looked.push(format!("`{}`", folder.display()));
    }
    if let Some(id) = hub_id(name) {
        if let Some(folder) = hub::cached(id, locations)? {
            return Ok(folder);
        }
        looked.push(format!("the hub's cache for `{id}`"));
        if !locations.offline {
            return hub::fetched(id, locations);
        }
        looked.push("not on the hub, since the network must not be used".into());
    }
    Err(EncoderError::NotFound {
        name: name.into(),
        looked,
    })
}

fn refuse_pickle(folder: &Path) -> Result<(), EncoderError> {
    match pickle_in(folder) {
        Some(path) if !folder.join("model.safetensors").exists() => {
            Err(EncoderError::Pickle { path })
        }
        _ => Ok(()),
    }
}

/// What `config.json` says that the model is; `None` without that file.
fn model_type(folder: &Path) -> Result<Option<String>, EncoderError> {
    let config = sentence::json_of(&folder.join("config.json"))?;
    Ok(config.map(|config| config["model_type"].as_str().unwrap_or_default().to_owned()))
}

/// The folders that a name may mean.
fn folders(name: &str, locations: &Locations) -> Vec<PathBuf> {
    let path = Path::new(name);
    let is_plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let among_encoders = is_plain.then(|| locations.folder.join(path));
    // A bare word is a name first and a folder here second; anything with a slash is a path first.
    let is_bare = is_plain && path.components().count() == 1;
    let as_path = Some(path.to_path_buf());
    let both = if is_bare {
        [among_encoders, as_path]
    } else {
        [as_path, among_encoders]
    };
    both.into_iter().flatten().collect()
}

/// The last part of a name or path, fit to name a folder.
fn short_name(name: &str) -> String {
    let last = name
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(name);
    let fit = |letter: char| {
        if letter.is_ascii_alphanumeric() || "-_.".contains(letter) {
            letter
        } else {
            '-'
        }
    };
    last.to_lowercase().chars().map(fit).collect()
}

fn hub_id(name: &str) -> Option<&str> {
    if let Some((_, id)) = HUB_IDS.iter().find(|(short, _)| *short == name) {
        return Some(id);
    }
    let (owner, model) = name.split_once('/')?;
    let fits = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    (fits(owner) && fits(model)).then_some(name)
}

fn is_pickle(path: &Path) -> bool {
    let ending = path
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default()
        .to_lowercase();
    // A folder may be called `v1.bin`; what it holds decides.
    PICKLES.contains(&ending.as_str()) && !path.is_dir()
}

fn pickle_in(folder: &Path) -> Option<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths.into_iter().find(|path| is_pickle(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_owner_and_name_are_a_hub_id() {
        assert_eq!(hub_id("owner/name-1.5"), Some("owner/name-1.5"));
        assert_eq!(
            hub_id(ALL_MINILM_L6_V2),
            Some("sentence-transformers/all-MiniLM-L6-v2")
        );
        for name in [
            USE_MULTILINGUAL,
            "a/b/c",
            "../b",
            "a/..",
            "/a",
            "a/",
            "a b/c",
        ] {
            assert_eq!(hub_id(name), None, "{name}");
        }
    }

    #[test]
    fn a_short_name_is_fit_for_a_folder() {
        assert_eq!(short_name("owner/Tiny BERT"), "tiny-bert");
        assert_eq!(short_name("./models/mine/"), "mine");
    }
}
