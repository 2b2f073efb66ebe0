//! `rprov vault`: ansible-vault's verbs. `tests/vault` has what a real one says and has made;
//! `generate.sh` there makes it anew and lets both work on each other's files.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rprov_vault::ansible::{Envelope, seal};

use crate::place::Place;

const ONE: &str = "correct horse battery staple";
const TWO: &str = "another password";
const PLAIN: &str = "db_password: \"hunter2 é\"\nlist: [1, 2]\n";

fn recorded(name: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vault");
    fs::read_to_string(root.join(name)).expect("a recorded file")
}

/// A directory with two passwords and a plain file.
fn place() -> Place {
    let place = Place::new();
    place.write("one", format!("{ONE}\n"));
    place.write("two", format!("{TWO}\n"));
    place.write("plain.yml", PLAIN);
    place
}

fn opened(text: &str, password: &str) -> String {
    let plain = Envelope::parse(text.trim().as_bytes()).expect("an envelope");
    let plain = plain.open(password.as_bytes()).expect("the right password");
    String::from_utf8(plain.to_vec()).expect("UTF-8")
}

#[test]
fn every_flag_of_ansible_vault_is_known() {
    let place = Place::new();
    let mut flags = 0;
    for verb in ["create", "decrypt", "edit", "view", "encrypt", "encrypt_string", "rekey"] {
        let help = recorded(&format!("help/{verb}.txt"));
        let ours = place.rprov(&["vault", verb, "--help"]).well().out;
        let words = |text: &str| -> Vec<String> {
            let breaks = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
            text.split(breaks).filter(|word| word.starts_with('-')).map(str::to_owned).collect()
        };
        // Behind `options:`, in the lines that begin with a flag.
        let options = help.split("options:").nth(1).expect("options");
        let known = words(&ours);
        for line in options.lines().filter(|line| line.starts_with("  -")) {
            for flag in words(line) {
                assert!(known.contains(&flag), "`vault {verb} {flag}` is missing in\n{ours}");
                flags += 1;
            }
        }
    }
    assert!(flags > 60, "{flags}");
}

#[test]
fn opens_what_ansible_vault_has_made() {
    let place = place();
    place.write("labelled", recorded("labelled.vault"));
    place.write("rekeyed", recorded("rekeyed.vault"));
    for (file, id) in [("labelled", "prod@two"), ("rekeyed", "dev@two"), ("rekeyed", "two")] {
        let view = place.rprov(&["vault", "view", file, "--vault-id", id]).well();
        assert_eq!(view.out, PLAIN, "{file} {id}");
    }
    place.write("vars.yml", recorded("string.yml"));
    place.write(
        "play.yml",
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: {content: '{{ db_password }}|{{ key }}', dest: '{{ playbook_dir }}/out'}\n",
    );
    let words = ["playbook", "play.yml", "-i", "localhost,", "-c", "local", "-e", "@vars.yml"];
    let ids = ["--vault-id", "one", "--vault-id", "prod@two"];
    place.rprov(&[&words[..], &ids].concat()).well().hides(&["hunter2"]);
    assert_eq!(place.read("out"), "hunter2 é|mdp!des?caractères\n");
}

#[test]
fn encrypts_in_place_elsewhere_and_through_pipes() {
    let place = place();
    place.write_mode("plain.yml", PLAIN, 0o640);
    place.rprov(&["vault", "encrypt", "plain.yml", "--vault-id", "prod@two"]).well();
    let sealed = place.read("plain.yml");
    assert!(sealed.starts_with("$ANSIBLE_VAULT;1.2;AES256;prod\n"), "{sealed}");
    assert_eq!(opened(&sealed, TWO), PLAIN);
    assert_eq!(place.mode("plain.yml"), 0o640, "the mode stays");

    let again = place.rprov(&["vault", "encrypt", "plain.yml", "--vault-id", "prod@two"]);
    again.refused(&["`plain.yml` is encrypted already", "rprov vault rekey"]);
    let to = |out: &str| {
        place.rprov(&["vault", "decrypt", "plain.yml", "--vault-id", "two", "--output", out]).well()
    };
    assert_eq!(to("-").out, PLAIN);
    to("new");
    assert_eq!((place.read("new").as_str(), place.mode("new")), (PLAIN, 0o600));
    assert_eq!(place.read("plain.yml"), sealed, "as it was");

    let from = |words: &[&str], stdin: &str| place.rprov_with(words, &[], stdin.as_bytes()).well();
    let sealed = from(&["vault", "encrypt", "--vault-password-file", "one"], "x").out;
    assert!(sealed.starts_with("$ANSIBLE_VAULT;1.1;AES256\n"), "{sealed}");
    let plain = from(&["vault", "decrypt", "--vault-password-file", "one"], &sealed);
    assert_eq!(plain.out, "x");

    place.rprov(&["vault", "decrypt", "plain.yml", "--vault-id", "two"]).well();
    assert_eq!(place.read("plain.yml"), PLAIN);
    let plain = place.rprov(&["vault", "decrypt", "plain.yml", "--vault-id", "two"]);
    plain.refused(&["`plain.yml` is not encrypted"]);
    let left: Vec<_> = fs::read_dir(place.path(".")).expect("a directory").flatten().collect();
    let hidden = left.iter().filter(|entry| entry.file_name().to_string_lossy().starts_with('.'));
    assert_eq!(hidden.count(), 0, "{left:?}");
}

