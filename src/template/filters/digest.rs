//! Checksums and what is made of them.

use blake2::{Blake2b512, Blake2s256};
use md5::{Digest, Md5};
use minijinja::{Error, Value};
use ripemd::Ripemd160;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};

use crate::template::call::{Body, Call};
use crate::template::error::failed;
use crate::template::print;

use super::encode::bytes;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("hash", |call| {
        let kind = call.text(0, "hashtype", "sha1");
        digest(call, &kind)
    }),
    ("checksum", |call| digest(call, "sha1")),
    ("sha1", |call| digest(call, "sha1")),
    ("md5", |call| digest(call, "md5")),
    ("to_uuid", to_uuid),
];

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(call: &Call<'_, '_, '_>, kind: &str) -> Result<Value, Error> {
    let data = bytes(call.value());
    Ok(Value::from(match kind.to_lowercase().as_str() {
        "md5" => hex(Md5::digest(data)),
        "sha1" | "sha" => hex(Sha1::digest(data)),
        "sha224" => hex(Sha224::digest(data)),
        "sha256" => hex(Sha256::digest(data)),
        "sha384" => hex(Sha384::digest(data)),
        "sha512" => hex(Sha512::digest(data)),
        "sha512_224" => hex(Sha512_224::digest(data)),
        "sha512_256" => hex(Sha512_256::digest(data)),
        "sha3_224" => hex(Sha3_224::digest(data)),
        "sha3_256" => hex(Sha3_256::digest(data)),
        "sha3_384" => hex(Sha3_384::digest(data)),
        "sha3_512" => hex(Sha3_512::digest(data)),
        "blake2b" => hex(Blake2b512::digest(data)),
        "blake2s" => hex(Blake2s256::digest(data)),
        "ripemd160" => hex(Ripemd160::digest(data)),
        _ => {
            return Err(failed(format!(
                "unsupported hash type `{kind}`: expected md5, sha1, sha224, sha256, sha384, sha512, sha512_224, sha512_256, sha3_224, sha3_256, sha3_384, sha3_512, blake2b, blake2s or ripemd160"
            )));
        }
    }))
}

/// The namespace of Ansible's UUIDs.
const NAMESPACE: [u8; 16] = [
    0x36, 0x1e, 0x6d, 0x51, 0xfa, 0xec, 0x44, 0x4a, 0x90, 0x79, 0x34, 0x13, 0x86, 0xda, 0x8e, 0x2e,
];

fn to_uuid(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut namespace = NAMESPACE.to_vec();
    if let Some(given) = call.given(0, "namespace").map(print::text) {
        let digits: String = given.chars().filter(char::is_ascii_hexdigit).collect();
        let parsed: Option<Vec<u8>> = (0..16)
            .map(|i| {
                digits.get(2 * i..2 * i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok())
            })
            .collect();
        namespace = parsed.ok_or_else(|| failed(format!("`{given}` is no UUID")))?;
    }
    let mut id: [u8; 20] =
        Sha1::new().chain_update(&namespace).chain_update(bytes(call.value())).finalize().into();
    id[6] = id[6] & 0x0f | 0x50;
    id[8] = id[8] & 0x3f | 0x80;
    let text = hex(&id[..16]);
    Ok(Value::from(format!(
        "{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..]
    )))
}
