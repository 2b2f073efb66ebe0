//! Secrets in git: hook, differences, merges; with a real git in a repository of its own.

use std::fmt::Write;
use std::fs;

use crate::place::{self, Ended, Place};
use crate::secrets::{project, secrets, with_secrets};

fn git(place: &Place, words: &[&str]) -> Ended {
    let mut command = place.command("git", words);
    command.envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_EDITOR", "true")]);
    place::run(command, b"")
}

/// A repository of the project, with everything that is no password in its first commit.
fn repository(place: &Place) {
    place.write(
        ".gitconfig",
        "[user]\nname = A\nemail = a@example.org\n[init]\ndefaultBranch = main\n[core]\npager = cat\n",
    );
    place.write(".gitignore", "vault-password\n.gitconfig\neditor\n");
    git(place, &["init", "-q"]).well();
    secrets(place, &["hook", "install"]).well().says(&["installed"]);
    commit(place, "first").well();
}

fn commit(place: &Place, message: &str) -> Ended {
    git(place, &["add", "-A"]).well();
    git(place, &["commit", "-q", "-m", message])
}

fn set(place: &Place, key: &str, value: &str) {
    let words = ["secrets", "set", key, "env=prod"];
    place.rprov_with(&words, &[], value.as_bytes()).well();
}

fn view(place: &Place) -> String {
    secrets(place, &["view", "env=prod"]).well().out
}

const PATH: &str = "inventories/prod/secrets";

#[test]
fn one_of_a_thousand_values_is_one_line() {
    let mut clear = String::new();
    for number in 0..1000 {
        let _ = writeln!(clear, "key_{number}: 'value {number}'");
    }
    let place = with_secrets(&clear);
    repository(&place);
    set(&place, "key_500", "another");
    let stat = git(&place, &["diff", "--stat"]).well().out;
    assert!(stat.contains("1 file changed, 1 insertion(+), 1 deletion(-)"), "{stat}");
    // What people see has the key, a digest of each value, and no value.
    let diff = git(&place, &["diff"]).well().hides(&["another", "value 500", "enc."]).out;
    let changed: Vec<&str> =
        diff.lines().filter(|line| line.starts_with(['+', '-']) && line.contains("key")).collect();
    assert_eq!(changed.len(), 2, "{diff}");
    assert!(changed[0].starts_with("-key_500: ") && changed[1].starts_with("+key_500: "), "{diff}");
    assert_ne!(changed[0][1..], changed[1][1..]);

    let tells = secrets(&place, &["diff", "env=prod"]).well();
    assert_eq!(tells.out, "changed  key_500\n");
    let tells = secrets(&place, &["diff", "env=prod", "--show"]).well();
    assert_eq!(tells.out, "changed  key_500: 'value 500' → another\n");
}

#[test]
fn differences_by_key() {
    let place = with_secrets("a: 1\nb: {c: x}\n");
    repository(&place);
    set(&place, "b.d", "y");
    secrets(&place, &["unset", "a", "env=prod"]).well();
    let diff = |words: &[&str]| secrets(&place, &[&["diff", "env=prod"], words].concat());
    assert_eq!(diff(&[]).well().out, "removed  a\nadded    b.d\n");
    commit(&place, "second").well();
    assert_eq!(diff(&[]).well().out, "");
    assert_eq!(diff(&["--against", "HEAD~1"]).well().out, "removed  a\nadded    b.d\n");
    place.write("other.yml", "b: {c: z, d: 'y'}\n");
    let shown = diff(&["--against", "other.yml", "--show"]).well().out;
    assert_eq!(shown, "changed  b.c: z → x\n");
    diff(&["--against", "nope"]).refused(&["cannot read `nope`", "is no commit that has the file"]);

    // Without a password the ciphertexts tell what changed.
    fs::rename(place.path("vault-password"), place.path("hidden")).expect("a file");
    let log = git(&place, &["log", "-p", "-1", "--format="]).well().out;
    assert!(log.contains("\n-a: ") && log.contains("\n+b.d: ") && !log.contains("+b.c"), "{log}");
}

