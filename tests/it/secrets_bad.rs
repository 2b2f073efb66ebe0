//! Bad vaults and passwords: a precise error, whoever opens the file, and the file untouched.

use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

use rprov_vault::Cost;

use crate::place::{Place, run};
use crate::secrets::{project, with_secrets};

const SECRETS: &str = "inventories/prod/secrets";
const CLEAR: &str = "a: first-secret\nb: second-secret\nc:\n  d: third-secret\n";

fn place() -> Place {
    let place = with_secrets(CLEAR);
    place.write(
        "playbooks/say.yml",
        "- hosts: all\n  gather_facts: false\n  tasks: [{debug: {msg: '{{ a }}'}}]\n",
    );
    place.script("editor", "touch \"$HOME/edited\"");
    place
}

/// Every command that opens the secrets says these words, and does nothing.
#[track_caller]
fn refused(place: &Place, bad: &[u8], words: &[&str]) {
    place.write(SECRETS, bad);
    let editor = place.path("editor").display().to_string();
    for command in [
        &["secrets", "check", "env=prod"][..],
        &["secrets", "view", "env=prod"],
        &["secrets", "edit", "env=prod"],
        &["secrets", "rekey", "env=prod"],
        &["secrets", "unset", "a", "env=prod"],
        &["say", "env=prod"],
    ] {
        let ended = place.rprov_with(command, &[("EDITOR", &editor)], b"");
        ended.refused(words).hides(&["first-secret", "second-secret", "third-secret", "panicked"]);
    }
    assert!(fs::read(place.path(SECRETS)).expect("a file") == bad, "it was changed");
    assert!(!place.path("edited").exists(), "the editor was opened");
}

/// The line that begins so, with its number from 1.
fn line<'a>(text: &'a str, start: &str) -> (usize, &'a str) {
    let mut lines = text.lines().enumerate();
    let found = lines.find(|(_, line)| line.trim_start().starts_with(start)).expect("a line");
    (found.0 + 1, found.1)
}

/// A text with another digit in the line that begins so, `back` from its end.
fn flipped(text: &str, start: &str, back: usize) -> String {
    let (_, line) = line(text, start);
    let at = line.len() - back;
    let other = if &line[at..=at] == "A" { "B" } else { "A" };
    text.replace(line, &format!("{}{other}{}", &line[..at], &line[at + 1..]))
}

#[test]
fn altered_files() {
    let place = place();
    let good = place.read(SECRETS);
    let (number, _) = line(&good, "b: enc.");
    let altered = format!("the encrypted value of `b` in line {number} was altered");
    refused(&place, flipped(&good, "b: enc.", 9).as_bytes(), &[&altered]);
    refused(&place, flipped(&good, "# mac ", 60).as_bytes(), &["the vault's header was altered"]);
    refused(&place, flipped(&good, "# id ", 9).as_bytes(), &["--vault-id", "wrong passphrase"]);
    refused(&place, flipped(&good, "#    ", 9).as_bytes(), &["vault-password: wrong passphrase"]);

    let value = |key: &str| line(&good, key).1.split_once("enc.").expect("a value").1.to_owned();
    let (a, b) = (value("a: enc."), value("b: enc."));
    let swapped = good.replace(&a, "!").replace(&b, &a).replace('!', &b);
    let (number, _) = line(&good, "a: enc.");
    let moved = format!("the encrypted value of `a` in line {number} belongs to `b`");
    refused(&place, swapped.as_bytes(), &[&moved]);
    refused(&place, good.replace(&b, &a).as_bytes(), &["`b`", "belongs to `a`"]);
    let dropped = good.replace(&format!("{}\n", line(&good, "b: enc.").1), "");
    refused(&place, dropped.as_bytes(), &["keys of the vault were added, dropped, renamed"]);
    let clear = good.replace(line(&good, "b: enc.").1, "b: in-clear");
    refused(&place, clear.as_bytes(), &["expected an encrypted value of `b`, found one in clear"]);
    let conflict = good.replace("c:\n", "c:\n  - [\n");
    refused(&place, conflict.as_bytes(), &["in line"]);
}

#[test]
fn files_that_are_cut_off() {
    let place = place();
    let good = place.read(SECRETS);
    let header = good.find("# mac ").expect("a header");
    for length in [header - 1, header, header + 20] {
        refused(&place, &good.as_bytes()[..length], &["cannot decrypt", "the vault is cut off"]);
    }
    let end = good.len();
    refused(&place, &good.as_bytes()[..end - 9], &["the encrypted value of `c.d`", "was altered"]);
    let last = end - line(&good, "d: enc.").1.len() - 1;
    refused(&place, &good.as_bytes()[..last], &["keys of the vault were added, dropped"]);
}

