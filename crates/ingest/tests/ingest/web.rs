//! Pictures at addresses: what is fetched, asked again, given up, and never asked at all.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::server::{Server, send};
use crate::world::{World, png};

fn answer(busy: &AtomicUsize, request: &str, stream: &mut TcpStream) {
    match request.strip_prefix("GET ").unwrap_or_default() {
        "/a.png" => send(stream, "200 OK", "", &png(1)),
        "/moved.png" => send(stream, "302 Found", "Location: /a.png\r\n", b""),
        "/elsewhere.png" => send(
            stream,
            "302 Found",
            "Location: file:///etc/hostname\r\n",
            b"",
        ),
        "/circle.png" => send(stream, "302 Found", "Location: /circle.png\r\n", b""),
        "/busy.png" if busy.fetch_add(1, Ordering::Relaxed) < 2 => {
            send(stream, "429 Too Many Requests", "Retry-After: 0\r\n", b"");
        }
        "/busy.png" => send(stream, "200 OK", "", &png(2)),
        "/down.png" => send(stream, "503 Service Unavailable", "Retry-After: 0\r\n", b""),
        "/secret.png" => send(stream, "403 Forbidden", "", b""),
        "/private.png" => send(
            stream,
            "200 OK",
            "X-Robots-Tag: otherbot: noindex, NoAI\r\n",
            &png(3),
        ),
        "/page.png" => send(stream, "200 OK", "", b"<html>not here</html>"),
        "/endless.png" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            while stream.write_all(&[0; 4096]).is_ok() {}
        }
        "/drip.png" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nslow");
            // Until the client has had enough.
            let _ = stream.read(&mut [0; 16]);
        }
        _ => send(stream, "404 Not Found", "", b""),
    }
}

fn world(server: &Server, names: &[&str], fetch: &str) -> World {
    let world = World::new();
    let rows: String = names
        .iter()
        .map(|name| format!("{}/{name},words\n", server.address))
        .collect();
    world.write("list.csv", format!("address,text\n{rows}"));
    world.write("pictures/kept.png", png(9));
    world.write("pictures/kept.txt", "words");
    world.pipeline(&format!(
        "name: small\npicture: {{side: 16, max_bytes: 100000}}\nsources:\n  kept: {{folder: {{path: pictures}}}}\n  web: {{list: {{path: list.csv, image: address, captions: [{{column: text}}], fetch: {fetch}}}}}\n"
    ));
    world
}

fn start() -> Server {
    let busy = AtomicUsize::new(0);
    Server::start(move |request, stream| answer(&busy, request, stream))
}

#[test]
fn each_answer_has_its_outcome() {
    let server = start();
    let expected = [
        ("a.png", ""),
        ("moved.png", ""),
        ("elsewhere.png", "bad_status"),
        ("circle.png", "too_many_redirections"),
        ("busy.png", ""),
        ("down.png", "unavailable"),
        ("secret.png", "forbidden"),
        ("private.png", "opt_out"),
        ("page.png", "unsupported_format"),
        ("endless.png", "too_many_bytes"),
        ("drip.png", "timeout"),
        ("nowhere.png", "not_found"),
    ];
    let names = expected.map(|(name, _)| name);
    let world = world(
        &server,
        &names,
        "{allow_private: true, timeout_seconds: 1, retries: 2}",
    );
    let counts = world.run(2).unwrap().counts;
    assert_eq!((counts.rows_in, counts.rows_out), (13, 4));
    for (name, code) in expected {
        let key = format!("{}/{name}", server.address);
        assert_eq!(world.code(&key), code, "{name}");
        assert_eq!(world.rows().contains_key(&key), code.is_empty(), "{name}");
    }
    let rows = world.rows();
    let row = &rows[&format!("{}/busy.png", server.address)].1;
    assert_eq!(
        row.url.as_deref(),
        Some(format!("{}/busy.png", server.address).as_str())
    );
    let times = |name: &str| {
        server
            .asked()
            .iter()
            .filter(|asked| asked.ends_with(name))
            .count()
    };
    assert_eq!(
        (
            times("/busy.png"),
            times("/down.png"),
            times("/nowhere.png")
        ),
        (3, 3, 1)
    );
}

#[test]
fn a_private_address_is_never_asked() {
    let server = start();
    let world = world(&server, &["a.png"], "{retries: 0}");
    let port = server.address.rsplit(':').next().unwrap().to_owned();
    world.write(
        "list.csv",
        format!("address,text\n{}/a.png,w\nhttp://localhost:{port}/a.png,w\nhttp://[::1]:{port}/a.png,w\n", server.address),
    );
    world.run(1).unwrap();
    let codes: Vec<String> = world
        .rejects()
        .into_iter()
        .map(|reject| reject.code.into())
        .collect();
    assert_eq!(codes, ["private_address"; 3]);
    assert!(server.asked().is_empty(), "{:?}", server.asked());
}
