//! Ansible Vault's envelopes: those a real `ansible-vault` has made, damaged ones, and any bytes.
//!
//! `vault/tests/ansible/` has the envelopes and what is in them; `make.sh` there made them.

use proptest::prelude::*;

use super::*;

const PASSWORD: &[u8] = b"correct horse battery staple";

const MADE: [(&str, &str, &[u8]); 4] = [
    (
        include_str!("../../tests/ansible/vars-1.1.vault"),
        "1.1",
        include_bytes!("../../tests/ansible/vars.plain"),
    ),
    (
        include_str!("../../tests/ansible/vars-1.2.vault"),
        "1.2",
        include_bytes!("../../tests/ansible/vars.plain"),
    ),
    (
        include_str!("../../tests/ansible/empty-1.1.vault"),
        "1.1",
        include_bytes!("../../tests/ansible/empty.plain"),
    ),
    (
        include_str!("../../tests/ansible/binary-1.1.vault"),
        "1.1",
        include_bytes!("../../tests/ansible/binary.plain"),
    ),
];

fn open(text: &str) -> Result<Vec<u8>, Error> {
    Envelope::parse(text.as_bytes())?.open(PASSWORD).map(|plain| plain.to_vec())
}

#[test]
fn opens_what_ansible_has_made_and_makes_the_same_bytes() {
    for (text, version, plain) in MADE {
        let envelope = Envelope::parse(text.as_bytes()).expect("an envelope");
        assert_eq!(envelope.label(), (version == "1.2").then_some("prod"));
        assert_eq!(envelope.open(PASSWORD).expect("the right password").as_slice(), plain);
        let again = seal_with(plain, PASSWORD, envelope.label(), &envelope.salt);
        assert_eq!(again.as_deref(), Ok(text));
        assert_eq!(envelope.open(b"correct horse battery stapler"), Err(Error::WrongPassword));
    }
}

#[test]
fn lines_may_be_indented_long_short_or_end_in_cr() {
    let (text, _, plain) = MADE[0];
    let (first, body) = text.split_once('\n').expect("lines");
    let digits = body.replace('\n', "");
    for text in [
        text.replace('\n', "\r\n"),
        text.replace('\n', "\n          "),
        format!("\n  {text}\n\n"),
        format!("{first}\n{digits}"),
        format!("{first} \n{}", digits.to_uppercase()),
    ] {
        assert_eq!(open(&text).as_deref(), Ok(plain), "{text}");
    }
}

#[test]
fn says_what_is_wrong_with_an_envelope() {
    let text = MADE[0].0;
    let wrong = |text: &str| open(text).expect_err("no envelope");
    assert_eq!(wrong(""), Error::NotAnEnvelope);
    assert_eq!(wrong("password: x\n"), Error::NotAnEnvelope);
    assert_eq!(wrong("$ANSIBLE_VAULTS;1.1;AES256\n00"), Error::NotAnEnvelope);
    assert_eq!(wrong("$ANSIBLE_VAULT"), Error::Truncated);
    assert_eq!(wrong("$ANSIBLE_VAULT;1.1"), Error::Truncated);
    assert_eq!(wrong("$ANSIBLE_VAULT;1.1;AES256\n"), Error::Truncated);
    assert_eq!(wrong(&text.replace(";1.1;", ";1.0;")), Error::Version("1.0".into()));
    assert_eq!(wrong(&text.replace("AES256", "AES")), Error::Cipher("AES".into()));
    let found = Error::NotHex { line: 3, found: 'x' };
    let third = text.lines().nth(2).expect("lines");
    assert_eq!(wrong(&text.replace(third, &format!("x{third}"))), found);
    assert_eq!(
        found.to_string(),
        "expected hexadecimal digits, found `x` in line 3 of the envelope"
    );
    let last = text.trim_end();
    for less in [1, 2, 4, 64, 200, 500] {
        assert_eq!(wrong(&last[..last.len() - less]), Error::Truncated, "{less} digits less");
    }
    // A whole block less is only noticed by its code.
    assert_eq!(wrong(&last[..last.len() - 65]), Error::WrongPassword);
}

