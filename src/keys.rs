//! Keys for applications: new ones, ones derived from a secret, and how a text is written in a URL.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use rand::TryRng;
use sha2::Sha256;

/// What secret keys are made of: those of Django's.
const ALPHABET: &[u8; 50] = b"abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)";

/// Characters of a secret key, and bytes of an API key.
const SECRET_KEY: usize = 50;
const API_KEY: usize = 32;

/// A secret key: 50 characters of `a-z0-9!@#$%^&*(-_=+)`, each as likely as the others. `random`
/// yields random bytes.
pub fn secret_key<E>(mut random: impl FnMut() -> Result<u8, E>) -> Result<String, E> {
    let mut key = String::with_capacity(SECRET_KEY);
    while key.len() < SECRET_KEY {
        // 250 is the largest multiple of 50 that a byte can reach: what is above is thrown away.
        let byte = usize::from(random()?);
        if byte < 5 * ALPHABET.len() {
            key.push(char::from(ALPHABET[byte % ALPHABET.len()]));
        }
    }
    Ok(key)
}

/// An API key: 32 bytes as 64 hexadecimal digits. `random` yields random bytes.
pub fn api_key<E>(mut random: impl FnMut() -> Result<u8, E>) -> Result<String, E> {
    let mut key = String::with_capacity(2 * API_KEY);
    for _ in 0..API_KEY {
        let _ = write!(key, "{:02x}", random()?);
    }
    Ok(key)
}

/// Bytes of the operating system's generator.
pub fn system() -> impl FnMut() -> Result<u8, rand::rngs::SysError> {
    || {
        let mut byte = [0];
        rand::rngs::SysRng.try_fill_bytes(&mut byte)?;
        Ok(byte[0])
    }
}

/// Bytes derived from a secret for one use: the same secret gives the same bytes.
pub fn derived(secret: &[u8], usage: &str) -> impl FnMut() -> Result<u8, std::convert::Infallible> {
    let key = <Hmac<Sha256> as KeyInit>::new_from_slice(secret).expect("HMAC takes any length");
    let usage = usage.to_owned();
    let mut block = Vec::new();
    let mut number = 0u64;
    move || {
        if block.is_empty() {
            let mut mac = key.clone();
            mac.update(usage.as_bytes());
            mac.update(&number.to_le_bytes());
            block = mac.finalize().into_bytes().to_vec();
            number += 1;
        }
        Ok(block.pop().unwrap_or_default())
    }
}

/// The text as it is written in a URL: UTF-8, a space as `+`, all but letters, digits and `_.-~` as
/// `%` and two digits (Python's `quote_plus`).
pub fn quote_plus(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text {
        match byte {
            b' ' => out.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"_.-~".contains(byte) => {
                out.push(char::from(*byte))
            }
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_keys_have_every_character_equally_often() {
        let mut counts = [0u32; 256];
        let mut all = std::collections::HashSet::new();
        for _ in 0..2000 {
            let key = secret_key(system()).expect("random bytes");
            assert_eq!(key.len(), 50);
            key.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
            assert!(all.insert(key));
        }
        let used: Vec<u32> = ALPHABET.iter().map(|byte| counts[usize::from(*byte)]).collect();
        assert_eq!(used.iter().sum::<u32>(), 100_000);
        // 2000 each on average, with a deviation of 44: seven of them are never seen.
        assert!(used.iter().all(|count| (1690..2310).contains(count)), "{used:?}");
    }

    #[test]
    fn every_byte_leads_to_a_character_or_is_thrown_away() {
        let mut counts = [0u32; 256];
        for byte in 0..=255u8 {
            let mut bytes = std::iter::once(byte).chain(std::iter::repeat(0));
            let key = secret_key(|| bytes.next().ok_or(())).expect("bytes");
            counts[usize::from(key.as_bytes()[0])] += 1;
        }
        // `a` stands for 0, 50, … and for the six bytes after which a 0 was taken.
        assert!(ALPHABET[1..].iter().all(|byte| counts[usize::from(*byte)] == 5));
        assert_eq!(counts[usize::from(b'a')], 11);
    }

    #[test]
    fn derived_keys_depend_on_the_secret_and_on_the_use() {
        let key = |secret: &[u8], usage| {
            secret_key(derived(secret, usage)).unwrap_or_else(|never| match never {})
        };
        assert_eq!(key(b"one", "a"), key(b"one", "a"));
        assert_ne!(key(b"one", "a"), key(b"two", "a"));
        assert_ne!(key(b"one", "a"), key(b"one", "b"));
        let api = api_key(derived(b"one", "a")).unwrap_or_else(|never| match never {});
        assert!(api.len() == 64 && api.bytes().all(|byte| byte.is_ascii_hexdigit()), "{api}");
    }

    #[test]
    fn texts_in_urls() {
        let cases = [
            ("mdp!des?caractèressp&ciaux", "mdp%21des%3Fcaract%C3%A8ressp%26ciaux"),
            ("a b/c", "a+b%2Fc"),
            ("-_.~Az09", "-_.~Az09"),
            ("+%", "%2B%25"),
        ];
        for (text, expected) in cases {
            assert_eq!(quote_plus(text.as_bytes()), expected);
        }
    }
}
