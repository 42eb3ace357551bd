//! Pictures from the web: several at a time, each with a deadline, a largest size, and a guard against addresses that only
//! this machine can reach.
//!
//! The guard looks at the address itself, at each redirection, and at what a name resolves to; the connection is then made
//! to just those resolved addresses, so that a name cannot change its mind in between. A busy server is asked again, after
//! the time it says or twice as long each time.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use idiom_spec::pipeline::Fetch;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, StatusCode, Url, redirect};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::IngestError;
use crate::fault::Fault;

/// Redirections followed for one picture.
const MAX_REDIRECTIONS: usize = 5;
/// First pause before a server is asked again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A server that asks for more patience than this is given up.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Words of `X-Robots-Tag` by which a server refuses this use.
const OPT_OUTS: [&str; 2] = ["noai", "noimageai"];

/// Fetches pictures.
pub(super) struct Web {
    runtime: Runtime,
    client: Client,
    rules: Rules,
}

#[derive(Debug, Clone, Copy)]
struct Rules {
    allow_private: bool,
    respect_opt_out: bool,
    retries: u32,
    parallel: usize,
    timeout: Duration,
    max_bytes: u64,
}

/// An address that only this machine or its network can reach.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is an address in a private network, or no web address")]
struct Private(String);

impl Web {
    pub(super) fn new(fetch: &Fetch, max_bytes: u64) -> Result<Self, IngestError> {
        let rules = Rules {
            allow_private: fetch.allow_private,
            respect_opt_out: fetch.respect_opt_out,
            retries: fetch.retries,
            parallel: fetch.parallel as usize,
            timeout: Duration::from_secs(u64::from(fetch.timeout_seconds)),
            max_bytes,
        };
        let internal = |error: &dyn std::fmt::Display| IngestError::Internal(error.to_string());
        let policy = redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > MAX_REDIRECTIONS {
                return attempt.error("too many redirections");
            }
            match check(attempt.url(), rules.allow_private) {
                Ok(()) => attempt.follow(),
                Err(private) => attempt.error(private),
            }
        });
        let mut client = Client::builder()
            .no_proxy()
            .redirect(policy)
            .timeout(rules.timeout)
            .user_agent(concat!("idiom/", env!("CARGO_PKG_VERSION")));
        if !rules.allow_private {
            client = client.dns_resolver(std::sync::Arc::new(Guarded));
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        Ok(Self {
            runtime: runtime.map_err(|error| internal(&error))?,
            client: client.build().map_err(|error| internal(&error))?,
            rules,
        })
    }

    /// The bytes of each address, in their order; some are fetched ahead of being asked for.
    pub(super) fn fetch<'a>(&'a self, addresses: impl Iterator<Item = &'a str>) -> Fetched<'a> {
        let rest: Vec<String> = addresses.map(str::to_owned).collect();
        Fetched {
            web: self,
            rest: rest.into_iter(),
            ahead: VecDeque::new(),
        }
    }
}

/// Downloads under way, first asked first.
pub(super) struct Fetched<'a> {
    web: &'a Web,
    rest: std::vec::IntoIter<String>,
    ahead: VecDeque<JoinHandle<Result<Vec<u8>, Fault>>>,
}

impl Iterator for Fetched<'_> {
    type Item = Result<Vec<u8>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ahead.len() < self.web.rules.parallel {
            let Some(address) = self.rest.next() else {
                break;
            };
            let (client, rules) = (self.web.client.clone(), self.web.rules);
            let task = async move { patiently(&client, &address, rules).await };
            self.ahead.push_back(self.web.runtime.spawn(task));
        }
        let answer = self.web.runtime.block_on(self.ahead.pop_front()?);
        Some(
            answer
                .unwrap_or_else(|error| Err(Fault::new("read", "unreachable", error.to_string()))),
        )
    }
}

impl Drop for Fetched<'_> {
    fn drop(&mut self) {
        self.ahead.iter().for_each(JoinHandle::abort);
    }
}

/// Why a download failed, and whether and when it is worth another try.
struct Failure {
    fault: Fault,
    again: Option<Option<Duration>>,
}

async fn patiently(client: &Client, address: &str, rules: Rules) -> Result<Vec<u8>, Fault> {
    let mut pause = FIRST_PAUSE;
    for tries_left in (0..=rules.retries).rev() {
        let failure = match once(client, address, rules).await {
            Ok(bytes) => return Ok(bytes),
            Err(failure) => failure,
        };
        let wait = match failure.again {
            Some(asked) if tries_left > 0 => asked.unwrap_or(pause),
            _ => return Err(failure.fault),
        };
        if wait > LONGEST_PAUSE {
            return Err(failure.fault);
        }
        tokio::time::sleep(wait).await;
        pause *= 2;
    }
    Err(Fault::new("read", "unreachable", "it was never asked for"))
}