#[test]
fn headers_that_are_wrong() {
    let place = place();
    let good = place.read(SECRETS);
    let version = good.replacen("rprov vault 1:", "rprov vault 2:", 1);
    let found = "expected version 1 of rprov's vault format, found `2`";
    refused(&place, version.as_bytes(), &[found]);
    let team = line(&good, "# to passphrase ").1;
    let salt = team.rsplit(' ').next().expect("a salt");
    for (cost, words) in [
        ("4194304,100,64", "would take 4194304 KiB, 100 passes and 64 lanes: expected at most"),
        ("1048576,16,1", "would take 1048576 KiB, 16 passes and 1 lanes: expected at most"),
        ("4294967296,1,1", "`passphrase MEMORY,PASSES,LANES SALT`"),
        ("0,0,0", "expected"),
    ] {
        let hostile = good.replace(team, &format!("# to passphrase {cost} {salt}"));
        refused(&place, hostile.as_bytes(), &["cannot decrypt", words]);
    }
    let two: String = good.lines().take(4).skip(2).map(|line| format!("{line}\n")).collect();
    let many = good.replace(&two, &two.repeat(9));
    refused(&place, many.as_bytes(), &["expected at most 8 passphrases among the recipients"]);
    let nobody = good.replace(&two, "");
    refused(&place, nobody.as_bytes(), &["nothing at hand opens it"]);
    let strange = good.replace(team, "# to ssh-dss AAAA");
    refused(&place, strange.as_bytes(), &["an SSH public key or `age1…` in line 3 of the vault's"]);

    for (before, at) in [("# to passphrase", "byte"), ("b: enc.", "byte")] {
        let position = good.find(before).expect("it is there") + 3;
        let mut bytes = good.clone().into_bytes();
        bytes[position] = 0xff;
        let words = format!("expected UTF-8, found something else at {at} {position}");
        refused(&place, &bytes, &[&words]);
    }
}

/// Ten gigabytes that say they are a header: not more of them is read than may be a header.
#[test]
fn a_header_of_ten_gigabytes() {
    let place = place();
    let good = place.read(SECRETS);
    let first = line(&good, "# rprov vault 1").1.to_owned();
    let whole = "# rprov vault 1: a file encrypted as a whole; change it with `rprov secrets`";
    for start in [first.as_str(), whole] {
        let mut file = File::create(place.path(SECRETS)).expect("a file");
        file.write_all(format!("{start}\n# id ").as_bytes()).expect("a disk");
        file.set_len(10_000_000_000).expect("a file of holes");
        drop(file);
        for words in [
            "secrets check env=prod",
            "secrets view env=prod",
            "secrets edit env=prod",
            "secrets recipients list env=prod",
            "say env=prod",
        ] {
            let script = format!("ulimit -d 131072; exec rprov {words}");
            let command: Command = place.command("sh", &["-c", &script]);
            run(command, b"").refused(&["the vault's header does not end within 1048576 bytes"]);
        }
    }
}

#[test]
fn passwords_that_are_wrong_or_missing() {
    let place = place();
    let good = place.read(SECRETS);
    let is_for = "nothing at hand opens it; it is for a passphrase; looked at";
    place.write("vault-password", "mistaken");
    refused(&place, good.as_bytes(), &[is_for, "vault-password: wrong passphrase"]);
    place.write("vault-password", "");
    refused(&place, good.as_bytes(), &[is_for, "vault-password: it is empty"]);
    place.write_mode("vault-password", "correct horse battery staple", 0o640);
    let mode = "vault-password: refused, as it is readable by other users (mode 0640)";
    refused(&place, good.as_bytes(), &[is_for, mode, "run `chmod 600 vault-password`"]);
    fs::remove_file(place.path("vault-password")).expect("a file");
    let home = place.path(".ssh").display().to_string();
    let places = [
        is_for,
        &format!("{home}/id_ed25519: no such file"),
        &format!("{home}/id_rsa: no such file"),
        "--vault-id, --vault-password-file and --ask-vault-pass: not given",
        "ANSIBLE_VAULT_IDENTITY_LIST: not set",
        "ANSIBLE_VAULT_PASSWORD_FILE: not set",
        "RPROV_VAULT_PASSWORD: not set",
        "vault-password: no such file",
        "the system keyring: there is no desktop session",
        "give the password with `--vault-password-file FILE` or `--ask-vault-pass`",
    ];
    refused(&place, good.as_bytes(), &places);

    // Somebody who is no recipient.
    let place = project();
    place.write("playbooks/say.yml", "- hosts: all\n");
    let mut keyring = rprov_vault::Keyring::new();
    let cost = Cost::new(64, 1, 1).expect("a cost");
    let other = keyring.recipient(b"another password", cost, "the others").expect("a recipient");
    let vault = rprov_vault::Vault::seal(CLEAR, &[other], &keyring).expect("YAML");
    place.write(".ssh/id_ed25519", include_bytes!("../../vault/tests/keys/ed25519"));
    place.script("editor", "touch \"$HOME/edited\"");
    refused(
        &place,
        vault.sealed().as_bytes(),
        &[
            "it is for the passphrase the others",
            ".ssh/id_ed25519: it is no recipient",
            "vault-password: wrong passphrase",
        ],
    );
}
