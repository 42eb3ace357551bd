//! What a save promises, with a two-tensor state.

use std::cell::RefCell;

use super::*;

fn state(images_seen: u64) -> (Progress, TensorSets) {
    let tensor = Tensor::from_slice(&[images_seen as f32, 0.5]);
    let settings = BTreeMap::from([("train.seed".to_owned(), "1".to_owned())]);
    let tensors = TensorSets::from([("generator".to_owned(), vec![("w".to_owned(), tensor)])]);
    (
        Progress {
            images_seen,
            rate_scale: 1.0,
            settings,
        },
        tensors,
    )
}

fn saved(folder: &Path, images_seen: u64) -> PathBuf {
    let (progress, tensors) = state(images_seen);
    save(folder, &progress, &tensors).unwrap()
}

fn newest(folder: &Path) -> (u64, Vec<String>) {
    let warnings = RefCell::new(Vec::new());
    let saved = load_newest(folder, &|warning| warnings.borrow_mut().push(warning)).unwrap();
    (saved.progress.images_seen, warnings.into_inner())
}

#[test]
fn what_was_saved_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path(), 96);
    let back = load_newest(folder.path(), &|warning| panic!("{warning}")).unwrap();
    let (progress, tensors) = state(96);
    assert_eq!(back.progress, progress);
    assert_eq!(back.tensors, tensors);
}

#[test]
fn equal_states_leave_equal_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (
        saved(&folder.path().join("a"), 8),
        saved(&folder.path().join("b"), 8),
    );
    for file in ["checkpoint.json", "generator.safetensors"] {
        assert_eq!(
            fs::read(one.join(file)).unwrap(),
            fs::read(other.join(file)).unwrap()
        );
    }
}

#[test]
fn a_flipped_bit_in_the_newest_is_warned_of_and_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path(), 8);
    let newest_save = saved(folder.path(), 16).join("generator.safetensors");
    let mut bytes = fs::read(&newest_save).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&newest_save, bytes).unwrap();
    let (images_seen, warnings) = newest(folder.path());
    assert_eq!(images_seen, 8);
    assert_eq!(warnings.len(), 1);
}

#[test]
fn where_all_are_damaged_nothing_begins_from_zero() {
    let folder = tempfile::tempdir().unwrap();
    fs::remove_file(saved(folder.path(), 8).join("checkpoint.json")).unwrap();
    let error = load_newest(folder.path(), &|_| {}).unwrap_err();
    assert!(matches!(error, TrainError::AllDamaged { .. }), "{error}");
}

#[test]
fn an_unfinished_save_is_not_a_save() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path(), 8);
    fs::rename(
        saved(folder.path(), 16),
        folder.path().join("images-000000016.tmp"),
    )
    .unwrap();
    assert_eq!(newest(folder.path()), (8, Vec::new()));
    // Its remains do not stand in the way of the same save.
    saved(folder.path(), 16);
    assert_eq!(newest(folder.path()).0, 16);
}

#[test]
fn only_saves_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    for images_seen in [8, 16, 24] {
        saved(folder.path(), images_seen);
    }
    for kept in ["images-mine", "images-8", "notes"] {
        fs::create_dir(folder.path().join(kept)).unwrap();
    }
    prune(folder.path(), 1).unwrap();
    assert_eq!(list(folder.path()).unwrap(), [24]);
    assert!(
        ["images-mine", "images-8", "notes"]
            .iter()
            .all(|kept| folder.path().join(kept).exists())
    );
}

#[test]
fn a_folder_that_cannot_be_written_gives_one_error_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("checkpoints");
    fs::write(&in_the_way, "a file").unwrap();
    let (progress, tensors) = state(8);
    let error = save(&in_the_way, &progress, &tensors)
        .unwrap_err()
        .to_string();
    assert!(error.contains("checkpoints"), "{error}");
}
