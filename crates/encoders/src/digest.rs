//! The hash by which an encoder is known: two encoders with equal hashes give equal vectors.

use sha2::{Digest, Sha256};

/// Lower-case hex of the sha256 over `name`, length and bytes of each part, in the order given.
pub(crate) fn of_parts(parts: &[(&str, &[u8])]) -> String {
    let mut whole = Sha256::new();
    for (name, bytes) in parts {
        whole.update(name.as_bytes());
        whole.update([0]);
        whole.update((bytes.len() as u64).to_le_bytes());
        whole.update(bytes);
    }
    whole
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
