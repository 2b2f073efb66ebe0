//! A secret never shows: any secret, written in any way, anywhere in a text, split in any way.
//!
//! What writes it here are other programs' rules, not the redactor's own table: crates, and encoders
//! of a few lines.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose as digits};
use proptest::prelude::*;
use rprov::report::Redactor;
use rprov::source::SourceMap;
use rprov::template::{Context, Search, Templar};
use rprov_modules::kit::Span;

/// A name, and how it writes a text.
type Writer = (&'static str, fn(&str) -> String);

/// How a text may write a secret.
const WRITERS: &[Writer] = &[
    ("plain", str::to_owned),
    ("shell quotes", |s| rprov_modules::kit::quote(s)),
    ("shlex", |s| shlex::try_quote(s).expect("no NUL").into_owned()),
    ("JSON", |s| serde_json::Value::from(s).to_string()),
    ("JSON in JSON", |s| {
        serde_json::Value::from(serde_json::Value::from(s).to_string()).to_string()
    }),
    ("YAML", |s| serde_yaml::to_string(s).expect("YAML")),
    ("single quotes of YAML", |s| format!("'{}'", s.replace('\'', "''"))),
    ("Debug of Rust", |s| {
        // As JSON, but for other than ASCII and control characters.
        format!("\"{}\"", s.replace('\\', "\\\\").replace('"', "\\\""))
    }),
    ("base64", |s| digits::STANDARD.encode(s)),
    ("base64 for URLs", |s| digits::URL_SAFE.encode(s)),
    ("base64 for URLs, no padding", |s| digits::URL_SAFE_NO_PAD.encode(s)),
    ("hex", |s| s.bytes().map(|b| format!("{b:02x}")).collect()),
    ("HEX", |s| s.bytes().map(|b| format!("{b:02X}")).collect()),
    ("URL", |s| percent(s, |b| b"-._~".contains(&b), "%20", false)),
    ("url", |s| percent(s, |b| b"-._~".contains(&b), "%20", true)),
    ("URL, slashes kept", |s| percent(s, |b| b"-._~/".contains(&b), "%20", false)),
    ("form data", |s| percent(s, |b| b"-._~".contains(&b), "+", false)),
    ("escaped for a shell", |s| {
        s.chars()
            .map(|c| {
                if c.is_ascii_punctuation() && !"_-./,:=@%+".contains(c) || c == ' ' {
                    format!("\\{c}")
                } else {
                    c.to_string()
                }
            })
            .collect()
    }),
    ("HTML", |s| {
        s.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&#34;")
            .replace('\'', "&#39;")
    }),
];

fn percent(text: &str, bare: impl Fn(u8) -> bool, space: &str, lower: bool) -> String {
    text.bytes()
        .map(|b| match b {
            b' ' => space.to_owned(),
            b if b.is_ascii_alphanumeric() || bare(b) => char::from(b).to_string(),
            b if lower => format!("%{b:02x}"),
            b => format!("%{b:02X}"),
        })
        .collect()
}

/// What is left when all white space is gone.
fn dense(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Whether six characters in a row of `written` stand in `shown` (all, of a shorter one).
fn shows(shown: &str, written: &str) -> bool {
    let (shown, written) = (dense(shown), dense(written).chars().collect::<Vec<_>>());
    // What quotes it is no secret; nor is a first or last piece that has bits of its neighbour.
    written
        .windows(written.len().min(6))
        .any(|part| shown.contains(&part.iter().collect::<String>()))
}

/// Letters and signs that the texts around it do not have.
fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z]{4,40}",
        "[a-zA-Z][a-zA-Z'\"\\\\$`&+/;<>%é€ ]{2,20}[a-zA-Z]{4}[a-z'\"\\\\$`&+/;<>%é€🔑]{0,20}[a-z]",
        "[a-z]{4,12}( [a-z]{4,12}){1,5}",
    ]
    .prop_filter("the redactor's own exceptions", |s| {
        let trimmed = s.trim();
        // A line that is broken inside an escaped line break cannot be told from a continued one.
        if ["\\n", "\\r", "\\t"].iter().any(|escape| s.contains(escape)) {
            return false;
        }
        trimmed == s && !is_common(s)
    })
}

/// Words that are no secret, whoever says so.
fn is_common(word: &str) -> bool {
    ["root", "null", "true", "none", "false", "localhost", "default"]
        .contains(&&*word.to_lowercase())
}

