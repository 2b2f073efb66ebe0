//! `rprov secrets`: the flows of a person, with scripts as editors.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rprov_vault::ansible::{Envelope, seal};
use rprov_vault::{Cost, Keyring, Mode, Vault, mode};

use crate::place::{Ended, Place};

const PASSWORD: &str = "correct horse battery staple";
const CLEAR: &str = "# who may log in\ndb:\n  user: me   # not secret\n  password: \"hunter2 é\"\nport: 5432\nlist: [one, two]\n";

/// A project with an environment `prod`, and a password that is found.
pub(crate) fn project() -> Place {
    let place = Place::new();
    place.write("inventories/prod/hosts", "localhost ansible_connection=local\n");
    place.write("vault-password", PASSWORD);
    place
}

/// Its secrets, in rprov's format, for the same password at a price that tests can pay.
pub(crate) fn with_secrets(clear: &str) -> Place {
    let place = project();
    let mut keyring = Keyring::new();
    let cost = Cost::new(64, 1, 1).expect("a cost");
    let recipient = keyring.recipient(PASSWORD.as_bytes(), cost, "").expect("a recipient");
    let vault = Vault::seal(clear, &[recipient], &keyring).expect("YAML");
    place.write("inventories/prod/secrets", vault.sealed());
    place
}

pub(crate) fn secrets(place: &Place, words: &[&str]) -> Ended {
    place.rprov(&[&["secrets"], words].concat())
}

fn edit_with(place: &Place, script: &str) -> Ended {
    let editor = place.script("editor", script);
    place.rprov_with(&["secrets", "edit", "env=prod"], &[("EDITOR", &editor)], b"")
}

fn sealed(place: &Place) -> String {
    place.read("inventories/prod/secrets")
}

fn view(place: &Place) -> String {
    secrets(place, &["view", "env=prod"]).well().out
}

fn set(place: &Place, key: &str, value: &str) -> Ended {
    place.rprov_with(&["secrets", "set", key, "env=prod"], &[], value.as_bytes())
}

#[test]
fn a_missing_file_is_made_and_is_encrypted() {
    let place = project();
    edit_with(&place, "true").well().says(&["nothing was written"]);
    assert!(!place.path("inventories/prod/secrets").exists());
    edit_with(&place, &format!("cat > \"$1\" <<'END'\n{CLEAR}END")).well();
    let text = sealed(&place);
    assert_eq!(mode(text.as_bytes()), Some(Mode::Values));
    assert!(text.contains("\n  password: enc.") && !text.contains("hunter2"), "{text}");
    assert_eq!(place.mode("inventories/prod/secrets"), 0o600);
    assert_eq!(view(&place), CLEAR);
}

#[test]
fn values_one_by_one() {
    let place = with_secrets(CLEAR);
    let get = |key: &str| secrets(&place, &["get", key, "env=prod"]);
    assert_eq!(get("db.password").well().out, "hunter2 é\n");
    assert_eq!(get("list[1]").well().out, "two\n");
    assert_eq!(get("list").well().out, "[one, two]\n");
    get("db.pasword").refused(&["there is no key `db.pasword`", "did you mean `db.password`?"]);

    let before = sealed(&place);
    set(&place, "db.password", "n3w: \"x\"\n").well();
    assert_eq!(get("db.password").well().out, "n3w: \"x\"\n");
    let after = sealed(&place);
    let differ = before.lines().zip(after.lines()).filter(|(a, b)| a != b).count();
    assert_eq!((differ, before.lines().count()), (1, after.lines().count()), "one line");
    set(&place, "new.key", "a\nb\n").well();
    assert_eq!(get("new.key").well().out, "a\nb\n");
    place.rprov_with(&["secrets", "set", "--yaml", "port", "env=prod"], &[], b"5433").well();
    assert_eq!(
        view(&place),
        "# who may log in\ndb:\n  user: me   # not secret\n  password: 'n3w: \"x\"'\nport: 5433\nlist: [one, two]\nnew:\n  key: \"a\\nb\\n\"\n"
    );
    secrets(&place, &["unset", "new.key", "env=prod"]).well();
    secrets(&place, &["unset", "new", "env=prod"]).well();
    assert!(view(&place).ends_with("list: [one, two]\n"));
    secrets(&place, &["unset", "new", "env=prod"]).refused(&["there is no key `new`"]);

    secrets(&place, &["set", "db.password=x", "env=prod"])
        .refused(&["seen by other users", "rprov secrets set db.password"]);
    set(&place, "port.x", "1").refused(&["port.x", "a part of it is a value"]);
}

