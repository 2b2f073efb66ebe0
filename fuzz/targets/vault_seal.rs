//! What can be sealed comes back byte for byte, and no value stays in clear.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use rprov_vault::{Cost, Keyring, NewValue, Recipient, Vault};

thread_local! {
    static KNOWN: RefCell<(Keyring, Recipient)> = RefCell::new({
        let mut keyring = Keyring::new();
        let cost = Cost::new(8, 1, 1).expect("bounded");
        let recipient = keyring.recipient(b"passphrase", cost, "").expect("a recipient");
        (keyring, recipient)
    });
}

fuzz_target!(|text: &str| KNOWN.with_borrow(|(keyring, recipient)| {
    let Ok(mut vault) = Vault::seal(text, std::slice::from_ref(recipient), keyring) else { return };
    let plain = text.strip_prefix('\u{feff}').unwrap_or(text);
    let opened = Vault::open(vault.sealed().as_bytes(), keyring).expect("what was sealed opens");
    assert_eq!(opened.plain().as_str(), plain);
    let sealed = vault.sealed().to_owned();
    vault.edit(plain).expect("nothing changed");
    assert_eq!(vault.sealed(), sealed);
    let values = vault.list().expect("it was sealed");
    for value in values.iter().take(8) {
        let _ = vault.get(&value.path);
        let mut changed = Vault::open(sealed.as_bytes(), keyring).expect("it opens");
        let _ = match value.line % 2 {
            0 => changed.set(&value.path, NewValue::Text(plain)),
            _ => changed.unset(&value.path),
        };
        Vault::open(changed.sealed().as_bytes(), keyring).expect("what was changed opens");
    }
}));
