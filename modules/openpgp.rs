//! Public keys of OpenPGP (RFC 4880, 9580): which keys a text or a keyring holds, and where.
//!
//! apt's keyrings are packets one after the other, so a key is added by adding its bytes and
//! removed by removing them; no gpg is needed on the host.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Digest as _;

/// A key with its identities, signatures and subkeys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    /// Of the key and its subkeys: fingerprints in upper-case hex, the key's own first.
    pub(crate) fingerprints: Vec<String>,
    pub(crate) packets: Vec<u8>,
    created: u64,
    /// Seconds of life by the newest signature that says so; none for ever.
    life: Option<u64>,
    newest: u64,
}

impl Key {
    /// The last 16 digits of each fingerprint.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.fingerprints.iter().map(|print| &print[print.len() - 16..])
    }

    /// Whether the key, or one of its subkeys, is meant by an ID of any length, in upper case.
    pub(crate) fn is(&self, id: &str) -> bool {
        self.fingerprints.iter().any(|print| print.ends_with(id))
    }

    pub(crate) fn is_expired(&self, now: u64) -> bool {
        self.life.is_some_and(|life| self.created.saturating_add(life) <= now)
    }
}

/// The keys in a text with `BEGIN PGP PUBLIC KEY BLOCK`, or in packets as they are.
///
/// # Errors
/// A message, if it is neither.
pub(crate) fn keys(bytes: &[u8]) -> Result<Vec<Key>, String> {
    const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
    let text = String::from_utf8_lossy(bytes);
    if bytes.get(8..12) == Some(b"KBXf") {
        return Err("it is a keybox of GnuPG, which apt cannot read".into());
    }
    if !text.contains(BEGIN) {
        return read(bytes);
    }
    let mut all = Vec::new();
    for block in text.split(BEGIN).skip(1) {
        let body =
            block.split("-----END").next().unwrap_or_default().trim_start_matches([' ', '\t']);
        // Headers end with an empty line.
        let mut lines = body.trim_start_matches("\r\n").trim_start_matches('\n').lines();
        let mut data = String::new();
        let mut is_data = !body.contains(": ");
        for line in lines.by_ref().map(str::trim) {
            match line {
                "" => is_data = true,
                line if line.starts_with('=') => break,
                line if is_data => data += line,
                _ => {}
            }
        }
        let packets = STANDARD.decode(&data).map_err(|error| format!("not base64: {error}"))?;
        all.extend(read(&packets)?);
    }
    Ok(all)
}

/// One packet: its tag, its body, and all its bytes.
fn packet(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let first = *bytes.first()?;
    let number = |from: usize, count: usize| -> Option<usize> {
        bytes.get(from..from + count).map(|b| b.iter().fold(0, |n, b| n << 8 | usize::from(*b)))
    };
    let (tag, head, length) = match first {
        0xc0.. => {
            let (head, length) = match *bytes.get(1)? {
                short @ 0..=191 => (2, usize::from(short)),
                192..=223 => (3, number(1, 2)? - (192 << 8) + 192),
                255 => (6, number(2, 4)?),
                _ => return None,
            };
            (first & 0x3f, head, length)
        }
        0x80.. => {
            let size = 1 << (first & 3);
            // Of no known length: nobody writes keys so.
            if size == 8 {
                return None;
            }
            ((first >> 2) & 0xf, 1 + size, number(1, size)?)
        }
        _ => return None,
    };
    let end = head.checked_add(length)?;
    bytes.get(head..end).map(|body| (tag, body, end))
}

fn read(mut bytes: &[u8]) -> Result<Vec<Key>, String> {
    let mut all: Vec<Key> = Vec::new();
    while !bytes.is_empty() {
        let (tag, body, end) = packet(bytes).ok_or("it holds no OpenPGP keys")?;
        if tag == 6 {
            all.push(Key {
                fingerprints: vec![fingerprint(body).ok_or("a key of an unknown version")?],
                packets: vec![],
                created: big_endian(body.get(1..5)),
                life: None,
                newest: 0,
            });
        }
        // Trust packets and the like before the first key belong to nobody.
        if let Some(key) = all.last_mut() {
            key.packets.extend_from_slice(&bytes[..end]);
            match tag {
                14 => key.fingerprints.extend(fingerprint(body)),
                2 => signature(key, body),
                _ => {}
            }
        }
        bytes = &bytes[end..];
    }
    match all.is_empty() {
        true => Err("it holds no OpenPGP keys".into()),
        false => Ok(all),
    }
}

