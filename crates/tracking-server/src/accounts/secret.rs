//! Secrets: making them, and keeping of them only what is needed to know them again (argon2id, PHC strings).

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use uuid::Uuid;

/// The hash of no password: of random bytes that nobody saw. It has the cost of every other.
pub(super) const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$Q0hBTkdFRC1CWS1OT0JPRFktQVQtQUxMLTEyMzQ1Njc4";

/// OWASP's least for argon2id: 19 MiB, two passes.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

/// Random bytes of the system's own source.
pub(super) fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    bytes[16..].copy_from_slice(Uuid::new_v4().as_bytes());
    bytes
}

/// A secret of 244 random bits, as 64 hexadecimal digits.
pub(crate) fn random_secret() -> String {
    random_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What is kept of a password; `None` only where the hasher itself fails.
pub(crate) fn hash_password(password: &str) -> Option<String> {
    let salt = SaltString::encode_b64(&random_bytes()[..16]).ok()?;
    let hash = argon2().hash_password(password.as_bytes(), &salt).ok()?;
    Some(hash.to_string())
}

/// Whether a password is the one of a hash.
pub(crate) fn verify_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_by_its_hash_alone() {
        let hash = hash_password("correct horse").unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(verify_password("correct horse", &hash));
        assert!(!verify_password("correct hors", &hash));
        assert_ne!(
            hash,
            hash_password("correct horse").unwrap(),
            "each has its salt"
        );
    }

    #[test]
    fn nobodys_hash_costs_as_much_and_fits_nothing() {
        let hash = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(hash.params.to_string(), "m=19456,t=2,p=1");
        assert!(!verify_password("", NOBODY) && !verify_password("nobody has this", NOBODY));
    }
}
