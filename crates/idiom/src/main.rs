//! The binary: arguments, environment, signals, what is printed, and the exit status. The work is the crates'.

mod arguments;
mod commands;
mod failure;
mod figures;
mod home;
mod leftovers;
mod parallel;
mod provenance;
mod records;
mod screen;
mod seeds;
mod tracker;

use arguments::Arguments;
use clap::Parser;
use commands::Session;
use failure::Failure;
use home::{Environment, Home, Worker};
use screen::Screen;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    set_up_log(arguments.verbose);
    keep_quiet_about_memory();
    let stop = Arc::new(AtomicBool::new(false));
    let signal = Arc::new(AtomicUsize::new(0));
    if let Err(error) = listen(&stop, &signal) {
        return report(
            &Failure::new(format!("cannot listen for signals: {error}"), "run again"),
            0,
        );
    }
    let environment = match read_environment() {
        Ok(environment) => environment,
        Err(failure) => return report(&failure, 0),
    };
    let home = Home::new(arguments.home.clone(), environment);
    let session = Session {
        home,
        screen: Screen::new(),
        stop,
    };
    let result = session.run(arguments.verb);
    session.screen.finished();
    match result {
        Ok(text) => {
            show(&text);
            ExitCode::SUCCESS
        }
        Err(failure) => report(&failure, signal.load(Ordering::Relaxed)),
    }
}

/// Networks tell of used-up memory by a panic, which training turns into an error; its own words would only stand in the way.
fn keep_quiet_about_memory() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic
            .payload_as_str()
            .is_some_and(idiom_train::tells_of_memory)
        {
            usual(panic);
        }
    }));
}

#[allow(clippy::print_stdout, reason = "this is where results are printed")]
fn show(text: &str) {
    if !text.is_empty() {
        println!("{text}");
    }
}

#[allow(clippy::print_stderr, reason = "this is where errors are printed")]
fn report(failure: &Failure, signal: usize) -> ExitCode {
    match failure {
        Failure::Error { message, hint } | Failure::Busy { message, hint, .. } => {
            eprintln!("error: {message}");
            if let Some(hint) = hint {
                eprintln!("  hint: {hint}");
            }
            ExitCode::from(2)
        }
        Failure::Interrupted { go_on } => {
            eprintln!("interrupted; {go_on}");
            ExitCode::from(u8::try_from(128 + signal).unwrap_or(130))
        }
    }
}

/// The first signal asks to stop in good order; a second one ends the process at once.
fn listen(stop: &Arc<AtomicBool>, number: &Arc<AtomicUsize>) -> std::io::Result<()> {
    for (signal, code) in [(SIGINT, 2), (SIGTERM, 15)] {
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(stop))?;
        signal_hook::flag::register_usize(signal, Arc::clone(number), code)?;
        signal_hook::flag::register(signal, Arc::clone(stop))?;
    }
    Ok(())
}

fn set_up_log(verbose: u8) {
    let level = ["warn", "info", "debug"][usize::from(verbose.min(2))];
    let filter = tracing_subscriber::EnvFilter::try_from_env("IDIOM_LOG").unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new(format!(
            "warn,usvg=error,tiny_skia=error,idiom={level},idiom_train={level}"
        ))
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .without_time()
        .init();
}

fn read_environment() -> Result<Environment, Failure> {
    let text = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let path = |name: &str| text(name).map(PathBuf::from);
    let user = path("HOME").unwrap_or_default();
    let xdg = path("XDG_CACHE_HOME").unwrap_or_else(|| user.join(".cache"));
    let hub_home = path("HF_HOME").unwrap_or_else(|| xdg.join("huggingface"));
    Ok(Environment {
        cache: path("IDIOM_CACHE").unwrap_or_else(|| xdg.join("idiom")),
        port: match text("IDIOM_PORT") {
            Some(typed) => port_of(&typed)?,
            None => idiom_tracking_api::DEFAULT_PORT,
        },
        db: text("IDIOM_DB").map(home::Typed),
        artifacts: text("IDIOM_ARTIFACTS"),
        tracking_uri: text("MLFLOW_TRACKING_URI"),
        token: text("MLFLOW_TRACKING_TOKEN"),
        username: text("MLFLOW_TRACKING_USERNAME"),
        password: text("MLFLOW_TRACKING_PASSWORD"),
        hub_endpoint: text("HF_ENDPOINT"),
        hub_token: text("HF_TOKEN"),
        hub_cache: Some(path("HF_HUB_CACHE").unwrap_or_else(|| hub_home.join("hub"))),
        worker: Worker::read(|name| text(name)?.parse().ok()),
        master: text("MASTER_ADDR").zip(text("MASTER_PORT")),
        n_local: text("LOCAL_WORLD_SIZE").and_then(|n| n.parse().ok()),
        local_rank: text("LOCAL_RANK").and_then(|n| n.parse().ok()),
        offline: text("HF_HUB_OFFLINE").is_some_and(|v| v != "0"),
    })
}

fn port_of(typed: &str) -> Result<u16, Failure> {
    let known = typed.parse().ok().filter(|port| *port > 0);
    known.ok_or_else(|| {
        Failure::new(
            format!("IDIOM_PORT is `{typed}`, which is no port"),
            "set it to a number from 1 to 65535, or unset it",
        )
    })
}
