//! Reading a spool, also while it grows: whole lines only, so a record that is being written is not seen yet.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::{Entry, Folder, Header, record};
use crate::TrackingError;

/// One record's line.
pub(crate) struct Line {
    /// Where it begins in the file; also its name in `dead.jsonl`.
    pub(crate) start: u64,
    /// Where the next one begins.
    pub(crate) end: u64,
    /// The record, or why it cannot be read.
    pub(crate) entry: Result<Entry, String>,
}

/// Reads records in order.
pub(crate) struct Reader {
    input: BufReader<io::Take<File>>,
    offset: u64,
    line: Vec<u8>,
}

impl Reader {
    /// Reads from `offset` up to `end` (both between records), or to the last whole line if that is sooner.
    pub(crate) fn open(path: &Path, offset: u64, end: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let input = BufReader::with_capacity(64 * 1024, file.take(end.saturating_sub(offset)));
        Ok(Self {
            input,
            offset,
            line: Vec::new(),
        })
    }

    /// The next record; none at the end.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Line>> {
        self.line.clear();
        self.input.read_until(b'\n', &mut self.line)?;
        let Some(text) = self.line.strip_suffix(b"\n") else {
            return Ok(None);
        };
        let start = self.offset;
        self.offset += self.line.len() as u64;
        Ok(Some(Line {
            start,
            end: self.offset,
            entry: record::decode(text),
        }))
    }
}

/// The header and where the first record after it begins.
pub(crate) fn read_header(folder: &Folder) -> Result<(Header, u64), TrackingError> {
    let path = folder.log();
    let damaged = |reason: String| TrackingError::Damaged {
        path: path.clone(),
        reason,
    };
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(TrackingError::NoSpool {
                path: folder.path().to_owned(),
            });
        }
        opened => opened.map_err(TrackingError::io(&path))?,
    };
    let mut line = Vec::new();
    BufReader::new(file)
        .read_until(b'\n', &mut line)
        .map_err(TrackingError::io(&path))?;
    let text = line
        .strip_suffix(b"\n")
        .ok_or_else(|| damaged("it is not whole".to_owned()))?;
    let header: Header = record::decode(text).map_err(damaged)?;
    if header.layout != record::LAYOUT {
        let reason = format!(
            "its layout is {}, this program reads {}",
            header.layout,
            record::LAYOUT
        );
        return Err(damaged(reason));
    }
    Ok((header, line.len() as u64))
}

/// When the last thing was said, if the run never said that it is over.
pub(crate) fn open_since(folder: &Folder) -> Result<Option<i64>, TrackingError> {
    let (header, start) = read_header(folder)?;
    let path = folder.log();
    let mut lines = Reader::open(&path, start, u64::MAX).map_err(TrackingError::io(&path))?;
    let (mut is_over, mut latest) = (false, header.start_time);
    while let Some(line) = lines.next_line().map_err(TrackingError::io(&path))? {
        match line.entry {
            Ok(Entry::Status(status)) => {
                (is_over, latest) = (status.is_over(), latest.max(status.at))
            }
            Ok(Entry::Metric(metric)) => latest = latest.max(metric.timestamp),
            _ => {}
        }
    }
    Ok((!is_over).then_some(latest))
}

/// Whether the file got as far as its header: a process may die between making and filling it.
pub(crate) fn has_whole_line(path: &Path) -> io::Result<bool> {
    let mut first = Vec::new();
    BufReader::new(File::open(path)?).read_until(b'\n', &mut first)?;
    Ok(first.ends_with(b"\n"))
}
