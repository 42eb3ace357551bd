//! Whether a picture's EXIF block can be read at all. A broken one never refuses a picture; it is ignored, and noted.
//!
//! Not here: what it says (the orientation is the decoder's), and the rest of it, which is dropped with all metadata.

/// Bytes of an entry in a directory.
const ENTRY_BYTES: usize = 12;

/// Whether the block has the header of TIFF, and its first directory lies inside it.
pub(crate) fn is_readable(block: &[u8]) -> bool {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let (Some(header), Some(offset)) = (block.get(..4), block.get(4..8)) else {
        return false;
    };
    let little = match header {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return false,
    };
    let number = |bytes: &[u8]| {
        let fold = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        if little {
            bytes.iter().rev().fold(0, fold)
        } else {
            bytes.iter().fold(0, fold)
        }
    };
    let Some(directory) = block.get(number(offset)..) else {
        return false;
    };
    directory
        .get(..2)
        .is_some_and(|count| directory.len() >= 2 + number(count) * ENTRY_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_inside_the_block_is_readable_in_either_byte_order() {
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
        let big = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0";
        assert!(is_readable(little) && is_readable(big));
        assert!(!is_readable(&little[..21]), "the entry is cut");
    }

    #[test]
    fn a_directory_outside_the_block_is_not() {
        assert!(!is_readable(b"II*\0\xff\xff\xff\x7fgarbage"));
        assert!(!is_readable(b"II*\0") && !is_readable(b"") && !is_readable(b"garbage!"));
    }
}
