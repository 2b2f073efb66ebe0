use super::*;
use crate::Vault;

const ID: &str = "# id AAAAAAAAAAAAAAAAAAAAAA";

fn sealed() -> String {
    let mut keyring = Keyring::new();
    let cost = Cost::new(8, 1, 1).expect("bounded");
    let recipient = keyring.recipient(b"passphrase", cost, "").expect("a recipient");
    Vault::seal("a: 1\n", &[recipient], &keyring).expect("it can be sealed").sealed().to_owned()
}

fn error(text: &str) -> String {
    Header::parse(text.as_bytes()).expect_err("no header").to_string()
}

#[test]
fn says_what_is_wrong_with_a_header() {
    let salt = "A".repeat(22);
    let with = |line: &str| error(&format!("{VALUES}\n{ID}\n{line}\n#    AAAA\n# mac x\n"));
    assert_eq!(error("a: 1\n"), "expected a first line `# rprov vault 1 …`");
    assert_eq!(error(""), "expected a first line `# rprov vault 1 …`");
    assert_eq!(
        error("# rprov vault 2: new\n"),
        "expected version 1 of rprov's vault format, found `2`"
    );
    assert_eq!(error(VALUES), "the vault is cut off");
    assert_eq!(error(&format!("{VALUES}\n{ID}\n")), "the vault is cut off");
    assert!(error(&format!("{VALUES}\n# id A\n")).contains("in line 2 of the vault's header"));
    assert!(with("# for x").contains("`# to ` and a recipient, or `# mac ` in line 3"));
    assert!(with("# to ssh-dss AAAA").contains("a passphrase, an SSH public key or `age1…`"));
    assert!(with(&format!("# to passphrase 8,1 {salt}")).contains("MEMORY,PASSES,LANES"));
    assert!(with(&format!("# to passphrase 08,1,1 {salt}")).contains("MEMORY,PASSES,LANES"));
    assert!(
        with(&format!("# to passphrase 8,1,1 {salt}")).contains("two codes in base64 in line 5")
    );
}

#[test]
fn a_hostile_cost_is_refused_before_anything_is_derived() {
    let salt = "A".repeat(22);
    for cost in [
        "4294967295,1,1",
        "1048577,1,1",
        "8,17,1",
        "8,4294967295,1",
        "1048576,5,1",
        "8,1,17",
        "7,1,1",
        "8,0,1",
        "8,1,0",
    ] {
        let text = format!("{VALUES}\n{ID}\n# to passphrase {cost} {salt}\n#    AAAA\n# mac x\n");
        assert!(error(&text).starts_with("deriving the key would take "), "{cost}");
    }
    let many = format!("# to passphrase 8,1,1 {salt} 1\n#    AAAA\n").repeat(9);
    let codes = "A".repeat(43);
    let text = format!("{VALUES}\n{ID}\n{many}# mac {codes} {codes}\n");
    assert!(error(&text).ends_with("at most 8 passphrases among the recipients, found 9"));
}

#[test]
fn a_huge_header_is_read_to_its_bound_only() {
    struct Endless(u64);
    impl std::io::Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            into.fill(b'x');
            self.0 += into.len() as u64;
            Ok(into.len())
        }
    }
    let mut endless = Endless(0);
    let start = format!("{WHOLE}\n{ID}\n# to ");
    let input = std::io::Read::chain(start.as_bytes(), &mut endless);
    let mut input = std::io::BufReader::new(input);
    let error = crate::Whole::read(&mut input, &Keyring::new()).err().expect("too large");
    assert_eq!(crate::Whole::why(&error), Some(&Error::HeaderTooLarge));
    drop(input);
    assert!(endless.0 < 2 * MAX_HEADER as u64);
    let text = format!("{VALUES}\n{ID}\n# to {}", "x".repeat(3 * MAX_HEADER));
    assert_eq!(Header::parse(text.as_bytes()), Err(Error::HeaderTooLarge));
}

#[test]
fn any_changed_line_of_the_header_is_seen() {
    let mut keyring = Keyring::new();
    keyring.add_passphrase(b"passphrase");
    let text = sealed();
    let open = |text: &str| Vault::open(text.as_bytes(), &keyring).err();
    assert_eq!(open(&text), None);
    assert_eq!(open(&text.replace("\n", "\r\n")), None, "git may have changed line ends");
    let lines: Vec<&str> = text.lines().collect();
    let comment = text.replace(lines[2], &format!("{} note", lines[2]));
    assert_eq!(open(&comment), Some(Error::HeaderAltered));
    let cost = text.replace("passphrase 8,1,1", "passphrase 9,1,1");
    assert_eq!(open(&cost), Some(Error::WrongPassphrase));
    let other = sealed();
    let mixed = |at: usize| text.replace(lines[at], other.lines().nth(at).unwrap_or_default());
    for (at, found) in [(1, Error::WrongPassphrase), (4, Error::HeaderAltered)] {
        assert_eq!(open(&mixed(at)), Some(found), "{at}");
    }
    let value = mixed(5);
    assert!(matches!(open(&value), Some(Error::ValueMoved { from: None, .. })), "of another file");
}
