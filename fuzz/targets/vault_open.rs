//! Sealed YAML of any kind, also behind a header whose codes are right for other values.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rprov_vault::{Cost, Keyring, Vault};

static KNOWN: LazyLock<(Keyring, String)> = LazyLock::new(|| {
    let mut keyring = Keyring::new();
    let cost = Cost::new(8, 1, 1).expect("bounded");
    let recipient = keyring.recipient(b"passphrase", cost, "").expect("a recipient");
    let vault = Vault::seal("a: 1\nb: [2, {c: 3}]\n", &[recipient], &keyring).expect("sealed");
    let header = vault.sealed().lines().take_while(|line| line.starts_with('#'));
    let header = header.map(|line| format!("{line}\n")).collect();
    (keyring, header)
});

fuzz_target!(|data: &[u8]| {
    let (keyring, header) = &*KNOWN;
    // Without a key first: a hostile header may make each derivation as slow as it is allowed to.
    let _ = rprov_vault::mode(data);
    let _ = rprov_vault::recipients(data);
    let _ = rprov_vault::sealed_values(data);
    if let Err(error) = Vault::open(data, &Keyring::new()) {
        let _ = error.to_string();
    }
    let behind = [header.as_bytes(), data].concat();
    if let Err(error) = Vault::open(&behind, keyring) {
        let _ = error.to_string();
    }
});
