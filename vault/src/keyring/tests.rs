use super::*;
use crate::{Vault, recipients};

macro_rules! key {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/keys/", $name))
    };
}

fn one(text: &[u8]) -> Identity {
    Identity::parse(text).expect("a key").remove(0)
}

fn public(text: &[u8]) -> Recipient {
    std::str::from_utf8(text).expect("UTF-8").parse().expect("a public key")
}

fn cheap() -> Cost {
    Cost::new(8, 1, 1).expect("bounded")
}

fn ring(identity: Identity) -> Keyring {
    let mut keyring = Keyring::new();
    keyring.add_identity(identity);
    keyring
}

#[test]
fn opens_what_age_has_wrapped() {
    let cases: [(&[u8], &[u8]); 3] = [
        (key!("ed25519"), key!("ed25519.wrapped")),
        (key!("rsa"), key!("rsa.wrapped")),
        (key!("identity"), key!("identity.wrapped")),
    ];
    for (identity, wrapped) in cases {
        let found = one(identity).unwrap(wrapped).expect("it opens");
        assert_eq!(found.0.as_slice(), key!("data"));
        assert!(one(identity).unwrap(&wrapped[..wrapped.len() - 1]).is_none(), "cut off");
    }
    assert!(one(key!("ed25519")).unwrap(key!("rsa.wrapped")).is_none());
}

#[test]
fn every_recipient_opens_the_file() {
    let names =
        [key!("ed25519.pub").as_slice(), key!("rsa.pub"), key!("identity.pub"), key!("locked.pub")];
    let team: Vec<Recipient> = names.iter().map(|text| public(text)).collect();
    let vault = Vault::seal("a: secret\n", &team, &Keyring::new()).expect("it can be sealed");
    let sealed = vault.sealed();
    for line in sealed.lines().filter(|line| line.starts_with("# to ")) {
        assert!(line.starts_with("# to ssh-") || line.starts_with("# to age1"), "{line}");
    }
    for identity in [key!("ed25519").as_slice(), key!("rsa"), key!("identity")] {
        let opened = Vault::open(sealed.as_bytes(), &ring(one(identity))).expect("it opens");
        assert_eq!(opened.plain().as_str(), "a: secret\n");
    }
    assert_eq!(recipients(sealed.as_bytes()), Ok(team));
}

#[test]
fn a_key_with_a_passphrase_is_unlocked_first() {
    let locked = one(key!("locked"));
    assert!(locked.is_locked());
    let known = locked.recipient().expect("it tells without its passphrase");
    assert_eq!(known.key(), public(key!("locked.pub")).key());
    let team = [public(key!("locked.pub"))];
    let vault = Vault::seal("a: 1\n", &team, &Keyring::new()).expect("it can be sealed");
    let open = |keyring: &Keyring| Vault::open(vault.sealed().as_bytes(), keyring).err();
    let name = "carol@example.org (ssh-ed25519 …".to_owned();
    assert!(
        matches!(open(&ring(locked.clone())), Some(Error::NoKey(names)) if names[0].starts_with(&name))
    );
    assert_eq!(locked.unlock("wrong").err(), Some(Error::IdentityPassphrase));
    assert_eq!(open(&ring(locked.unlock("open sesame").expect("it is right").remove(0))), None);
}

