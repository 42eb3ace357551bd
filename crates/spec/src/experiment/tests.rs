//! What an experiment file may and may not say.

use garde::Validate;

use super::*;

fn parse(yaml: &str) -> Result<Experiment, String> {
    let experiment: Experiment = serde_yaml::from_str(yaml).map_err(|error| error.to_string())?;
    experiment.validate().map_err(|report| report.to_string())?;
    Ok(experiment)
}

fn check_message(yaml: &str, expected: &str) {
    let message = parse(&format!("name: a\ndataset: d\n{yaml}")).expect_err("must be refused");
    assert!(message.contains(expected), "{message:?} lacks {expected:?}");
}

#[test]
fn two_lines_are_an_experiment() {
    let experiment = parse("name: a\ndataset: d\n").unwrap();
    assert_eq!(experiment.train, Train::default());
    assert_eq!(experiment.resolution, 64);
}

#[test]
fn a_partly_given_optimizer_leaves_the_other_alone() {
    let experiment =
        parse("name: a\ndataset: d\noptimizer: {discriminator: {learning_rate: 0.01}}\n").unwrap();
    assert_eq!(experiment.optimizer.generator.learning_rate, 1e-3);
    assert_eq!(experiment.optimizer.discriminator.learning_rate, 0.01);
}

#[test]
fn an_optimizer_without_a_step_size_is_refused() {
    check_message(
        "optimizer: {generator: {beta2: 0.9}}",
        "missing field `learning_rate`",
    );
}

#[test]
fn a_rate_above_one_is_refused_with_its_range() {
    check_message(
        "optimizer: {generator: {learning_rate: 20}}",
        "optimizer.generator.learning_rate: is 20, but must be above 0 and at most 1",
    );
}

#[test]
fn nan_is_refused() {
    check_message("captions: {noise: .nan}", "captions.noise: is NaN");
}

#[test]
fn a_batch_that_is_no_multiple_of_four_is_refused() {
    check_message(
        "train: {batch_size: 30}",
        "train.batch_size: is 30, but must be a multiple of 4",
    );
}

#[test]
fn a_name_that_is_no_folder_name_is_refused() {
    let message = parse("name: ../a\ndataset: d\n").expect_err("must be refused");
    assert!(message.contains("must be 1 to 64 letters"), "{message}");
}

#[test]
fn an_unknown_key_is_refused() {
    check_message("train: {epochs: 3}", "epochs");
}

#[test]
fn devices_are_read_and_written_alike() {
    let experiment = parse("name: a\ndataset: d\ntrain: {device: \"cuda:2\"}\n").unwrap();
    assert_eq!(experiment.train.device, DeviceChoice::Cuda(2));
    let text = serde_yaml::to_string(&experiment).unwrap();
    assert!(text.contains("cuda:2"), "{text}");
    check_message(
        "train: {device: tpu}",
        "is `tpu`, but must be `auto`, `cpu`, `cuda` or `cuda:N`",
    );
}

#[test]
fn the_resolved_file_reads_back_as_itself() {
    let experiment = parse("name: a\ndataset: d\n").unwrap();
    assert_eq!(
        parse(&serde_yaml::to_string(&experiment).unwrap()).unwrap(),
        experiment
    );
}

#[test]
fn a_batch_is_not_cut_within_its_groups_of_four() {
    check_message(
        "train: {batch_size: 24, accumulate: 4}",
        "train.accumulate: is 4, but must cut the batch of 24 into multiples of 4",
    );
}

#[test]
fn a_key_of_another_task_is_found_and_one_left_out_is_not() {
    let given = "name: a\ndataset: d\ntask: restyle\ngenerator: {latent_dim: 4}\nwarm_start: null\n\
                 train: {seed: 2, accumulate: 2}\nrestyle: {gamma: 1.0}\n";
    let value: serde_yaml::Value = serde_yaml::from_str(given).unwrap();
    let experiment: Experiment = serde_yaml::from_str(given).unwrap();
    assert_eq!(
        experiment.foreign_keys(&value),
        ["generator", "train.accumulate"]
    );
}
