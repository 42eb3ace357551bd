//! Names of logged pictures, as MLflow's `log_image` makes them, so that its UI shows ours and ours shows its.
//!
//! `images/KEY+step+N+timestamp+MS+UUID.png`, where a `/` in the key is written `~`. MLflow before 2.22 wrote `%` and
//! `#` instead; those are read too. A smaller copy for thumbnails ends in `+compressed.webp`.

use std::fmt;

/// The folder of logged pictures among a run's artifacts.
pub const IMAGES_FOLDER: &str = "images";
/// A run with logged pictures carries this tag with the value `True`.
pub const LOGGED_IMAGES_TAG: &str = "mlflow.loggedImages";

/// What the name of a logged picture says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    /// The series, e.g. `samples`; may hold slashes.
    pub key: String,
    /// Where on the x axis.
    pub step: i64,
    /// In milliseconds since 1970.
    pub timestamp: i64,
    /// Tells apart pictures of one key, step and time.
    pub uuid: String,
    /// Whether this is the smaller copy.
    pub compressed: bool,
    /// The file's ending, e.g. `png`.
    pub extension: String,
}

/// Whether MLflow allows this series name: letters, digits, `_ - . /` and spaces.
pub fn is_image_key(key: &str) -> bool {
    let allowed =
        |character: char| character.is_ascii_alphanumeric() || "_-./ ".contains(character);
    !key.is_empty() && key.chars().all(allowed)
}

impl ImageName {
    /// Reads a file name (without its folder); `None` when it is no logged picture's.
    pub fn parse(file_name: &str) -> Option<Self> {
        ['+', '%']
            .iter()
            .find_map(|delimiter| Self::parse_delimited(file_name, *delimiter))
    }

    fn parse_delimited(file_name: &str, delimiter: char) -> Option<Self> {
        let (stem, extension) = file_name.rsplit_once('.')?;
        let suffix = format!("{delimiter}compressed");
        let (stem, compressed) = match stem.strip_suffix(suffix.as_str()) {
            Some(stem) => (stem, true),
            None => (stem, false),
        };
        let (rest, uuid) = stem.rsplit_once(delimiter)?;
        let (rest, timestamp) = rest.rsplit_once(&format!("{delimiter}timestamp{delimiter}"))?;
        let (key, step) = rest.rsplit_once(&format!("{delimiter}step{delimiter}"))?;
        Some(Self {
            key: key.replace(['~', '#'], "/"),
            step: step.parse().ok()?,
            timestamp: timestamp.parse().ok()?,
            uuid: uuid.to_owned(),
            compressed,
            extension: extension.to_owned(),
        })
    }

    /// The artifact path: the folder and the name.
    pub fn artifact_path(&self) -> String {
        format!("{IMAGES_FOLDER}/{self}")
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            step,
            timestamp,
            uuid,
            compressed,
            extension,
        } = self;
        let compressed = if *compressed { "+compressed" } else { "" };
        write!(
            out,
            "{}+step+{step}+timestamp+{timestamp}+{uuid}{compressed}.{extension}",
            key.replace('/', "~")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Names as mlflow 3.17.2 and 2.9 wrote them.
    const NEW: &str =
        "val~dogs+step+-3+timestamp+1700000000000+6cb2b6f2-4cb5-4d0c-b1a2-0a8d2f4dd1c3.png";
    const OLD: &str = "val#dogs%step%3%timestamp%1700000000000%6cb2b6f2-4cb5-4d0c-b1a2-0a8d2f4dd1c3%compressed.webp";

    #[test]
    fn mlflows_names_are_read_and_written() {
        let name = ImageName::parse(NEW).unwrap();
        assert_eq!(
            (name.key.as_str(), name.step, name.timestamp),
            ("val/dogs", -3, 1_700_000_000_000)
        );
        assert_eq!(name.artifact_path(), format!("images/{NEW}"));
    }

    #[test]
    fn names_of_older_mlflow_are_read() {
        let name = ImageName::parse(OLD).unwrap();
        assert_eq!(
            (name.key.as_str(), name.step, name.compressed),
            ("val/dogs", 3, true)
        );
    }

    #[test]
    fn other_files_are_no_logged_pictures() {
        assert_eq!(ImageName::parse("grid.png"), None);
        assert_eq!(ImageName::parse("a+step+x+timestamp+1+u.png"), None);
    }
}
