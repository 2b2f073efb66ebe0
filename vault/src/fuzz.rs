//! What the fuzz targets do, and with every file of their corpora the tests. Built for both only.
//!
//! A cipher cannot be guessed: so that what is behind it is reached, data are also taken as changes
//! ([`altered`]) to what was sealed right. Keys are derived at the least cost there is, and while
//! fuzzing a piece of a file is short and PBKDF2 has one round.

use std::io::{Read, Write};
use std::sync::LazyLock;

use crate::ansible::{self, Envelope};
use crate::{
    Cost, Identity, KeyPath, Keyring, NewValue, Recipient, Value, ValueKind, Vault, Whole,
};

const PASSPHRASE: &[u8] = b"passphrase";

/// What is altered: every kind of YAML there is.
const TEXTS: [&str; 4] = [
    "a: 1\nb: 'two'\nc: [3, \"f\\tour\", {d: 5, e: ~}]\n",
    "# first\nkey: |\n  one\n\n  two\nother: >-\n  folded\n  text\nlist:\n- x\n- - y\n  -\n",
    "a: &one !tag 1\nb: *one\nc: &map {x: 1}\nd: *map\n\"a\": 2\ne:\n",
    "- plain text\r\n- 'it''s'\r\n- {a: b,\r\n   c: d}\r\n",
];

/// A passphrase that is quickly tried, and what was made for it.
struct Known {
    keyring: Keyring,
    recipient: Recipient,
    vaults: Vec<Vault>,
    /// A file of several pieces while fuzzing, its header's length, and what is in it.
    whole: (Vec<u8>, usize, Vec<u8>),
    envelope: Vec<u8>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut keyring = Keyring::new();
    let cost = Cost::new(8, 1, 1).expect("bounded");
    let recipient = keyring.recipient(PASSPHRASE, cost, "").expect("a recipient");
    let recipients = [recipient.clone()];
    let seal = |text: &&str| Vault::seal(text, &recipients, &keyring).expect("sealed");
    let vaults = TEXTS.iter().map(seal).collect();
    let content: Vec<u8> = (0..=255).chain(0..99).collect();
    let header = Whole::new(&recipients, &keyring).expect("made");
    let mut sealer = header.seal(Vec::new()).expect("a vector takes all");
    sealer.write_all(&content).expect("a vector takes all");
    let sealed = sealer.finish().expect("a vector takes all");
    let whole = (sealed, header.sealed().len(), content);
    let envelope = ansible::seal(b"a value", PASSPHRASE, Some("label")).expect("sealed");
    Known { keyring, recipient, vaults, whole, envelope: envelope.into_bytes() }
});

/// The text after the changes that the data ask for, four bytes each: what to do, where, and how far.
fn altered(text: &[u8], data: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for change in data.as_chunks::<4>().0.iter().take(16) {
        let [what, high, low, amount] = *change;
        let place = usize::from(u16::from_be_bytes([high, low]));
        let (at, amount) = (place % (text.len() + 1), usize::from(amount));
        let end = (at + amount).min(text.len());
        match what % 8 {
            0 => text.truncate(at),
            1 => text.insert(at, change[3]),
            2 => drop(text.drain(at..end)),
            3 => text.rotate_left(at),
            4 if at < text.len() => text[at] = change[3],
            5 if at < text.len() => text[at] ^= 1 << (amount % 8),
            6 => text = swapped(&text, b'\n', place, amount),
            _ => text = swapped(&text, b' ', place, amount),
        }
    }
    text
}

/// Two pieces change their places, or the one takes the place of the other.
fn swapped(text: &[u8], between: u8, one: usize, other: usize) -> Vec<u8> {
    let mut pieces: Vec<&[u8]> = text.split(|byte| *byte == between).collect();
    let (one, other) = (one % (2 * pieces.len()), other % pieces.len());
    match one.checked_sub(pieces.len()) {
        None => pieces.swap(one, other),
        Some(one) => pieces[one] = pieces[other],
    }
    pieces.join(&between)
}

/// Opens a file, unless its header was altered so that deriving would take as long as it may.
fn cheaply<T>(sealed: &[u8], open: impl FnOnce(&Keyring) -> T) -> Option<T> {
    let cheap = |known: &Recipient| known.key().starts_with("passphrase 8,1,1 ");
    let recipients = crate::recipients(sealed).unwrap_or_default();
    if recipients.as_slice() == std::slice::from_ref(&KNOWN.recipient) {
        // Derived already.
        return Some(open(&KNOWN.keyring));
    }
    let mut keyring = Keyring::new();
    keyring.add_passphrase(PASSPHRASE);
    recipients.iter().all(cheap).then(|| open(&keyring))
}

/// What must not change: where a value is, and what it is.
fn meanings(vault: &Vault) -> Vec<(KeyPath, ValueKind)> {
    let values = vault.list().expect("it is open");
    values.into_iter().map(|Value { path, kind, .. }| (path, kind)).collect()
}

/// Sealed YAML of any kind, also behind a header whose codes are right for other values.
pub fn open(data: &[u8]) {
    // Without a key first: a hostile header may make each derivation as slow as it is allowed to.
    let _ = crate::mode(data);
    let _ = crate::recipients(data);
    let _ = crate::sealed_values(data);
    if let Err(error) = Vault::open(data, &Keyring::new()) {
        let _ = error.to_string();
    }
    let header = KNOWN.vaults[0].sealed();
    let header = &header[..header.find("# mac ").expect("a header has codes")];
    let codes = KNOWN.vaults[0].sealed()[header.len()..].split_inclusive('\n').next();
    let behind = [header.as_bytes(), codes.unwrap_or_default().as_bytes(), data].concat();
    if let Err(error) = Vault::open(&behind, &KNOWN.keyring) {
        let _ = error.to_string();
    }
}

