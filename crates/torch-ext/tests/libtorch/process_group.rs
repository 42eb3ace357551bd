//! Two processes that sum: the second one is this very program.

use idiom_torch_ext::{ProcessGroup, Rendezvous, TorchError};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tch::{Cuda, Device, Kind, Tensor};

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn place(rank: usize, port: u16) -> Rendezvous {
    Rendezvous {
        host: "127.0.0.1".to_owned(),
        port,
        rank,
        n_ranks: 2,
        join_timeout: Duration::from_secs(60),
        answer_timeout: Duration::from_secs(20),
    }
}

fn second(what: &str, port: u16) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", &format!("process_group::{what}")])
        .env("TEST_PORT", port.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn joined_as_second() -> ProcessGroup {
    let port = std::env::var("TEST_PORT").unwrap().parse().unwrap();
    ProcessGroup::join(&place(1, port)).unwrap()
}

fn check(group: &ProcessGroup, device: Device) {
    let ones = Tensor::ones([2, 3], (Kind::Float, device));
    let rank = group.rank() as f64;
    let pair = Tensor::from_slice(&[rank as f32, f32::NAN]).to_device(device);
    let means = group.mean(&[&ones * (1.0 + 2.0 * rank), pair]).unwrap();
    assert_eq!(means[0], &ones * 2.0);
    assert_eq!(means[1].device(), device);
    assert_eq!(means[1].double_value(&[0]), 0.5);
    assert!(means[1].double_value(&[1]).is_nan());
    let rows = group.rows_of_all(&(&ones * rank)).unwrap();
    assert_eq!(rows, Tensor::cat(&[&ones * 0.0, ones], 0));
    let numbers = group.mean_numbers(&[group.rank() as f64, 0.25]).unwrap();
    assert_eq!(numbers, [0.5, 0.25]);
    let own = format!("of {}", group.rank());
    assert_eq!(group.words_of_first("who", &own).unwrap(), "of 0");
}

#[test]
fn two_processes_know_their_means_and_the_words_of_the_first() {
    let port = free_port();
    let mut other = second("the_second_of_two", port);
    let group = ProcessGroup::join(&place(0, port)).unwrap();
    check(&group, Device::Cpu);
    drop(group);
    assert!(other.wait().unwrap().success());
}

#[test]
#[ignore = "the second process of the test above"]
fn the_second_of_two() {
    check(&joined_as_second(), Device::Cpu);
}

/// Without two GPUs a line says so: no program is missing, so nothing fails where everything is required.
#[test]
#[allow(clippy::print_stdout, reason = "a skipped test says so in one line")]
fn two_gpus_sum_where_they_are() {
    if Cuda::device_count() < 2 {
        println!("skipped: two_gpus_sum_where_they_are needs two GPUs");
        return;
    }
    let port = free_port();
    let mut other = second("the_second_gpu", port);
    let group = ProcessGroup::join(&place(0, port)).unwrap();
    check(&group, Device::Cuda(0));
    drop(group);
    assert!(other.wait().unwrap().success());
}

#[test]
#[ignore = "the second process of the test above"]
fn the_second_gpu() {
    check(&joined_as_second(), Device::Cuda(1));
}

#[test]
fn a_process_that_is_gone_is_told_and_not_waited_for() {
    let port = free_port();
    let mut other = second("one_that_goes", port);
    let group = ProcessGroup::join(&place(0, port)).unwrap();
    let error = std::iter::repeat_with(|| group.mean_numbers(&[1.0]))
        .find_map(Result::err)
        .unwrap();
    assert!(matches!(error, TorchError::Group(_)), "{error}");
    assert!(error.hint().unwrap().contains("idiom resume"), "{error}");
    other.wait().unwrap();
}

#[test]
#[ignore = "the second process of the test above"]
fn one_that_goes() {
    let group = joined_as_second();
    group.mean_numbers(&[1.0]).unwrap();
    drop(group);
}
