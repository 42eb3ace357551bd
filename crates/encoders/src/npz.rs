//! Reads numpy's `.npz`: a zip of `.npy` arrays, of which little-endian C-ordered float32 and uint8 are wanted here.
//!
//! The caller says which shape it wants, so a header that promises too much is refused before anything is unpacked.
//! The format: numpy's NEP 1.

use crate::EncoderError;
use std::io::{Cursor, Read};
use std::path::Path;
use tch::{Kind, Tensor};

/// Longest `.npy` header that is believed, in bytes.
const MAX_HEADER: u64 = 4096;

/// A `.npz` file in memory.
pub(crate) struct Npz<'a> {
    path: &'a Path,
    archive: zip::ZipArchive<Cursor<&'a [u8]>>,
}

impl<'a> Npz<'a> {
    pub(crate) fn open(path: &'a Path, bytes: &'a [u8]) -> Result<Self, EncoderError> {
        let archive = zip::ZipArchive::new(Cursor::new(bytes))
            .map_err(|reason| EncoderError::damaged(path, reason))?;
        Ok(Self { path, archive })
    }

    /// The float32 array `name` of this shape.
    pub(crate) fn float(&mut self, name: &str, shape: &[i64]) -> Result<Tensor, EncoderError> {
        let bytes = self.array(name, "<f4", shape)?;
        Ok(Tensor::f_from_data_size(&bytes, shape, Kind::Float)?)
    }

    /// The bytes of the uint8 array `name` of this shape.
    pub(crate) fn bytes(&mut self, name: &str, shape: &[i64]) -> Result<Vec<u8>, EncoderError> {
        self.array(name, "|u1", shape)
    }

    fn array(
        &mut self,
        name: &str,
        kind: &'static str,
        shape: &[i64],
    ) -> Result<Vec<u8>, EncoderError> {
        let path = self.path;
        let damaged = |reason: String| EncoderError::damaged(path, format!("`{name}`: {reason}"));
        let wanted: u64 = shape.iter().product::<i64>() as u64 * if kind == "<f4" { 4 } else { 1 };
        let member = self
            .archive
            .by_name(&format!("{name}.npy"))
            .map_err(|reason| damaged(reason.to_string()))?;
        let mut bytes = Vec::with_capacity((wanted + MAX_HEADER) as usize);
        let n_read = member.take(wanted + MAX_HEADER).read_to_end(&mut bytes);
        n_read.map_err(|reason| damaged(reason.to_string()))?;
        let header = header(&bytes).ok_or_else(|| damaged("is not a numpy array".into()))?;
        let found = field(header, "descr").map(|found| found.trim_matches('\''));
        let found = found.ok_or_else(|| damaged("has no type".into()))?;
        if found != kind || field(header, "fortran_order") != Some("False") {
            return Err(EncoderError::Dtype {
                path: path.into(),
                tensor: name.into(),
                found: found.into(),
                wanted: kind,
            });
        }
        let found = shape_of(header).ok_or_else(|| damaged("has no shape".into()))?;
        if found != shape {
            let (tensor, wanted) = (name.into(), shape.to_vec());
            return Err(EncoderError::Shape {
                path: path.into(),
                tensor,
                found,
                wanted,
            });
        }
        let start = header_end(&bytes);
        if bytes.len() - start != wanted as usize {
            return Err(damaged(format!(
                "holds {} bytes, but must hold {wanted}",
                bytes.len() - start
            )));
        }
        bytes.drain(..start);
        Ok(bytes)
    }
}

/// Where the numbers begin, or 0 where there is no header.
fn header_end(bytes: &[u8]) -> usize {
    match bytes.get(..12) {
        Some([0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..]) => {
            10 + u16::from_le_bytes([*a, *b]) as usize
        }
        Some([0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d]) => {
            12 + u32::from_le_bytes([*a, *b, *c, *d]) as usize
        }
        _ => 0,
    }
}

/// The header's text, such as `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn header(bytes: &[u8]) -> Option<&str> {
    let start = if bytes.get(6) == Some(&1) { 10 } else { 12 };
    std::str::from_utf8(bytes.get(start..header_end(bytes))?).ok()
}

/// The text after a key, up to the next comma.
fn field<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let rest = header.split_once(&format!("'{key}':"))?.1;
    rest.split(',').next().map(str::trim)
}

fn shape_of(header: &str) -> Option<Vec<i64>> {
    let inside = header
        .split_once("'shape':")?
        .1
        .split_once('(')?
        .1
        .split_once(')')?
        .0;
    let sizes = inside
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty());
    sizes.map(|size| size.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_as_numpy_writes_it_is_understood() {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (7, 256), }   \n";
        assert_eq!(field(header, "descr"), Some("'<f4'"));
        assert_eq!(field(header, "fortran_order"), Some("False"));
        assert_eq!(shape_of(header), Some(vec![7, 256]));
        assert_eq!(shape_of("'shape': (17,), }"), Some(vec![17]));
        assert_eq!(shape_of("'shape': (), }"), Some(vec![]));
        assert_eq!(shape_of("'shape': (a,), }"), None);
    }

    #[test]
    fn bytes_that_are_no_array_have_no_header() {
        assert_eq!(header(b""), None);
        assert_eq!(header(b"GIF89a1234567890"), None);
        assert_eq!(header(b"\x93NUMPY\x01\x00\xff\xff{}"), None);
    }
}
