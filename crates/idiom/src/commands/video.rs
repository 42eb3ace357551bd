//! Videos, by ffmpeg where it is installed: frames come out of one process through a pipe and go into another; sound is copied.
//!
//! A video's frames are never on the disk, and the finished file takes its name only when it is whole. The mark that a machine made it
//! stands in the container's comment, since not every container has a place for XMP.

use super::studio::cannot;
use crate::failure::Failure;
use idiom_picture::Rgba8;
use idiom_studio::{Mark, Moving};
use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Ends of file names that are taken for videos.
pub(super) const VIDEOS: [&str; 6] = ["mp4", "mov", "m4v", "webm", "mkv", "avi"];
/// The program.
const FFMPEG: &str = "ffmpeg";

/// What must be known of a video to read its frames from a pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    width: u32,
    height: u32,
    /// Frames a second as a ratio, `30000:1001`.
    rate: String,
}

/// A process that ends with the value, should it still run.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Restyles every frame of `file` into `out`; `on` is asked before each frame and may stop the work.
///
/// # Errors
/// ffmpeg is not there or refuses the file, the file system does, or the studio.
pub(super) fn restyle<'a>(
    file: &Path,
    out: &Path,
    mut moving: Moving<'a>,
    mark: &Mark,
    on: &dyn Fn() -> Result<(), Failure>,
) -> Result<Moving<'a>, Failure> {
    let header = header(file)?;
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder).map_err(cannot("make", folder))?;
    }
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    // The end of the name stays last: ffmpeg chooses the container by it.
    let part = out.with_file_name(format!(".part-{name}"));
    let done = through(file, &part, &header, (&mut moving, mark), on);
    match done.and_then(|()| fs::rename(&part, out).map_err(cannot("rename", &part))) {
        Ok(()) => Ok(moving),
        Err(failure) => {
            // What could not be finished is of no use, and may not even be there.
            let _ = fs::remove_file(&part);
            Err(failure)
        }
    }
}

fn through(
    file: &Path,
    part: &Path,
    header: &Header,
    (moving, mark): (&mut Moving<'_>, &Mark),
    on: &dyn Fn() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut reading = Running(start(
        file,
        ffmpeg(&reading(file, header)).stdout(Stdio::piped()),
    )?);
    let mut writing = Running(start(
        file,
        ffmpeg(&writing(file, part, header, mark)).stdin(Stdio::piped()),
    )?);
    let (Some(mut from), Some(mut to)) = (reading.0.stdout.take(), writing.0.stdin.take()) else {
        return Err(Failure::new("ffmpeg has no pipes", "run again"));
    };
    let n_pixels = header.width as usize * header.height as usize;
    let mut bytes = vec![0; n_pixels * 3];
    loop {
        on()?;
        match from.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(cannot("read", file)(error)),
        }
        let drawn = moving.next(&frame(header, &bytes))?;
        let colours = drawn
            .pixels
            .chunks_exact(4)
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]);
        to.write_all(&colours.collect::<Vec<u8>>())
            .map_err(cannot("write", part))?;
    }
    drop(to);
    for (running, path) in [(&mut reading, file), (&mut writing, part)] {
        let ended = running.0.wait().map_err(cannot("wait for", path))?;
        if !ended.success() || moving.flicker().n_frames == 0 {
            return Err(refused(path, "(its message stands above)"));
        }
    }
    Ok(())
}

fn frame(header: &Header, bytes: &[u8]) -> Rgba8 {
    let colours = bytes.chunks_exact(3);
    Rgba8 {
        width: header.width,
        height: header.height,
        pixels: colours
            .flat_map(|colour| [colour[0], colour[1], colour[2], 255])
            .collect(),
    }
}

/// Size and rate of a video: the head of its first frame in the format `yuv4mpeg`, which begins with a line of text.
fn header(file: &Path) -> Result<Header, Failure> {
    let wanted = [
        "-frames:v",
        "1",
        "-pix_fmt",
        "yuv420p",
        "-f",
        "yuv4mpegpipe",
        "pipe:1",
    ];
    let mut arguments = vec![OsString::from("-i"), input(file)];
    arguments.extend(wanted.map(OsString::from));
    let mut command = ffmpeg(&arguments);
    command.stderr(Stdio::piped()).stdout(Stdio::piped());
    let output = start(file, &mut command)?
        .wait_with_output()
        .map_err(cannot("read", file))?;
    let line = output
        .stdout
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let said = String::from_utf8_lossy(&output.stderr);
    parsed(&String::from_utf8_lossy(line)).ok_or_else(|| refused(file, said.trim()))
}

