//! The lookup `url`: what a web server answers, in bounded time and size.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::{Error, Value};
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::super::error::failed;
use super::super::print;
use super::Lookup;

const OPTIONS: &[&str] = &[
    "validate_certs",
    "split_lines",
    "use_proxy",
    "username",
    "password",
    "headers",
    "force",
    "timeout",
    "http_agent",
    "force_basic_auth",
    "follow_redirects",
    "use_netrc",
    "ca_path",
    "use_gssapi",
    "unix_socket",
    "unredirected_headers",
    "ciphers",
];

/// Options that would change what is asked, and that are not there.
const ABSENT: &[&str] = &["use_gssapi", "unix_socket", "unredirected_headers", "ciphers"];

/// An answer larger than this is refused.
const LARGEST: u64 = 64 << 20;

/// Where systems keep the certificates they trust.
const TRUSTED: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

pub(super) fn url(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    lookup.only(OPTIONS)?;
    if let Some(name) = ABSENT.iter().find(|name| lookup.option(name).is_some_and(Value::is_true)) {
        return Err(failed(format!("`{name}` of the lookup `url` is not available in rprov")));
    }
    let agent = agent(lookup)?;
    let mut found = Vec::new();
    for term in &lookup.terms {
        let body = get(lookup, &agent, &print::text(term))?;
        match lookup.flag("split_lines", true) {
            true => found.extend(body.lines().map(Value::from)),
            false => found.push(Value::from(body)),
        }
    }
    Ok(found)
}

fn agent(lookup: &Lookup<'_>) -> Result<Agent, Error> {
    let timeout = lookup.text("timeout").map_or(Ok(10.0), |text| text.parse::<f64>());
    let timeout = timeout
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| failed("`timeout` is a number of seconds"))?;
    let redirects = match lookup.text("follow_redirects").as_deref() {
        None | Some("urllib2" | "all" | "yes" | "safe" | "True" | "true") => 10,
        Some("none" | "no" | "False" | "false") => 0,
        Some(other) => {
            return Err(failed(format!(
                "`follow_redirects` is one of all, none, safe and urllib2, found `{other}`"
            )));
        }
    };
    let validate = lookup.flag("validate_certs", true);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .disable_verification(!validate)
        .root_certs(RootCerts::Specific(Arc::new(roots(lookup.text("ca_path"), validate)?)));
    let mut config = Agent::config_builder()
        .timeout_global(Some(timeout))
        .max_redirects(redirects)
        .max_redirects_will_error(redirects > 0)
        .user_agent(lookup.text("http_agent").unwrap_or_else(|| "ansible-httpget".to_owned()))
        .tls_config(tls.build());
    if !lookup.flag("use_proxy", true) {
        config = config.proxy(None);
    }
    Ok(config.build().new_agent())
}

/// The certificates to trust: of `ca_path`, else the system's.
fn roots(given: Option<String>, validate: bool) -> Result<Vec<Certificate<'static>>, Error> {
    if !validate {
        return Ok(Vec::new());
    }
    let pem = match &given {
        Some(path) => {
            std::fs::read(path).map_err(|error| failed(format!("cannot read `{path}`: {error}")))?
        }
        // Without any, plain HTTP still works; an `https` address then says that it is not trusted.
        None => TRUSTED.iter().find_map(|path| std::fs::read(path).ok()).unwrap_or_default(),
    };
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    Ok(parse_pem(&pem).filter_map(certificate).collect())
}

fn get(lookup: &Lookup<'_>, agent: &Agent, address: &str) -> Result<String, Error> {
    let wrong = |error: ureq::Error| match error {
        ureq::Error::StatusCode(code) => {
            failed(format!("`{}` answers with status {code}", masked(address)))
        }
        error => failed(format!("cannot read `{}`: {error}", masked(address))),
    };
    let mut request = agent.get(address);
    if lookup.flag("force", false) {
        request = request.header("cache-control", "no-cache");
    }
    for (name, value) in lookup.option("headers").map(print::pairs).unwrap_or_default() {
        request = request.header(print::text(&name), print::text(&value));
    }
    if let Some(user) = lookup.text("username") {
        let both = format!("{user}:{}", lookup.text("password").unwrap_or_default());
        request = request.header("authorization", format!("Basic {}", STANDARD.encode(both)));
    }
    let mut answer = request.call().map_err(wrong)?;
    let bytes = answer.body_mut().with_config().limit(LARGEST).read_to_vec().map_err(wrong)?;
    String::from_utf8(bytes).map_err(|_| failed(format!("`{}` is not UTF-8", masked(address))))
}

/// The address without the password in it.
fn masked(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{}", &rest[end..]),
        None => address.to_owned(),
    }
}