#[test]
fn an_unchanged_file_is_left_untouched() {
    let place = with_secrets(CLEAR);
    let before = (sealed(&place), fs::metadata(place.path("inventories/prod/secrets")).unwrap());
    edit_with(&place, "true").well().says(&["is unchanged"]);
    edit_with(&place, "cp \"$1\" \"$1.new\"; mv \"$1.new\" \"$1\"").well().says(&["is unchanged"]);
    let after = (sealed(&place), fs::metadata(place.path("inventories/prod/secrets")).unwrap());
    assert_eq!(before.0, after.0);
    assert_eq!((before.1.ino(), before.1.mtime_nsec()), (after.1.ino(), after.1.mtime_nsec()));
}

#[test]
fn a_mistake_opens_the_editor_again_with_the_message() {
    let place = with_secrets(CLEAR);
    // First a mistake; then, with the message in the file, its correction.
    let script = "if [ -e \"$HOME/seen\" ]; then cp \"$1\" \"$HOME/again\"; grep -v broken \"$1\" > \"$1.new\"; mv \"$1.new\" \"$1\"; echo 'good: 1' >> \"$1\"; else echo '  broken: [' >> \"$1\"; touch \"$HOME/seen\"; fi";
    edit_with(&place, script).well();
    assert_eq!(view(&place), format!("{CLEAR}good: 1\n"));
    let again = place.read("again");
    let (first, rest) = again.split_once('\n').expect("lines");
    assert!(first.starts_with("# rprov: line 9, column "), "{again}");
    assert!(rest.starts_with("# rprov: ") && rest.contains("\n# who may log in\n"), "{again}");
    assert!(again.lines().nth(8).is_some_and(|line| line.contains("broken")), "{again}");

    for text in ["- a\n- b\n", "a: 1\na: 2\n", "just text\n"] {
        let before = sealed(&place);
        let ended =
            edit_with(&place, &format!("printf %b '{}' > \"$1\"", text.replace('\n', "\\n")));
        ended.refused(&["saved again with the same mistake", "your work is kept, encrypted, in"]);
        assert_eq!(sealed(&place), before);
        let kept = "inventories/prod/secrets.unsaved-1";
        assert_eq!(mode(place.read(kept).as_bytes()), Some(Mode::Values));
        assert_eq!(secrets(&place, &["get", "unsaved", "--file", kept]).well().out, text);
        fs::remove_file(place.path(kept)).expect("a file");
    }
}

#[test]
fn work_is_kept_when_the_file_changed_meanwhile() {
    let place = with_secrets(CLEAR);
    let old = sealed(&place);
    set(&place, "port", "1").well();
    place.write("other", sealed(&place));
    place.write("inventories/prod/secrets", old);
    let ended =
        edit_with(&place, "echo 'mine: 1' >> \"$1\"; cp \"$HOME/other\" inventories/prod/secrets");
    ended.refused(&["was changed by somebody else meanwhile", "secrets.unsaved-1"]);
    assert_eq!(sealed(&place), place.read("other"));
    let kept = secrets(&place, &["view", "--file", "inventories/prod/secrets.unsaved-1"]);
    assert_eq!(kept.well().out, format!("{CLEAR}mine: 1\n"));

    edit_with(&place, "rprov secrets set x env=prod < vault-password 2> \"$HOME/second\" || true")
        .well();
    assert!(place.read("second").contains("is being edited by another rprov"));
}

