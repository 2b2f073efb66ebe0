//! Secrets at a terminal: questions without echo, editors, and keys that interrupt.

use std::fs;

use rprov_vault::ansible::{Envelope, seal};
use rprov_vault::{Identity, Keyring, Recipient, Vault};

use crate::place::Place;
use crate::secrets::{project, secrets, with_secrets};
use crate::terminal::Terminal;

const PASSWORD: &str = "correct horse battery staple";
const SECRETS: &str = "inventories/prod/secrets";
const LOCKED: &[u8] = include_bytes!("../../vault/tests/keys/locked");

/// A project without a password, whose secrets are for these people.
fn sealed_for(team: &[Recipient]) -> Place {
    let place = project();
    fs::remove_file(place.path("vault-password")).expect("a file");
    let vault = Vault::seal("a: deep-secret\n", team, &Keyring::new()).expect("YAML");
    place.write(SECRETS, vault.sealed());
    place
}

fn public(text: &str) -> Recipient {
    text.parse().expect("a public key")
}

#[test]
fn a_new_password_is_asked_twice_and_not_shown() {
    let place = Place::new();
    place.write("plain", "content\n");
    let encrypt = ["vault", "encrypt", "plain", "--ask-vault-pass"];
    let mut terminal = Terminal::rprov(&place, &encrypt, &[]);
    terminal.answer("New vault password: ", PASSWORD);
    terminal.answer("Confirm new vault password: ", "another");
    terminal.end().refused(&["the two passwords differ"]).hides(&[PASSWORD, "another"]);
    assert_eq!(place.read("plain"), "content\n");

    let mut terminal = Terminal::rprov(&place, &encrypt, &[]);
    terminal.answer("New vault password: ", PASSWORD);
    terminal.answer("Confirm new vault password: ", PASSWORD);
    terminal.end().well().says(&["Encryption successful"]).hides(&[PASSWORD]);
    let sealed = place.read("plain");
    let plain = Envelope::parse(sealed.as_bytes()).unwrap().open(PASSWORD.as_bytes()).unwrap();
    assert_eq!(plain.as_slice(), b"content\n");

    // Without the flag it is asked when nothing else is found, and with its label.
    let view = ["vault", "view", "plain", "--vault-id", "dev@prompt"];
    let mut terminal = Terminal::rprov(&place, &view, &[]);
    terminal.answer("Vault password (dev): ", "mistaken");
    terminal.end().refused(&["--vault-id dev@prompt: wrong password"]);
    let mut terminal = Terminal::rprov(&place, &["vault", "view", "plain"], &[]);
    terminal.answer("Vault password: ", PASSWORD);
    terminal.end().well().says(&["content"]).hides(&[PASSWORD]);
}

#[test]
fn a_run_asks_once_if_it_is_to_ask() {
    let place = project();
    fs::remove_file(place.path("vault-password")).expect("a file");
    let sealed = |text: &str| seal(text.as_bytes(), PASSWORD.as_bytes(), None).expect("no label");
    place.write("inventories/prod/group_vars/all.yml", sealed("b: other-secret\n"));
    place.write(SECRETS, sealed("a: deep-secret\n"));
    place.write(
        "playbooks/say.yml",
        "- hosts: all\n  gather_facts: false\n  tasks: [{debug: {msg: 'it is {{ a }} {{ b }}'}}]\n",
    );
    let mut terminal = Terminal::rprov(&place, &["say", "env=prod", "-J"], &[]);
    terminal.answer("Vault password: ", PASSWORD);
    let ended = terminal.end().well().says(&["it is ••• •••"]);
    assert_eq!(ended.out.matches("Vault password").count(), 1);
    ended.hides(&[PASSWORD, "deep-secret", "other-secret"]);
    place.rprov(&["say", "env=prod"]).refused(&["no vault password is known; looked at"]);
}

#[test]
fn an_interrupted_question_leaves_the_terminal_as_it_was() {
    let place = Place::new();
    place.write("plain", "content\n");
    let mut terminal =
        Terminal::rprov(&place, &["vault", "encrypt", "plain", "--ask-vault-pass"], &[]);
    assert!(terminal.echoes());
    terminal.expect("New vault password: ");
    while terminal.echoes() {
        std::thread::yield_now();
    }
    terminal.press("half of i\u{3}");
    let start = std::time::Instant::now();
    while !terminal.echoes() {
        assert!(start.elapsed().as_secs() < 60, "it does not echo any more");
        std::thread::yield_now();
    }
    let ended = terminal.end();
    assert_ne!(ended.code, 0);
    ended.hides(&["half of i"]);
    assert_eq!(place.read("plain"), "content\n");
}

