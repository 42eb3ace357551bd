//! Files that runs keep: pictures, checkpoints, configs. Bytes to us, whatever they are.
//!
//! A file appears whole or not at all: in a folder it is written beside its place, flushed to the disk, and renamed; S3
//! itself shows an object when all of it is there. Paths from clients are checked in [`path`]; which files a browser may
//! show stands in [`media`]; files that come in parts are put together in [`uploads`].
//!
//! Not here: HTTP; whose run a path belongs to.

mod media;
mod path;
mod uploads;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use idiom_tracking_api::{ApiError, FileInfo};
use object_store::aws::AmazonS3Builder;
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{GetOptions, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::io::AsyncWriteExt;

pub(crate) use media::Media;
pub(crate) use path::ArtifactPath;
pub(crate) use uploads::Upload;

use crate::{ArtifactsPlace, ServerError};

/// Larger files are written in parts of this size.
const PART_BYTES: usize = 8 << 20;
/// How long a store that is elsewhere may take to answer at the start.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why an artifact was not read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArtifactError {
    /// The request is at fault.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// Larger than this server takes.
    #[error("an artifact may have at most {limit} bytes")]
    TooLarge {
        /// Bytes.
        limit: u64,
    },
    /// The sender went away.
    #[error("the upload broke off")]
    Interrupted,
    /// The disk failed.
    #[error("the store of artifacts failed")]
    Storage(object_store::Error),
}

impl From<object_store::Error> for ArtifactError {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error;
        match &error {
            Error::NotFound { .. } => Self::Refused(ApiError::missing("No such artifact")),
            Error::InvalidPath { .. } => Self::Refused(ApiError::invalid("Invalid path")),
            _ if is_folder_clash(&error) => Self::Refused(ApiError::invalid(
                "Invalid path: part of it is a file, or it is a folder",
            )),
            _ => Self::Storage(error),
        }
    }
}