#[test]
fn plaintext_is_refused_and_what_is_encrypted_is_not() {
    let place = with_secrets("a: secret-1\n");
    place.write_mode(".git/hooks/pre-commit", "", 0o644);
    fs::remove_dir_all(place.path(".git")).expect("a directory");
    repository(&place);
    place.write("inventories/test/hosts", "h\n");
    place.write("inventories/test/secrets", "{}\n");
    commit(&place, "nothing to hide").well();
    place.write("inventories/test/secrets", "# none\npassword: in-clear\n");
    let refused = commit(&place, "in clear");
    assert_ne!(refused.code, 0);
    refused
        .says(&[
            "`inventories/test/secrets` is declared secret, and has values in clear",
            "password",
            "rprov secrets migrate --file inventories/test/secrets",
        ])
        .hides(&["in-clear"]);
    secrets(&place, &["migrate", "--file", "inventories/test/secrets"]).well();
    commit(&place, "encrypted").well();

    // Declared by an attribute; no YAML.
    let attributes = place.read(".gitattributes");
    let line = "inventories/*/secrets diff=rprov-secrets merge=rprov-secrets\n";
    assert_eq!(attributes, line);
    place.write(".gitattributes", format!("{attributes}*.pem diff=rprov-secrets\n"));
    place.write("key.pem", "-----BEGIN KEY-----\n");
    commit(&place, "a key").says(&["`key.pem` is declared secret, and is not encrypted"]);
    place.rprov(&["vault", "encrypt", "key.pem"]).well();
    commit(&place, "a key").well();
    // A value that was put among the others by hand.
    let sealed = place.read(PATH);
    place.write(PATH, format!("{sealed}b: by-hand\n"));
    commit(&place, "by hand").says(&["has values in clear", "b"]).hides(&["by-hand"]);
}

#[test]
fn the_hook_can_encrypt_and_keeps_the_one_before() {
    let place = project();
    git(&place, &["init", "-q"]).well();
    place.script(".git/hooks/pre-commit", "echo before >> \"$HOME/before\"; [ ! -e \"$HOME/no\" ]");
    repository(&place);
    secrets(&place, &["hook", "install", "--encrypt"]).well();
    assert_eq!(place.read(".gitattributes").lines().count(), 1, "once");
    place.write(PATH, "a: in-clear\n");
    commit(&place, "encrypts").well().says(&["was in clear and is encrypted now"]);
    let committed = git(&place, &["show", &format!("HEAD:{PATH}")]).well();
    assert!(committed.out.contains("\na: enc."), "{}", committed.out);
    assert_eq!(view(&place), "a: in-clear\n");
    assert_eq!(place.read("before"), "before\nbefore\n", "it runs each time");
    place.write("no", "");
    place.write("x", "");
    assert_ne!(commit(&place, "the other one refuses").code, 0);
    fs::remove_file(place.path("no")).expect("a file");

    place.write(PATH, "b: in-clear\n");
    git(&place, &["add", "-A"]).well();
    place.write(PATH, "b: in-clear\nc: not staged\n");
    git(&place, &["commit", "-q", "-m", "x"]).says(&["only a part of it is staged"]);
    assert_eq!(place.read(PATH), "b: in-clear\nc: not staged\n");
}

/// Two branches: `main` with what `ours` did, `other` with what `theirs` did.
fn branches(place: &Place, ours: impl Fn(), theirs: impl Fn()) -> Ended {
    repository(place);
    git(place, &["checkout", "-q", "-b", "other"]).well();
    theirs();
    commit(place, "theirs").well();
    git(place, &["checkout", "-q", "main"]).well();
    ours();
    commit(place, "ours").well();
    git(place, &["merge", "-q", "-m", "merged", "other"])
}

