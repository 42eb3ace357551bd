//! Files that come in parts: kept aside under names no client can ask for, put together when all are there.
//!
//! What was begun over a day ago and never ended is cleared away when the next upload begins.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt};
use idiom_tracking_api::ApiError;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};
use uuid::Uuid;

use super::path::UPLOADS_FOLDER;
use super::{ArtifactError, ArtifactPath, Artifacts};

/// How long an upload may take.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// An upload that has begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upload(Uuid);

impl Upload {
    /// The upload a client names.
    pub(crate) fn parse(id: &str) -> Result<Self, ApiError> {
        Uuid::try_parse(id)
            .map(Self)
            .map_err(|_| ApiError::missing(format!("No such upload: '{id}'")))
    }

    /// What names it.
    pub(crate) fn id(&self) -> String {
        self.0.simple().to_string()
    }

    fn folder(&self) -> Key {
        Key::from_iter([UPLOADS_FOLDER, &self.id()])
    }

    fn part(&self, number: i64) -> ArtifactPath {
        ArtifactPath::of_key(self.folder().join(format!("{number:05}")))
    }
}

impl Artifacts {
    /// Begins an upload.
    pub(crate) async fn begin_upload(&self) -> Result<Upload, ArtifactError> {
        self.clear_left().await?;
        Ok(Upload(Uuid::new_v4()))
    }

    /// Keeps a part; what marks its bytes.
    pub(crate) async fn put_part<E>(
        &self,
        upload: &Upload,
        number: i64,
        bytes: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<String, ArtifactError> {
        let part = upload.part(number);
        self.put(&part, bytes).await?;
        Ok(self.about(&part).await?.e_tag.unwrap_or_default())
    }

    /// Puts the parts, each with its mark, together at `path` in the order given, and forgets them.
    pub(crate) async fn complete_upload(
        &self,
        upload: &Upload,
        parts: &[(i64, String)],
        path: &ArtifactPath,
    ) -> Result<(), ArtifactError> {
        if parts.is_empty() {
            return Err(ApiError::invalid("an upload has at least one part").into());
        }
        if let Some(twice) = parts.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(ApiError::invalid(format!("part {} is named twice", twice[0].0)).into());
        }
        for (number, mark) in parts {
            self.check_part(upload, *number, mark).await?;
        }
        let keys = parts.iter().map(|(number, _)| upload.part(*number));
        let keys = keys.map(|part| part.key().clone()).collect();
        let bytes = one_after_another(self.store.clone(), keys);
        self.put(path, bytes).await?;
        self.end_upload(upload).await
    }

    async fn check_part(
        &self,
        upload: &Upload,
        number: i64,
        mark: &str,
    ) -> Result<(), ArtifactError> {
        let lacks = || ApiError::invalid(format!("part {number} of the upload is not there"));
        let found = self.store.head(upload.part(number).key()).await;
        let found = found.map_err(|error| match error {
            object_store::Error::NotFound { .. } => lacks().into(),
            other => ArtifactError::from(other),
        })?;
        if !mark.is_empty() && found.e_tag.as_deref().is_some_and(|own| own != mark) {
            let message = format!("part {number} of the upload is another one by now");
            return Err(ApiError::invalid(message).into());
        }
        Ok(())
    }

    /// Forgets the parts of an upload; one that has none is ended too.
    pub(crate) async fn end_upload(&self, upload: &Upload) -> Result<(), ArtifactError> {
        let parts: Vec<Key> = self
            .store
            .list(Some(&upload.folder()))
            .map_ok(|file| file.location)
            .try_collect()
            .await?;
        self.remove(parts).await
    }

    async fn clear_left(&self) -> Result<(), ArtifactError> {
        let since = SystemTime::now() - PATIENCE;
        let left: Vec<Key> = self
            .store
            .list(Some(&Key::from(UPLOADS_FOLDER)))
            .try_filter(|file| std::future::ready(SystemTime::from(file.last_modified) < since))
            .map_ok(|file| file.location)
            .try_collect()
            .await?;
        self.remove(left).await
    }
}

/// The bytes of some files as one stream; each is opened once the one before it has ended.
fn one_after_another(
    store: Arc<dyn ObjectStore>,
    keys: Vec<Key>,
) -> BoxStream<'static, object_store::Result<Bytes>> {
    futures_util::stream::iter(keys)
        .then(move |key| {
            let store = store.clone();
            async move { store.get(&key).await.map(|found| found.into_stream()) }
        })
        .try_flatten()
        .boxed()
}
