//! Growing a spool: a new one begins with its header, a known one is checked, cut after its last whole record, and
//! goes on.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use idiom_tracking_api::RunStatus;

use super::{Entry, Folder, Header, Line, Reader, encode, reader};
use crate::TrackingError;
use crate::clock::Ties;
use crate::pauses::{PAUSES_TAG, Pauses};

/// The spool's file, open at its end.
pub(crate) struct Appender {
    file: File,
    length: u64,
}

impl Appender {
    /// Adds whole lines; on an error nothing of them stays.
    pub(crate) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(lines);
        match written {
            Ok(()) => self.length += lines.len() as u64,
            // A full disk takes half a record; without the cut the next one would be glued to it.
            Err(_) => self.file.set_len(self.length)?,
        }
        written
    }

    /// Forces what was appended to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Bytes in the file, all of them whole records.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }
}

/// What a spool already holds.
pub(crate) struct Recovered {
    pub(crate) appender: Appender,
    pub(crate) header: Header,
    /// Records after the header.
    pub(crate) entries: u64,
    /// Bytes of a torn last record that were cut off.
    pub(crate) cut: u64,
    /// The latest timestamp.
    pub(crate) latest: i64,
    pub(crate) ties: Ties,
    pub(crate) params: HashMap<String, String>,
    /// When the run last ended; none while its last word is that it runs.
    pub(crate) ended: Option<i64>,
    pub(crate) pauses: Pauses,
}

/// Opens a folder's spool, or begins one with `header`. The caller holds the writer's lock.
pub(crate) fn recover(folder: &Folder, header: Header) -> Result<Recovered, TrackingError> {
    let path = folder.log();
    let error = |source| TrackingError::io(&path)(source);
    let known = path.exists() && reader::has_whole_line(&path).map_err(error)?;
    let mut recovered = if known {
        scan(folder)?
    } else {
        begin(folder, header).map_err(error)?
    };
    recovered.cut = cut_after(&recovered.appender).map_err(error)?;
    Ok(recovered)
}

fn begin(folder: &Folder, header: Header) -> io::Result<Recovered> {
    let mut file = open(&folder.log())?;
    file.set_len(0)?;
    let mut line = Vec::new();
    encode(&header, &mut line);
    file.write_all(&line)?;
    file.sync_all()?;
    // The file's name must outlive a power cut too.
    File::open(folder.path())?.sync_all()?;
    let appender = Appender {
        file,
        length: line.len() as u64,
    };
    Ok(Recovered {
        appender,
        latest: header.start_time,
        header,
        entries: 0,
        cut: 0,
        ties: Ties::default(),
        params: HashMap::new(),
        ended: None,
        pauses: Pauses::default(),
    })
}

fn scan(folder: &Folder) -> Result<Recovered, TrackingError> {
    let path = folder.log();
    let (header, start) = reader::read_header(folder)?;
    let error = |source| TrackingError::io(&path)(source);
    let appender = Appender {
        file: open(&path).map_err(error)?,
        length: start,
    };
    let mut recovered = Recovered {
        appender,
        latest: header.start_time,
        header,
        entries: 0,
        cut: 0,
        ties: Ties::default(),
        params: HashMap::new(),
        ended: None,
        pauses: Pauses::default(),
    };
    let mut lines = Reader::open(&path, start, u64::MAX).map_err(error)?;
    while let Some(line) = lines.next_line().map_err(error)? {
        recovered.note(line);
    }
    Ok(recovered)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn cut_after(appender: &Appender) -> io::Result<u64> {
    let torn = fs::File::metadata(&appender.file)?
        .len()
        .saturating_sub(appender.length);
    if torn > 0 {
        appender.file.set_len(appender.length)?;
    }
    Ok(torn)
}

impl Recovered {
    fn note(&mut self, line: Line) {
        self.entries += 1;
        self.appender.length = line.end;
        match line.entry {
            Ok(Entry::Metric(metric)) => {
                self.latest = self.latest.max(metric.timestamp);
                self.ties.note(&metric);
            }
            Ok(Entry::Param(param)) => {
                self.params.entry(param.key).or_insert(param.value);
            }
            Ok(Entry::Status(status)) => {
                self.latest = self.latest.max(status.at);
                self.ended = (status.status != RunStatus::Running).then_some(status.at);
            }
            Ok(Entry::Tag(tag)) if tag.key == PAUSES_TAG => self.pauses = Pauses::read(&tag.value),
            Ok(Entry::Tag(_) | Entry::Artifact(_)) | Err(_) => {}
        }
    }

    /// When the run stood still: what was added to it after its end is no work of its own.
    pub(crate) fn stopped(&self) -> i64 {
        self.ended.unwrap_or(self.latest)
    }
}
