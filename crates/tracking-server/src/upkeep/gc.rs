//! Taking away for good what was deleted long ago: runs and models with their artifacts, then experiments that are empty.
//!
//! Files go first: when it is cut short, what is left is found again the next time.

use std::time::Duration;

use super::{Holdings, Say, UpkeepError};
use crate::artifacts::{ArtifactError, ArtifactPath};
use crate::store::{Deleted, Forget, now};

/// What to do with what was deleted.
pub(super) enum Action {
    List,
    Delete,
}

pub(super) async fn clean(
    holdings: &Holdings,
    age: Duration,
    action: Action,
    say: Say<'_>,
) -> Result<(), UpkeepError> {
    let millis = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    let found = holdings
        .store
        .deleted_before(now().saturating_sub(millis))
        .await;
    let found = found.map_err(UpkeepError::stuck(
        &holdings.db,
        "what was deleted cannot be listed",
    ))?;
    let count = found.len();
    for deleted in found {
        let Deleted { kind, id, name, .. } = &deleted;
        let line = format!("{}\t{id}\t{name}", kind.word());
        match action {
            Action::List => say(&format!("would go\t{line}")),
            Action::Delete => {
                forget(holdings, deleted).await?;
                say(&format!("gone\t{line}"));
            }
        }
    }
    match (count, action) {
        (0, _) => say("nothing was deleted that long ago"),
        (_, Action::List) => say(&format!(
            "{count} deleted things would go for good; `--delete` takes them away"
        )),
        (_, Action::Delete) => {}
    }
    Ok(())
}

async fn forget(holdings: &Holdings, deleted: Deleted) -> Result<(), UpkeepError> {
    let what = format!("{} {}", deleted.kind.word(), deleted.id);
    if let Some(uri) = &deleted.artifact_uri {
        let removed = remove_files(holdings, uri).await;
        removed.map_err(UpkeepError::stuck(&what, "its artifacts cannot be removed"))?;
    }
    let forgotten = holdings.store.write(Forget(deleted)).await;
    forgotten.map_err(UpkeepError::stuck(&what, "it cannot be removed"))
}

/// Artifacts in another store are not ours to remove, and none at all are fine.
async fn remove_files(holdings: &Holdings, uri: &str) -> Result<(), ArtifactError> {
    let Ok(path) = ArtifactPath::of_uri(uri) else {
        return Ok(());
    };
    let listed = holdings.artifacts.list(&path, &path).await;
    if listed.is_ok_and(|files| files.is_empty()) {
        return Ok(());
    }
    holdings.artifacts.delete(&path).await
}
