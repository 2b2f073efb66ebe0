//! Files in rprov's own vault formats in runs on this machine: opened wherever Ansible's are.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rprov_vault::{Cost, Keyring, Recipient, Vault, Whole};

const PASSWORD: &str = "vault-pässword-1";
const VALUE: &str = "cAn4ry-5ecret-42";
const KEY: &[u8] = include_bytes!("../../vault/tests/keys/ed25519");
const PUBLIC: &str = include_str!("../../vault/tests/keys/ed25519.pub");

const PLAY: &str = "- hosts: all
  gather_facts: false
  vars_files: [vars.yml]
  tasks:
    - include_vars: included.yml
    - copy: {src: cert.pem, dest: '{{ playbook_dir }}/out/cert'}
    - template: {src: t.j2, dest: '{{ playbook_dir }}/out/template'}
    - copy: {src: tree/, dest: '{{ playbook_dir }}/out/tree/'}
    - copy:
        content: \"{{ token }} {{ db.port + 1 }} {{ grouped }} {{ extra }} {{ included }}\\n\"
        dest: '{{ playbook_dir }}/out/values'
    - copy:
        content: \"{{ lookup('file', 'cert.pem') }}|{{ lookup('unvault', 'cert.pem') }}\"
        dest: '{{ playbook_dir }}/out/lookups'
    - debug: {msg: 'the token is {{ token }}'}
";

/// Seals values, or a whole file if its name does not end in `.yml`.
fn sealed(name: &str, plain: &str, recipient: &Recipient, keyring: &Keyring) -> Vec<u8> {
    let team = std::slice::from_ref(recipient);
    if name.ends_with(".yml") {
        let vault = Vault::seal(plain, team, keyring).expect("it can be sealed");
        return vault.sealed().as_bytes().to_vec();
    }
    let mut sealer = Whole::new(team, keyring)
        .expect("it can be sealed")
        .seal(Vec::new())
        .expect("a vector takes all");
    sealer.write_all(plain.as_bytes()).expect("a vector takes all");
    sealer.finish().expect("a vector takes all")
}

fn project(recipient: &Recipient, keyring: &Keyring) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(&path, bytes).expect("a file");
    };
    write("play.yml", PLAY.as_bytes());
    write("out/.keep", b"");
    for (name, plain) in [
        ("vars.yml", format!("token: '{VALUE}'\ndb:\n  port: 5432\n")),
        ("group_vars/all.yml", "grouped: yes\n".to_owned()),
        ("extra.yml", "extra: [1, 2]\n".to_owned()),
        ("included.yml", "included: |-\n  two\n  lines\n".to_owned()),
        ("cert.pem", format!("-----BEGIN-----\n{VALUE}-cert\n")),
        ("t.j2", "template of {{ db.port }}\n".to_owned()),
        ("tree/inner/secret.txt", format!("{VALUE}-tree\n")),
        ("hosts", "localhost ansible_connection=local\n".to_owned()),
    ] {
        write(name, &sealed(name, &plain, recipient, keyring));
    }
    dir
}

fn run(dir: &Path, words: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(["playbook", "play.yml", "-i", "hosts", "-e", "@extra.yml"])
        .args(words)
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", dir)
        .output()
        .expect("rprov runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

fn passphrase() -> (Keyring, Recipient) {
    let mut keyring = Keyring::new();
    let cost = Cost::new(8, 1, 1).expect("bounded");
    let recipient = keyring.recipient(PASSWORD.as_bytes(), cost, "the team").expect("a recipient");
    (keyring, recipient)
}

#[track_caller]
fn check(dir: &Path, (code, text): (Option<i32>, String)) {
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("the token is •••"), "{text}");
    assert!(!text.contains(VALUE), "{text}");
    let read = |name: &str| fs::read_to_string(dir.join("out").join(name)).expect("a written file");
    assert_eq!(read("cert"), format!("-----BEGIN-----\n{VALUE}-cert\n"));
    assert_eq!(read("template"), "template of 5432\n");
    assert_eq!(read("tree/inner/secret.txt"), format!("{VALUE}-tree\n"));
    assert_eq!(read("values"), format!("{VALUE} 5433 True [1, 2] two\nlines\n"));
    let cert = format!("-----BEGIN-----\n{VALUE}-cert");
    assert_eq!(read("lookups"), format!("{cert}|{cert}\n"));
}

#[test]
fn opened_with_a_password_everywhere() {
    let (keyring, recipient) = passphrase();
    let dir = project(&recipient, &keyring);
    fs::write(dir.path().join("pw"), PASSWORD).expect("a file");
    check(dir.path(), run(dir.path(), &["--vault-password-file", "pw"]));
}

#[test]
fn opened_with_a_private_key_everywhere() {
    let recipient: Recipient = PUBLIC.parse().expect("a public key");
    let dir = project(&recipient, &Keyring::new());
    let key = dir.path().join(".ssh/id_ed25519");
    fs::create_dir(dir.path().join(".ssh")).expect("a directory");
    fs::write(&key, KEY).expect("a file");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("a mode");
    check(dir.path(), run(dir.path(), &[]));

    let other = dir.path().join("other");
    fs::rename(&key, &other).expect("renamed");
    let (code, text) = run(dir.path(), &[]);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_ne!(code, Some(0));
    for part in [
        "nothing at hand opens it; it is for alice@example.org (ssh-ed25519 …",
        ".ssh/id_ed25519: no such file",
        "name your private key with `--identity FILE`",
    ] {
        assert!(words.contains(part), "no `{part}` in {text}");
    }
    let path = other.to_string_lossy().into_owned();
    check(dir.path(), run(dir.path(), &["--identity", &path]));
}

#[test]
fn an_altered_file_and_a_wrong_password_are_errors() {
    let (keyring, recipient) = passphrase();
    let dir = project(&recipient, &keyring);
    fs::write(dir.path().join("pw"), "not-this-one").expect("a file");
    let with = ["--vault-password-file", "pw"];
    let (code, text) = run(dir.path(), &with);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_ne!(code, Some(0));
    assert!(
        words.contains("nothing at hand opens it; it is for the passphrase the team"),
        "{text}"
    );
    assert!(words.contains("--vault-password-file pw: wrong passphrase"), "{text}");

    fs::write(dir.path().join("pw"), PASSWORD).expect("a file");
    let path = dir.path().join("vars.yml");
    let text = fs::read_to_string(&path).expect("a sealed file");
    fs::write(&path, text.replace("  port:", "  prot:")).expect("a file");
    let (code, text) = run(dir.path(), &with);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_ne!(code, Some(0));
    let part = "the encrypted value of `db.prot` in line 8 was altered, or made for another key";
    assert!(words.contains(part), "{text}");
}
