//! Encodings, checksums and password hashes.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use md5::{Digest, Md5};
use minijinja::{Error, Value};
use rand::RngExt;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use crate::template::call::{Body, Call};
use crate::template::error::failed;
use crate::template::print;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("b64encode", b64encode),
    ("b64decode", b64decode),
    ("hash", |call| {
        let kind = call.text(0, "hashtype", "sha1");
        digest(call, &kind)
    }),
    ("checksum", |call| digest(call, "sha1")),
    ("sha1", |call| digest(call, "sha1")),
    ("md5", |call| digest(call, "md5")),
    ("password_hash", password_hash),
    ("to_uuid", to_uuid),
];

fn bytes(value: &Value) -> Vec<u8> {
    value.as_bytes().map_or_else(|| print::text(value).into_bytes(), <[u8]>::to_vec)
}

/// Text in the encoding asked for; only UTF-8 and its subsets are known besides UTF-16-LE.
fn encoded(call: &Call<'_, '_, '_>) -> Result<Vec<u8>, Error> {
    match call.text(0, "encoding", "utf-8").to_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" | "ascii" | "us-ascii" => Ok(bytes(call.value())),
        "utf-16-le" | "utf-16le" => {
            Ok(print::text(call.value()).encode_utf16().flat_map(u16::to_le_bytes).collect())
        }
        other => Err(failed(format!(
            "`{}` does not know the encoding `{other}`: expected utf-8 or utf-16-le",
            call.name
        ))),
    }
}

fn b64encode(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let plain = encoded(call)?;
    let urlsafe = call.named.iter().any(|(key, value)| key == "urlsafe" && value.is_true());
    Ok(Value::from(if urlsafe { URL_SAFE.encode(plain) } else { STANDARD.encode(plain) }))
}

fn b64decode(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text: String = print::text(call.value()).chars().filter(|c| !c.is_whitespace()).collect();
    let text = text.replace('-', "+").replace('_', "/");
    let plain = STANDARD.decode(&text).map_err(|error| failed(format!("not base64: {error}")))?;
    match call.text(0, "encoding", "utf-8").to_lowercase().replace('_', "-").as_str() {
        "utf-16-le" | "utf-16le" => {
            let units: Vec<u16> =
                plain.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            Ok(Value::from(String::from_utf16_lossy(&units)))
        }
        _ => String::from_utf8(plain)
            .map(Value::from)
            .map_err(|_| failed("what base64 holds is not UTF-8 text")),
    }
}

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
        _ => {
            return Err(failed(format!(
                "unsupported hash type `{kind}`: expected md5, sha1, sha224, sha256, sha384 or sha512"
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

/// The alphabet of `crypt`.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn password_hash(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let kind = call.text(0, "hashtype", "sha512");
    let (longest, usual) = match kind.as_str() {
        "sha512" | "sha512_crypt" => (16, 656_000),
        "sha256" | "sha256_crypt" => (16, 535_000),
        "md5" | "md5_crypt" => (8, 1000),
        _ => {
            return Err(failed(format!(
                "`password_hash` does not make `{kind}` hashes: expected sha512, sha256 or md5"
            )));
        }
    };
    let salt = match call.given(1, "salt").map(print::text) {
        Some(salt) => salt,
        None => {
            let mut random = rand::rng();
            (0..longest).map(|_| ALPHABET[random.random_range(0..64)] as char).collect()
        }
    };
    if salt.len() > longest || !salt.bytes().all(|byte| ALPHABET.contains(&byte)) {
        return Err(failed(format!(
            "a salt for `{kind}` has at most {longest} characters of `./0-9A-Za-z`"
        )));
    }
    let rounds = u32::try_from(call.int(3, "rounds", usual)?).unwrap_or(0);
    let password = print::text(call.value());
    let (password, salt_bytes) = (password.as_bytes(), salt.as_bytes());
    if kind.starts_with("md5") {
        return Ok(Value::from(format!("$1${salt}${}", md5_crypt(password, salt_bytes))));
    }
    let params = sha_crypt::Params::new(rounds).map_err(|_| {
        failed(format!("`password_hash` expects 1000 to 999999999 rounds, found {rounds}"))
    })?;
    let shown = if rounds == 5000 { String::new() } else { format!("rounds={rounds}$") };
    let (id, encoded) = if kind.starts_with("sha512") {
        (6, crypt_text(&sha_crypt::sha512_crypt(password, salt_bytes, params), SHA512_ORDER, &[63]))
    } else {
        (
            5,
            crypt_text(
                &sha_crypt::sha256_crypt(password, salt_bytes, params),
                SHA256_ORDER,
                &[31, 30],
            ),
        )
    };
    Ok(Value::from(format!("${id}${shown}{salt}${encoded}")))
}

/// The order in which `crypt` writes a digest, three bytes at a time.
const SHA512_ORDER: &[[usize; 3]] = &[
    [0, 21, 42],
    [22, 43, 1],
    [44, 2, 23],
    [3, 24, 45],
    [25, 46, 4],
    [47, 5, 26],
    [6, 27, 48],
    [28, 49, 7],
    [50, 8, 29],
    [9, 30, 51],
    [31, 52, 10],
    [53, 11, 32],
    [12, 33, 54],
    [34, 55, 13],
    [56, 14, 35],
    [15, 36, 57],
    [37, 58, 16],
    [59, 17, 38],
    [18, 39, 60],
    [40, 61, 19],
    [62, 20, 41],
];
const SHA256_ORDER: &[[usize; 3]] = &[
    [0, 10, 20],
    [21, 1, 11],
    [12, 22, 2],
    [3, 13, 23],
    [24, 4, 14],
    [15, 25, 5],
    [6, 16, 26],
    [27, 7, 17],
    [18, 28, 8],
    [9, 19, 29],
];
const MD5_ORDER: &[[usize; 3]] = &[[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];

fn crypt_text(digest: &[u8], order: &[[usize; 3]], rest: &[usize]) -> String {
    let mut out = String::new();
    let mut put = |indices: &[usize]| {
        let mut bits =
            indices.iter().fold(0u32, |bits, index| bits << 8 | u32::from(digest[*index]));
        for _ in 0..=indices.len() {
            out.push(ALPHABET[(bits & 63) as usize] as char);
            bits >>= 6;
        }
    };
    order.iter().for_each(|group| put(group));
    put(rest);
    out
}

/// The `$1$` scheme, a thousand rounds of MD5.
fn md5_crypt(password: &[u8], salt: &[u8]) -> String {
    let inner =
        Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut outer = Md5::new().chain_update(password).chain_update(b"$1$").chain_update(salt);
    for start in (0..password.len()).step_by(16) {
        outer.update(&inner[..(password.len() - start).min(16)]);
    }
    let mut length = password.len();
    while length > 0 {
        outer.update(if length & 1 == 1 { &[0][..] } else { &password[..1] });
        length >>= 1;
    }
    let mut digest = outer.finalize();
    for round in 0..1000 {
        let mut next = Md5::new();
        if round & 1 == 1 {
            next.update(password)
        } else {
            next.update(digest)
        }
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        if round & 1 == 1 {
            next.update(digest)
        } else {
            next.update(password)
        }
        digest = next.finalize();
    }
    crypt_text(&digest, MD5_ORDER, &[11])
}
