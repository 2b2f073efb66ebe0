//! Passwords of PostgreSQL's roles: the server is only told what it keeps of them, so that none is in
//! clear in a statement or in its log.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::content::md5;

/// What the server keeps for a password that is salted and hashed (RFC 5802).
#[derive(Debug, PartialEq)]
struct Scram {
    rounds: u32,
    salt: Vec<u8>,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

const SCRAM: &str = "SCRAM-SHA-256$";

/// As many as the server takes by default.
const ROUNDS: u32 = 4096;

impl Scram {
    fn read(text: &str) -> Option<Scram> {
        let (head, keys) = text.strip_prefix(SCRAM)?.split_once('$')?;
        let (rounds, salt) = head.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let decode = |text: &str| STANDARD.decode(text).ok();
        Some(Scram {
            rounds: rounds.parse().ok().filter(|rounds| (1..=10_000_000).contains(rounds))?,
            salt: decode(salt)?,
            stored_key: decode(stored_key)?,
            server_key: decode(server_key)?,
        })
    }

    fn new(password: &str, salt: &[u8], rounds: u32) -> Scram {
        let hmac = |key: &[u8], text: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
            mac.update(text);
            mac.finalize().into_bytes().to_vec()
        };
        let mut salted = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, rounds, &mut salted);
        Scram {
            rounds,
            salt: salt.to_vec(),
            stored_key: Sha256::digest(hmac(&salted, b"Client Key")).to_vec(),
            server_key: hmac(&salted, b"Server Key"),
        }
    }

    fn text(&self) -> String {
        let [salt, stored, server] =
            [&self.salt, &self.stored_key, &self.server_key].map(|bytes| STANDARD.encode(bytes));
        format!("{SCRAM}{}:{salt}${stored}:{server}", self.rounds)
    }
}

/// Whether a password is given as what the server keeps.
pub(crate) fn is_hashed(password: &str) -> bool {
    let md5 = password.strip_prefix("md5").is_some_and(|rest| rest.len() == 32);
    md5 || Scram::read(password).is_some()
}

fn hashed_by_md5(role: &str, password: &str) -> String {
    format!("md5{}", md5(format!("{password}{role}").as_bytes()))
}

/// Whether what the server keeps is that of a password. `encryption` is what it would keep now.
pub(crate) fn fits(kept: Option<&str>, role: &str, password: &str, encryption: &str) -> bool {
    match kept {
        None => password.is_empty(),
        Some(_) if password.is_empty() => false,
        Some(kept) if is_hashed(password) => kept == password,
        Some(kept) => match Scram::read(kept) {
            Some(scram) => Scram::new(password, &scram.salt, scram.rounds) == scram,
            None => encryption != "scram-sha-256" && kept == hashed_by_md5(role, password),
        },
    }
}

/// What the server shall keep of a password.
pub(crate) fn kept(role: &str, password: &str, encryption: &str, salt: &[u8]) -> String {
    match encryption {
        _ if is_hashed(password) => password.to_owned(),
        "scram-sha-256" => Scram::new(password, salt, ROUNDS).text(),
        _ => hashed_by_md5(role, password),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::{fits, kept};

    /// What PostgreSQL 15 kept of the password `geheim` of the role `kept`.
    const SCRAM: &str = "SCRAM-SHA-256$4096:Uv6zCLUopD2Yc5K/UYUkFQ==$\
        Wr3NIC7m6FmPpU0lwtLFQvl47plYun+YVCo945tFl3Y=:ebKBflHXhK9oz6Oeb0fdQy0msXfbx2WQEEt2Qe8Mhc8=";
    const MD5: &str = "md5b47cf8f2838ea9a541da4350a2d8428c";

    #[test]
    fn what_is_kept_is_what_the_server_keeps() {
        let salt = STANDARD.decode("Uv6zCLUopD2Yc5K/UYUkFQ==").expect("base64");
        assert_eq!(kept("kept", "geheim", "scram-sha-256", &salt), SCRAM);
        assert_eq!(kept("kept", "geheim", "md5", b""), MD5);
        assert_eq!(kept("other", MD5, "scram-sha-256", &salt), MD5);
    }

    #[test]
    fn a_password_fits_what_is_kept_of_it() {
        let scram = "scram-sha-256";
        assert!(fits(Some(SCRAM), "kept", "geheim", scram));
        assert!(!fits(Some(SCRAM), "kept", "other", scram));
        assert!(fits(Some(SCRAM), "kept", SCRAM, scram));
        assert!(fits(Some(MD5), "kept", "geheim", "md5"));
        // A server that would keep a better form is given it.
        assert!(!fits(Some(MD5), "kept", "geheim", scram));
        assert!(fits(None, "kept", "", scram) && !fits(Some(SCRAM), "kept", "", scram));
        assert!(!fits(None, "kept", "geheim", scram));
    }
}
