//! What pip needs to reach its servers: the logins in its words go through private files, so that
//! neither pip nor what it starts (git, a pip of its own for building) has them as words.

use crate::kit::Script;
use crate::login::Logins;

/// Words for pip without logins, and the logins.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// `extra_args`, without a proxy that takes a login.
    pub words: Vec<String>,
    logins: Logins,
    /// A proxy with its login: pip would pass it on as a word.
    proxy: String,
}

impl Access {
    /// Of the packages' names and URLs, and of `extra_args`.
    pub(crate) fn new(specs: &[String], extra_args: &str) -> Access {
        let mut access = Access::default();
        for spec in specs {
            access.logins.strip(spec);
        }
        let mut words = extra_args.split_whitespace();
        while let Some(word) = words.next() {
            let proxy = match word.strip_prefix("--proxy") {
                Some("") => words.next(),
                Some(value) => value.strip_prefix('='),
                None => None,
            };
            match proxy {
                Some(url) if access.logins.strip(url) != url => access.proxy = url.to_owned(),
                Some(url) => access.words.push(format!("--proxy={url}")),
                None => {
                    let word = access.logins.strip(word);
                    access.words.push(word);
                }
            }
        }
        access
    }

    /// A host that two different logins are for.
    pub(crate) fn ambiguous(&self) -> Option<&str> {
        self.logins.ambiguous()
    }

    /// What `reach` of [`reaching!`] takes.
    pub(crate) fn servers(&self) -> String {
        self.logins.servers()
    }

    /// Gives the script the standard input that `reach` reads.
    pub(crate) fn feed(&self, script: Script) -> Script {
        let mut more = format!("{}\n", self.proxy);
        for login in &self.logins.0 {
            let (user, password) = login.parts();
            let (user, password) = (netrc(&user), netrc(&password));
            more += &format!("machine {} login {user} password {password}\n", login.host());
        }
        self.logins.feed(script, &more)
    }
}

/// A word of `.netrc`. Quotes are understood since Python 3.11, and only written where needed.
fn netrc(word: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && c != '"' && c != '\\';
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// A script that may call `reach SERVERS` before it starts pip.
macro_rules! reaching {
    ($head:expr, $body:expr) => {
        keep_logins!(
            $head,
            concat!(
                r#"reach() {
  keep_logins "$1"
  [ -n "$private" ] || return 0
  IFS= read -r proxy || exit
  [ -z "$proxy" ] || export http_proxy="$proxy" https_proxy="$proxy"
  cat - "${NETRC:-$HOME/.netrc}" >"$private/netrc" 2>/dev/null
  export NETRC="$private/netrc"
}
"#,
                $body
            )
        )
    };
}
pub(crate) use reaching;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_no_login() {
        let specs = ["six".to_owned(), "git+https://u:p@git.test/x.git".to_owned()];
        let access = Access::new(
            &specs,
            "--proxy http://a:b@proxy.test:3128 -i https://u:p@py.test/simple --proxy=http://q.test --pre",
        );
        let words = ["-i", "https://py.test/simple", "--proxy=http://q.test", "--pre"];
        assert_eq!(access.words, words);
        assert_eq!(access.proxy, "http://a:b@proxy.test:3128");
        let servers = "https://git.test http://proxy.test:3128 https://py.test";
        assert_eq!(access.servers(), servers);
        assert_eq!(access.ambiguous(), None);
        let twice = Access::new(&[], "-i http://a:b@h/x --extra-index-url http://c:d@h:81/y");
        assert_eq!(twice.ambiguous(), Some("h"));
    }

    #[test]
    fn netrc_quotes_what_it_must() {
        for (word, written) in
            [("a#b", "a#b"), ("a b", "\"a b\""), ("", "\"\""), ("\\", "\"\\\\\"")]
        {
            assert_eq!(netrc(word), written);
        }
    }
}
