//! The project's own experiment files: what each of them asks for can be had.

use idiom_spec::experiment::Experiment;
use std::path::Path;

#[test]
fn every_experiment_file_has_networks_that_fit_and_terms_that_go_together() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments");
    let files = std::fs::read_dir(folder).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let files: Vec<_> = files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    assert!(files.len() > 10);
    for file in files {
        let experiment = idiom_spec::load::<Experiment>(&file, &[]).unwrap().value;
        let checked = idiom_train::check(&experiment);
        assert!(
            checked.is_ok(),
            "{}: {}",
            file.display(),
            checked.unwrap_err()
        );
    }
}