/// `YUV4MPEG2 W640 H480 F25:1 ...`
fn parsed(line: &str) -> Option<Header> {
    let mut words = line.split(' ');
    (words.next() == Some("YUV4MPEG2")).then_some(())?;
    let word = |first: char| {
        line.split(' ')
            .skip(1)
            .find_map(|word| word.strip_prefix(first))
    };
    Some(Header {
        width: word('W')?.parse().ok().filter(|side| *side > 0)?,
        height: word('H')?.parse().ok().filter(|side| *side > 0)?,
        rate: word('F')?.to_owned(),
    })
}

/// A path that is nothing but a path to ffmpeg, whatever it begins with.
fn input(file: &Path) -> OsString {
    let mut name = OsString::from("file:");
    name.push(file);
    name
}

fn reading(file: &Path, header: &Header) -> Vec<OsString> {
    let rate = header.rate.replace(':', "/");
    let end = ["-r", &rate, "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"].map(OsString::from);
    [vec![OsString::from("-i"), input(file)], end.into()].concat()
}

fn writing(file: &Path, part: &Path, header: &Header, mark: &Mark) -> Vec<OsString> {
    let size = format!("{}x{}", header.width, header.height);
    let rate = header.rate.replace(':', "/");
    let raw = [
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", &size, "-r", &rate, "-i", "pipe:0", "-i",
    ];
    let words = mark
        .words
        .as_ref()
        .map_or_else(String::new, |words| format!("; {words}"));
    let comment = format!("comment={}; {}{words}", mark.source_type(), mark.tool());
    // Many players take even sides and halved colours only.
    let even = "pad=ceil(iw/2)*2:ceil(ih/2)*2";
    let made = [
        "-map",
        "0:v",
        "-map",
        "1:a?",
        "-c:a",
        "copy",
        "-vf",
        even,
        "-pix_fmt",
        "yuv420p",
        "-metadata",
        &comment,
    ];
    [
        raw.map(OsString::from).into(),
        vec![input(file)],
        made.map(OsString::from).into(),
        vec![input(part)],
    ]
    .concat()
}

fn ffmpeg(arguments: &[OsString]) -> Command {
    let mut command = Command::new(FFMPEG);
    command.args(["-v", "error", "-y"]).args(arguments);
    command.stdin(Stdio::null());
    command
}

fn start(file: &Path, command: &mut Command) -> Result<Child, Failure> {
    command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::new(
            format!("{}: videos are read by ffmpeg, which is not installed", file.display()),
            "install it, or cut the video into pictures and give their folder: idiom stylize --clip FRAMES/ \"words\"",
        ),
        _ => cannot("start ffmpeg for", file)(error),
    })
}

fn refused(path: &Path, said: &str) -> Failure {
    Failure::new(
        format!("{}: ffmpeg does not take it: {said}", path.display()),
        "play it to see whether it is whole; another container (.mp4, .webm, .mkv) may do",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_and_rate_stand_in_the_first_line() {
        let found = parsed("YUV4MPEG2 W640 H361 F30000:1001 Ip A1:1 C420jpeg XYSCSS=420JPEG");
        let header = Header {
            width: 640,
            height: 361,
            rate: "30000:1001".to_owned(),
        };
        assert_eq!(found, Some(header));
        assert_eq!(parsed("YUV4MPEG2 W640 F25:1"), None);
        assert_eq!(parsed("RIFF W640 H361 F25:1"), None);
    }

    #[test]
    fn a_file_name_cannot_be_taken_for_an_option_or_an_address() {
        let header = Header {
            width: 2,
            height: 2,
            rate: "25:1".to_owned(),
        };
        let arguments = reading(Path::new("-http://x.mp4"), &header);
        assert_eq!(arguments[1], "file:-http://x.mp4");
    }
}
