//! The data key of a file, and what is derived from it.
//!
//! A file has one random data key and one random identity. Every use has a key of its own:
//! `HMAC-SHA256(data key, use ‖ 0 ‖ identity)`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A key; wiped when dropped.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// Bytes of a nonce and of an authentication tag.
pub(crate) const NONCE: usize = 24;
pub(crate) const TAG: usize = 16;

/// What sets one file apart from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId(pub(crate) [u8; 16]);

impl FileId {
    pub(crate) fn random() -> FileId {
        FileId(rand::random())
    }
}

/// What recipients get.
#[derive(Clone)]
pub(crate) struct DataKey(pub(crate) Key);

impl DataKey {
    pub(crate) fn random() -> DataKey {
        DataKey(Zeroizing::new(rand::random()))
    }

    /// The key for one use.
    pub(crate) fn derive(&self, usage: &str, id: FileId) -> Key {
        let mac = mac(&self.0, &[usage.as_bytes(), &[0], &id.0]).finalize();
        Zeroizing::new(mac.into_bytes().into())
    }
}

/// An authentication code over all pieces; they must be framed by the caller.
pub(crate) fn mac(key: &[u8; 32], pieces: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes any length");
    for piece in pieces {
        mac.update(piece);
    }
    mac
}

pub(crate) fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.into())
}

/// A random nonce, the ciphertext and the tag. The plaintext's buffer is encrypted in place.
pub(crate) fn seal(key: &[u8; 32], bound: &[u8], mut plain: Zeroizing<Vec<u8>>) -> Vec<u8> {
    let nonce: [u8; NONCE] = rand::random();
    let mut sealed = Vec::with_capacity(NONCE + plain.len() + TAG);
    sealed.extend_from_slice(&nonce);
    let tag = cipher(key)
        .encrypt_inout_detached(&XNonce::from(nonce), bound, plain.as_mut_slice().into())
        .expect("no value is as long as 256 GiB");
    sealed.extend_from_slice(&plain);
    sealed.extend_from_slice(&tag);
    sealed
}

/// What [`seal`] sealed; nothing if it was altered or bound to something else.
pub(crate) fn open(key: &[u8; 32], bound: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
    let (body, tag) = rest.split_last_chunk::<TAG>()?;
    let mut plain = Zeroizing::new(body.to_vec());
    cipher(key)
        .decrypt_inout_detached(
            &XNonce::from(*nonce),
            bound,
            plain.as_mut_slice().into(),
            &(*tag).into(),
        )
        .ok()?;
    Some(plain)
}

/// The base64 of everything we write: URL-safe, not padded.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of [`encode`]'s text; nothing if it was written in any other way.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

pub(crate) fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(text)?.try_into().ok()
}
