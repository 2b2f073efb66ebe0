use proptest::prelude::*;

use super::*;
use crate::Cost;

const PLAIN: &str = "\
# settings of the shop
---
db:
  user: &user shop  # not secret, still sealed
  password: 'it''s'
  port: 5432
  empty:
  again: *user
flags: [true, no, ~, 1.5, \"x\\ty\"]
list:
  - a: 1
    b: |
      two
        lines

    c: >-
      folded
      text
  - plain over
    two lines
inline: {k: v, 'l': \"w\", m: [], n: {}}
tagged: !!str 12
none: |  # a comment | here
next: !!str  # and > one
  >2-

     deep
     er

nothing: >
last: |+
  kept

...
";

fn keyring() -> (Keyring, Recipient) {
    let mut keyring = Keyring::new();
    let cost = Cost::new(8, 1, 1).expect("bounded");
    let recipient = keyring.recipient(b"passphrase", cost, "").expect("a recipient");
    (keyring, recipient)
}

fn sealed(plain: &str) -> (Keyring, Vault) {
    let (keyring, recipient) = keyring();
    let vault = Vault::seal(plain, &[recipient], &keyring).expect("it can be sealed");
    (keyring, vault)
}

fn changed_lines(a: &str, b: &str) -> Vec<usize> {
    assert_eq!(a.lines().count(), b.lines().count());
    a.lines().zip(b.lines()).enumerate().filter(|(_, (a, b))| a != b).map(|(i, _)| i).collect()
}

/// What a sealed [`PLAIN`] shows to everybody: its keys, comments and shape. The tokens, which are random, stand as `…`.
const SHOWN: &str = "\
# settings of the shop
---
db:
  user: &user enc.…  # not secret, still sealed
  password: enc.…
  port: enc.…
  empty:
  again: *user
flags: [enc.…, enc.…, enc.…, enc.…, enc.…]
list:
  - a: enc.…
    b: enc.…

    c: enc.…
  - enc.…
inline: {k: enc.…, 'l': enc.…, m: [], n: {}}
tagged: !!str enc.…
none: enc.…
next: !!str  # and > one
  enc.…

nothing: enc.…
last: enc.…

...
";

#[test]
fn gives_back_every_byte_and_shows_keys_and_comments_only() {
    let (keyring, vault) = sealed(PLAIN);
    let text = vault.sealed();
    let (header, body) = text.split_at(text.find("# settings").expect("the first comment"));
    assert_eq!(header.lines().count(), 5, "{header}");
    let mut shown = body.to_owned();
    for value in sealed_values(text.as_bytes()).expect("sealed") {
        let (_, random) = value.token.split_once("enc.").expect("a token");
        shown = shown.replace(random, "…");
    }
    assert_eq!(shown, SHOWN);
    let opened = Vault::open(text.as_bytes(), &keyring).expect("it opens");
    assert_eq!(opened.plain().as_str(), PLAIN);
}

#[test]
fn one_value_of_a_thousand_changes_one_line() {
    let plain: String = (0..1000).map(|i| format!("key{i}: 'value {i}'\n")).collect();
    let (_, mut vault) = sealed(&plain);
    let before = vault.sealed().to_owned();
    vault.edit(&plain.replace("'value 500'", "other")).expect("it can be edited");
    assert_eq!(changed_lines(&before, vault.sealed()).len(), 1);
    let before = vault.sealed().to_owned();
    vault.edit(&plain.replace("'value 500'", "other")).expect("it can be edited");
    assert_eq!(before, vault.sealed(), "nothing changed");
}

#[test]
fn swapped_copied_dropped_and_added_values_are_seen() {
    let (keyring, vault) = sealed("a: 1\nb: 2\nc: 3\n");
    let error = |text: String| Vault::open(text.as_bytes(), &keyring).err().map(|e| e.to_string());
    let lines: Vec<&str> = vault.sealed().lines().collect();
    let top = lines.len() - 3;
    let token = |at: usize| lines[top + at].split_once(": ").expect("a value").1;
    let with = |body: &[String]| {
        lines[..top]
            .iter()
            .map(|line| (*line).to_owned())
            .chain(body.iter().cloned())
            .map(|l| l + "\n")
            .collect::<String>()
    };
    let body: Vec<String> = lines[top..].iter().map(|line| (*line).to_owned()).collect();
    assert_eq!(error(with(&body)), None);
    let swapped = with(&[format!("a: {}", token(1)), format!("b: {}", token(0)), body[2].clone()]);
    assert_eq!(
        error(swapped).as_deref(),
        Some("the encrypted value of `a` in line 6 belongs to `b`")
    );
    assert_eq!(
        error(with(&body[..2])).as_deref(),
        Some("keys of the vault were added, dropped, renamed or reordered without its key")
    );
    let moved = with(&[body[1].clone(), body[0].clone(), body[2].clone()]);
    assert!(error(moved).expect("seen").contains("reordered"));
    let added = with(&[&body[..], &[format!("d: {}", token(0))]].concat());
    assert!(error(added).expect("seen").contains("`d` in line 9 belongs to `a`"));
    let clear = with(&[&body[..], &["d: 4".to_owned()]].concat());
    assert!(error(clear).expect("seen").contains("found one in clear in line 9"));
}

#[test]
fn another_passphrase_is_wrong_and_none_names_the_recipients() {
    let (_, vault) = sealed("a: 1\n");
    let mut other = Keyring::new();
    let open = |keyring: &Keyring| Vault::open(vault.sealed().as_bytes(), keyring).err();
    assert_eq!(open(&other), Some(Error::NoKey(vec!["a passphrase".to_owned()])));
    other.add_passphrase(b"wrong");
    assert_eq!(open(&other), Some(Error::WrongPassphrase));
}

#[test]
fn keys_are_set_and_unset_by_splicing() {
    let cases = [
        ("a: 1\n", "a", Some("two"), "a: two\n"),
        ("a: 1  # one\nb: 2\n", "a", Some("it's"), "a: 'it''s'  # one\nb: 2\n"),
        ("a: 1\n", "b", Some("yes"), "a: 1\nb: 'yes'\n"),
        ("a: 1", "b.c", Some("x"), "a: 1\nb:\n  c: x\n"),
        ("{}\n", "a.b", Some("x"), "a:\n  b: x\n"),
        ("a: {}\n", "a.b", Some("x y"), "a: {b: 'x y'}\n"),
        ("a: {b: 1}\nc: 1\n", "a.d.e", Some("x"), "a: {b: 1, d: {e: x}}\nc: 1\n"),
        ("a:\nb: 1\n", "a", Some("x"), "a: x\nb: 1\n"),
        ("a:\n- x\n- y\nb: 1\n", "a[2]", Some("z"), "a:\n- x\n- y\n- z\nb: 1\n"),
        (
            "a:\n  - b: |\n      text\n# c\nd: 1\n",
            "a[1].e",
            Some("z"),
            "a:\n  - b: |\n      text\n  - e: z\n# c\nd: 1\n",
        ),
        ("a: |\n  one\n  two\nb: 1\n", "a", Some("l1\nl2"), "a: \"l1\\nl2\"\nb: 1\n"),
        ("a: 1\nb: |\n  x\n  y\nc: 1\n", "b", None, "a: 1\nc: 1\n"),
        ("a:\n  b: 1\nc: 1\n", "a.b", None, "a: {}\nc: 1\n"),
        ("a: 1\n", "a", None, "{}\n"),
        ("- a: 1\n  b: 2\n- c\n", "[0].a", None, "- b: 2\n- c\n"),
        ("- a\n- b\n- c\n", "[1]", None, "- a\n- c\n"),
        ("a: [x, y, z]\n", "a[1]", None, "a: [x, z]\n"),
        ("a: [x, y, z]\n", "a[2]", None, "a: [x, y]\n"),
        ("a: {x: 1}\n", "a.x", None, "a: {}\n"),
    ];
    for (before, path, value, after) in cases {
        let (keyring, mut vault) = sealed(before);
        let path = path.parse().expect("a path");
        let done = match value {
            Some(value) => vault.set(&path, NewValue::Text(value)),
            None => vault.unset(&path),
        };
        assert_eq!(done, Ok(()), "{before} {path}");
        assert_eq!(vault.plain().as_str(), after, "{before} {path}");
        let opened = Vault::open(vault.sealed().as_bytes(), &keyring).expect("it opens");
        assert_eq!(opened.plain().as_str(), after);
        if let (Some(text), Ok(found)) = (value, vault.get(&path)) {
            let ValueKind::Scalar { text: found, .. } = found.kind else { panic!("a scalar") };
            assert_eq!(found.as_str(), text);
        }
    }
}

#[test]
fn what_cannot_be_set_or_unset_is_refused() {
    let cases = [
        ("a: 1\n", "a.b", Some("x"), "`a.b`: a part of it is a value, and no mapping or list"),
        ("a: {b: 1}\n", "a[0]", Some("x"), "`a[0]`: expected a key, found the index of a list"),
        ("a: [1]\n", "a[7]", Some("x"), "`a[7]`: the list has fewer items"),
        ("a:\n  b: 1\n", "a", Some("x"), "`a`: it holds other values; unset it first"),
        ("a: 1\n", "b", None, "there is no key `b`"),
        ("a: &x 1\nb: *x\n", "a", None, "this is no YAML: "),
    ];
    for (before, path, value, message) in cases {
        let (_, mut vault) = sealed(before);
        let path = path.parse().expect("a path");
        let done = match value {
            Some(value) => vault.set(&path, NewValue::Text(value)),
            None => vault.unset(&path),
        };
        let error = done.expect_err("it is refused").to_string();
        assert!(error.starts_with(message), "{error}");
        assert_eq!(vault.plain().as_str(), before, "nothing was changed");
    }
}

/// YAML of all kinds, in blocks and in flow.
fn yaml() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        "[a-z][a-z0-9 ]{0,12}[a-z]",
        "'[a-zé ]{0,9}(''[a-z]{0,3})?'",
        r#""([a-z :#]|\\n|\\t|\\u00e9){0,9}""#,
        Just("~".to_owned()),
        Just("true".to_owned()),
        Just("0x1F".to_owned()),
        Just("-1.5e3".to_owned()),
        Just("!!str 12".to_owned()),
        Just("&a x".to_owned()),
        Just(String::new()),
    ];
    let value = prop_oneof![
        4 => scalar.clone(),
        1 => proptest::collection::vec("[a-z]{1,8}", 1..4).prop_map(|words| format!("[{}]", words.join(", "))),
        1 => proptest::collection::vec("[a-z ]{0,8}[a-z]", 1..4).prop_map(|lines| {
            let lines: Vec<String> = lines.iter().map(|line| format!("      {}\n", line.trim_start())).collect();
            format!("|\n{}", lines.concat().trim_end())
        }),
    ];
    proptest::collection::vec(
        ("[a-z]{1,4}", proptest::collection::vec(value, 1..5), any::<bool>(), any::<bool>()),
        1..6,
    )
    .prop_map(|groups| {
        let mut text = String::new();
        for (i, (name, values, list, comment)) in groups.iter().enumerate() {
            text += &format!("{name}{i}:{}\n", if *comment { "  # note" } else { "" });
            for (j, value) in values.iter().enumerate() {
                text += &match list {
                    true => format!("  - {value}\n"),
                    false => format!("  k{j}: {value}\n"),
                };
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_sealed_comes_back_and_keeps_its_bytes(plain in yaml(), at in any::<prop::sample::Index>()) {
        let (keyring, mut vault) = sealed(&plain);
        let opened = Vault::open(vault.sealed().as_bytes(), &keyring).expect("it opens");
        prop_assert_eq!(opened.plain().as_str(), plain.as_str());
        let values = vault.list().expect("a vault");
        let scalars: Vec<&Value> = values
            .iter()
            .filter(|value| matches!(value.kind, ValueKind::Scalar { .. }) && !value.source.contains('\n'))
            .collect();
        prop_assume!(!scalars.is_empty());
        let before = vault.sealed().to_owned();
        let path = at.get(&scalars).path.clone();
        vault.set(&path, NewValue::Text("something else")).expect("it can be set");
        prop_assert_eq!(changed_lines(&before, vault.sealed()).len(), 1);
        let opened = Vault::open(vault.sealed().as_bytes(), &keyring).expect("it opens");
        let found = opened.get(&path).expect("it is there");
        prop_assert_eq!(found.source.as_str(), "'something else'");
    }

    #[test]
    fn any_changed_bit_is_seen_or_changes_a_comment_or_space(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let (keyring, vault) = sealed(PLAIN);
        let mut bytes = vault.sealed().as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(opened) = Vault::open(&bytes, &keyring) {
            let mean = |vault: &Vault| -> Vec<(KeyPath, ValueKind)> {
                let values = vault.list().expect("a vault").into_iter();
                values.map(|value| (value.path, value.kind)).collect()
            };
            prop_assert_eq!(mean(&opened), mean(&vault), "byte {}", at);
        }
    }

    #[test]
    fn any_two_swapped_values_are_seen(a in 0usize..20, b in 0usize..20) {
        let plain: String = (0..20).map(|i| format!("key{i}: same\n")).collect();
        let (keyring, vault) = sealed(&plain);
        prop_assume!(a != b);
        let tokens: Vec<String> =
            sealed_values(vault.sealed().as_bytes()).expect("sealed").into_iter().map(|value| value.token).collect();
        let swapped = vault.sealed().replace(&tokens[a], "@").replace(&tokens[b], &tokens[a]).replace('@', &tokens[b]);
        let first = a.min(b);
        let found = Vault::open(swapped.as_bytes(), &keyring).err();
        let expected = Error::ValueMoved {
            path: format!("key{first}"),
            line: 6 + first,
            from: Some(format!("key{}", a.max(b))),
        };
        prop_assert_eq!(found, Some(expected));
    }

    #[test]
    fn no_text_panics(text in r#"([a-z]|: |- |\n|\n  |\[|\]|\{|\}|'|"|#| |\||>|&a |\*a|!x |\?|,|é|\t|---|\.\.\.){0,40}"#) {
        let (keyring, recipient) = keyring();
        if let Ok(vault) = Vault::seal(&text, &[recipient], &keyring) {
            let opened = Vault::open(vault.sealed().as_bytes(), &keyring).expect("it opens");
            prop_assert_eq!(opened.plain().as_str(), text.as_str());
        }
    }
}
