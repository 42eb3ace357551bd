//! `idiom schema`: the JSON Schema of the files that people write, for their editors.

use crate::arguments::Kind;

/// The schema's text.
pub(super) fn schema(kind: Kind) -> String {
    let text = match kind {
        Kind::Experiment => idiom_spec::schema::experiment(),
        Kind::Pipeline => idiom_spec::schema::pipeline(),
    };
    text.trim_end().to_owned()
}
