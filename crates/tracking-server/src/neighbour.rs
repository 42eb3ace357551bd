//! Who else listens on the port we wanted, so that the error can name it.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use idiom_tracking_api::SERVER_NAME;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_millis(500);
const LONGEST_ANSWER: u64 = 4096;

/// What answered.
pub(crate) enum Neighbour {
    /// A server of ours, of this version.
    Ours(String),
    /// Something else.
    Stranger,
}

impl Neighbour {
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::Ours(_))
    }
}

impl fmt::Display for Neighbour {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(version) => write!(out, "a tracking server of ours (`{version}`)"),
            Self::Stranger => out.write_str("another program"),
        }
    }
}

/// Asks whoever listens there for its version.
pub(crate) async fn ask(address: SocketAddr) -> Neighbour {
    let answer = tokio::time::timeout(PATIENCE, version(address)).await;
    let version = answer.ok().and_then(Result::ok).unwrap_or_default();
    let is_ours = version.split(' ').next() == Some(SERVER_NAME);
    if is_ours {
        Neighbour::Ours(version)
    } else {
        Neighbour::Stranger
    }
}

async fn version(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /version HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok(body.lines().next().unwrap_or_default().trim().to_owned())
}
