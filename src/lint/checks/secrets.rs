//! Secrets that stand in the open: passwords and tokens as plain text, private keys.

use rprov_modules::kit::{Entry, Node, NodeKind, Resolved, Tag};

use super::Check;
use crate::lint::findings::Of;
use crate::lint::sources::Kind;
use crate::lint::tree::Tree;
use crate::playbook::has_template;
use crate::source::{Diagnostic, SourceMap};

pub(super) const CHECK: Check = Check {
    id: "plaintext-secret",
    finds: "a password, token or private key that is written down unencrypted",
    run: Some(run),
};

/// What the last words of a secret's name are.
const NAMES: [&str; 15] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
    "secret_key",
    "access_key",
    "private_key",
    "encryption_key",
    "signing_key",
    "master_key",
    "pass",
    "pwd",
];

/// Names that end like those of secrets and hold a choice.
const NO_SECRETS: [&str; 4] =
    ["update_password", "no_password", "lock_password", "expire_password"];

/// Beginnings of tokens that can be nothing else, with the least length of the whole.
const TOKENS: [(&str, usize); 12] = [
    ("AKIA", 20),
    ("ASIA", 20),
    ("ghp_", 36),
    ("gho_", 36),
    ("ghs_", 36),
    ("github_pat_", 40),
    ("glpat-", 20),
    ("xoxb-", 30),
    ("xoxp-", 30),
    ("sk_live_", 24),
    ("AIza", 39),
    ("hvs.", 24),
];

/// What stands for a value to be filled in: beginnings.
const PLACEHOLDERS: [&str; 14] = [
    "change",
    "example",
    "placeholder",
    "dummy",
    "your",
    "todo",
    "xxx",
    "none",
    "null",
    "fixme",
    "replace",
    "insert",
    "redacted",
    "undefined",
];

fn run(tree: &Tree<'_>, findings: &mut Of<'_, '_>) {
    for file in &tree.sources.files {
        if !matches!(file.kind, Kind::Meta | Kind::Specs) {
            look(&file.node, tree.map(), findings);
        }
    }
    for path in tree.sources.texts.iter().filter(|path| may_be_key(path)) {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        if let Some(start) = private_key(&text) {
            let file = tree.map().add(path, text.into());
            let start = u32::try_from(start).unwrap_or(u32::MAX);
            let span = rprov_modules::kit::Span { file, start, end: start };
            let finding = Diagnostic::warning("a private key stands here unencrypted");
            findings.add(finding.at(span, "").help(
                "encrypt the file with `ansible-vault encrypt`, and make a new key: this one is known",
            ));
        }
    }
}

fn look(node: &Node, map: &SourceMap, findings: &mut Of<'_, '_>) {
    match &node.kind {
        NodeKind::Scalar(scalar) => {
            let text = &scalar.text;
            if scalar.tag == Some(Tag::Vault) {
            } else if private_key(text).is_some() && !has_template(text) {
                let finding = Diagnostic::warning("a private key stands here unencrypted");
                map.hide(node.span);
                findings.add(finding.at(node.span, "").help(ENCRYPT));
            } else if let Some(token) = text
                .split(|c: char| c.is_whitespace() || "'\"=,:".contains(c))
                .find(|word| is_token(word))
            {
                let kind: String = token.chars().take(4).collect();
                let finding =
                    Diagnostic::warning(format!("a token (`{kind}…`) stands here unencrypted"));
                map.hide(node.span);
                findings.add(finding.at(node.span, "").help(ENCRYPT));
            }
        }
        NodeKind::List(items) => items.iter().for_each(|item| look(item, map, findings)),
        NodeKind::Map(entries) => {
            for entry in entries {
                if is_secret(entry) {
                    let name = entry.key.text().unwrap_or_default();
                    map.hide(entry.value.span);
                    let message = format!("the value of `{name}` stands here unencrypted");
                    let finding = Diagnostic::warning(message).at(entry.value.span, "");
                    findings.add(finding.help(ENCRYPT));
                } else {
                    look(&entry.value, map, findings);
                }
            }
        }
    }
}

const ENCRYPT: &str = "encrypt it: `ansible-vault encrypt_string`, or the whole file";

/// Whether an entry gives a secret as plain text.
fn is_secret(entry: &Entry) -> bool {
    let Some(scalar) = entry.value.scalar().filter(|scalar| scalar.tag.is_none()) else {
        return false;
    };
    let name = entry.key.text().unwrap_or_default().to_ascii_lowercase();
    let name = name.trim_start_matches('_');
    let named = NAMES.iter().any(|word| {
        name.strip_suffix(word)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(['_', '-', '.']))
    });
    let text = scalar.text.trim();
    let lower = text.to_ascii_lowercase();
    // A lone word under `token` or `secret` is a name or a choice more often than not.
    let word = text.chars().all(|c| c.is_ascii_lowercase() || "_-".contains(c));
    let password = ["password", "passwd", "passphrase"].iter().any(|end| name.ends_with(end));
    named
        && !NO_SECRETS.contains(&name)
        && text.chars().count() >= 4
        && (!word || password)
        && matches!(scalar.resolve(), Resolved::Str | Resolved::Int(_))
        && !has_template(text)
        && !text.contains(char::is_whitespace)
        && !text.starts_with(['/', '~', '.', '<', '$', '!', '*', '%'])
        && !text.contains("://")
        && !PLACEHOLDERS.iter().any(|start| lower.starts_with(start))
        && !lower.contains("todo")
        // A word for itself: a label, a column, a value to be filled in.
        && !NAMES.contains(&lower.as_str())
        && ![".txt", ".pem", ".key", ".yml"].iter().any(|end| lower.ends_with(end))
}

fn is_token(word: &str) -> bool {
    TOKENS.iter().any(|(start, length)| {
        word.len() >= *length
            && word.starts_with(start)
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
            && word.chars().any(|c| c.is_ascii_digit())
            && !word.contains("EXAMPLE")
    })
}

/// Where a private key begins.
fn private_key(text: &str) -> Option<usize> {
    let start = text.find("-----BEGIN ")?;
    let line = text[start..].lines().next()?;
    let body = text[start..].lines().nth(1).unwrap_or_default().trim();
    let sealed = text[start..].contains("ENCRYPTED") || line.contains("PGP");
    (line.ends_with("PRIVATE KEY-----") && body.len() >= 32 && !sealed).then_some(start)
}

fn may_be_key(path: &std::path::Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase());
    let name = name.unwrap_or_default();
    let ends = [".pem", ".key", ".priv", ".crt", "_rsa", "_ed25519", "_dsa", "_ecdsa"];
    ends.iter().any(|end| name.ends_with(end)) || name.starts_with("id_")
}
