//! A judge must have had no part in what it judges.

use crate::EvaluateError;
use std::path::Path;

/// Files in which a run says what it was made with.
const SAYINGS: [&str; 3] = ["experiment.yaml", "run.json", "model/config.json"];

/// Refuses a judge whose hash, or whose run's name, stands in the run's own files.
///
/// # Errors
/// It stands there.
pub fn check_independent(
    run: &Path,
    judge_sha256: &str,
    judge_run: &str,
) -> Result<(), EvaluateError> {
    for file in SAYINGS {
        // A file that is not there says nothing.
        let text = std::fs::read_to_string(run.join(file)).unwrap_or_default();
        if text.contains(judge_sha256) || (!judge_run.is_empty() && text.contains(judge_run)) {
            return Err(EvaluateError::PartialJudge {
                run: run.to_owned(),
                sha256: judge_sha256.to_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_that_stands_in_the_runs_configuration_is_refused() {
        let run = tempfile::tempdir().unwrap();
        std::fs::write(run.path().join("experiment.yaml"), "encoder: abc123\n").unwrap();
        let error = check_independent(run.path(), "abc123", "judge-1").unwrap_err();
        assert!(error.to_string().starts_with("the judge abc123 stands in"));
        assert!(error.hint().is_some());
        assert!(check_independent(run.path(), "def456", "judge-1").is_ok());
        std::fs::write(run.path().join("run.json"), "{\"from\": \"judge-1\"}").unwrap();
        assert!(check_independent(run.path(), "def456", "judge-1").is_err());
    }
}
