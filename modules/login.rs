//! Logins inside URLs: `https://user:password@host/…` is taken apart, so that no process gets the
//! password as a word, which every user of the host can read.
//!
//! The login travels on standard input, into a private file that is gone with the script; git is
//! told to look there, for this server only, and asks nobody else about it.

use crate::kit::Script;

/// A text without the login that was in it, and the login.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Login {
    /// `https://host:port`
    pub server: String,
    /// `user:password`, percent-encoded as the URL has it.
    userinfo: String,
}

impl Login {
    /// Takes the first login out of a text that has a URL in it; a user's name alone is none.
    fn take(text: &str) -> Option<(String, Login)> {
        let mut from = 0;
        while let Some(found) = text[from..].find("://") {
            let (colon, rest) = (from + found, from + found + 3);
            from = rest;
            let letter = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
            let scheme = text[..colon].trim_end_matches(letter).len();
            // `git+https` is pip's way to say how, not what.
            let scheme = text[scheme..colon].rsplit('+').next().unwrap_or_default();
            if !["http", "https", "ftp"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
                continue;
            }
            let end = |c: char| "/?#".contains(c) || c.is_whitespace();
            let length = text[rest..].find(end).unwrap_or(text.len() - rest);
            let Some((userinfo, host)) = text[rest..rest + length].rsplit_once('@') else {
                continue;
            };
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
            if !userinfo.contains(':') || !host.chars().all(plain) {
                continue;
            }
            let server = format!("{}://{host}", scheme.to_ascii_lowercase());
            let bare = format!("{}{}", &text[..rest], &text[rest + userinfo.len() + 1..]);
            return Some((bare, Login { server, userinfo: userinfo.to_owned() }));
        }
        None
    }

    /// `https://user:password@host:port`
    fn url(&self) -> String {
        self.server.replacen("://", &format!("://{}@", self.userinfo), 1)
    }

    /// The host, without a port.
    pub(crate) fn host(&self) -> &str {
        let host = self.server.split_once("://").map_or("", |(_, host)| host);
        match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => name,
            _ => host,
        }
    }

    /// User and password, decoded.
    pub(crate) fn parts(&self) -> (String, String) {
        let (user, password) = self.userinfo.split_once(':').unwrap_or((&self.userinfo, ""));
        (decoded(user), decoded(password))
    }
}

fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        out.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Texts without the logins that were in them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logins(pub Vec<Login>);

impl Logins {
    /// The text without its logins, which are kept here.
    pub(crate) fn strip(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        while let Some((bare, login)) = Login::take(&text) {
            text = bare;
            if !self.0.contains(&login) {
                self.0.push(login);
            }
        }
        text
    }

    /// A host that two different logins are for.
    pub(crate) fn ambiguous(&self) -> Option<&str> {
        self.0.iter().enumerate().find_map(|(i, login)| {
            let again =
                |other: &Login| other.host() == login.host() && other.userinfo != login.userinfo;
            self.0[..i].iter().any(again).then(|| login.host())
        })
    }

    /// The servers, as `keep_logins` of [`keep_logins!`] takes them; empty for none.
    pub(crate) fn servers(&self) -> String {
        let servers: Vec<&str> = self.0.iter().map(|login| &*login.server).collect();
        servers.join(" ")
    }

    /// Gives the script its standard input: what `keep_logins` reads, then `more`.
    pub(crate) fn feed(&self, script: Script, more: &str) -> Script {
        if self.0.is_empty() {
            return script;
        }
        let lines: String = self.0.iter().map(|login| login.url() + "\n").collect();
        script.stdin((lines + more).into_bytes())
    }
}

/// The text without any login.
pub(crate) fn without(text: &str) -> String {
    Logins::default().strip(text)
}

/// A script that may call `keep_logins SERVERS`: it makes `$private`, a directory that is gone with
/// the script, reads a login from standard input for each server, and has git look there.
macro_rules! keep_logins {
    ($head:expr, $body:expr) => {
        concat!(
            $head,
            r#"
private=
keep_logins() {
  [ -n "$1" ] || return 0
  private=$(umask 077 && mktemp -d "${TMPDIR:-/tmp}/rprov.XXXXXXXXXX") || exit
  trap 'rm -rf -- "$private"' EXIT
  trap 'exit 129' HUP INT TERM
  for server in $1; do
    IFS= read -r login || exit
    printf '%s\n' "$login" >>"$private/logins"
    # Only this server gets the login, and nobody else is asked for it or told.
    GIT_CONFIG_PARAMETERS="${GIT_CONFIG_PARAMETERS:+$GIT_CONFIG_PARAMETERS }'credential.$server.helper=' 'credential.$server.helper=store --file=\"$private/logins\"' 'credential.$server.usehttppath=false'"
  done
  export GIT_CONFIG_PARAMETERS
}
"#,
            $body
        )
    };
}
pub(crate) use keep_logins;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_taken_out_of_urls() {
        for (text, bare, server, user, password) in [
            ("https://u:p@h/x.git", "https://h/x.git", "https://h", "u", "p"),
            ("https://u:p%40q@h:8443", "https://h:8443", "https://h:8443", "u", "p@q"),
            ("a @ git+https://u:p@q@h/x@v1", "a @ git+https://h/x@v1", "https://h", "u", "p@q"),
            ("--index-url=HTTP://t:@h/s", "--index-url=HTTP://h/s", "http://h", "t", ""),
            (
                "ssh://g:x@h/y http://u:%zz@[::1]/",
                "ssh://g:x@h/y http://[::1]/",
                "http://[::1]",
                "u",
                "%zz",
            ),
        ] {
            let mut logins = Logins::default();
            assert_eq!(logins.strip(text), bare);
            let [login] = &logins.0[..] else { panic!("{text}: {logins:?}") };
            assert_eq!(login.server, server);
            assert_eq!(login.parts(), (user.to_owned(), password.to_owned()));
        }
        for text in ["https://h/u:p@x", "https://token@h/", "git@h:x/y", "https://h", "://", ""] {
            assert_eq!(Login::take(text), None, "{text}");
        }
        let mut logins = Logins::default();
        logins.strip("http://a:b@h/ https://a:b@h:81/");
        assert_eq!(logins.ambiguous(), None);
        logins.strip("http://c:d@h:82/");
        assert_eq!(logins.ambiguous(), Some("h"));
    }
}