#[test]
fn an_altered_envelope_does_not_open() {
    let envelope = Envelope::parse(MADE[0].0.as_bytes()).expect("an envelope");
    for at in (0..envelope.ciphertext.len()).step_by(7) {
        let mut altered = envelope.clone();
        altered.ciphertext[at] ^= 1;
        assert_eq!(altered.open(PASSWORD), Err(Error::WrongPassword));
    }
    let mut altered = envelope.clone();
    altered.salt[0] ^= 128;
    assert_eq!(altered.open(PASSWORD), Err(Error::WrongPassword));
    altered = envelope;
    altered.code[31] ^= 1;
    assert_eq!(altered.open(PASSWORD), Err(Error::WrongPassword));
}

#[test]
fn wrong_padding_under_a_right_code_is_an_error() {
    let keys = Keys::derive(PASSWORD, b"salt");
    for last in [0, 17, 255, 2] {
        let mut ciphertext = vec![last ^ 1; 15];
        ciphertext.push(last);
        keys.cipher().apply_keystream(&mut ciphertext);
        let code = keys.mac(&ciphertext).finalize().into_bytes().to_vec();
        let envelope = Envelope { label: None, salt: b"salt".to_vec(), code, ciphertext };
        assert_eq!(envelope.open(PASSWORD), Err(Error::Padding), "{last}");
    }
}

#[test]
fn labels() {
    let first =
        |label| seal(b"x", PASSWORD, label).map(|text| text.lines().next().map(str::to_owned));
    assert_eq!(first(None), Ok(Some("$ANSIBLE_VAULT;1.1;AES256".to_owned())));
    assert_eq!(first(Some("default")), Ok(Some("$ANSIBLE_VAULT;1.1;AES256".to_owned())));
    assert_eq!(first(Some("dev@1")), Ok(Some("$ANSIBLE_VAULT;1.2;AES256;dev@1".to_owned())));
    for wrong in ["", "a;b", "a b", "a\nb", "dév"] {
        assert_eq!(first(Some(wrong)), Err(Error::Label(wrong.to_owned())));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_sealed_opens_to_the_same(
        plain in prop::collection::vec(any::<u8>(), 0..200),
        password in prop::collection::vec(any::<u8>(), 0..100),
        label in prop::option::of("[a-z][a-z0-9_-]{0,8}"),
    ) {
        let text = seal(&plain, &password, label.as_deref()).expect("a fine label");
        prop_assert!(text.lines().skip(1).all(|line| line.len() <= COLUMNS) && text.ends_with('\n'));
        let envelope = Envelope::parse(text.as_bytes()).expect("an envelope");
        prop_assert_eq!(envelope.label(), label.as_deref().filter(|label| *label != DEFAULT_LABEL));
        let opened = envelope.open(&password).expect("the right password");
        prop_assert_eq!(opened.as_slice(), &plain);
    }
}

proptest! {
    #[test]
    fn no_input_panics(text in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Envelope::parse(&text);
        let mut with_first_line = b"$ANSIBLE_VAULT;1.2;AES256;x\n".to_vec();
        with_first_line.extend(&text);
        let _ = Envelope::parse(&with_first_line);
        with_first_line.truncate(28);
        with_first_line.extend(hex(&text).bytes());
        let _ = Envelope::parse(&with_first_line);
    }

    #[test]
    fn a_cut_or_changed_envelope_is_an_error_or_another_envelope(cut in 0usize..613, byte: u8) {
        let text = MADE[0].0.as_bytes();
        let _ = Envelope::parse(&text[..cut]);
        let mut changed = text.to_vec();
        changed[cut] = byte;
        let _ = Envelope::parse(&changed);
    }
}