fn big_endian(bytes: Option<&[u8]>) -> u64 {
    bytes.unwrap_or_default().iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

fn fingerprint(body: &[u8]) -> Option<String> {
    let length = u16::try_from(body.len()).ok()?;
    let print = match *body.first()? {
        4 => {
            let all = [&[0x99][..], &length.to_be_bytes(), body].concat();
            sha1::Sha1::digest(&all).to_vec()
        }
        // The ID of version 6 is its first 8 bytes: only those are kept.
        6 => {
            let length = u32::from(length).to_be_bytes();
            let all = [&[0x9b][..], &length, body].concat();
            sha2::Sha256::digest(&all).get(..8)?.to_vec()
        }
        _ => return None,
    };
    Some(print.iter().map(|byte| format!("{byte:02X}")).collect())
}

/// What a signature of the key on itself says of its life: the newest one counts.
fn signature(key: &mut Key, body: &[u8]) {
    // Version 4, on an identity or on the key.
    if body.first() != Some(&4) || !body.get(1).is_some_and(|t| matches!(t, 0x10..=0x13 | 0x1f)) {
        return;
    }
    let size = usize::try_from(big_endian(body.get(4..6))).unwrap_or_default();
    let mut rest = body.get(6..6 + size).unwrap_or_default();
    let (mut made, mut life, mut issuer) = (0, None, None);
    while let Some((&first, _)) = rest.split_first() {
        let (head, length) = match first {
            0..=191 => (1, u64::from(first)),
            192..=254 => {
                let low = rest.get(1).copied().unwrap_or_default();
                (2, (u64::from(first) - 192) * 256 + u64::from(low) + 192)
            }
            255 => (5, big_endian(rest.get(1..5))),
        };
        let end = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(head);
        let Some(sub) = rest.get(head..end).filter(|sub| !sub.is_empty()) else { return };
        match sub[0] & 0x7f {
            2 => made = big_endian(sub.get(1..5)),
            9 => life = Some(big_endian(sub.get(1..5))),
            33 => issuer = sub.get(2..).map(<[u8]>::to_vec),
            _ => {}
        }
        rest = &rest[end..];
    }
    let own = issuer.is_none_or(|print| {
        let print: String = print.iter().map(|byte| format!("{byte:02X}")).collect();
        print.starts_with(&key.fingerprints[0])
    });
    if own && made >= key.newest {
        key.newest = made;
        key.life = life.filter(|life| *life > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::keys;

    const KEY: &str = include_str!("../tests/modules/openpgp.asc");

    /// The fingerprints, the IDs and the date are what gpg says of these keys.
    #[test]
    fn keys_are_what_gpg_says() {
        let found = keys(KEY.as_bytes()).expect("keys");
        let prints: Vec<_> = found.iter().map(|key| key.fingerprints.join(" ")).collect();
        assert_eq!(
            prints,
            [
                "9749EB333A713170485DE5464C57365C3A06344C 22F620ADE99CA63FA4E536DB99011701B47D9B04",
                "7BA565E0ED0D8B99EBCC011BAC71C7273C5DC66D"
            ]
        );
        assert_eq!(found[0].ids().collect::<Vec<_>>(), ["4C57365C3A06344C", "99011701B47D9B04"]);
        assert!(found[0].is("B47D9B04") && !found[0].is("3C5DC66D"));
        assert!(!found[0].is_expired(u64::MAX));
        assert!(!found[1].is_expired(1_609_372_799) && found[1].is_expired(1_609_372_800));
        let ring = [&found[0].packets[..], &found[1].packets].concat();
        assert_eq!(keys(&ring), Ok(found));
    }

    #[test]
    fn what_is_no_key_is_told() {
        for bytes in [&b""[..], b"hello", b"\xc6\xff\x00", b"\x99\xff\xff\x04", &[0xc6, 200]] {
            assert!(keys(bytes).is_err(), "{bytes:?}");
        }
        assert!(keys(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!!\n-----END").is_err());
        let ring = keys(KEY.as_bytes()).expect("keys").remove(0).packets;
        // No cut makes it panic; a cut between packets leaves a key without what follows.
        assert!((0..ring.len()).filter(|end| keys(&ring[..*end]).is_ok()).count() < 10);
    }
}
