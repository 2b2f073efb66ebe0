use std::io::Write;

use super::*;

const KEYS: &str = include_str!("../../tests/keys/identity");

/// A file as `age -p` makes it, with work that tests can pay.
fn locked(text: &str, work: u8, armored: bool) -> Vec<u8> {
    let mut recipient = age::scrypt::Recipient::new(SecretString::from("open sesame".to_owned()));
    recipient.set_work_factor(work);
    let recipients = std::iter::once(&recipient as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(recipients).expect("one recipient");
    let format = match armored {
        true => age::armor::Format::AsciiArmor,
        false => age::armor::Format::Binary,
    };
    let output = age::armor::ArmoredWriter::wrap_output(Vec::new(), format).expect("a vector");
    let mut writer = encryptor.wrap_output(output).expect("a vector takes all");
    writer.write_all(text.as_bytes()).expect("a vector takes all");
    writer.finish().and_then(|armor| armor.finish()).expect("a vector takes all")
}

fn parse(text: &[u8]) -> Identity {
    let mut found = Identity::parse(text).expect("a file of keys");
    assert_eq!(found.len(), 1, "what is in it is not known yet");
    found.remove(0)
}

#[test]
fn a_file_with_a_passphrase_is_unlocked_first() {
    for armored in [false, true] {
        let sealed = locked(&format!("{KEYS}\n{KEYS}"), 2, armored);
        let file = parse(&sealed);
        assert!(file.is_locked() && file.recipient().is_none());
        assert!(file.unwrap(include_bytes!("../../tests/keys/identity.wrapped")).is_none());
        assert_eq!(file.unlock("wrong").err(), Some(Error::IdentityPassphrase));
        let keys = file.unlock("open sesame").expect("it is right");
        assert_eq!(keys.len(), 2);
        for key in keys {
            assert!(!key.is_locked());
            let data = key.unwrap(include_bytes!("../../tests/keys/identity.wrapped"));
            assert_eq!(
                data.expect("it opens").0.as_slice(),
                include_bytes!("../../tests/keys/data")
            );
        }
    }
}

#[test]
fn a_bad_file_with_a_passphrase_is_an_error() {
    let why = |sealed: &[u8]| {
        let opened = Identity::parse(sealed).and_then(|found| found[0].unlock("open sesame"));
        opened.err().expect("it is wrong").to_string()
    };
    let sealed = locked(KEYS, 2, false);
    for at in 0..sealed.len() {
        let mut flipped = sealed.clone();
        flipped[at] ^= 1;
        why(&flipped);
        why(&sealed[..at]);
    }
    assert!(why(&locked("# nothing\n", 2, true)).ends_with("there is no key in it"));
    assert!(why(&locked("\u{e9}", 2, true)).contains("expected an SSH private key"));
    let nested = locked(&String::from_utf8(locked(KEYS, 2, true)).expect("text"), 2, true);
    assert!(why(&nested).contains("expected an SSH private key"), "{}", why(&nested));
    // The work is refused before it is done.
    let text = String::from_utf8_lossy(&sealed).into_owned();
    let line = text.lines().nth(1).expect("a stanza").to_owned();
    // Its salt, which is random, may begin with a 2, too.
    let costly = format!("{} 30", line.strip_suffix(" 2").expect("the work"));
    let at = sealed.windows(line.len()).position(|window| window == line.as_bytes()).expect("it");
    let sealed = [&sealed[..at], costly.as_bytes(), &sealed[at + line.len()..]].concat();
    assert!(why(&sealed).ends_with("its passphrase takes work of 2^30: expected at most 2^20"));
    // For a key, not a passphrase.
    let message = Identity::parse(include_bytes!("../../tests/keys/identity.wrapped"));
    let message = message.err().expect("no keys in it").to_string();
    assert!(message.ends_with("it is encrypted, and not with a passphrase"), "{message}");
}