const CLEAR: &str = "# top\na: 1\nb: two\nc: three   # kept\nlist:\n  - x\n  - y\nd: {e: 4}\n";

#[test]
fn branches_that_changed_different_values_merge() {
    let place = with_secrets(CLEAR);
    let ours = || {
        set(&place, "b", "ours");
        set(&place, "new_ours", "1");
    };
    let theirs = || {
        set(&place, "c", "theirs");
        set(&place, "d.e", "theirs");
        set(&place, "new_theirs", "2");
        secrets(&place, &["unset", "a", "env=prod"]).well();
    };
    branches(&place, ours, theirs).well();
    let merged = view(&place);
    for line in ["b: ours\n", "c: theirs   # kept\n", "  - x\n  - y\n", "d: {e: theirs}\n"] {
        assert!(merged.contains(line), "{line} in\n{merged}");
    }
    assert!(merged.contains("new_ours: '1'\n") && merged.contains("new_theirs: '2'\n"), "{merged}");
    assert!(!merged.contains("a: 1"), "{merged}");
    // Values that neither branch touched have their bytes from before.
    let before = git(&place, &["show", &format!("main~2:{PATH}")]);
    let before =
        if before.code == 0 { before } else { git(&place, &["show", &format!("main~1:{PATH}")]) };
    let line = before
        .well()
        .out
        .lines()
        .find(|line| line.trim_start().starts_with("- enc."))
        .map(str::to_owned);
    assert!(place.read(PATH).contains(&line.expect("an item of the list")));
    secrets(&place, &["check", "env=prod"]).well();
}

#[test]
fn a_true_conflict_is_marked_encrypted_and_solved_in_the_editor() {
    let place = with_secrets(CLEAR);
    let theirs = || {
        set(&place, "b", "their-value");
        set(&place, "c", "fine");
        secrets(&place, &["unset", "a", "env=prod"]).well();
    };
    let ours = || {
        set(&place, "b", "our-value");
        set(&place, "a", "2");
    };
    let merge = branches(&place, ours, theirs);
    assert_eq!(merge.code, 1, "{merge:?}");
    merge
        .says(&[
            "both branches changed",
            "b, a",
            "rprov secrets edit --file inventories/prod/secrets",
        ])
        .hides(&["our-value", "their-value"]);
    let sealed = place.read(PATH);
    assert!(
        sealed.contains("b: {\"<<<<<<< ours\": enc.") && !sealed.contains("our-value"),
        "{sealed}"
    );
    assert!(sealed.contains("\">>>>>>> theirs (removed)\": "), "{sealed}");
    secrets(&place, &["check", "env=prod"]).refused(&["a conflict of two branches at `b`"]);
    // Committed by mistake: refused.
    commit(&place, "unsolved").says(&["has conflicts of two branches"]);

    let edit = |script: &str| {
        let editor = place.script("editor", script);
        place.rprov_with(&["secrets", "edit", "env=prod"], &[("EDITOR", &editor)], b"").well()
    };
    edit("sed -i 's/^b: .*/b: chosen/' \"$1\"").says(&["note: still in conflict: a"]);
    edit("sed -i '/^a: /d' \"$1\"");
    commit(&place, "solved").well();
    let merged = view(&place);
    assert!(merged.starts_with("# top\nb: chosen\nc: fine   # kept\n"), "{merged}");
    assert_eq!(git(&place, &["log", "--format=%s", "-1"]).well().out, "solved\n");
}