#[test]
fn a_link_is_followed_and_the_owner_kept() {
    let place = place();
    std::os::unix::fs::symlink("plain.yml", place.path("link")).expect("a link");
    if is_roots(&place) {
        std::os::unix::fs::chown(place.path("plain.yml"), Some(12), Some(34)).expect("root");
    }
    let before = fs::metadata(place.path("plain.yml")).expect("a file");
    place.rprov(&["vault", "encrypt", "link", "--vault-id", "one"]).well();
    let after = fs::metadata(place.path("plain.yml")).expect("a file");
    assert_eq!((before.uid(), before.gid()), (after.uid(), after.gid()));
    assert!(fs::symlink_metadata(place.path("link")).expect("a link").is_symlink());
    assert_eq!(opened(&place.read("plain.yml"), ONE), PLAIN);
}

/// Whether files here belong to root.
fn is_roots(place: &Place) -> bool {
    fs::metadata(place.path(".")).expect("a directory").uid() == 0
}

#[test]
fn several_files_are_all_there_before_one_is_changed() {
    let place = place();
    place.write("b.yml", "b: 1\n");
    let words = ["vault", "encrypt", "plain.yml", "nope", "b.yml", "--vault-id", "one"];
    place.rprov(&words).refused(&["cannot read `nope`: no such file"]);
    assert_eq!(place.read("plain.yml"), PLAIN);
    place.rprov(&["vault", "encrypt", "plain.yml", "b.yml", "--vault-id", "one"]).well();
    let words = ["vault", "view", "plain.yml", "b.yml", "--vault-id", "one"];
    assert_eq!(place.rprov(&words).well().out, format!("{PLAIN}b: 1\n"));
    let words = ["vault", "decrypt", "plain.yml", "b.yml", "--vault-id", "one", "--output", "x"];
    place.rprov(&words).refused(&["expected one file with `--output`, found 2"]);
    place
        .rprov(&[
            "vault",
            "rekey",
            "plain.yml",
            "b.yml",
            "--vault-id",
            "one",
            "--new-vault-id",
            "n@two",
        ])
        .well()
        .says(&["Rekey successful"]);
    assert!(place.read("b.yml").starts_with("$ANSIBLE_VAULT;1.2;AES256;n\n"));
    assert_eq!(opened(&place.read("plain.yml"), TWO), PLAIN);
}

#[test]
fn the_password_to_encrypt_with_is_unmistakable() {
    let place = place();
    let encrypt = |words: &[&str], env: &[(&str, &str)]| {
        place.rprov_with(&[&["vault", "encrypt"], words].concat(), env, b"x")
    };
    let both = ["--vault-id", "a@one", "--vault-id", "b@two"];
    encrypt(&both, &[]).refused(&["with which of several passwords", "--encrypt-vault-id", "a, b"]);
    let chosen = encrypt(&[&both[..], &["--encrypt-vault-id", "b"]].concat(), &[]).well();
    assert!(chosen.out.starts_with("$ANSIBLE_VAULT;1.2;AES256;b\n"), "{}", chosen.out);
    assert_eq!(opened(&chosen.out, TWO), "x");
    encrypt(&[&both[..], &["--encrypt-vault-id", "c"]].concat(), &[])
        .refused(&["no vault password has the label `c`"]);

    let list = [("ANSIBLE_VAULT_IDENTITY_LIST", "a@one, b@two")];
    let chosen = encrypt(&["--encrypt-vault-id", "a"], &list).well();
    assert_eq!(opened(&chosen.out, ONE), "x");
    let chosen = encrypt(&[], &[("ANSIBLE_VAULT_PASSWORD_FILE", "two")]).well();
    assert_eq!(opened(&chosen.out, TWO), "x");
    let chosen = encrypt(&[], &[("RPROV_VAULT_PASSWORD", TWO)]).well();
    assert_eq!(opened(&chosen.out, TWO), "x");
    encrypt(&["--vault-id", "a b@one"], &[]).refused(&["expected a label of ASCII characters"]);
}

