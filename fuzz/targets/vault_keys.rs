//! Key paths, recipients and private keys.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rprov_vault::{Identity, KeyPath, Recipient};

fuzz_target!(|data: &[u8]| {
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
});
