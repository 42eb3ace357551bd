//! A model by its hub id: from a stand-in for the hub on this machine, then from the hub's cache.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod tiny;

use idiom_encoders::{EncoderError, Locations, load};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use tch::Device;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Serves files under `/owner/tiny/resolve/REVISION/`, and notes what was asked for, with its authorization.
struct Hub {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Hub {
    fn start(files: BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, notes) = (files.clone(), Arc::clone(&notes));
                std::thread::spawn(move || answer(stream, &files, &notes));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, files: &BTreeMap<String, Vec<u8>>, notes: &Mutex<Vec<String>>) {
    let head: Vec<String> = BufReader::new(stream.try_clone().unwrap())
        .lines()
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    let Some(request) = head.first() else { return };
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let token = head
        .iter()
        .find(|line| line.to_lowercase().starts_with("authorization:"))
        .cloned()
        .unwrap_or_default();
    notes
        .lock()
        .unwrap()
        .push(format!("{method} {path} {token}"));
    let name = ["main", COMMIT]
        .iter()
        .find_map(|revision| path.strip_prefix(&format!("/owner/tiny/resolve/{revision}/")));
    let close = "Connection: close\r\n\r\n";
    match name.and_then(|name| files.get_key_value(name)) {
        Some((name, bytes)) => {
            let etag = format!("{:x}-{}", bytes.len(), name.len());
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nETag: \"{etag}\"\r\nX-Repo-Commit: {COMMIT}\r\n{close}",
                bytes.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            if method == "GET" {
                stream.write_all(bytes).unwrap();
            }
        }
        None => {
            let code = if name.is_some() {
                "EntryNotFound"
            } else {
                "RepoNotFound"
            };
            let head = format!(
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nX-Error-Code: {code}\r\nX-Repo-Commit: {COMMIT}\r\n{close}"
            );
            stream.write_all(head.as_bytes()).unwrap();
        }
    }
}

fn locations(hub: &Hub, cache: &tempfile::TempDir) -> Locations {
    Locations {
        folder: cache.path().join("encoders"),
        hub_cache: Some(cache.path().join("hub")),
        hub_endpoint: Some(hub.address.clone()),
        hub_token: Some("secret".into()),
        offline: false,
    }
}

#[test]
fn a_model_comes_from_the_hub_once_and_then_from_its_cache() {
    let hub = Hub::start(tiny::files());
    let cache = tempfile::tempdir().unwrap();
    let mut locations = locations(&hub, &cache);
    let first = load("owner/tiny", &locations, Device::Cpu).unwrap();
    assert_eq!((first.name(), first.dim()), ("tiny", 8));
    let asked = hub.asked();
    assert!(
        asked.iter().any(|line| line.contains("model.safetensors")),
        "{asked:?}"
    );
    assert!(
        asked.iter().all(|line| line.contains("Bearer secret")),
        "{asked:?}"
    );

    locations.offline = true;
    let second = load("owner/tiny", &locations, Device::Cpu).unwrap();
    assert_eq!(second.sha256(), first.sha256());
    assert_eq!(hub.asked().len(), asked.len(), "the hub was asked again");
    assert_eq!(
        second.encode(&["clay cat"]).unwrap(),
        first.encode(&["clay cat"]).unwrap()
    );
}

#[test]
fn the_hubs_copy_and_a_folder_are_the_same_encoder() {
    let hub = Hub::start(tiny::files());
    let cache = tempfile::tempdir().unwrap();
    let from_hub = load("owner/tiny", &locations(&hub, &cache), Device::Cpu).unwrap();
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path(), &tiny::files());
    let from_folder = load(
        folder.path().to_str().unwrap(),
        &Locations::default(),
        Device::Cpu,
    )
    .unwrap();
    assert_eq!(from_hub.sha256(), from_folder.sha256());
}

#[test]
fn files_that_say_how_to_pool_may_be_missing() {
    let mut files = tiny::files();
    files.remove("modules.json");
    files.remove("1_Pooling/config.json");
    let hub = Hub::start(files);
    let cache = tempfile::tempdir().unwrap();
    assert!(load("owner/tiny", &locations(&hub, &cache), Device::Cpu).is_ok());
}

#[test]
fn a_folder_among_the_encoders_comes_before_the_hub() {
    let hub = Hub::start(tiny::files());
    let cache = tempfile::tempdir().unwrap();
    let locations = locations(&hub, &cache);
    tiny::write(&locations.folder.join("owner/tiny"), &tiny::files());
    assert!(load("owner/tiny", &locations, Device::Cpu).is_ok());
    assert!(hub.asked().is_empty());
}

#[test]
fn a_model_without_safetensors_is_refused_and_its_pickle_is_not_asked_for() {
    let mut files = tiny::files();
    let weights = files.remove("model.safetensors").unwrap();
    files.insert("pytorch_model.bin".into(), weights);
    let hub = Hub::start(files);
    let cache = tempfile::tempdir().unwrap();
    let error = load("owner/tiny", &locations(&hub, &cache), Device::Cpu)
        .err()
        .unwrap();
    assert!(
        matches!(&error, EncoderError::Hub { reason, .. } if reason.contains("model.safetensors")),
        "{error}"
    );
    assert!(hub.asked().iter().all(|line| !line.contains(".bin")));
}

#[test]
fn an_id_that_the_hub_does_not_know_is_named() {
    let hub = Hub::start(tiny::files());
    let cache = tempfile::tempdir().unwrap();
    let error = load("owner/other", &locations(&hub, &cache), Device::Cpu)
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .starts_with("the hub's `owner/other`: `config.json`: "),
        "{error}"
    );
}

#[test]
fn offline_the_hub_is_never_asked() {
    let hub = Hub::start(tiny::files());
    let cache = tempfile::tempdir().unwrap();
    let offline = Locations {
        offline: true,
        ..locations(&hub, &cache)
    };
    let error = load("owner/tiny", &offline, Device::Cpu).err().unwrap();
    assert!(matches!(error, EncoderError::NotFound { .. }), "{error}");
    assert!(hub.asked().is_empty());
}