async fn once(client: &Client, address: &str, rules: Rules) -> Result<Vec<u8>, Failure> {
    let fault = |code, message: String| Failure {
        fault: Fault::new("read", code, message),
        again: None,
    };
    let url = Url::parse(address).map_err(|error| fault("bad_address", error.to_string()))?;
    check(&url, rules.allow_private)
        .map_err(|error| fault("private_address", error.to_string()))?;
    let mut response = client
        .get(url)
        .send()
        .await
        .map_err(|error| of_error(&error))?;
    let status = response.status();
    if !status.is_success() {
        let again = is_passing(status).then(|| asked_pause(&response));
        let fault = Fault::new(
            "read",
            code_of(status),
            format!("the server answers {status}"),
        );
        return Err(Failure { fault, again });
    }
    if let Some(sign) = opt_out(&response).filter(|_| rules.respect_opt_out) {
        return Err(fault("opt_out", format!("the server says `{sign}`")));
    }
    let too_long = || {
        fault(
            "too_many_bytes",
            format!("it has more than {} bytes", rules.max_bytes),
        )
    };
    if response
        .content_length()
        .is_some_and(|length| length > rules.max_bytes)
    {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| of_error(&error))? {
        bytes.extend_from_slice(&part);
        if bytes.len() as u64 > rules.max_bytes {
            return Err(too_long());
        }
    }
    Ok(bytes)
}

fn of_error(error: &reqwest::Error) -> Failure {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    let mut message = error.to_string();
    while let Some(inner) = cause {
        if let Some(private) = inner.downcast_ref::<Private>() {
            return Failure {
                fault: Fault::new("read", "private_address", private.to_string()),
                again: None,
            };
        }
        message = inner.to_string();
        cause = inner.source();
    }
    let code = if error.is_timeout() {
        "timeout"
    } else if error.is_redirect() {
        "too_many_redirections"
    } else {
        "unreachable"
    };
    Failure {
        again: (code == "unreachable").then_some(None),
        fault: Fault::new("read", code, message),
    }
}

fn code_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 | 410 => "not_found",
        401 | 403 | 451 => "forbidden",
        _ if is_passing(status) => "unavailable",
        _ => "bad_status",
    }
}

/// Whether the same question may be answered otherwise a little later.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// `Retry-After` in seconds; its form with a date is not worth a clock.
fn asked_pause(response: &reqwest::Response) -> Option<Duration> {
    let value = response.headers().get(reqwest::header::RETRY_AFTER)?;
    value
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

fn opt_out(response: &reqwest::Response) -> Option<String> {
    let tags = response.headers().get_all("x-robots-tag");
    let words = tags.iter().filter_map(|value| value.to_str().ok());
    words
        .flat_map(|value| value.split([',', ':', ' ']))
        .map(|word| word.trim().to_lowercase())
        .find(|word| OPT_OUTS.contains(&word.as_str()))
}

/// Refuses what is no web address, and numbers that stand for private places; names are looked at when they are resolved.
fn check(url: &Url, allow_private: bool) -> Result<(), Private> {
    let private = || Err(Private(url.to_string()));
    if !matches!(url.scheme(), "http" | "https") {
        return private();
    }
    let Some(host) = url.host_str() else {
        return private();
    };
    let number = host.trim_start_matches('[').trim_end_matches(']').parse();
    match number {
        Ok(number) if !allow_private && is_private(number) => private(),
        _ => Ok(()),
    }
}

/// Resolves names, and refuses one that leads into a private network.
#[derive(Debug)]
struct Guarded;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            if found.iter().any(|address| is_private(address.ip())) {
                return Err(Private(name.as_str().to_owned()).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
}

/// Private by itself, or an IPv4 address in one of its disguises (mapped, compatible, 6to4, NAT64).
fn is_private_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_private_v4(Ipv4Addr::new(a, b, c, d))
    };
    let first = parts[0];
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || first & 0xfe00 == 0xfc00
        || first & 0xffc0 == 0xfe80
        || (parts[..5] == [0; 5] && (parts[5] == 0xffff || parts[5] == 0) && v4(parts[6], parts[7]))
        || (first == 0x2002 && v4(parts[1], parts[2]))
        || (parts[..6] == [0x64, 0xff9b, 0, 0, 0, 0] && v4(parts[6], parts[7]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_only_this_machine_can_reach_are_private_in_every_spelling() {
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.5.4",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::a00:1",
            "ff02::1",
        ];
        for text in private {
            assert!(is_private(text.parse().unwrap()), "{text}");
        }
        for text in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::808:808",
        ] {
            assert!(!is_private(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn addresses_are_checked_before_anything_is_resolved() {
        let refused = |text: &str| check(&Url::parse(text).unwrap(), false).is_err();
        for text in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::1]:80/",
            "file:///etc/passwd",
        ] {
            assert!(refused(text), "{text}");
        }
        assert!(!refused("https://example.org/a.png"));
        assert!(check(&Url::parse("http://127.0.0.1/").unwrap(), true).is_ok());
        assert!(check(&Url::parse("ftp://example.org/").unwrap(), true).is_err());
    }
}
