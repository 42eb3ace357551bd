//! A look at the bytes of a `.csv` or `.tsv` before polars reads it: quotes that are never closed, and what is not UTF-8.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::IngestError;

/// Whether a table's bytes are UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Utf8 {
    /// All of them.
    Whole,
    /// Here and there not: those rows are refused.
    Damaged,
}

/// Reads the whole file once.
///
/// # Errors
/// A quote is never closed, or the file is in another encoding altogether.
pub(super) fn scan(path: &Path, separator: u8) -> Result<Utf8, IngestError> {
    let mut file = File::open(path).map_err(IngestError::io(path))?;
    let mut scan = Scan {
        separator,
        line: 1,
        ..Scan::default()
    };
    let mut buffer = vec![0; 1 << 20];
    let mut kept = 0;
    loop {
        let n = file
            .read(&mut buffer[kept..])
            .map_err(IngestError::io(path))?;
        let end = kept + n;
        kept = scan.part(&buffer[..end], n == 0);
        buffer.copy_within(end - kept..end, 0);
        if n == 0 {
            break;
        }
    }
    let refuse = |reason| IngestError::Table {
        path: path.to_owned(),
        reason,
    };
    // A quote at the very end is a closing one.
    let opened = scan.opened.filter(|_| !scan.quote_in_quotes);
    match (opened, scan.bad) {
        (Some(line), _) => Err(refuse(format!(
            "the quote opened in line {line} is never closed"
        ))),
        (None, 0) => Ok(Utf8::Whole),
        (None, bad) if scan.gbk_pairs > 0 && bad * 8 > scan.high => Err(refuse(format!(
            "is not UTF-8 from line {} on; it looks like GBK: convert it with `iconv -f GBK -t UTF-8` (or from the encoding that it has)",
            scan.bad_line
        ))),
        (None, _) => Ok(Utf8::Damaged),
    }
}

#[derive(Debug, Default)]
struct Scan {
    separator: u8,
    line: u64,
    /// Line of the quote that is open.
    opened: Option<u64>,
    inside_field: bool,
    quote_in_quotes: bool,
    /// Bytes that are not UTF-8, all bytes above ASCII, and pairs among the bad ones that GBK could be.
    bad: u64,
    high: u64,
    gbk_pairs: u64,
    bad_line: u64,
}

impl Scan {
    /// Looks at a part; gives how many of its last bytes begin a character that the next part ends.
    fn part(&mut self, bytes: &[u8], last: bool) -> usize {
        let mut rest = bytes;
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.quotes(text.as_bytes());
                    return 0;
                }
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    self.quotes(good);
                    let Some(n) = error.error_len() else {
                        if !last {
                            return bad.len();
                        }
                        self.note_bad(bad, bad.len());
                        return 0;
                    };
                    self.note_bad(bad, n);
                    rest = &bad[n..];
                }
            }
        }
    }

    fn note_bad(&mut self, bytes: &[u8], n: usize) {
        if self.bad == 0 {
            self.bad_line = self.line;
        }
        self.bad += n as u64;
        self.high += n as u64;
        if let [0x81..=0xfe, 0xa1..=0xfe, ..] = bytes {
            self.gbk_pairs += 1;
        }
        self.inside_field = true;
    }

    fn quotes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.high += u64::from(byte >= 0x80);
            match byte {
                b'"' if self.opened.is_some() => {
                    self.quote_in_quotes = !self.quote_in_quotes;
                    continue;
                }
                b'"' if !self.inside_field => {
                    self.opened = Some(self.line);
                    self.inside_field = true;
                    continue;
                }
                _ => {}
            }
            if self.quote_in_quotes {
                // The quote before this byte was a closing one.
                self.quote_in_quotes = false;
                self.opened = None;
            }
            if byte == b'\n' {
                self.line += 1;
            }
            if self.opened.is_none() {
                self.inside_field = !(byte == self.separator || byte == b'\n');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8]) -> Result<Utf8, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, bytes).unwrap();
        scan(&path, b',').map_err(|error| error.to_string())
    }

    #[test]
    fn an_open_quote_is_told_with_its_line() {
        assert_eq!(
            check(b"a,b\n1,\"x\n\"\"y\"\"\nz\"\n2,q\"uo\n"),
            Ok(Utf8::Whole)
        );
        let error = check(b"a,b\n1,x\n2,\"never\n3,y\n").unwrap_err();
        assert!(error.contains("opened in line 3"), "{error}");
        assert_eq!(
            check(b"a\n\"\"\n\"x\""),
            Ok(Utf8::Whole),
            "a quote that ends the file is closed"
        );
    }

    #[test]
    fn gbk_is_named_and_a_stray_byte_is_not_taken_for_it() {
        // "a,一只红猫" in GBK.
        let gbk = b"a,b\n1,\xd2\xbb\xd6\xbb\xba\xec\xc3\xa8\n";
        let error = check(gbk).unwrap_err();
        assert!(error.contains("GBK") && error.contains("line 2"), "{error}");
        assert_eq!(check("a,b\n1,一只红猫\n".as_bytes()), Ok(Utf8::Whole));
        assert_eq!(
            check(b"a,b\n1,caf\xe9 au lait\n2,caf\xe9s\n"),
            Ok(Utf8::Damaged)
        );
    }
}