#[test]
fn a_run_refuses_secrets_in_conflict_and_says_what_to_do() {
    let place = with_secrets(CLEAR);
    place.write("playbooks/say.yml", "- hosts: all\n  tasks: [{debug: {msg: '{{ b }}'}}]\n");
    let say = || place.rprov(&["say", "env=prod"]);
    let merge =
        branches(&place, || set(&place, "b", "our-value"), || set(&place, "b", "their-value"));
    assert_eq!(merge.code, 1, "{merge:?}");
    let line = |text: &str| {
        let lines = place.read(PATH).lines().position(|line| line.starts_with(text));
        lines.expect("a line of the file") + 1
    };
    let place_of = format!("both branches changed `b` in line {}", line("b: "));
    let help = "choose with `rprov secrets edit --file inventories/prod/secrets`";
    say().refused(&[&place_of, help]).hides(&["our-value", "their-value"]);
    // Any file with values of ours.
    let file = format!("@{PATH}");
    let play = ["playbook", "playbooks/say.yml", "-i", "inventories/prod/hosts", "-e", &file];
    place.rprov(&play).refused(&["cannot decrypt `inventories/prod/secrets`", &place_of]);

    // In a clone that has not installed the drivers git writes its lines; the help mends that.
    git(&place, &["merge", "--abort"]).well();
    git(&place, &["config", "--remove-section", "merge.rprov-secrets"]).well();
    assert_eq!(git(&place, &["merge", "other"]).code, 1);
    let place_of = format!("has an unsolved merge conflict in line {}", line("<<<<<<< "));
    let help =
        "run `rprov secrets hook install`, then `git checkout --merge -- inventories/prod/secrets`";
    say().refused(&[&place_of, help]);
    secrets(&place, &["edit", "env=prod"]).refused(&[&place_of, help]);
    secrets(&place, &["check"]).refused(&[&place_of]);
    secrets(&place, &["hook", "install"]).well();
    git(&place, &["checkout", "--merge", "--", PATH]);
    secrets(&place, &["check"]).refused(&["a conflict of two branches at `b`"]);
    let editor = place.script("editor", "sed -i 's/^b: .*/b: chosen/' \"$1\"");
    place.rprov_with(&["secrets", "edit", "env=prod"], &[("EDITOR", &editor)], b"").well();
    say().well().says(&["•••"]);

    // In clear, and by Ansible Vault.
    place.write(PATH, "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> other\n");
    say().refused(&["has an unsolved merge conflict in line 2", "choose one of the two versions"]);
    let both = "a: 1\nc:\n  b: {\"<<<<<<< ours\": 1, \">>>>>>> theirs\": 2}\n";
    place.write(PATH, both);
    say().refused(&["both branches changed `c.b`", "inventories/prod/secrets:3:7"]);
    let password = place.read("vault-password");
    place.write(
        PATH,
        rprov_vault::ansible::seal(both.as_bytes(), password.as_bytes(), None).unwrap(),
    );
    say().refused(&["both branches changed `c.b`", "inventories/prod/secrets:3:7"]);
}

#[test]
fn the_hook_encrypts_in_the_format_that_the_project_uses() {
    let place = with_secrets("a: 1\n");
    repository(&place);
    secrets(&place, &["hook", "install", "--encrypt"]).well();
    let attributes = place.read(".gitattributes") + "inventories/prod/files/* diff=rprov-secrets\n";
    place.write_mode(".gitattributes", attributes, 0o644);
    let team = secrets(&place, &["recipients", "list", "env=prod"]).well().out;
    let added = |name: &str, bytes: &[u8]| {
        let name = format!("inventories/prod/files/{name}");
        place.write(&name, bytes);
        git(&place, &["add", "-A"]).well();
        commit(&place, "more").well().says(&["was in clear and is encrypted now"]);
        let committed = git(&place, &["cat-file", "blob", &format!("HEAD:{name}")]).well().out;
        assert_eq!(committed, String::from_utf8_lossy(&std::fs::read(place.path(&name)).unwrap()));
        (name, committed)
    };
    let (name, committed) = added("cert", b"\xff\x00");
    assert!(committed.starts_with("# rprov vault 1: a file encrypted as a whole;"), "{committed}");
    assert_eq!(secrets(&place, &["recipients", "list", "--file", &name]).well().out, team);
    let (name, committed) = added("vars.yml", b"a: secret\n");
    assert!(committed.starts_with("# rprov vault 1: keys in clear"), "{committed}");
    assert_eq!(secrets(&place, &["recipients", "list", "--file", &name]).well().out, team);
    // Its difference is told without its content.
    let shown = git(&place, &["show", "HEAD~1"]).well().hides(&["\u{fffd}"]);
    shown.says(&["+(the whole file): "]);

    secrets(&place, &["migrate", "env=prod"]).well();
    git(&place, &["add", "-A"]).well();
    commit(&place, "ansible's").well();
    let (_, committed) = added("key", b"\xff\x01");
    assert!(committed.starts_with("$ANSIBLE_VAULT;1.1;AES256\n"), "{committed}");
    let (_, committed) = added("more.yml", b"a: secret\nb: 1\n");
    assert!(committed.starts_with("a: !vault |\n"), "{committed}");
}

