//! `rprov secrets` on files that are encrypted as wholes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;
use std::time::Duration;

use rprov_vault::{Mode, is_encrypted, mode};

use crate::place::{Place, run};
use crate::secrets::{project, secrets, with_secrets};

const KEY: &[u8] = include_bytes!("../../vault/tests/keys/ed25519");
const PUBLIC: &str = include_str!("../../vault/tests/keys/ed25519.pub");
const OTHER: &str = include_str!("../../vault/tests/keys/identity.pub");
/// No UTF-8, no line break at its end, more than a piece.
const LENGTH: usize = 150_000;

fn content() -> Vec<u8> {
    (0..LENGTH).map(|at| (at % 253 + at / 1000) as u8).collect()
}

/// A project whose user has a private key, and nothing else.
fn place() -> Place {
    let place = project();
    fs::remove_file(place.path("vault-password")).expect("a file");
    place.write(".ssh/id_ed25519", KEY);
    place.write(".ssh/id_ed25519.pub", PUBLIC);
    place.write("data", content());
    place
}

fn bytes(place: &Place, name: &str) -> Vec<u8> {
    fs::read(place.path(name)).expect("a file")
}

/// The files of the directory that are not there from the start.
fn hidden(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.path(".")).expect("a directory").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with('.') && name != ".ssh").collect()
}

fn encrypt(place: &Place, words: &[&str]) {
    let team = ["encrypt", "--recipient", ".ssh/id_ed25519.pub"];
    secrets(place, &[&team[..], words].concat()).well();
}

#[test]
fn there_and_back_in_place() {
    let place = place();
    place.write_mode("data", content(), 0o640);
    place.write("empty", "");
    std::os::unix::fs::symlink("data", place.path("link")).expect("a link");
    encrypt(&place, &["link", "empty"]);
    for name in ["data", "empty"] {
        assert_eq!(mode(&bytes(&place, name)), Some(Mode::Whole), "{name}");
    }
    assert_eq!(place.mode("data"), 0o640, "the mode stays");
    assert!(fs::symlink_metadata(place.path("link")).expect("a link").is_symlink());
    let whole = |words: &[&str]| secrets(&place, &[words, &["--file", "data"]].concat());
    whole(&["check"])
        .well()
        .says(&["data: 150000 bytes, rprov, the whole file, for alice@example.org"]);
    secrets(&place, &["encrypt", "data"]).refused(&["`data` is encrypted already"]);
    let out = place.path("out");
    whole(&["view"]).well();
    secrets(&place, &["decrypt", "data", "--output", "out"]).well();
    assert_eq!(fs::read(&out).expect("a file"), content());
    assert_eq!(place.mode("out"), 0o600);
    secrets(&place, &["decrypt", "data", "empty"]).well();
    assert_eq!((bytes(&place, "data"), bytes(&place, "empty")), (content(), vec![]));
    assert_eq!(place.mode("data"), 0o640);
    assert_eq!(hidden(&place), Vec::<String>::new());
    secrets(&place, &["decrypt", "data"]).refused(&["`data` is not encrypted"]);
}