#[test]
fn the_passphrase_of_a_key_is_asked_for_once() {
    let place = sealed_for(&[public(include_str!("../../vault/tests/keys/locked.pub"))]);
    place.write(".ssh/id_ed25519", LOCKED);
    let view = ["secrets", "view", "env=prod"];
    let question = ".ssh/id_ed25519: ";
    let mut terminal = Terminal::rprov(&place, &view, &[]);
    terminal.expect("Passphrase of ");
    terminal.answer(question, "wrong one");
    terminal
        .end()
        .refused(&[".ssh/id_ed25519: the passphrase is wrong"])
        .hides(&["wrong one", "deep-secret"]);
    let mut terminal = Terminal::rprov(&place, &view, &[]);
    terminal.answer(question, "open sesame");
    terminal.end().well().says(&["a: deep-secret"]).hides(&["open sesame"]);

    // A run of several files.
    let team = [public(include_str!("../../vault/tests/keys/locked.pub"))];
    let vault = Vault::seal("b: other-secret\n", &team, &Keyring::new()).expect("YAML");
    place.write("inventories/prod/group_vars/all.yml", vault.sealed());
    place.write(
        "playbooks/say.yml",
        "- hosts: all\n  gather_facts: false\n  tasks: [{debug: {msg: 'it is {{ a }} {{ b }}'}}]\n",
    );
    let mut terminal = Terminal::rprov(&place, &["say", "env=prod"], &[]);
    terminal.answer(question, "open sesame");
    let ended = terminal.end().well().says(&["it is ••• •••"]);
    assert_eq!(ended.out.matches("Passphrase of").count(), 1);
    ended.hides(&["open sesame", "deep-secret", "other-secret"]);
    let mut terminal = Terminal::rprov(&place, &["say", "env=prod"], &[]);
    terminal.answer(question, "wrong one");
    let ended = terminal.end().refused(&["the passphrase is wrong"]);
    assert_eq!(ended.out.matches("Passphrase of").count(), 1, "not asked again for another file");
    // Nobody is there to be asked, or git is at work.
    secrets(&place, &["view", "env=prod"])
        .refused(&["its passphrase is needed, and there is no terminal to ask on"]);
}

#[test]
fn a_file_of_age_identities_with_a_passphrase() {
    let place = sealed_for(&[public(include_str!("../../vault/tests/keys/identity.pub"))]);
    place.write("age", include_bytes!("../../vault/tests/keys/identity"));
    let view = secrets(&place, &["view", "env=prod", "--identity", "age"]);
    assert_eq!(view.well().out, "a: deep-secret\n");
    let sealed = include_bytes!("../../vault/tests/keys/identity.locked");
    assert!(Identity::parse(sealed).expect("a file of keys")[0].is_locked());
    place.write("age", sealed);
    let view = ["secrets", "view", "env=prod", "--identity", "age"];
    let mut terminal = Terminal::rprov(&place, &view, &[]);
    terminal.answer("Passphrase of age: ", "wrong one");
    terminal.end().refused(&["age: the passphrase is wrong"]).hides(&["wrong one"]);
    let mut terminal = Terminal::rprov(&place, &view, &[]);
    terminal.answer("Passphrase of age: ", "open sesame");
    terminal.end().well().says(&["a: deep-secret"]).hides(&["open sesame"]);
    secrets(&place, &view[1..])
        .refused(&["age: its passphrase is needed, and there is no terminal"]);
}