/// Whether a path asks for a file inside a file, or for a folder's bytes.
fn is_folder_clash(error: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind;
    let clashes = [
        ErrorKind::NotADirectory,
        ErrorKind::IsADirectory,
        ErrorKind::AlreadyExists,
    ];
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| clashes.contains(&error.kind()))
        {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The store of artifacts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Artifacts {
    store: Arc<dyn ObjectStore>,
    max_bytes: u64,
}

impl Artifacts {
    /// Opens the store; a folder is made first.
    pub(crate) fn open(place: &ArtifactsPlace, max_bytes: u64) -> Result<Self, ServerError> {
        let store = match place {
            ArtifactsPlace::Folder(folder) => {
                std::fs::create_dir_all(folder).map_err(|source| ServerError::Folder {
                    path: folder.to_owned(),
                    source,
                })?;
                local(folder)
            }
            ArtifactsPlace::S3 { bucket, prefix } => s3(bucket, prefix),
        };
        let store = store.map_err(|source| ServerError::Artifacts {
            place: place.clone(),
            source,
        })?;
        Ok(Self { store, max_bytes })
    }

    /// Whether a store that is elsewhere answers, so that a wrong key or bucket is told at the start.
    pub(crate) async fn check(&self, place: &ArtifactsPlace) -> Result<(), ServerError> {
        let ArtifactsPlace::S3 { .. } = place else {
            return Ok(());
        };
        let mut listed = self.store.list(None);
        let first = tokio::time::timeout(PATIENCE, listed.try_next()).await;
        let refused = |source| ServerError::Artifacts {
            place: place.clone(),
            source,
        };
        match first {
            Ok(listed) => listed.map(drop).map_err(refused),
            Err(late) => Err(refused(object_store::Error::Generic {
                store: "S3",
                source: late.into(),
            })),
        }
    }

    /// Writes a file out of its parts; it is on disk when this returns.
    pub(crate) async fn put<E>(
        &self,
        path: &ArtifactPath,
        parts: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<(), ArtifactError> {
        let mut writer =
            BufWriter::with_capacity(self.store.clone(), path.key().clone(), PART_BYTES);
        if let Err(error) = self.write_parts(&mut writer, parts).await {
            // Nothing was renamed into place; this clears what was written beside it.
            let _nothing_to_clear = writer.abort().await;
            return Err(error);
        }
        writer.shutdown().await.map_err(storage)
    }

    async fn write_parts<E>(
        &self,
        writer: &mut BufWriter,
        parts: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<(), ArtifactError> {
        let mut parts = std::pin::pin!(parts);
        let mut written = 0;
        while let Some(part) = parts.next().await {
            let part = part.map_err(|_| ArtifactError::Interrupted)?;
            written += part.len() as u64;
            self.check_size(written)?;
            writer.put(part).await?;
        }
        Ok(())
    }

    /// Refuses a file of more bytes than the limit.
    pub(crate) fn check_size(&self, bytes: u64) -> Result<(), ArtifactError> {
        if bytes > self.max_bytes {
            Err(ArtifactError::TooLarge {
                limit: self.max_bytes,
            })
        } else {
            Ok(())
        }
    }

    /// A file, or a part of it; nothing when it is the one the asker has already.
    pub(crate) async fn get(
        &self,
        path: &ArtifactPath,
        options: GetOptions,
    ) -> Result<Option<GetResult>, ArtifactError> {
        match self.store.get_opts(path.key(), options).await {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotModified { .. }) => Ok(None),
            Err(error) => Err(named(path, error)),
        }
    }

    /// What a file is, without its bytes.
    pub(crate) async fn about(&self, path: &ArtifactPath) -> Result<ObjectMeta, ArtifactError> {
        self.store
            .head(path.key())
            .await
            .map_err(|error| named(path, error))
    }

    /// Files and folders in a folder, by name, with paths relative to `from`.
    pub(crate) async fn list(
        &self,
        folder: &ArtifactPath,
        from: &ArtifactPath,
    ) -> Result<Vec<FileInfo>, ArtifactError> {
        let listed = self.store.list_with_delimiter(Some(folder.key())).await?;
        let folders = listed.common_prefixes.into_iter().map(|path| (path, None));
        let files = listed
            .objects
            .into_iter()
            .map(|file| (file.location, Some(file.size)));
        let mut all: Vec<FileInfo> = folders
            .chain(files)
            .filter_map(|(path, size)| {
                let path = from.relative(&path)?;
                if path == path::UPLOADS_FOLDER {
                    return None;
                }
                Some(FileInfo {
                    path,
                    is_dir: size.is_none(),
                    file_size: size.and_then(|size| i64::try_from(size).ok()),
                })
            })
            .collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(all)
    }

    /// Files and folders in a folder of a run, with paths from the run's root.
    pub(crate) async fn list_run(
        &self,
        artifact_uri: &str,
        folder: &str,
    ) -> Result<Vec<FileInfo>, ArtifactError> {
        let root = ArtifactPath::of_uri(artifact_uri)?;
        let folder = if folder.is_empty() {
            root.clone()
        } else {
            root.join(folder)?
        };
        self.list(&folder, &root).await
    }

    /// All files of the store.
    pub(crate) async fn all(&self) -> Result<Vec<ObjectMeta>, ArtifactError> {
        Ok(self.store.list(None).try_collect().await?)
    }

    /// A file that [`Self::all`] listed.
    pub(crate) async fn open_file(&self, file: &ObjectMeta) -> Result<GetResult, ArtifactError> {
        Ok(self.store.get(&file.location).await?)
    }

    /// Removes a file, or a folder with all that is in it.
    pub(crate) async fn delete(&self, path: &ArtifactPath) -> Result<(), ArtifactError> {
        let mut doomed: Vec<Key> = self
            .store
            .list(Some(path.key()))
            .map_ok(|file| file.location)
            .try_collect()
            .await?;
        if doomed.is_empty() {
            // S3 has nothing against deleting what is not there.
            self.about(path).await?;
            doomed.push(path.key().clone());
        }
        self.remove(doomed).await
    }

    async fn remove(&self, doomed: Vec<Key>) -> Result<(), ArtifactError> {
        let doomed = futures_util::stream::iter(doomed).map(Ok).boxed();
        let mut gone = self.store.delete_stream(doomed);
        while gone.try_next().await?.is_some() {}
        Ok(())
    }
}

fn local(folder: &Path) -> object_store::Result<Arc<dyn ObjectStore>> {
    Ok(Arc::new(
        LocalFileSystem::new_with_prefix(folder)?.with_fsync(true),
    ))
}

/// Region, credentials and endpoint come from the `AWS_` variables, as for all programs that use S3.
fn s3(bucket: &str, prefix: &str) -> object_store::Result<Arc<dyn ObjectStore>> {
    let store = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .build()?;
    Ok(Arc::new(PrefixStore::new(store, Key::parse(prefix)?)))
}

/// The error of a path that is not there names it as the asker wrote it.
fn named(path: &ArtifactPath, error: object_store::Error) -> ArtifactError {
    match error {
        object_store::Error::NotFound { .. } => {
            ApiError::missing(format!("No such artifact: '{}'", path.key())).into()
        }
        other => other.into(),
    }
}

fn storage(error: std::io::Error) -> ArtifactError {
    match error.downcast::<object_store::Error>() {
        Ok(error) => error.into(),
        Err(error) => object_store::Error::Generic {
            store: "artifacts",
            source: Box::new(error),
        }
        .into(),
    }
}
