//! Password hashes as `crypt` writes them.

use md5::{Digest, Md5};
use minijinja::{Error, Value};

use crate::template::call::{Body, Call};
use crate::template::chance::Chance;
use crate::template::error::failed;
use crate::template::print;

pub(super) const FILTERS: &[(&str, Body)] = &[("password_hash", password_hash)];

/// A scheme, the length of the salts it makes, and its usual cost.
#[derive(Clone, Copy)]
pub(in crate::template) struct Scheme {
    names: &'static [&'static str],
    /// The length of a new salt.
    pub(in crate::template) salt: usize,
    cost: u32,
    /// What stands between the first two dollar signs unless told otherwise.
    pub(in crate::template) ident: Option<&'static str>,
}

const SCHEMES: &[Scheme] = &[
    Scheme { names: &["sha512", "sha512_crypt"], salt: 16, cost: 656_000, ident: None },
    Scheme { names: &["sha256", "sha256_crypt"], salt: 16, cost: 535_000, ident: None },
    Scheme { names: &["md5", "md5_crypt"], salt: 8, cost: 1000, ident: None },
    Scheme { names: &["blowfish", "bcrypt"], salt: 22, cost: 12, ident: Some("2b") },
];

impl Scheme {
    pub(in crate::template) fn find(name: &str) -> Result<Scheme, Error> {
        SCHEMES.iter().find(|scheme| scheme.names.contains(&name)).copied().ok_or_else(|| {
            failed(format!(
                "no password hash named `{name}`: expected sha512, sha256, md5 or blowfish"
            ))
        })
    }

    /// A new salt.
    pub(in crate::template) fn new_salt(&self) -> String {
        let mut chance = Chance::System;
        let mut salt: String =
            (0..self.salt).map(|_| char::from(*chance.choice(ALPHABET))).collect();
        if self.ident.is_some() {
            // The last letter holds two bits, and must say no more.
            salt.pop();
            salt.push(*chance.choice(&['.', 'O', 'e', 'u']));
        }
        salt
    }

    /// # Errors
    /// A salt, cost or `ident` that the scheme does not have.
    pub(in crate::template) fn hash(
        &self,
        password: &str,
        salt: &str,
        rounds: Option<i64>,
        ident: Option<&str>,
    ) -> Result<String, Error> {
        let name = self.names[0];
        let length = salt.len();
        let fits = match self.ident {
            Some(_) => length == self.salt,
            None => length <= self.salt,
        };
        if !fits || !salt.bytes().all(|byte| ALPHABET.contains(&byte)) {
            let most = if self.ident.is_some() { "exactly" } else { "at most" };
            return Err(failed(format!(
                "a salt for `{name}` has {most} {} characters of `./0-9A-Za-z`",
                self.salt
            )));
        }
        let rounds = match rounds {
            Some(rounds) => u32::try_from(rounds).unwrap_or(0),
            None => self.cost,
        };
        let (password, salt_bytes) = (password.as_bytes(), salt.as_bytes());
        if self.ident.is_some() {
            return bcrypt(password, salt, rounds, ident);
        }
        if name == "md5" {
            return Ok(format!("$1${salt}${}", md5_crypt(password, salt_bytes)));
        }
        let params = sha_crypt::Params::new(rounds)
            .map_err(|_| failed(format!("expected 1000 to 999999999 rounds, found {rounds}")))?;
        let shown = if rounds == 5000 { String::new() } else { format!("rounds={rounds}$") };
        let (id, encoded) = if name == "sha512" {
            let digest = sha_crypt::sha512_crypt(password, salt_bytes, params);
            (6, crypt_text(&digest, SHA512_ORDER, &[63]))
        } else {
            let digest = sha_crypt::sha256_crypt(password, salt_bytes, params);
            (5, crypt_text(&digest, SHA256_ORDER, &[31, 30]))
        };
        Ok(format!("${id}${shown}{salt}${encoded}"))
    }
}

fn password_hash(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let scheme = Scheme::find(&call.text(0, "hashtype", "sha512"))?;
    // `salt_size` only bounds new salts of other libraries; a salt given is taken as it is.
    let salt = match call.given(1, "salt").map(print::text) {
        Some(salt) if !salt.is_empty() => salt,
        _ => scheme.new_salt(),
    };
    let rounds = match call.given(3, "rounds") {
        Some(_) => Some(call.int(3, "rounds", 0)?),
        None => None,
    };
    let ident = call.given(4, "ident").map(print::text);
    let password = call.string()?.to_owned();
    let hash = scheme.hash(&password, &salt, rounds, ident.as_deref())?;
    call.secret(password);
    Ok(call.secret(hash))
}

/// The alphabet of `bcrypt`, in the order of its values.
const BCRYPT: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn bcrypt(password: &[u8], salt: &str, cost: u32, ident: Option<&str>) -> Result<String, Error> {
    let version = match ident.unwrap_or("2b") {
        "2a" => bcrypt::Version::TwoA,
        "2b" => bcrypt::Version::TwoB,
        "2x" => bcrypt::Version::TwoX,
        "2y" => bcrypt::Version::TwoY,
        other => {
            return Err(failed(format!("expected the ident 2a, 2b, 2x or 2y, found `{other}`")));
        }
    };
    let mut bits = 0u128;
    for byte in salt.bytes().take(21) {
        bits = bits << 6 | BCRYPT.iter().position(|known| *known == byte).unwrap_or(0) as u128;
    }
    let last = salt.bytes().last().unwrap_or(b'.');
    let last = BCRYPT.iter().position(|known| *known == last).unwrap_or(0) as u128;
    let salt = (bits << 2 | last >> 4).to_be_bytes();
    bcrypt::hash_with_salt(password, cost, salt)
        .map(|parts| parts.format_for_version(version))
        .map_err(|error| failed(format!("cannot make a bcrypt hash: {error}")))
}

/// The alphabet of `crypt`.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

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