/// Sealed YAML that was altered opens as it was sealed, or not at all.
pub fn alter(data: &[u8]) {
    let Some((which, changes)) = data.split_first() else { return };
    let vault = &KNOWN.vaults[usize::from(*which) % KNOWN.vaults.len()];
    let sealed = altered(vault.sealed().as_bytes(), changes);
    let _ = crate::sealed_values(&sealed);
    match cheaply(&sealed, |keyring| Vault::open(&sealed, keyring)) {
        Some(Err(error)) => drop(error.to_string()),
        Some(Ok(opened)) => assert_eq!(meanings(&opened), meanings(vault)),
        None => {}
    }
}

/// What can be sealed comes back byte for byte, and one value set or removed leaves what opens.
pub fn seal(text: &str) {
    let Known { keyring, recipient, .. } = &*KNOWN;
    let Ok(mut vault) = Vault::seal(text, std::slice::from_ref(recipient), keyring) else { return };
    let plain = text.strip_prefix('\u{feff}').unwrap_or(text);
    let opened = Vault::open(vault.sealed().as_bytes(), keyring).expect("what was sealed opens");
    assert_eq!(opened.plain().as_str(), plain);
    let values = vault.list().expect("it was sealed");
    let Some(value) = values.get(text.len() % values.len().max(1)) else { return };
    vault.get(&value.path).expect("it is there");
    let _ = match (text.len() / values.len()) % 3 {
        0 => vault.unset(&value.path),
        1 => vault.set(&value.path, NewValue::Yaml(plain)),
        _ => vault.set(&value.path, NewValue::Text(plain)),
    };
    let again = Vault::open(vault.sealed().as_bytes(), keyring).expect("what was changed opens");
    assert_eq!(again.plain(), vault.plain());
}

/// Files encrypted as a whole: headers of any kind, any content behind a right one, and a right file
/// that was altered.
pub fn whole(data: &[u8]) {
    fn open(mut sealed: &[u8], keyring: &Keyring) -> Option<Vec<u8>> {
        let mut plain = Vec::new();
        let read = Whole::read(&mut sealed, keyring)
            .and_then(|whole| whole.open(sealed).read_to_end(&mut plain));
        if let Err(error) = &read {
            let _ = Whole::why(error).map(ToString::to_string);
        }
        read.is_ok().then_some(plain)
    }
    let (sealed, header, content) = &KNOWN.whole;
    assert_eq!(open(data, &Keyring::new()), None);
    let behind = [&sealed[..*header], data].concat();
    assert!(open(&behind, &KNOWN.keyring).is_none() || behind == *sealed);
    let changed = altered(sealed, data);
    let opened = cheaply(&changed, |keyring| open(&changed, keyring)).flatten();
    assert!(opened.is_none_or(|plain| plain == *content));
}

/// Key paths, recipients and private keys.
pub fn keys(data: &[u8]) {
    let identities = Identity::parse(data).unwrap_or_default();
    for identity in &identities {
        let _ = identity.recipient();
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(path) = text.parse::<KeyPath>() {
        let again: KeyPath = path.to_string().parse().expect("what is written can be read");
        assert_eq!(path, again);
    }
    if let Ok(recipient) = text.parse::<Recipient>() {
        let again: Recipient = recipient.to_string().parse().expect("what is written can be read");
        assert_eq!(recipient, again);
        let _ = recipient.name();
    }
}

/// Ansible's envelopes: of any kind, altered, and there and back.
pub fn envelope(data: &[u8]) {
    let open = |text: &[u8]| match Envelope::parse(text) {
        Ok(envelope) => {
            let _ = envelope.label().map(str::len);
            envelope.open(PASSPHRASE).map_err(|error| error.to_string()).ok()
        }
        Err(error) => {
            let _ = error.to_string();
            None
        }
    };
    assert!(open(data).is_none() || ansible::is_envelope(data));
    let changed = open(&altered(&KNOWN.envelope, data));
    assert!(changed.is_none_or(|plain| plain.as_slice() == b"a value"));
    let label = data.first().map(|byte| format!("label{}", char::from(*byte)));
    if let Ok(sealed) = ansible::seal(data, PASSPHRASE, label.as_deref()) {
        assert_eq!(open(sealed.as_bytes()).as_deref().map(Vec::as_slice), Some(data));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpora_are_read() {
        type Target = fn(&[u8]);
        let targets: [(&str, Target); 6] = [
            ("vault_open", super::open),
            ("vault_alter", super::alter),
            ("vault_seal", |data| super::seal(std::str::from_utf8(data).unwrap_or_default())),
            ("vault_whole", super::whole),
            ("vault_keys", super::keys),
            ("ansible_vault", super::envelope),
        ];
        for (name, target) in targets {
            let directory = format!("{}/../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
            let files = std::fs::read_dir(&directory).expect("a corpus").flatten();
            let read = files.map(|file| target(&std::fs::read(file.path()).expect("a file")));
            assert!(read.count() > 0, "{directory} is empty");
        }
    }
}
