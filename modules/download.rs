//! What a URL holds, fetched by the host: public keys and the like.
//!
//! The URL travels on standard input, because it may hold a password.

use crate::kit::{Probe, Refusal, ask_costly, sh};

/// The body of a successful answer. `validate_certs: false` accepts any certificate.
pub(crate) fn download<'a>(url: &str, validate_certs: bool) -> Probe<'a, Vec<u8>> {
    let shown = masked(url);
    if url.contains(['\r', '\n']) {
        return Probe::refuse(format!("expected a URL in one line, found `{}`", shown.trim()));
    }
    let insecure = if validate_certs { "" } else { "insecure" };
    let script = sh(FETCH, [insecure]).stdin(format!("{url}\n").into_bytes());
    ask_costly(script).try_map(move |reply| match reply.status {
        0 => Ok(reply.stdout),
        127 => Err(Refusal::new(format!(
            "cannot fetch {shown}: the host has neither curl nor wget; install one of them first"
        ))),
        status => {
            let err = reply.err();
            let why = err.lines().rfind(|line| !line.trim().is_empty()).map(str::to_owned);
            Err(Refusal::new(format!(
                "cannot fetch {shown}: {}",
                why.unwrap_or_else(|| format!("exit status {status}")).trim()
            )))
        }
    })
}

/// A URL without the user and password in it.
fn masked(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            match rest[..end].rfind('@') {
                Some(at) => format!("{scheme}://…@{}", &rest[at + 1..]),
                None => url.to_owned(),
            }
        }
        None => url.to_owned(),
    }
}

const FETCH: &str = r#"# fetch a URL
if command -v curl >/dev/null; then
    sed 's/[\\"]/\\&/g; s/.*/url = "&"/' | curl -fsSL --retry 2 --max-time 60 ${1:+-k} -K -
elif command -v wget >/dev/null; then
    wget -q -T 60 -O - ${1:+--no-check-certificate} -i -
else
    exit 127
fi
"#;
