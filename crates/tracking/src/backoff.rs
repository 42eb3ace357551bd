//! How long to wait before the next try: doubling pauses with jitter, or what the server asks for.

use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::Timing;

/// The pauses of one row of failures; begins anew after a success.
pub(crate) struct Backoff {
    builder: ExponentialBuilder,
    pauses: ExponentialBackoff,
    longest: Duration,
    longest_retry_after: Duration,
}

impl Backoff {
    pub(crate) fn new(timing: &Timing) -> Self {
        // `backon` adds up to one whole pause as jitter, so half of each bound goes in and the bounds hold.
        let builder = ExponentialBuilder::default()
            .with_min_delay(timing.shortest_backoff)
            .with_max_delay(timing.longest_backoff / 2)
            .without_max_times()
            .with_jitter();
        let (longest, longest_retry_after) = (timing.longest_backoff, timing.longest_retry_after);
        Self {
            builder,
            pauses: builder.build(),
            longest,
            longest_retry_after,
        }
    }

    /// After a success: the next failure waits briefly again.
    pub(crate) fn reset(&mut self) {
        self.pauses = self.builder.build();
    }

    /// The next pause; never shorter than the server asked for, within reason.
    pub(crate) fn next(&mut self, retry_after: Option<Duration>) -> Duration {
        let own = self.pauses.next().unwrap_or(self.longest).min(self.longest);
        let asked = retry_after
            .unwrap_or_default()
            .min(self.longest_retry_after);
        own.max(asked)
    }
}

/// Reads a `Retry-After` header: seconds, or an HTTP date.
pub(crate) fn parse_retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let text = header.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn pauses_grow_from_2_to_at_most_60_seconds() {
        let mut backoff = Backoff::new(&Timing::default());
        let pauses: Vec<Duration> = (0..20).map(|_| backoff.next(None)).collect();
        assert!(
            pauses
                .iter()
                .all(|pause| (seconds(2)..=seconds(60)).contains(pause)),
            "{pauses:?}"
        );
        assert!(
            pauses[0] < seconds(4) && pauses[19] >= seconds(30),
            "{pauses:?}"
        );
        backoff.reset();
        assert!(backoff.next(None) < seconds(4));
    }

    #[test]
    fn the_server_may_ask_for_longer_but_not_for_ever() {
        let mut backoff = Backoff::new(&Timing::default());
        assert_eq!(backoff.next(Some(seconds(90))), seconds(90));
        assert_eq!(backoff.next(Some(seconds(1_000_000))), seconds(600));
    }

    // The date is the example of RFC 9110, section 5.6.7; its epoch second is 784111777.
    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + seconds(784_111_770);
        assert_eq!(parse_retry_after("120", now), Some(seconds(120)));
        assert_eq!(
            parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now),
            Some(seconds(7))
        );
        assert_eq!(
            parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now),
            Some(seconds(0))
        );
        assert_eq!(parse_retry_after("soon", now), None);
    }
}
