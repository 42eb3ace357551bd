//! Two processes that sum: the second one is this very program.

use idiom_torch_ext::{ProcessGroup, Rendezvous, TorchError};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tch::{Device, Kind, Tensor};

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

fn tensors(rank: usize) -> [Tensor; 2] {
    let ones = Tensor::ones([2, 3], (Kind::Float, Device::Cpu));
    [
        ones * (1.0 + 2.0 * rank as f64),
        Tensor::from_slice(&[rank as f32, f32::NAN]),
    ]
}

fn check(group: &ProcessGroup) {
    let means = group.mean(&tensors(group.rank())).unwrap();
    assert_eq!(
        means[0],
        Tensor::ones([2, 3], (Kind::Float, Device::Cpu)) * 2.0
    );
    assert_eq!(means[1].double_value(&[0]), 0.5);
    assert!(means[1].double_value(&[1]).is_nan());
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
    check(&group);
    drop(group);
    assert!(other.wait().unwrap().success());
}

#[test]
#[ignore = "the second process of the test above"]
fn the_second_of_two() {
    check(&joined_as_second());
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