/// The private directories of editors that are open.
fn private() -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    let ours = entries.filter(|e| e.file_name().to_string_lossy().starts_with("rprov-edit-"));
    ours.map(|entry| entry.path()).collect()
}

/// An edit whose editor has changed the text and waits; and its private directory.
fn waiting(place: &Place) -> (Child, std::path::PathBuf) {
    let _ = fs::remove_file(place.path("ready"));
    let editor =
        place.script("editor", "echo 'late: 1' >> \"$1\"; dirname \"$1\" > \"$HOME/ready.new\"; mv \"$HOME/ready.new\" \"$HOME/ready\"; exec sleep 60");
    let mut command: Command =
        place.command(env!("CARGO_BIN_EXE_rprov"), &["secrets", "edit", "env=prod"]);
    command.env("EDITOR", editor).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().expect("rprov runs");
    let start = Instant::now();
    while !place.path("ready").exists() {
        assert!(start.elapsed() < Duration::from_secs(30), "the editor does not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    let private = std::path::PathBuf::from(place.read("ready").trim());
    assert!(private.is_dir());
    (child, private)
}

#[test]
fn signals_leave_nothing_behind_and_keep_the_work() {
    let place = with_secrets(CLEAR);
    let before = sealed(&place);
    for signal in ["TERM", "HUP"] {
        let (child, private) = waiting(&place);
        let kill =
            Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(kill.expect("kill runs").success());
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(&format!("interrupted by SIG{signal}")), "{said}");
        assert!(!private.exists(), "{}", private.display());
        assert_eq!(sealed(&place), before);
        let kept = "inventories/prod/secrets.unsaved-1";
        let text = secrets(&place, &["view", "--file", kept]).well().out;
        assert!(text.contains("late: 1") || text.starts_with("unsaved:"), "{text}");
        fs::remove_file(place.path(kept)).expect("a file");
    }
    // An interrupt is the editor's business.
    let (mut child, private) = waiting(&place);
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
    std::thread::sleep(Duration::from_millis(200));
    assert!(child.try_wait().expect("a status").is_none(), "it goes on");
    // Killed: what is left goes with the next edit, and not before its owner is dead.
    edit_with(&with_secrets(CLEAR), "true").well();
    assert!(private.is_dir(), "somebody else's, alive");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert!(private.is_dir());
    edit_with(&place, "true").well();
    assert!(!private.exists() && !self::private().contains(&private));
}

#[test]
fn ansible_vaults_keep_their_format() {
    let place = project();
    let whole = seal(CLEAR.as_bytes(), PASSWORD.as_bytes(), Some("prod")).expect("a label");
    place.write("inventories/prod/secrets", &whole);
    set(&place, "db.password", "other").well();
    edit_with(&place, "echo 'more: 1' >> \"$1\"").well();
    let text = sealed(&place);
    assert!(text.starts_with("$ANSIBLE_VAULT;1.2;AES256;prod\n"), "{text}");
    let clear = Envelope::parse(text.as_bytes()).unwrap().open(PASSWORD.as_bytes()).unwrap();
    let expected = CLEAR.replace("\"hunter2 é\"", "other") + "more: 1\n";
    assert_eq!(String::from_utf8_lossy(&clear), expected);

    // Values: those that stay keep their envelopes.
    let envelope = |text: &str| {
        let sealed = seal(text.as_bytes(), PASSWORD.as_bytes(), None).expect("no label");
        sealed.lines().map(|line| format!("          {line}\n")).collect::<String>()
    };
    let (one, two) = (envelope("hunter2 é"), envelope("line\nline\n"));
    let inline =
        format!("user: me # clear\npassword: !vault |\n{one}key: !vault |\n{two}port: 1\n");
    place.write("inventories/prod/secrets", &inline);
    assert_eq!(
        view(&place),
        "user: me # clear\npassword: !vault \"hunter2 é\"\nkey: !vault \"line\\nline\\n\"\nport: 1\n"
    );
    assert_eq!(secrets(&place, &["get", "key", "env=prod"]).well().out, "line\nline\n");
    set(&place, "password", "changed").well();
    set(&place, "fresh", "added").well();
    edit_with(&place, "sed -i s/me/you/ \"$1\"").well();
    let text = sealed(&place);
    assert!(
        text.starts_with("user: you # clear\npassword: !vault |\n          $ANSIBLE_VAULT;1.1")
    );
    assert!(text.contains(&format!("key: !vault |\n{two}")), "{text}");
    assert!(!text.contains(&one) && !text.contains("changed") && !text.contains("added"), "{text}");
    place.write(
        "play.yml",
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: {content: '{{ user }}|{{ password }}|{{ fresh }}|{{ key }}', dest: '{{ playbook_dir }}/out'}\n",
    );
    let play =
        ["playbook", "play.yml", "-i", "inventories/prod/hosts", "-e", "@inventories/prod/secrets"];
    place.rprov(&play).well();
    assert_eq!(place.read("out"), "you|changed|added|line\nline\n");
}

#[test]
fn migrates_value_by_value_there_and_back() {
    let place = project();
    let path = "inventories/prod/secrets";
    let whole = seal(CLEAR.as_bytes(), PASSWORD.as_bytes(), None).expect("no label");
    place.write(path, &whole);
    let migrate = |to: &str| secrets(&place, &["migrate", "env=prod", "--to", to]);
    migrate("rprov").well().says(&["can be read by everybody", "lines with a comment: 1, 3"]);
    assert_eq!(mode(sealed(&place).as_bytes()), Some(Mode::Values));
    assert_eq!(view(&place), CLEAR);
    migrate("rprov").refused(&["is in that format already"]);
    migrate("ansible-values").well();
    let text = sealed(&place);
    assert!(text.contains("  password: !vault |\n") && text.contains("port: 5432\n"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(secrets(&place, &["get", "db.password", "env=prod"]).well().out, "hunter2 é\n");
    secrets(&place, &["check", "env=prod"]).well().says(&["Ansible Vault, value by value"]);
    migrate("rprov").well();
    assert_eq!(secrets(&place, &["get", "db.password", "env=prod"]).well().out, "hunter2 é\n");
    assert_eq!(secrets(&place, &["get", "list[0]", "env=prod"]).well().out, "one\n");
    secrets(&place, &["migrate", "env=prod"]).well().says(&["Ansible Vault, the whole file"]);
    let clear = Envelope::parse(sealed(&place).as_bytes()).unwrap().open(PASSWORD.as_bytes());
    let clear = String::from_utf8_lossy(&clear.unwrap()).into_owned();
    assert!(
        clear.contains("  user: \"me\"   # not secret\n  password: \"hunter2 é\"\nport: 5432\n"),
        "{clear}"
    );
}

#[test]
fn a_run_opens_what_the_verbs_have_made() {
    let place = with_secrets(CLEAR);
    place.write(
        "playbooks/write.yml",
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: {content: '{{ db.password }}|{{ port + 1 }}', dest: '{{ playbook_dir }}/../out'}\n",
    );
    place.rprov(&["write", "env=prod"]).well().hides(&["hunter2"]);
    assert_eq!(place.read("out"), "hunter2 é|5433");
    fs::remove_file(place.path("vault-password")).expect("a file");
    place.rprov(&["write", "env=prod"]).refused(&[
        "nothing at hand opens it; it is for a passphrase; looked at",
        "RPROV_VAULT_PASSWORD: not set",
        ".ssh/id_ed25519: no such file",
    ]);
}

#[test]
fn a_run_says_once_that_secrets_are_in_clear() {
    let place = project();
    place.write("inventories/prod/hosts", "[all]\na\nb\n[all:vars]\nansible_connection=local\n");
    let play = "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {msg: '{{ a }}'}\n";
    place.write("playbooks/say.yml", format!("{play}{play}"));
    let note = "note: `inventories/prod/secrets` is not encrypted";
    let notes = |text: &str| {
        place.write("inventories/prod/secrets", text);
        let ended = place.rprov(&["say", "env=prod", "-e", "a=1"]).well();
        ended.err.matches(note).count()
    };
    assert_eq!(notes("a: 1\n"), 1);
    assert_eq!((notes("{}\n"), notes("# nothing\n---\n")), (0, 0));
    let sealed = seal(b"1", PASSWORD.as_bytes(), None).expect("no label");
    let lines: String = sealed.lines().map(|line| format!("  {line}\n")).collect();
    assert_eq!(notes(&format!("a: !vault |\n{lines}b: 2\n")), 0, "Ansible's way");
    assert_eq!(notes(&seal(b"a: 1\n", PASSWORD.as_bytes(), None).expect("no label")), 0);
}

/// A key pair of ssh-keygen; none if there is no ssh-keygen.
fn key(place: &Place, name: &str, kind: &str, passphrase: &str) -> Option<String> {
    fs::create_dir_all(place.path(".ssh")).expect("a directory");
    let file = place.path(&format!(".ssh/{name}"));
    let words = ["-q", "-t", kind, "-N", passphrase, "-C", "alice@laptop", "-f"];
    let made = Command::new("ssh-keygen").args(words).arg(&file).status().ok()?;
    assert!(made.success());
    Some(place.read(&format!(".ssh/{name}.pub")))
}

#[test]
fn recipients_with_ssh_keys() {
    let place = with_secrets(CLEAR);
    let list = || secrets(&place, &["recipients", "list", "env=prod"]).well().out;
    assert_eq!(list(), "passphrase\n");
    let Some(public) = key(&place, "id_ed25519", "ed25519", "") else {
        eprintln!("skipped: there is no ssh-keygen");
        return;
    };
    let body = |text: &str| {
        text.split_once("\n---").map_or_else(
            || text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n"),
            |(_, body)| body.to_owned(),
        )
    };
    let before = sealed(&place);
    let add = |who: &str| secrets(&place, &["recipients", "add", who, "env=prod"]);
    add(".ssh/id_ed25519").refused(&["expected public keys", "perhaps `.ssh/id_ed25519.pub`"]);
    add(".ssh/id_ed25519.pub").well().says(&["added alice@laptop"]);
    add(&public).refused(&["is a recipient already"]);
    assert_eq!(body(&before), body(&sealed(&place)), "only the header changed");
    assert_eq!(list(), format!("passphrase\n{public}"));
    secrets(&place, &["check", "env=prod"])
        .well()
        .says(&["5 values, rprov, value by value, for a passphrase, alice@laptop"]);

    // The key opens it, and the passphrase goes.
    secrets(&place, &["recipients", "remove", "passphrase", "env=prod"])
        .well()
        .says(&["removed a passphrase", "change these secrets, too"]);
    fs::remove_file(place.path("vault-password")).expect("a file");
    assert_ne!(body(&before), body(&sealed(&place)), "all of it anew");
    assert_eq!(view(&place), CLEAR);
    secrets(&place, &["recipients", "remove", "alice@laptop", "env=prod"])
        .refused(&["at least one recipient"]);
    secrets(&place, &["recipients", "remove", "bob", "env=prod"])
        .refused(&["`bob` is no recipient", "recipients are: alice@laptop"]);

    // Another key, named.
    key(&place, "other", "ed25519", "");
    add(".ssh/other.pub").well();
    fs::rename(place.path(".ssh/id_ed25519"), place.path(".ssh/moved")).expect("a file");
    secrets(&place, &["view", "env=prod"]).refused(&[
        "nothing at hand opens it",
        ".ssh/id_ed25519: no such file",
        "--identity FILE",
    ]);
    let named = ["view", "env=prod", "--identity", ".ssh/other"];
    assert_eq!(secrets(&place, &named).well().out, CLEAR);
    add("ssh-dss AAAA").refused(&["is no recipient"]);
    add("nobody.pub").refused(&["cannot read `nobody.pub`", "a recipient is `age1…`"]);
}

#[test]
fn rekeying_and_new_passwords() {
    let place = with_secrets(CLEAR);
    let before = sealed(&place);
    secrets(&place, &["rekey", "env=prod"]).well().says(&["has a new key"]);
    let differ = |a: &str, b: &str| a.lines().zip(b.lines()).filter(|(a, b)| a != b).count();
    assert!(differ(&before, &sealed(&place)) >= 6);
    assert_eq!(view(&place), CLEAR);
    place.write("new", "another passphrase");
    let rekey = ["rekey", "env=prod", "--new-vault-password-file", "new"];
    secrets(&place, &rekey).well().says(&["has a new password"]);
    secrets(&place, &["view", "env=prod"]).refused(&["wrong passphrase"]);
    place.write("vault-password", "another passphrase");
    assert_eq!(view(&place), CLEAR);
    assert_eq!(secrets(&place, &["recipients", "list", "env=prod"]).well().out, "passphrase\n");

    place.write("inventories/prod/secrets", seal(b"a: 1\n", PASSWORD.as_bytes(), None).unwrap());
    place.write("old", PASSWORD);
    let rekey = ["rekey", "env=prod", "--vault-id", "old", "--new-vault-id", "x@new"];
    secrets(&place, &rekey).well();
    assert!(sealed(&place).starts_with("$ANSIBLE_VAULT;1.2;AES256;x\n"));
    assert_eq!(view(&place), "a: 1\n");
}

#[test]
fn checks_find_what_is_wrong() {
    let place = with_secrets(CLEAR);
    place.write("inventories/test/hosts", "h\n");
    place.write("inventories/test/secrets", "{}\n");
    secrets(&place, &["check"]).well().says(&[
        "inventories/prod/secrets: 5 values, rprov, value by value, for a passphrase",
        "inventories/test/secrets: 0 values, plain YAML",
    ]);
    place.write("inventories/test/secrets", "a: 1\nb: {c: 2}\n");
    secrets(&place, &["check"])
        .refused(&["`inventories/test/secrets` has 2 values in clear", "a, b.c"]);
    place.write("inventories/test/secrets", "a: 1\na: 2\n");
    secrets(&place, &["check", "env=test"]).refused(&["the same key is there twice in line 2"]);
    let good = sealed(&place);
    let lines: Vec<&str> = good.lines().collect();
    let line = lines.iter().position(|line| line.contains("password: enc.")).expect("a value");
    let mut flipped = good.clone();
    let at = good.find("password: enc.").expect("a value") + 40;
    let other = if &good[at..=at] == "A" { "B" } else { "A" };
    flipped.replace_range(at..=at, other);
    place.write("inventories/prod/secrets", &flipped);
    secrets(&place, &["check", "env=prod"])
        .refused(&[&format!("`db.password` in line {}", line + 1), "altered"]);
    assert_eq!(sealed(&place), flipped, "untouched");
    place.write("inventories/prod/secrets", good.replace("# to passphrase", "# to pasphrase"));
    secrets(&place, &["check", "env=prod"]).refused(&["header"]);
    place.write("inventories/prod/secrets", &good[..good.len() / 2]);
    secrets(&place, &["edit", "env=prod"]).refused(&["cannot decrypt"]);
}

#[test]
fn which_file() {
    let place = with_secrets(CLEAR);
    secrets(&place, &["view"]).refused(&["which environment?", "known environments: prod"]);
    secrets(&place, &["view", "env=prd"]).refused(&["there is no environment `prd`", "env=prod"]);
    secrets(&place, &["view", "prod"]).refused(&["expected `env=ENV`, found `prod`"]);
    secrets(&place, &["view", "env=prod", "--file", "x"]).refused(&["found both"]);
    secrets(&place, &["view", "--file", "x"]).refused(&["cannot read `x`"]);
    let file = ["view", "--file", "inventories/prod/secrets"];
    assert_eq!(secrets(&place, &file).well().out, CLEAR);
    place.write("plain.yml", "a: b\n");
    let plain = secrets(&place, &["get", "a", "--file", "plain.yml"]).well();
    assert_eq!(plain.out, "b\n");
    plain.says(&["note: `plain.yml` is not encrypted"]);
}