#[test]
fn pipes() {
    let place = place();
    let piped = |words: &[&str], input: &[u8]| {
        let mut command = place.command(env!("CARGO_BIN_EXE_rprov"), words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("rprov runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_owned();
        let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &input));
        let output = child.wait_with_output().expect("it ends");
        drop(writer.join().expect("it ends"));
        (output.status.code(), output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let to = ["secrets", "encrypt", "-r", PUBLIC];
    let (code, sealed, said) = piped(&to, &content());
    assert_eq!((code, mode(&sealed)), (Some(0), Some(Mode::Whole)), "{said}");
    let (code, plain, _) = piped(&["secrets", "decrypt"], &sealed);
    assert_eq!((code, plain), (Some(0), content()));
    let (code, _, said) = piped(&["secrets", "decrypt", "-"], &sealed[..sealed.len() - 9]);
    assert_eq!(code, Some(3));
    assert!(said.contains("the end of the encrypted file is missing"), "{said}");
    assert!(said.contains("what was printed is not to be trusted"), "{said}");
    // Into a file it is all or nothing.
    let (code, _, _) = piped(&["secrets", "decrypt", "--output", "new"], &sealed[..100_000]);
    assert_eq!((code, place.path("new").exists()), (Some(3), false));
    let (code, _, said) = piped(&["secrets", "decrypt"], b"nothing of the kind\n");
    assert_eq!(code, Some(3));
    assert!(said.contains("cannot decrypt `standard input`: expected a first line"), "{said}");
    let (code, _, said) = piped(&to, &sealed);
    assert_eq!(code, Some(3));
    assert!(said.contains("`standard input` is encrypted already"), "{said}");
    let (code, out, _) = piped(&["secrets", "view", "--file", "data"], b"");
    assert_eq!((code, out.len()), (Some(3), 0), "not YAML");
}

#[test]
fn all_files_are_there_before_one_is_changed() {
    let place = place();
    let words = ["encrypt", "-r", PUBLIC, "data", "nope"];
    secrets(&place, &words).refused(&["cannot read `nope`: no such file"]);
    assert_eq!(bytes(&place, "data"), content());
    encrypt(&place, &["data"]);
    place.write("plain", "x");
    let sealed = bytes(&place, "data");
    secrets(&place, &["decrypt", "data", "plain"]).refused(&["`plain` is not encrypted"]);
    assert_eq!(bytes(&place, "data"), sealed);
    let two = ["decrypt", "data", "plain", "--output", "x"];
    secrets(&place, &two).refused(&["expected one file with `--output`, found 2"]);
    secrets(&place, &["decrypt", "data", "-"]).refused(&["files or standard input, found both"]);
    secrets(&place, &["encrypt", "."]).refused(&["cannot read `.`: is a directory"]);
}

#[test]
fn who_can_open_them() {
    let place = place();
    encrypt(&place, &["data"]);
    let whole = |words: &[&str]| secrets(&place, &[words, &["--file", "data"]].concat());
    let before = bytes(&place, "data");
    let body = |bytes: &[u8]| {
        let header = rprov_vault::header(&mut &bytes[..]).expect("a header");
        bytes[header.len()..].to_vec()
    };
    whole(&["recipients", "add", OTHER]).well().says(&["added age1"]);
    let list = whole(&["recipients", "list"]).well().out;
    assert_eq!(list, format!("{}\n{}\n", PUBLIC.trim(), OTHER.trim()));
    assert_eq!(body(&before), body(&bytes(&place, "data")), "only the header changed");
    whole(&["rekey"]).well().says(&["`data` has a new key"]);
    let rekeyed = bytes(&place, "data");
    assert_ne!(body(&before)[..1000], body(&rekeyed)[..1000]);
    assert_eq!(whole(&["recipients", "list"]).well().out, list);
    whole(&["recipients", "remove", "alice@example.org"]).well().says(&["removed alice"]);
    whole(&["check"]).refused(&["nothing at hand opens it", "it is for age1"]);
    place.write("age", include_bytes!("../../vault/tests/keys/identity"));
    whole(&["check", "--identity", "age"]).well().says(&["150000 bytes"]);
    whole(&["recipients", "remove", OTHER.trim(), "--identity", "age"])
        .refused(&["at least one recipient"]);
    secrets(&place, &["decrypt", "data", "--identity", "age"]).well();
    assert_eq!(bytes(&place, "data"), content());
}

#[test]
fn a_new_file_is_for_those_of_its_environment() {
    let place = with_secrets("a: 1\n");
    place.write(".ssh/id_ed25519", KEY);
    let add = ["recipients", "add", PUBLIC, "env=prod"];
    secrets(&place, &add).well();
    let expected = secrets(&place, &["recipients", "list", "env=prod"]).well().out;
    for (file, words) in [("inventories/prod/files/cert", vec![]), ("elsewhere", vec!["env=prod"])]
    {
        place.write(file, "certificate");
        secrets(&place, &[&["encrypt", file], &words[..]].concat()).well();
        let found = secrets(&place, &["recipients", "list", "--file", file]).well().out;
        assert_eq!(found, expected, "{file}");
        // The passphrase opens it, and the key does.
        let password = ["view", "--identity", "/dev/null", "--file", file];
        assert_eq!(secrets(&place, &password).well().out, "certificate");
        let elsewhere = place.path("no-project");
        fs::create_dir_all(&elsewhere).expect("a directory");
        let path = place.path(file);
        let mut command = place.command(
            env!("CARGO_BIN_EXE_rprov"),
            &["secrets", "view", "--file", path.to_str().expect("a path")],
        );
        command.current_dir("/");
        assert_eq!(run(command, b"").well().out, "certificate");
    }
    // Outside of an environment it is for who knows the password.
    place.write("mine", "x");
    secrets(&place, &["encrypt", "mine"]).well();
    assert_eq!(
        secrets(&place, &["recipients", "list", "--file", "mine"]).well().out,
        "passphrase\n"
    );
    assert_eq!(secrets(&place, &["view", "--file", "mine"]).well().out, "x");
    secrets(&place, &["encrypt", "env=prd", "mine"]).refused(&["there is no environment `prd`"]);
}

#[test]
fn an_altered_file_is_refused_and_left_as_it_is() {
    let place = place();
    encrypt(&place, &["data"]);
    let sealed = bytes(&place, "data");
    let flipped = |at: usize| {
        let mut bytes = sealed.clone();
        bytes[at] ^= 1;
        bytes
    };
    let longer = [&sealed[..], b"x"].concat();
    for (bad, part) in [
        (flipped(sealed.len() / 2), "was altered in the 64 KiB behind byte 65536"),
        (flipped(sealed.len() - 1), "the end of the encrypted file is missing, or was altered"),
        (sealed[..sealed.len() - 30_000].to_vec(), "the end of the encrypted file is missing"),
        (longer, "the end of the encrypted file is missing, or was altered"),
        (flipped(90), "cannot decrypt `data`"),
        (sealed[..300].to_vec(), "the vault is cut off"),
    ] {
        place.write("data", &bad);
        for words in [
            &["view", "--file", "data"][..],
            &["check", "--file", "data"],
            &["edit", "--file", "data"],
            &["rekey", "--file", "data"],
            &["decrypt", "data"],
            &["decrypt", "data", "--output", "-"],
            &["decrypt", "data", "--output", "new"],
        ] {
            let ended = secrets(&place, words).refused(&[part]);
            assert_eq!(ended.out, "", "{words:?}");
            assert!(bytes(&place, "data") == bad && !place.path("new").exists(), "{words:?}");
        }
    }
    assert_eq!(hidden(&place), Vec::<String>::new());
}

#[test]
fn edited_whatever_is_in_it() {
    let place = place();
    encrypt(&place, &["data"]);
    let edit = |script: &str| {
        let editor = place.script("editor", script);
        let words = ["secrets", "edit", "--file", "data"];
        place.rprov_with(&words, &[("EDITOR", &editor)], b"")
    };
    let before = fs::metadata(place.path("data")).expect("a file");
    edit("true").well().says(&["`data` is unchanged"]);
    let after = fs::metadata(place.path("data")).expect("a file");
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
    edit("stat -f -c %T \"$1\" > \"$HOME/seen\"; printf '\\377more' >> \"$1\"").well();
    assert_eq!(place.read("seen"), "tmpfs\n");
    edit("printf lost >> \"$1\"; exit 1").refused(&["`data` is unchanged: the editor ended with"]);
    secrets(&place, &["encrypt", "data"]).refused(&["encrypted already"]);
    let sealed = bytes(&place, "data");
    place.write("other", &sealed[..]);
    edit("printf mine >> \"$1\"; touch \"$HOME/data\"; cp \"$HOME/ed\"* \"$HOME/data\"")
        .refused(&["was changed by somebody else meanwhile", "data.unsaved-1"]);
    place.write("data", &sealed[..]);
    let kept = ["decrypt", "data.unsaved-1", "data"];
    secrets(&place, &kept).well();
    assert_eq!(bytes(&place, "data"), [&content()[..], b"\xffmore"].concat());
    assert_eq!(bytes(&place, "data.unsaved-1"), [&content()[..], b"\xffmoremine"].concat());
}

#[test]
fn yaml_in_a_whole_file_is_as_any_other() {
    let place = place();
    place.write("vars.yml", "# who\na: 1\nb: {c: two}\n");
    encrypt(&place, &["vars.yml"]);
    let file = |words: &[&str]| secrets(&place, &[words, &["--file", "vars.yml"]].concat());
    assert_eq!(file(&["get", "b.c"]).well().out, "two\n");
    let set = ["secrets", "set", "b.c", "--file", "vars.yml"];
    place.rprov_with(&set, &[], b"three").well();
    assert_eq!(mode(&bytes(&place, "vars.yml")), Some(Mode::Whole));
    assert_eq!(file(&["view"]).well().out, "# who\na: 1\nb: {c: three}\n");
    place.write("old.yml", "a: 2\n");
    let differences = file(&["diff", "--against", "old.yml"]).well().out;
    assert_eq!(differences, "changed  a\nadded    b.c\n");
    let list = file(&["recipients", "list"]).well().out;
    file(&["migrate"]).well().says(&["`vars.yml` is now rprov, value by value"]);
    assert_eq!(mode(&bytes(&place, "vars.yml")), Some(Mode::Values));
    assert_eq!(file(&["recipients", "list"]).well().out, list, "for the same people");
    secrets(&place, &["decrypt", "vars.yml"]).refused(&["are encrypted one by one"]);
}

/// 200 MB in 48 MB of memory. Killed meanwhile, nothing in clear is left.
#[test]
fn memory_does_not_grow_with_the_file() {
    let place = place();
    let length = 200 * 1024 * 1024;
    let file = fs::File::create(place.path("dump")).expect("a file");
    file.set_len(length).expect("a long file");
    drop(file);
    let limited = |words: &str| {
        let script = format!("ulimit -d 49152; exec rprov secrets {words}");
        run(place.command("sh", &["-c", &script]), b"")
    };
    limited("encrypt dump -r .ssh/id_ed25519.pub").well();
    assert!(is_encrypted(&bytes(&place, "dump")[..100]));
    assert!(fs::metadata(place.path("dump")).expect("a file").len() > length);
    limited("check --file dump").well().says(&["dump: 209715200 bytes"]);
    limited("rekey --file dump").well();

    let mut command = place.command(env!("CARGO_BIN_EXE_rprov"), &["secrets", "decrypt", "dump"]);
    let mut child = command.stderr(Stdio::null()).spawn().expect("rprov runs");
    let written = format!("/proc/{}/io", child.id());
    let some = || {
        let text = fs::read_to_string(&written).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("wchar: "));
        line.and_then(|number| number.parse::<u64>().ok()).is_some_and(|number| number > 1 << 20)
    };
    while !some() && child.try_wait().expect("a status").is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert!(is_encrypted(&bytes(&place, "dump")[..100]), "as it was");
    assert_eq!(hidden(&place), Vec::<String>::new());

    limited("decrypt dump").well();
    let plain = fs::metadata(place.path("dump")).expect("a file");
    assert_eq!(plain.len(), length);
    let length = length.to_string();
    let mut same = place.command("cmp", &["-n", &length, "dump", "/dev/zero"]);
    assert!(same.status().expect("cmp runs").success());
}
