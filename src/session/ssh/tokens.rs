//! `%h` and its like, `${NAME}`, and `~` in the values of ssh_config options.

use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

use super::config::{Options, Subject};

/// What tokens stand for.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    /// `%h`: the host's real name.
    pub(crate) hostname: String,
    /// `%r`: the user there.
    pub(crate) user: String,
    /// `%p`.
    pub(crate) port: String,
    original: String,
    local_user: String,
    home: PathBuf,
    alias: Option<String>,
    jump: String,
}

impl Tokens {
    /// From the options as far as they are known.
    pub(crate) fn new(options: &Options, subject: &Subject<'_>) -> Tokens {
        let original = subject.host.to_owned();
        // Only `%h` and `%%` mean something in a host's name.
        let hostname = options.get("hostname").unwrap_or(&original);
        let hostname = hostname.replace("%%", "\0").replace("%h", &original).replace('\0', "%");
        Tokens {
            hostname,
            user: options.get("user").unwrap_or(subject.local_user).to_owned(),
            port: options.get("port").unwrap_or("22").to_owned(),
            original,
            local_user: subject.local_user.to_owned(),
            home: subject.home.to_owned(),
            alias: options.get("hostkeyalias").map(str::to_owned),
            jump: options.get("proxyjump").unwrap_or_default().to_owned(),
        }
    }

    /// Replaces `%x`.
    ///
    /// # Errors
    /// A token that is not known.
    pub(crate) fn expand(&self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('%') => out.push('%'),
                Some('h') => out += &self.hostname,
                Some('n') => out += &self.original,
                Some('p') => out += &self.port,
                Some('r') => out += &self.user,
                Some('u') => out += &self.local_user,
                Some('d') => out += &self.home.to_string_lossy(),
                Some('k') => out += self.alias.as_deref().unwrap_or(&self.original),
                Some('j') => out += &self.jump,
                Some('l') => out += &local_host(),
                Some('L') => out += local_host().split('.').next().unwrap_or_default(),
                Some('i') => out += &uid().to_string(),
                Some('C') => {
                    let text = [&local_host(), &self.hostname, &self.port, &self.user, &self.jump];
                    let text = text.map(String::as_str).concat();
                    for byte in Sha1::digest(text) {
                        out += &format!("{byte:02x}");
                    }
                }
                other => {
                    let token = other.map_or_else(String::new, String::from);
                    return Err(format!("`%{token}` in `{text}` is not known"));
                }
            }
        }
        Ok(out)
    }

    /// Replaces `~`, `%x` and `${NAME}`.
    ///
    /// # Errors
    /// A token or a variable that is not known.
    pub(crate) fn path(&self, text: &str) -> Result<PathBuf, String> {
        let mut text = self.expand(text)?;
        while let Some(at) = text.find("${") {
            let end = text[at..].find('}').ok_or_else(|| format!("expected `}}` in `{text}`"))?;
            let name = text[at + 2..at + end].to_owned();
            let value = std::env::var(&name).map_err(|_| format!("`{name}` is not set"))?;
            text.replace_range(at..=at + end, &value);
        }
        Ok(match text.strip_prefix('~') {
            Some("") => self.home.clone(),
            Some(rest) if rest.starts_with('/') => self.home.join(rest.trim_start_matches('/')),
            _ => PathBuf::from(text),
        })
    }
}

fn local_host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

fn uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").map(|own| own.uid()).unwrap_or_default()
}

/// The name and the home directory of the user who runs rprov.
pub(crate) fn local_user() -> (String, PathBuf) {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let uid = uid().to_string();
    let own = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let own = own.into_iter().find(|fields| fields.get(2) == Some(&uid.as_str()));
    let field = |at: usize| own.as_ref().and_then(|fields| fields.get(at)).map(|f| (*f).to_owned());
    let name = field(0).or_else(|| std::env::var("USER").ok()).unwrap_or(uid.clone());
    let home = std::env::home_dir().or_else(|| field(5).map(PathBuf::from));
    (name, home.unwrap_or_else(|| Path::new("/").to_owned()))
}
