//! What a spool holds, and how a record stands in the file: `CRC JSON` on a line, the CRC-32 in eight hex digits.
//!
//! Lines, not lengths: a damaged record costs itself and nothing after it, and `less` can read the file. JSON never
//! holds a raw line feed. NaN and infinities are strings, as on the wire.

use std::path::PathBuf;

use idiom_tracking_api::{KeyValue, Metric, RunStatus};
use serde::{Deserialize, Serialize};

/// The version of this layout.
pub(crate) const LAYOUT: u32 = 1;

/// The first record: whose spool it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// [`LAYOUT`].
    pub(crate) layout: u32,
    /// The value of the `idiom.uid` tag, by which the server finds the run again.
    pub(crate) uid: String,
    pub(crate) experiment: String,
    pub(crate) run_name: String,
    /// In milliseconds since 1970.
    pub(crate) start_time: i64,
}

/// One record after the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    Metric(Metric),
    Param(KeyValue),
    Tag(KeyValue),
    /// A file or a folder; only named here, its bytes are read when it is sent.
    Artifact(Artifact),
    Status(Status),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Artifact {
    /// As [`super::Folder::name`] gives it.
    pub(crate) file: PathBuf,
    /// Its place among the run's artifacts.
    pub(crate) path: String,
    /// The place of a second copy for servers whose pages need a thumbnail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) thumbnail: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) status: RunStatus,
    /// When it was said, in milliseconds since 1970.
    pub(crate) at: i64,
}

impl Status {
    /// Whether nothing more is to come.
    pub(crate) fn is_over(&self) -> bool {
        !matches!(self.status, RunStatus::Running | RunStatus::Scheduled)
    }
}

/// Appends a record's line.
pub(crate) fn encode(record: &impl Serialize, lines: &mut Vec<u8>) {
    let start = lines.len();
    lines.extend_from_slice(b"00000000 ");
    // Strings, numbers and paths always serialise, but for a path that is not UTF-8: that record is left out.
    if serde_json::to_writer(&mut *lines, record).is_err() {
        lines.truncate(start);
        return;
    }
    let crc = format!("{:08x}", crc32fast::hash(&lines[start + 9..]));
    lines[start..start + 8].copy_from_slice(crc.as_bytes());
    lines.push(b'\n');
}

/// Reads a line (without its line feed); the error is a reason for people.
pub(crate) fn decode<T: for<'de> Deserialize<'de>>(line: &[u8]) -> Result<T, String> {
    let json = checked(line).ok_or("its checksum does not match")?;
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

fn checked(line: &[u8]) -> Option<&[u8]> {
    let (crc, json) = line.split_at_checked(8)?;
    let json = json.strip_prefix(b" ")?;
    let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?, 16).ok()?;
    (crc32fast::hash(json) == crc).then_some(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(value: f64) -> Entry {
        Entry::Metric(Metric {
            key: "loss/生成".into(),
            value,
            timestamp: 1,
            step: -2,
            ..Metric::default()
        })
    }

    fn line(entry: &Entry) -> Vec<u8> {
        let mut lines = Vec::new();
        encode(entry, &mut lines);
        assert_eq!(lines.pop(), Some(b'\n'));
        lines
    }

    #[test]
    fn records_read_back_bit_for_bit() {
        for value in [
            0.1 + 0.2,
            f64::MIN_POSITIVE,
            -0.0,
            1e300,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ] {
            let Entry::Metric(read) = decode(&line(&metric(value))).unwrap() else {
                panic!("not a metric")
            };
            assert_eq!(read.value.to_bits(), value.to_bits());
        }
    }

    #[test]
    fn nan_is_written_as_mlflow_writes_it() {
        let line = line(&metric(f64::NAN));
        assert!(
            String::from_utf8(line.clone())
                .unwrap()
                .contains(r#""value":"NaN""#)
        );
        assert!(matches!(decode(&line), Ok(Entry::Metric(read)) if read.value.is_nan()));
    }

    // CRC-32 of `{"a":1}` by Python: zlib.crc32(b'{"a":1}') == 0x561bacaf.
    #[test]
    fn the_checksum_is_the_usual_crc_32() {
        let mut lines = Vec::new();
        encode(&serde_json::json!({"a": 1}), &mut lines);
        assert_eq!(lines, b"561bacaf {\"a\":1}\n");
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let line = line(&metric(1.5));
        for bit in 0..line.len() * 8 {
            let mut damaged = line.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // Upper and lower case hex digits are one number: the only change that changes nothing.
            let same_crc = bit / 8 < 8 && damaged.eq_ignore_ascii_case(&line);
            assert_eq!(decode::<Entry>(&damaged).is_ok(), same_crc, "bit {bit}");
        }
    }
}