/// Breaks a text into lines, as a wrapping program does.
fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let lines: Vec<String> = chars.chunks(width).map(|line| line.iter().collect()).collect();
    lines.join(&format!("\n{indent}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_secret_never_shows(
        secret in secret(),
        writer in 0..WRITERS.len(),
        before in "[0-9=,.:#]{0,30}",
        after in "[0-9=,.:#]{0,30}",
        width in prop_oneof![Just(0usize), Just(40), Just(76), 7usize..100],
        indent in prop_oneof![Just(""), Just("    "), Just("\t")],
        others in proptest::collection::vec("[a-zA-Z]{5,12}", 0..4),
    ) {
        let redactor = Redactor::default();
        others.iter().for_each(|other| redactor.learn(other));
        redactor.learn(&secret);
        let (name, write) = WRITERS[writer];
        let written = write(&secret);
        let mut text = format!("{before}{written}{after}");
        if width > 0 {
            text = wrapped(&text, width, indent);
        }
        let shown = redactor.clean(&text);
        prop_assert!(shown.contains("•••"), "{name}: nothing was found in {text:?}");
        // Quotes may stay.
        let bare = written.trim_matches(['"', '\'', '\n']);
        prop_assert!(!shows(&shown, bare), "{name}: {text:?} is shown as {shown:?}");
    }

    #[test]
    fn a_secret_inside_base64_never_shows(
        secret in "[a-zA-Z]{4,40}".prop_filter("a common word", |word| !is_common(word)),
        before in proptest::collection::vec(any::<u8>(), 0..40),
        after in proptest::collection::vec(any::<u8>(), 0..40),
        width in prop_oneof![Just(0usize), Just(20), Just(40), Just(76)],
    ) {
        let redactor = Redactor::default();
        redactor.learn(&secret);
        let whole = [&before, secret.as_bytes(), &after].concat();
        for encoded in [digits::STANDARD.encode(&whole), digits::URL_SAFE_NO_PAD.encode(&whole)] {
            let text = if width > 0 { wrapped(&encoded, width, "") } else { encoded.clone() };
            let shown = dense(&redactor.clean(&text));
            // The digits that hold nothing else.
            let from = (before.len() * 8).div_ceil(6);
            let to = (before.len() + secret.len()) * 8 / 6;
            let own = &encoded[from..to];
            prop_assert!(!shown.contains(own), "{own} in {shown}");
        }
    }

    #[test]
    fn secrets_that_overlap_are_masked_as_one(secret in "[a-z]{16,30}", cut in 4usize..8) {
        let redactor = Redactor::default();
        let (first, second) = (&secret[..secret.len() - cut], &secret[cut..]);
        redactor.learn(first);
        redactor.learn(second);
        prop_assert_eq!(redactor.clean(&format!("<{secret}>")), "<•••>");
    }
}

/// Keys, passwords and hashes that are made during a run, and what they are made of.
#[test]
fn templates_tell_the_secrets_they_make() {
    let redactor = Redactor::default();
    let told = redactor.clone();
    let templar = Templar::with_config(
        SourceMap::default(),
        Arc::default(),
        Arc::new(move |secret: &str| told.learn(secret)),
    );
    let dir = tempfile::tempdir().expect("a directory");
    let kept = dir.path().join("kept");
    let scope = Arc::new(rprov::vars::Layers::default());
    let context = Context::new(scope, Search::default());
    for expression in [
        "'the-base-of-many-keys' | secretkey",
        "'the-base-of-many-keys' | apikey",
        "'hunter-two' | password_hash",
        &format!("lookup('password', '{}')", kept.display()),
        &format!("lookup('password', '{} encrypt=sha256_crypt')", kept.display()),
        "lookup('community.general.random_string', length=20)",
    ] {
        let made = templar.expression(expression, Span::default(), &context).expect(expression);
        let made = made.as_str().expect("a text");
        assert!(!redactor.clean(made).contains(&made[4..]), "{expression}: {made}");
    }
    let kept = std::fs::read_to_string(kept).expect("a password");
    let kept = kept.split(' ').next().unwrap_or_default();
    for source in ["the-base-of-many-keys", "hunter-two", kept] {
        assert_eq!(redactor.clean(source), "•••");
    }
}

/// Learning goes on while texts are cleaned: what was learnt before stays known.
#[test]
fn what_is_learnt_one_by_one_stays_known() {
    let redactor = Redactor::default();
    let secret = |n: usize| format!("secret-{n:04}-{}", n * 7919);
    for n in 0..300 {
        redactor.learn(&secret(n));
        let shown = redactor.clean(&format!("{} and {}", secret(n), secret(n / 2)));
        assert_eq!(shown, "••• and •••");
    }
    assert_eq!(redactor.clean(&secret(17)), "•••");
}
