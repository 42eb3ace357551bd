//! Just enough HTTP/1.1 for one client that sends content lengths.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// A request.
pub struct Request {
    pub method: String,
    /// The path without `/api/2.0/mlflow/`, and without its query.
    pub route: String,
    pub query: String,
    pub authorization: String,
    pub body: Vec<u8>,
}

/// Reads a request; none when the connection ends.
pub fn read(connection: &TcpStream) -> Option<Request> {
    let mut input = BufReader::new(connection);
    let mut line = String::new();
    input
        .read_line(&mut line)
        .ok()
        .filter(|length| *length > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let route = path
        .strip_prefix("/api/2.0/mlflow/")
        .unwrap_or(path)
        .to_owned();
    let mut request = Request {
        method,
        route,
        query: query.to_owned(),
        authorization: String::new(),
        body: Vec::new(),
    };
    let mut length = 0;
    loop {
        let mut header = String::new();
        input.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => request.authorization = value.to_owned(),
            _ => {}
        }
    }
    request.body = vec![0; length];
    input.read_exact(&mut request.body).ok()?;
    Some(request)
}

/// Writes an answer; false when the connection is gone.
pub fn write(mut connection: &TcpStream, status: u16, body: &str, headers: &str) -> bool {
    let length = body.len();
    write!(
        connection,
        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
    .is_ok()
}

/// Writes an answer that takes for ever; ends when the client has had enough.
pub fn drip(mut connection: &TcpStream) -> bool {
    let _ = write!(
        connection,
        "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"
    );
    while connection.write_all(b" ").is_ok() {
        thread::sleep(Duration::from_millis(10));
    }
    false
}