#[test]
fn a_passphrase_becomes_a_recipient() {
    let place = sealed_for(&[public(include_str!("../../vault/tests/keys/ed25519.pub"))]);
    place.write(".ssh/id_ed25519", include_bytes!("../../vault/tests/keys/ed25519"));
    let add = ["secrets", "recipients", "add", "passphrase", "env=prod"];
    let mut terminal = Terminal::rprov(&place, &add, &[]);
    terminal.answer("New vault password: ", PASSWORD);
    terminal.answer("Confirm new vault password: ", "another");
    terminal.end().refused(&["the two passwords differ"]);
    let mut terminal = Terminal::rprov(&place, &add, &[]);
    terminal.answer("New vault password: ", PASSWORD);
    terminal.answer("Confirm new vault password: ", PASSWORD);
    terminal.end().well().says(&["added a passphrase"]).hides(&[PASSWORD]);
    let list = secrets(&place, &["recipients", "list", "env=prod"]).well().out;
    assert!(list.starts_with("ssh-ed25519 ") && list.ends_with("\npassphrase\n"), "{list}");
    fs::remove_file(place.path(".ssh/id_ed25519")).expect("a file");
    place.write("vault-password", PASSWORD);
    assert_eq!(secrets(&place, &["view", "env=prod"]).well().out, "a: deep-secret\n");
}

#[test]
fn a_value_is_asked_for_twice() {
    let place = with_secrets("a: 1\n");
    let set = ["secrets", "set", "db.password", "env=prod"];
    let mut terminal = Terminal::rprov(&place, &set, &[]);
    terminal.answer("db.password: ", "n3w-secret");
    terminal.answer("db.password, again: ", "n3w-secre");
    terminal.end().refused(&["the two values differ"]);
    let mut terminal = Terminal::rprov(&place, &set, &[]);
    terminal.answer("db.password: ", "n3w-secret");
    terminal.answer("db.password, again: ", "n3w-secret");
    terminal.end().well().hides(&["n3w-secret"]);
    let get = secrets(&place, &["get", "db.password", "env=prod"]);
    assert_eq!(get.well().out, "n3w-secret\n");
}

/// An editor that asks for a line on the terminal and appends it; it tells where the text is.
fn editor(place: &Place) -> String {
    place.script(
        "editor",
        "dirname \"$1\" > \"$HOME/private\"\nhead -1 \"$1\" > /dev/tty\nprintf 'line? ' > /dev/tty\nIFS= read -r line < /dev/tty\nprintf '%s\\n' \"$line\" >> \"$1\"",
    )
}

#[test]
fn a_mistake_opens_the_editor_again_on_the_terminal() {
    let place = with_secrets("a: 1\n");
    let editor = editor(&place);
    let mut terminal =
        Terminal::rprov(&place, &["secrets", "edit", "env=prod"], &[("EDITOR", &editor)]);
    terminal.expect("line? ");
    terminal.press("b: [1\r");
    // On the screen, and in the first line of the file.
    terminal.expect("line 2, column ");
    terminal.expect("# rprov: line 4, column ");
    terminal.expect("line? ");
    terminal.press("  2]\r");
    terminal.end().well();
    assert_eq!(secrets(&place, &["view", "env=prod"]).well().out, "a: 1\nb: [1\n  2]\n");
    assert!(!fs::exists(place.read("private").trim()).expect("a path"));
}

#[test]
fn an_interrupt_while_editing_leaves_no_clear_text() {
    let place = with_secrets("a: 1\n");
    let before = place.read(SECRETS);
    let editor = editor(&place);
    let edit = ["secrets", "edit", "env=prod"];
    let mut terminal = Terminal::rprov(&place, &edit, &[("EDITOR", &editor)]);
    terminal.expect("line? ");
    let private = place.read("private").trim().to_owned();
    assert!(fs::exists(&private).expect("a path"));
    // The second one is refused while the first is at work.
    let second = place.rprov_with(&edit, &[("EDITOR", &editor)], b"");
    second.refused(&["`inventories/prod/secrets` is being edited by another rprov"]);
    terminal.press("half a li\u{3}");
    terminal.end().refused(&["`inventories/prod/secrets` is unchanged: the editor ended with"]);
    assert!(!fs::exists(&private).expect("a path"));
    assert_eq!(place.read(SECRETS), before);
    let names = fs::read_dir(place.path("inventories/prod")).expect("a directory");
    assert_eq!(names.count(), 2, "hosts and secrets");

    // The terminal goes away.
    let mut terminal = Terminal::rprov(&place, &edit, &[("EDITOR", &editor)]);
    terminal.expect("line? ");
    let private = place.read("private").trim().to_owned();
    drop(terminal);
    let start = std::time::Instant::now();
    while fs::exists(&private).expect("a path") {
        assert!(start.elapsed().as_secs() < 60, "{private} is still there");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(place.read(SECRETS), before);
}
