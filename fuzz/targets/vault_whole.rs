//! Files encrypted as a whole: headers of any kind, and any content behind a right one.
#![no_main]

use std::io::{Read, Write};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rprov_vault::{Cost, Keyring, Whole};

static KNOWN: LazyLock<(Keyring, Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let mut keyring = Keyring::new();
    let cost = Cost::new(8, 1, 1).expect("bounded");
    let recipient = keyring.recipient(b"passphrase", cost, "").expect("a recipient");
    let whole = Whole::new(&[recipient], &keyring).expect("made");
    let mut sealer = whole.seal(Vec::new()).expect("a vector takes all");
    sealer.write_all(b"some content").expect("a vector takes all");
    let sealed = sealer.finish().expect("a vector takes all");
    let header = whole.sealed().into_bytes();
    let content = sealed[header.len()..].to_vec();
    (keyring, header, content)
});

fn open(mut sealed: &[u8], keyring: &Keyring) -> std::io::Result<Vec<u8>> {
    let whole = Whole::read(&mut sealed, keyring)?;
    let mut plain = Vec::new();
    whole.open(sealed).read_to_end(&mut plain)?;
    Ok(plain)
}

fuzz_target!(|data: &[u8]| {
    let (keyring, header, content) = &*KNOWN;
    let _ = open(data, &Keyring::new());
    let behind = open(&[&header[..], data].concat(), keyring);
    assert!(behind.is_err() || data == content);
    if let Err(error) = behind {
        let _ = Whole::why(&error).map(ToString::to_string);
    }
});
