//! The forms in which a secret may be written: encoded, escaped, quoted.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

/// Digits of base64 that are masked: fewer are found in innocent text.
const SHORTEST_BASE64: usize = 4;

/// Every form of a secret, itself included; some may be equal.
pub(super) fn of(secret: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for form in quoted(secret) {
        // JSON is often shown within JSON.
        for once in [json(&form), ascii_json(&form), html_json(&form), slash_json(&form)] {
            forms.push(json(&once));
            forms.push(once);
        }
        forms.push(form);
    }
    // Python's `quote` leaves a slash as it is, JavaScript's `encodeURIComponent` a few others, and
    // its `encodeURI` what a URL is made of.
    for safe in ["", "/", "!'()*", ";,/?:@&=+$#!'()*"] {
        let upper = url_encoded(secret, safe);
        // As in a form's data: a space is a plus.
        for form in [upper.replace("%20", "+"), upper] {
            forms.extend([lower_hex(&form), form]);
        }
    }
    forms.extend([
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ]);
    forms.extend(within_base64(secret.as_bytes()));
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    forms.extend([hex.to_ascii_uppercase(), hex]);
    forms
}

/// As it is, and as shells, YAML, Python, HTML, SQL and fstab write it between (or without) quotes.
fn quoted(secret: &str) -> Vec<String> {
    let escaped = |special: &[char]| {
        let mut out = String::new();
        for c in secret.chars() {
            out.extend(special.contains(&c).then_some('\\'));
            out.push(c);
        }
        out
    };
    let bare = |c: char| c.is_ascii_alphanumeric() || "_-./,:=@%+\n".contains(c) || !c.is_ascii();
    let every: Vec<char> = secret.chars().filter(|c| !bare(*c)).collect();
    let html = |apostrophe: &str| {
        let text = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace('"', if apostrophe == "&#39;" { "&#34;" } else { "&quot;" })
            .replace('\'', apostrophe)
    };
    let mut forms = vec![
        secret.to_owned(),
        secret.replace('\'', r"'\''"),
        secret.replace('\'', r#"'"'"'"#),
        secret.replace('\'', "''"),
        escaped(&['"', '$', '`', '\\']),
        escaped(&['\'', '\\']),
        escaped(&every),
        html("&#39;"),
        html("&#x27;"),
        // Identifiers of SQL, and fields of fstab.
        secret.replace('"', "\"\""),
        secret
            .replace('\\', r"\134")
            .replace(' ', r"\040")
            .replace('\t', r"\011")
            .replace('&', r"\046"),
    ];
    if secret.contains(|c: char| !c.is_ascii() || c.is_ascii_control()) {
        for quote in ['\'', '"'] {
            forms.push(ascii(secret, quote, |c, out| {
                let mut bytes = [0; 4];
                // `$'…'` of shells, and git.
                c.encode_utf8(&mut bytes).bytes().for_each(|b| out.push_str(&format!("\\{b:03o}")));
            }));
            forms.push(ascii(secret, quote, |c, out| {
                let mut bytes = [0; 4];
                // Bytes in Python.
                c.encode_utf8(&mut bytes)
                    .bytes()
                    .for_each(|b| out.push_str(&format!("\\x{b:02x}")));
            }));
            // YAML, and `ascii` in Python.
            forms.push(ascii(secret, quote, |c, out| out.push_str(&code_point(c, true))));
            forms.push(ascii(secret, quote, |c, out| out.push_str(&code_point(c, false))));
        }
    }
    forms
}

/// The text between quotes, with other than ASCII as `write` has it.
fn ascii(text: &str, quote: char, write: impl Fn(char, &mut String)) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c == quote || c == '\\' => out.extend(['\\', c]),
            c if c.is_ascii() && !c.is_ascii_control() => out.push(c),
            c => write(c, &mut out),
        }
    }
    out
}

/// `\xE9`, `\u20AC` or `\U0001F511`.
fn code_point(c: char, upper: bool) -> String {
    let (letter, width) = match u32::from(c) {
        0..=0xff => ('x', 2),
        0x100..=0xffff => ('u', 4),
        _ => ('U', 8),
    };
    let code = u32::from(c);
    match upper {
        true => format!("\\{letter}{code:0width$X}"),
        false => format!("\\{letter}{code:0width$x}"),
    }
}

/// Escaped as inside a JSON string.
pub(super) fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The same, with nothing but ASCII: as Python writes JSON.
fn ascii_json(text: &str) -> String {
    let mut out = String::new();
    let mut units = [0; 2];
    for c in json(text).chars() {
        match c.is_ascii() {
            true => out.push(c),
            false => c
                .encode_utf16(&mut units)
                .iter()
                .for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    out
}

/// The same, harmless inside HTML: as Jinja's `tojson` and Go write it.
fn html_json(text: &str) -> String {
    ['<', '>', '&', '\'']
        .iter()
        .fold(json(text), |text, c| text.replace(*c, &format!("\\u{:04x}", u32::from(*c))))
}

/// The same with slashes escaped, as PHP does.
fn slash_json(text: &str) -> String {
    json(text).replace('/', r"\/")
}

/// The digits that are the same in the base64 of any text that has the secret in it (as in the
/// `user:password` of HTTP), for the three ways in which it can be aligned.
pub(super) fn within_base64(secret: &[u8]) -> impl Iterator<Item = String> {
    (0..3).flat_map(|before| {
        let shifted = [&[0; 2][..before], secret].concat();
        [STANDARD.encode(&shifted), URL_SAFE.encode(&shifted)].into_iter().filter_map(
            move |digits| {
                // Digits have six bits, bytes eight: those that share bits with a neighbour are
                // left out.
                let same = digits.get((before * 8).div_ceil(6)..shifted.len() * 8 / 6)?;
                (same.len() >= SHORTEST_BASE64).then(|| same.to_owned())
            },
        )
    })
}

fn url_encoded(text: &str, safe: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => char::from(b).to_string(),
            b if safe.as_bytes().contains(&b) => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

/// `%C3` as `%c3`.
fn lower_hex(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, after) = rest.split_at(at);
        let (code, tail) = after.split_at(after.len().min(3));
        out.push_str(before);
        out.push_str(&code.to_ascii_lowercase());
        rest = tail;
    }
    out + rest
}