/// `tests/vault/settings.txt`: settings and words, what a real ansible-vault does with them, and what
/// rprov does where it differs on purpose.
#[test]
fn settings_mean_what_they_mean_to_ansible_vault() {
    let place = place();
    let mut wrong = Vec::new();
    let cases = recorded("settings.txt");
    for case in cases.lines() {
        let (given, expected) = case.split_once(" => ").expect("a recorded answer");
        let expected = expected.split_once(", rprov: ").map_or(expected, |(_, own)| own);
        let (mut words, mut env, mut config) = (vec!["vault"], vec![], String::new());
        for word in given.split(' ') {
            match (word.strip_prefix("cfg:"), word.split_once('=')) {
                (Some(line), _) => config.push_str(&format!("{line}\n")),
                (None, Some(pair)) => env.push(pair),
                (None, None) => words.push(word),
            }
        }
        place.write("ansible.cfg", format!("[defaults]\n{config}"));
        let name = match words[1] {
            "encrypt" => {
                words.extend(["--output", "sealed", "plain.yml"]);
                ""
            }
            _ => words.remove(2),
        };
        if !name.is_empty() {
            let label = Some("a").filter(|label| name == *label);
            let sealed = seal(PLAIN.as_bytes(), ONE.as_bytes(), label).expect("a label");
            place.write("sealed", sealed);
            words.push("sealed");
        }
        let ended = place.rprov_with(&words, &env, b"");
        let found = match (ended.code, words[1]) {
            (0, "view") => "opened".to_owned(),
            (0, _) => place.read("sealed").lines().next().unwrap_or_default().to_owned(),
            (_, _) => "refused".to_owned(),
        };
        if found != expected {
            wrong.push(format!("{given}: expected {expected}, found {found}\n{}", ended.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.lines().count() > 50);
}

#[test]
fn with_vault_id_match_the_error_names_the_labels() {
    let place = place();
    place.write("s", seal(b"x", ONE.as_bytes(), Some("a")).expect("a label"));
    let env = [("ANSIBLE_VAULT_ID_MATCH", "true")];
    place.rprov_with(&["vault", "view", "s", "--vault-id", "b@one"], &env, b"").refused(&[
        "no vault password is known (its label is `a`); looked at",
        "--vault-id b@one: its label is `b`, and vault_id_match is set",
    ]);
}

#[test]
fn without_a_password_every_place_is_named() {
    let place = place();
    fs::create_dir(place.path("inventories")).expect("a directory");
    place.rprov(&["vault", "encrypt", "plain.yml"]).refused(&[
        "no vault password is known; looked at",
        "--vault-id, --vault-password-file and --ask-vault-pass: not given",
        "ANSIBLE_VAULT_IDENTITY_LIST: not set",
        "ANSIBLE_VAULT_PASSWORD_FILE: not set",
        "RPROV_VAULT_PASSWORD: not set",
        "vault-password: no such file",
        "the system keyring: there is no desktop session",
        "a question: there is no terminal to ask on",
        "or write it to `vault-password` (mode 0600, ignored by git)",
    ]);
    assert_eq!(place.read("plain.yml"), PLAIN);
    place.write_mode("vault-password", ONE, 0o644);
    place
        .rprov(&["vault", "encrypt", "plain.yml"])
        .refused(&["readable by other users", "run `chmod 600 vault-password`"]);
    place.write("vault-password", ONE);
    place.rprov(&["vault", "encrypt", "plain.yml"]).well();
    assert_eq!(opened(&place.read("plain.yml"), ONE), PLAIN);
}

#[test]
fn the_desktops_keyring_is_asked_for_the_project() {
    let place = place();
    fs::create_dir(place.path("inventories")).expect("a directory");
    let tool =
        "[ \"$1 $2 $3 $4\" = 'lookup application rprov project' ] && [ \"$5\" = \"$HOME\" ]\n";
    place.script("secret-tool", &format!("{tool}printf '%s' '{TWO}'"));
    let path = format!("{}:/usr/bin:/bin", place.path(".").display());
    let env = [("PATH", path.as_str()), ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")];
    place.rprov_with(&["vault", "encrypt", "plain.yml"], &env, b"").well();
    assert_eq!(opened(&place.read("plain.yml"), TWO), PLAIN);
    place.script("secret-tool", "exit 1");
    place
        .rprov_with(&["vault", "view", "plain.yml"], &env, b"")
        .refused(&["the system keyring: it has nothing for this project"]);
}

#[test]
fn strings() {
    let place = place();
    let texts = place
        .rprov_with(
            &[
                "vault",
                "encrypt_string",
                "--vault-id",
                "one",
                "-n",
                "a",
                "first",
                "second",
                "--stdin-name",
                "z",
            ],
            &[],
            b"third",
        )
        .well()
        .says(&["warning: a text on the command line is seen by other users"]);
    let names: Vec<&str> = texts.out.lines().filter(|line| line.contains("!vault |")).collect();
    assert_eq!(names, ["z: !vault |", "a: !vault |", "!vault |"]);
    let values: Vec<&str> = texts.out.split("!vault |\n").skip(1).collect();
    for (value, expected) in values.iter().zip(["third", "first", "second"]) {
        let value = value.rsplit_once("\na:").map_or(*value, |(value, _)| value);
        assert!(value.starts_with("          $ANSIBLE_VAULT;1.1;AES256\n          "), "{value}");
        assert_eq!(opened(value, ONE), expected);
    }
    // The shape of what a real one has made, digits aside.
    let shape = |text: &str| -> Vec<String> {
        let digit = |c: char| if c.is_ascii_hexdigit() { '0' } else { c };
        text.lines().map(|line| line.chars().map(digit).collect()).collect()
    };
    let ours = place.rprov_with(
        &["vault", "encrypt_string", "--vault-id", "one", "--stdin-name", "db_password"],
        &[],
        "hunter2 é".as_bytes(),
    );
    let theirs = recorded("string.yml");
    let theirs = theirs.split_once("key:").expect("two values").0;
    assert_eq!(shape(&ours.well().out), shape(theirs));

    let empty = ["vault", "encrypt_string", "--vault-id", "one", "--stdin-name", "x"];
    place.rprov(&empty).refused(&["the text from standard input is empty"]);
    let both = ["vault", "encrypt_string", "--vault-id", "one", "-p", "-"];
    place.rprov(&both).refused(&["expected `--prompt` or standard input, found both"]);
}

#[test]
fn edits_without_leaving_anything_behind() {
    let place = place();
    let editor = place.script(
        "editor",
        "stat -c '%a %n' \"$1\" \"$(dirname \"$1\")\" > \"$HOME/seen\"\nstat -f -c %T \"$1\" >> \"$HOME/seen\"\n[ \"$(grep -c é \"$1\")\" = 1 ]\necho 'more: 1' >> \"$1\"",
    );
    let sealed = seal(PLAIN.as_bytes(), TWO.as_bytes(), Some("prod")).expect("a label");
    place.write_mode("s.yml", &sealed, 0o644);
    let env = [("EDITOR", editor.as_str())];
    let edit = ["vault", "edit", "s.yml", "--vault-id", "one", "--vault-id", "prod@two"];
    place.rprov_with(&edit, &env, b"").well();
    let sealed = place.read("s.yml");
    assert!(sealed.starts_with("$ANSIBLE_VAULT;1.2;AES256;prod\n"), "its label: {sealed}");
    assert_eq!(opened(&sealed, TWO), format!("{PLAIN}more: 1\n"));
    assert_eq!(place.mode("s.yml"), 0o644);
    let seen = place.read("seen");
    let lines: Vec<&str> = seen.lines().collect();
    assert!(lines[0].starts_with("600 ") && lines[1].starts_with("700 "), "{seen}");
    assert_eq!(lines[2], "tmpfs");
    let private = lines[1].split_once(' ').expect("a path").1;
    assert!(!std::path::Path::new(private).exists(), "{private} is left");

    // Unchanged: not a byte is written.
    let before = fs::metadata(place.path("s.yml")).expect("a file");
    let unchanged = place.rprov_with(&edit, &[("EDITOR", "true")], b"").well();
    unchanged.says(&["`s.yml` is unchanged"]);
    let after = fs::metadata(place.path("s.yml")).expect("a file");
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
    // The user gives up.
    let editor = place.script("editor", "echo lost >> \"$1\"; exit 1");
    place
        .rprov_with(&edit, &[("EDITOR", editor.as_str())], b"")
        .refused(&["`s.yml` is unchanged: the editor ended with exit status: 1"]);
    assert_eq!(place.read("s.yml"), sealed);
    place
        .rprov_with(&edit, &[("VISUAL", "no-such-editor --wait")], b"")
        .refused(&["cannot run the editor `no-such-editor --wait`", "set VISUAL or EDITOR"]);

    let create = ["vault", "create", "new.yml", "--vault-id", "one", "--skip-tty-check"];
    let editor = place.script("editor", "printf 'a: 1\\n' > \"$1\"");
    place.rprov_with(&create, &[("EDITOR", editor.as_str())], b"").well();
    assert_eq!(opened(&place.read("new.yml"), ONE), "a: 1\n");
    assert_eq!(place.mode("new.yml"), 0o600);
    place.rprov(&create).refused(&["`new.yml` is there already", "rprov vault edit new.yml"]);
}

#[test]
fn a_file_that_changed_meanwhile_is_not_overwritten_and_the_work_is_kept() {
    let place = place();
    place.write("s.yml", seal(PLAIN.as_bytes(), ONE.as_bytes(), None).expect("no label"));
    let other = seal(b"other: 1\n", ONE.as_bytes(), None).expect("no label");
    place.write("other", &other);
    let editor =
        place.script("editor", "echo 'mine: 1' >> \"$1\"; cp \"$HOME/other\" \"$HOME/s.yml\"");
    let edit = ["vault", "edit", "s.yml", "--vault-id", "one"];
    place.rprov_with(&edit, &[("EDITOR", editor.as_str())], b"").refused(&[
        "`s.yml` is as it was: it was changed by somebody else meanwhile",
        "your work is kept, encrypted, in",
        "s.yml.unsaved-1",
    ]);
    assert_eq!(place.read("s.yml"), other);
    assert_eq!(opened(&place.read("s.yml.unsaved-1"), ONE), format!("{PLAIN}mine: 1\n"));

    // Two at once: the second is told at once.
    let editor =
        place.script("editor", &format!("rprov {} 2> \"$HOME/second\" || true", edit.join(" ")));
    place.rprov_with(&edit, &[("EDITOR", editor.as_str())], b"").well();
    assert!(place.read("second").contains("`s.yml` is being edited by another rprov"));
}

#[test]
fn keys_and_urls() {
    let place = Place::new();
    let line = |words: &[&str]| {
        let out = place.rprov(words).well().out;
        out.strip_suffix('\n').expect("a line").to_owned()
    };
    let key = line(&["secretkey"]);
    let known =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "!@#$%^&*(-_=+)".contains(c);
    assert!(key.len() == 50 && key.chars().all(known), "{key}");
    assert_ne!(key, line(&["secretkey"]));
    let key = line(&["apikey"]);
    assert!(key.len() == 64 && key.chars().all(|c| c.is_ascii_hexdigit()), "{key}");
    let (text, url) = ("mdp!des?caractèressp&ciaux", "mdp%21des%3Fcaract%C3%A8ressp%26ciaux");
    assert_eq!(line(&["urlencode", text]), url);
    assert_eq!(line(&["urlencode", "a b"]), "a+b");
    let piped = |text: String| place.rprov_with(&["urlencode"], &[], text.as_bytes()).well().out;
    assert_eq!(piped(format!("{text}\n")), format!("{url}\n"));
    assert_eq!(piped("a b".to_owned()), "a+b\n");

    place.write(
        "play.yml",
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {msg: \"{{ text | quote_plus }}\"}\n    - debug: {msg: \"{{ (text | secretkey) == (text | secretkey) }} {{ text | apikey | length }} {{ text | secretkey | length }}\"}\n    - debug: {msg: \"{{ 'short' | apikey }}\"}\n",
    );
    let words = ["playbook", "play.yml", "-i", "localhost,", "-c", "local"];
    let text = serde_json::json!({ "text": text }).to_string();
    let ended = place.rprov(&[&words[..], &["-e", &text]].concat());
    assert_eq!(ended.code, 2);
    // What a key is derived from is a secret from then on.
    ended.says(&[url, "True 64 50", "from a secret of at least 16 characters"]);
}
