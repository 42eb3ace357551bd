//! Where a server keeps what it is told: a database and a store of artifacts, as people name them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabasePlace {
    /// A SQLite file; made, with its folder, when it is not there.
    File(PathBuf),
    /// A database of a PostgreSQL server, `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`.
    Postgres(String),
}

/// Where artifacts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtifactsPlace {
    /// A folder; made when it is not there.
    Folder(PathBuf),
    /// A bucket of S3 or of a store that speaks its protocol, and what all names in it begin with.
    S3 {
        /// The bucket.
        bucket: String,
        /// Without slashes at its ends; may be empty.
        prefix: String,
    },
}

/// A place that is none of those known here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{place}` is not known here, only {known}")]
pub struct UnknownPlace {
    place: String,
    known: &'static str,
}

impl FromStr for DatabasePlace {
    type Err = UnknownPlace;

    fn from_str(text: &str) -> Result<Self, UnknownPlace> {
        match text.split_once("://") {
            None => Ok(Self::File(text.into())),
            Some(("postgresql" | "postgres", _)) => Ok(Self::Postgres(text.to_owned())),
            // As MLflow writes it: three slashes before a relative path, four before an absolute one.
            Some(("sqlite", path)) => Ok(Self::File(path.strip_prefix('/').unwrap_or(path).into())),
            Some((scheme, _)) => Err(UnknownPlace {
                place: format!("{scheme}://"),
                known: "a path of a SQLite file and `postgresql://`",
            }),
        }
    }
}

impl FromStr for ArtifactsPlace {
    type Err = UnknownPlace;

    fn from_str(text: &str) -> Result<Self, UnknownPlace> {
        let unknown = |place: &str| UnknownPlace {
            place: place.to_owned(),
            known: "a path of a folder and `s3://BUCKET/PREFIX`",
        };
        match text.split_once("://") {
            None => Ok(Self::Folder(text.into())),
            Some(("s3", rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    return Err(unknown(text));
                }
                Ok(Self::S3 {
                    bucket: bucket.to_owned(),
                    prefix: prefix.trim_matches('/').to_owned(),
                })
            }
            Some((scheme, _)) => Err(unknown(&format!("{scheme}://"))),
        }
    }
}

impl DatabasePlace {
    /// What tells one database from another without telling where it is; none while its file is not there.
    pub fn mark(&self) -> Option<String> {
        let place = match self {
            Self::File(path) => path.canonicalize().ok()?.display().to_string(),
            Self::Postgres(_) => self.to_string(),
        };
        let digest = Sha256::digest(place.as_bytes());
        Some(
            digest
                .iter()
                .take(8)
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

/// Without the password.
impl fmt::Display for DatabasePlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = match self {
            Self::File(path) => return path.display().fmt(out),
            Self::Postgres(uri) => uri,
        };
        let uri = uri.split_once('?').map_or(uri.as_str(), |(uri, _)| uri);
        let Some((scheme, rest)) = uri.split_once("://") else {
            return out.write_str("postgresql");
        };
        match rest.rsplit_once('@') {
            Some((who, place)) => {
                let user = who.split(':').next().unwrap_or_default();
                write!(out, "{scheme}://{user}@{place}")
            }
            None => write!(out, "{scheme}://{rest}"),
        }
    }
}

impl fmt::Debug for DatabasePlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl fmt::Display for ArtifactsPlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(out),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(out, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(out, "s3://{bucket}/{prefix}"),
        }
    }
}

macro_rules! from_paths {
    ($($place:ident $variant:ident),+) => {
        $(
            impl From<PathBuf> for $place {
                fn from(path: PathBuf) -> Self {
                    Self::$variant(path)
                }
            }
            impl From<&Path> for $place {
                fn from(path: &Path) -> Self {
                    Self::$variant(path.to_owned())
                }
            }
        )+
    };
}

from_paths!(DatabasePlace File, ArtifactsPlace Folder);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_a_file_or_postgresql() {
        let file = |path: &str| Ok(DatabasePlace::File(path.into()));
        assert_eq!("data/idiom.db".parse(), file("data/idiom.db"));
        assert_eq!("sqlite:///mlflow.db".parse(), file("mlflow.db"));
        assert_eq!("sqlite:////var/mlflow.db".parse(), file("/var/mlflow.db"));
        let uri = "postgresql://ada:a%40b:c@db.lab:5433/idiom?sslmode=require";
        let place: DatabasePlace = uri.parse().unwrap();
        assert_eq!(place, DatabasePlace::Postgres(uri.to_owned()));
        let wrong = "mysql://lab/idiom".parse::<DatabasePlace>().unwrap_err();
        assert!(wrong.to_string().contains("`mysql://`"), "{wrong}");
    }

    #[test]
    fn one_file_has_one_mark_by_whatever_path() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| DatabasePlace::from(folder.path().join(name));
        assert_eq!(place("a.db").mark(), None);
        std::fs::write(folder.path().join("a.db"), "").unwrap();
        std::fs::write(folder.path().join("b.db"), "").unwrap();
        let mark = place("a.db").mark().unwrap();
        assert_eq!(place("./a.db").mark().unwrap(), mark);
        assert_ne!(place("b.db").mark().unwrap(), mark);
    }

    #[test]
    fn a_password_is_never_shown() {
        for (uri, shown) in [
            (
                "postgresql://ada:secret@lab:5433/idiom",
                "postgresql://ada@lab:5433/idiom",
            ),
            (
                "postgres://ada:sec@ret@lab/idiom",
                "postgres://ada@lab/idiom",
            ),
            (
                "postgresql://lab/idiom?password=secret",
                "postgresql://lab/idiom",
            ),
            ("postgresql:///idiom", "postgresql:///idiom"),
        ] {
            let place: DatabasePlace = uri.parse().unwrap();
            assert_eq!(place.to_string(), shown);
            assert_eq!(format!("{place:?}"), shown);
        }
    }

    #[test]
    fn artifacts_are_in_a_folder_or_a_bucket() {
        let bucket = |bucket: &str, prefix: &str| {
            let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
            Ok(ArtifactsPlace::S3 { bucket, prefix })
        };
        assert_eq!("s3://lab".parse(), bucket("lab", ""));
        assert_eq!("s3://lab/a/b/".parse(), bucket("lab", "a/b"));
        assert_eq!(
            "data/a".parse(),
            Ok(ArtifactsPlace::Folder("data/a".into()))
        );
        for wrong in ["s3://", "s3:///a", "gs://lab"] {
            assert!(wrong.parse::<ArtifactsPlace>().is_err(), "{wrong}");
        }
    }
}