#[test]
fn what_is_no_key_is_said_to_be_none() {
    let message = |text: &[u8]| Identity::parse(text).err().expect("no key").to_string();
    let cases: [(&[u8], &str); 5] = [
        (key!("ecdsa"), "expected an ed25519 or RSA key"),
        (key!("ed25519.pub"), "incorrect HRP"),
        (b"# empty\n", "there is no key in it"),
        (b"\xff", "it is not UTF-8"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "incomplete SSH identity"),
    ];
    for (text, part) in cases {
        let message = message(text);
        assert!(message.starts_with("expected an SSH private key or an age identity: "));
        assert!(message.contains(part) || text.starts_with(b"ssh-"), "{message}");
    }
    for (text, part) in [
        ("ssh-dss AAAA", "expected"),
        ("age1nonsense", "age1nonsense"),
        ("", "expected `age1…`"),
        // A number of zeros only, which makes age's reader panic; and a key with rubbish behind.
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAABAAAAAA=", "expected `age1…`"),
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAAAABQABAQ]@dv6", "expected `age1…`"),
        ("ecdsa-sha2-nistp256 AAAA", "expected"),
    ] {
        let error = text.parse::<Recipient>().expect_err("no recipient").to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn adding_changes_the_header_and_removing_everything() {
    let mut keyring = Keyring::new();
    let team = keyring.recipient(b"passphrase", cheap(), "the team").expect("a recipient");
    let mut vault = Vault::seal("a: 1\nb: 2\n", &[team], &keyring).expect("it can be sealed");
    let values = |vault: &Vault| -> Vec<String> {
        vault.sealed().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    };
    let before = values(&vault);
    let alice = public(key!("ed25519.pub"));
    assert_eq!(vault.add(&alice, &keyring), Ok(()));
    assert_eq!(values(&vault), before, "only the header changes");
    assert_eq!(vault.add(&alice, &keyring), Err(Error::KnownRecipient(alice.name())));
    let alices = ring(one(key!("ed25519")));
    let mut hers = Vault::open(vault.sealed().as_bytes(), &alices).expect("it opens");

    // She does not know the passphrase, so she cannot wrap a new key for it.
    let needed = Err(Error::PassphraseNeeded("the passphrase the team".to_owned()));
    assert_eq!(hers.rekey(&alices), needed);
    assert_eq!(values(&hers), before, "nothing was changed");

    assert_eq!(vault.remove(&alice.key(), &keyring), Ok(()));
    assert!(values(&vault).iter().zip(&before).all(|(a, b)| a != b), "all is encrypted again");
    let names = vec!["the passphrase the team".to_owned()];
    assert_eq!(Vault::open(vault.sealed().as_bytes(), &alices).err(), Some(Error::NoKey(names)));
    assert_eq!(Vault::open(vault.sealed().as_bytes(), &keyring).err(), None);
    assert_eq!(vault.remove(&alice.key(), &keyring), Err(Error::UnknownRecipient(alice.key())));
    let last = vault.recipients()[0].key();
    assert_eq!(vault.remove(&last, &keyring), Err(Error::NoRecipients));
}

#[test]
fn files_of_one_passphrase_cost_one_derivation() {
    let mut keyring = Keyring::new();
    let first = keyring.recipient(b"passphrase", cheap(), "").expect("a recipient");
    let one = Vault::seal("a: 1\n", &[first], &keyring).expect("it can be sealed");

    let mut later = Keyring::new();
    later.add_passphrase(b"another");
    later.add_passphrase(b"passphrase");
    assert_eq!(Vault::open(one.sealed().as_bytes(), &later).err(), None);
    let second = later.recipient(b"passphrase", cheap(), "").expect("a recipient");
    let other = Vault::seal("b: 1\n", &[second], &later).expect("it can be sealed");
    assert_eq!(recipients(one.sealed().as_bytes()), recipients(other.sealed().as_bytes()));
    let derived = |keyring: &Keyring| keyring.derived.lock().expect("not poisoned").len();
    assert_eq!(derived(&later), 2, "the wrong passphrase and the right one");

    let mut reader = Keyring::new();
    reader.add_passphrase(b"passphrase");
    for vault in [&one, &other] {
        assert_eq!(Vault::open(vault.sealed().as_bytes(), &reader).err(), None);
    }
    assert_eq!(derived(&reader), 1);
    // A recipient that was read from a file can be given to a new one, as its passphrase is known.
    let read = recipients(one.sealed().as_bytes()).expect("a header");
    assert!(Vault::seal("c: 1\n", &read, &reader).is_ok());
    let strange = Vault::seal("c: 1\n", &read, &Keyring::new()).err();
    assert_eq!(strange, Some(Error::PassphraseNeeded("a passphrase".to_owned())));
}

#[test]
fn a_stanza_for_my_key_that_was_altered_is_named() {
    let team = [public(key!("ed25519.pub"))];
    let vault = Vault::seal("a: 1\n", &team, &Keyring::new()).expect("it can be sealed");
    let other = Vault::seal("a: 1\n", &team, &Keyring::new()).expect("it can be sealed");
    let line = |vault: &Vault| vault.sealed().lines().nth(3).expect("a wrapped key").to_owned();
    // Whole groups of base64 stay: an age file is longer or shorter by chance.
    let whole = line(&vault);
    let digits = whole.rfind(' ').map_or(0, |at| at + 1);
    let cut = &whole[..digits + (whole.len() - digits - 40) / 4 * 4];
    let text = vault.sealed().replace(&whole, cut);
    let keyring = ring(one(key!("ed25519")));
    let error = Vault::open(text.as_bytes(), &keyring).err().expect("seen").to_string();
    assert!(error.starts_with("what the vault's header has for `alice@example.org"), "{error}");
    // A right stanza of another file wraps another key.
    let text = vault.sealed().replace(&line(&vault), &line(&other));
    assert_eq!(Vault::open(text.as_bytes(), &keyring).err(), Some(Error::HeaderAltered));
}