#[test]
fn lists_and_formats_merge_too() {
    // Both change the same list: it is one value.
    let place = with_secrets(CLEAR);
    let append = |item: &str| {
        let editor =
            place.script("editor", &format!("sed -i 's/^  - y/  - y\\n  - {item}/' \"$1\""));
        place.rprov_with(&["secrets", "edit", "env=prod"], &[("EDITOR", &editor)], b"").well();
    };
    let merge = branches(&place, || append("ours"), || append("theirs"));
    assert_eq!(merge.code, 1, "{merge:?}");
    let both = "list: {\"<<<<<<< ours\": [\"x\", \"y\", \"ours\"], \">>>>>>> theirs\": [\"x\", \"y\", \"theirs\"]}";
    assert!(view(&place).contains(both), "{}", view(&place));

    // An Ansible vault is merged and stays one; the branch that migrates wins.
    for migrates in [false, true] {
        let place = with_secrets("a: 1\nb: 2\nc: 3\n");
        secrets(&place, &["migrate", "env=prod"]).well();
        let ours = || set(&place, "a", "ours");
        let theirs = || {
            set(&place, "b", "theirs");
            if migrates {
                secrets(&place, &["migrate", "env=prod"]).well();
            }
        };
        branches(&place, ours, theirs).well();
        assert_eq!(place.read(PATH).starts_with("$ANSIBLE_VAULT;"), !migrates);
        assert_eq!(view(&place), "a: ours\nb: theirs\nc: 3\n");
    }
}

#[test]
fn who_was_shut_out_on_a_branch_stays_out() {
    let place = with_secrets("a: 1\nb: 2\nc: 3\n");
    let keys = ["one", "two", "three"].map(|name| {
        let mut command =
            place.command("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]);
        command.arg(place.path(name));
        place::run(command, b"").well();
        format!("{name}.pub")
    });
    let recipients = |verb: &str, who: &str| {
        secrets(&place, &["recipients", verb, who, "env=prod"]).well();
    };
    recipients("add", &keys[0]);
    recipients("add", &keys[1]);
    let ours = || {
        set(&place, "a", "ours");
        recipients("add", &keys[2]);
    };
    let theirs = || {
        set(&place, "b", "theirs");
        recipients("remove", "one");
    };
    branches(&place, ours, theirs).well();
    assert_eq!(view(&place), "a: ours\nb: theirs\nc: 3\n");
    let list = secrets(&place, &["recipients", "list", "env=prod"]).well();
    assert!(
        list.out.starts_with("passphrase\n")
            && list.out.contains(" two\n")
            && list.out.contains(" three\n")
    );
    assert!(!list.out.contains(" one\n"), "{}", list.out);
    fs::rename(place.path("vault-password"), place.path("hidden")).expect("a file");
    let with = |key: &str| secrets(&place, &["view", "env=prod", "--identity", key]);
    with("two").well();
    with("three").well();
    with("one").refused(&["nothing at hand opens it", "one: it is no recipient"]);
}
