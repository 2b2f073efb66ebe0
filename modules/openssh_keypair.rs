//! `openssh_keypair`: an SSH key of the host, with its public half beside it.
//!
//! ```yaml
//! - openssh_keypair:
//!     path: /etc/ssh/ssh_host_ed25519_key
//!     type: ed25519
//! - openssh_keypair: { path: /home/deploy/.ssh/id_rsa, size: 4096, owner: deploy, comment: deploy@app }
//! - openssh_keypair: { path: /root/old, state: absent }
//! ```

use crate::attributes::{octal, with_file_attributes};
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Refusal, Reply, Result,
    Stat, Step, argv, ask, sh, stat,
};

with_file_attributes! {
    /// Makes an SSH key with ssh-keygen, if there is none or another is wanted.
    ///
    /// `register` gets `filename`, `type`, `size`, `fingerprint`, `public_key` and `comment`. Keys
    /// with a passphrase are not supported.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct OpensshKeypair {
        /// The private key's file; the public one has `.pub` behind it. Required.
        path: String,
        /// `present` or `absent`. Default: `present`.
        #[serde(default)]
        state: Presence,
        /// `rsa`, `ecdsa` or `ed25519`. Default: `rsa`.
        #[serde(default, rename = "type")]
        kind: Kind,
        /// In bits. Default: 4096 for rsa, 256 for ecdsa.
        size: Option<u32>,
        /// A comment in the public key. Default: left as it is; none for a new one.
        comment: Option<String>,
        /// When a key that is there is replaced: `never`; `fail`: never, and a key of another type
        /// or size is an error; `partial_idempotence` (default): if it is of another type or size;
        /// `full_idempotence`: also if it cannot be read; `always`.
        #[serde(default)]
        regenerate: Regenerate,
        /// The same as `regenerate: always`. Default: false.
        #[serde(default)]
        force: bool,
        /// A passphrase: not supported, and refused.
        #[schemars(with = "Option<String>")]
        #[expect(dead_code, reason = "never bound: reading it is an error")]
        passphrase: Option<crate::attributes::Unsupported>,
        /// The key's format: ssh-keygen's own is always used. Default: `auto`.
        #[schemars(with = "Option<String>")]
        #[expect(dead_code, reason = "accepted, without effect")]
        private_key_format: Option<crate::attributes::Ignored>,
        /// What makes the key: ssh-keygen is always used. Default: `auto`.
        #[schemars(with = "Option<String>")]
        #[expect(dead_code, reason = "accepted, without effect")]
        backend: Option<crate::attributes::Ignored>,
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Rsa,
    Ecdsa,
    Ed25519,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Rsa => "rsa",
            Kind::Ecdsa => "ecdsa",
            Kind::Ed25519 => "ed25519",
        }
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Regenerate {
    Never,
    Fail,
    #[default]
    PartialIdempotence,
    FullIdempotence,
    Always,
}

/// A key that can be read.
struct Key {
    size: u32,
    kind: String,
    fingerprint: String,
    /// Type and data of the public half.
    public: String,
    /// Its file, as it is.
    file: String,
}

impl Key {
    /// Three lines: the public half, what it is, and what is in its file.
    fn read(text: &str) -> Option<Key> {
        let mut lines = text.lines();
        let (public, about) = (lines.next()?, lines.next()?);
        let words: Vec<&str> = about.split_whitespace().collect();
        let public: Vec<&str> = public.split_whitespace().take(2).collect();
        Some(Key {
            size: words.first()?.parse().ok()?,
            fingerprint: (*words.get(1)?).to_owned(),
            kind: words.last()?.trim_matches(['(', ')']).to_ascii_lowercase(),
            public: public.join(" "),
            file: lines.next().unwrap_or_default().to_owned(),
        })
    }

    fn comment(&self) -> &str {
        self.file.splitn(3, ' ').nth(2).unwrap_or_default().trim()
    }
}

pub(crate) struct Now {
    key: Reply,
    file: Option<Stat>,
    public: Option<Stat>,
}

impl OpensshKeypair {
    fn size(&self) -> u32 {
        match self.kind {
            Kind::Rsa => self.size.unwrap_or(4096),
            Kind::Ecdsa => self.size.unwrap_or(256),
            Kind::Ed25519 => 256,
        }
    }

    fn check(&self) -> Result<()> {
        let size = self.size();
        match self.kind {
            Kind::Rsa if size < 1024 => Err("For RSA keys, the minimum size is 1024 bits and the default is 4096 bits. Attempting to use bit lengths under 1024 will cause the module to fail.".into()),
            Kind::Ecdsa if ![256, 384, 521].contains(&size) => Err("For ECDSA keys, size determines the key length by selecting from one of three elliptic curve sizes: 256, 384 or 521 bits.".into()),
            _ if self.comment.as_deref().is_some_and(|text| text.contains('\n')) => {
                Err("a comment is one line".into())
            }
            _ => Ok(()),
        }
    }

    /// Whether a key that is there is to be replaced.
    fn replaces(&self, key: Option<&Key>) -> Result<bool> {
        let right = key.map(|key| key.size == self.size() && key.kind == self.kind.word());
        let regenerate = if self.force { Regenerate::Always } else { self.regenerate };
        match (regenerate, right) {
            (Regenerate::Always, _) | (Regenerate::FullIdempotence, None | Some(false)) => Ok(true),
            (Regenerate::PartialIdempotence, Some(false)) => Ok(true),
            (Regenerate::Fail, Some(false)) => Err("Key has wrong type and/or size. Will not proceed. To force regeneration, call the module with `regenerate` set to `partial_idempotence`, `full_idempotence` or `always`, or with `force=true`.".into()),
            (_, None) => Err(Refusal::new(format!(
                "Unable to read the key {}: it is protected with a passphrase, or broken. To force regeneration, use `regenerate: full_idempotence`",
                self.path
            ))),
            _ => Ok(false),
        }
    }

    fn make(&self, path: &str, old: Option<&Key>) -> Plan {
        let wanted = self.attributes();
        let mode = octal(wanted.bits(None, false).unwrap_or(0o600));
        let owner = match (&self.owner, &self.group) {
            (Some(owner), Some(group)) => format!("{owner}:{group}"),
            (Some(owner), None) => owner.clone(),
            (None, Some(group)) => format!(":{group}"),
            (None, None) => String::new(),
        };
        let bits = if self.kind == Kind::Ed25519 { String::new() } else { self.size().to_string() };
        let comment = self.comment.as_deref().or(old.map(Key::comment)).unwrap_or_default();
        let script = sh(MAKE, [path, self.kind.word(), &bits, comment, &mode, &owner]);
        let before = old.map_or("absent", |key| &key.fingerprint);
        let what = format!("a new one ({} {})", self.kind.word(), self.size());
        let mut diffs = vec![Diff::field(path, "key", before, what)];
        diffs.extend(wanted.diffs(path, None, false));
        let plan = Plan::none().changes(diffs, Step::run(script));
        // A key that is always new is never the same twice.
        match self.force || self.regenerate == Regenerate::Always {
            true => plan.never_settles(),
            false => plan,
        }
    }
}

impl Module for OpensshKeypair {
    const NAMES: &'static [&'static str] = &["openssh_keypair"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        let path = facts.path(&self.path);
        let public = format!("{path}.pub");
        ask(sh(LOOK, [path.as_str()]))
            .and(stat(path))
            .and(stat(public))
            .map(|((key, file), public)| Now { key, file, public })
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let path = facts.path(&self.path);
        let public = format!("{path}.pub");
        if now.key.status == 127 {
            return Err("there is no ssh-keygen on the host; install openssh-client first".into());
        }
        let mut plan = Plan::none();
        let key = Key::read(&now.key.out());
        if self.state == Presence::Absent {
            for (path, _) in
                [(&path, &now.file), (&public, &now.public)].iter().filter(|(_, s)| s.is_some())
            {
                let step = Step::run(argv(["rm", "-f", "--", path]));
                plan = plan.change(Diff::field(path, "state", "file", "absent"), step);
            }
        } else if let Some(file) = &now.file {
            if self.replaces(key.as_ref())? {
                plan = self.make(&path, key.as_ref());
            } else {
                plan = self.attributes().fix(&path, file);
                if let Some(key) = &key {
                    let comment = self.comment.as_deref().unwrap_or(key.comment());
                    let line = match comment {
                        "" => key.public.clone(),
                        comment => format!("{} {comment}", key.public),
                    };
                    if key.file.trim() != line {
                        let script = sh(PUBLIC, [path.as_str(), comment]);
                        let diff = Diff::field(&public, "content", key.file.trim(), &line);
                        plan = plan.change(diff, Step::run(script));
                    }
                }
            }
        } else {
            plan = self.make(&path, None);
        }
        plan = self.warn_of_ignored(plan);
        let about = key.as_ref().filter(|_| self.state == Presence::Present);
        Ok(plan
            .value("filename", path)
            .value("type", self.kind.word())
            .value("size", self.size())
            .value("fingerprint", about.map_or("", |key| &key.fingerprint))
            .value("public_key", about.map_or("", |key| &key.public))
            .value("comment", about.map_or("", Key::comment)))
    }
}

const LOOK: &str = r#"# what SSH key is in a file
command -v ssh-keygen >/dev/null || exit 127
[ -f "$1" ] || exit 0
key=$(ssh-keygen -y -P '' -f "$1" 2>/dev/null) || exit 0
printf '%s\n' "$key"
printf '%s\n' "$key" | ssh-keygen -l -E sha256 -f - || exit
cat "$1.pub" 2>/dev/null || :
"#;

/// `$path $type $bits $comment $mode $owner`
const MAKE: &str = r#"# make an SSH key: PATH TYPE BITS COMMENT MODE OWNER
umask 077
new=$1.rprov
rm -f -- "$new" "$new.pub"
trap 'rm -f -- "$new" "$new.pub"' EXIT
ssh-keygen -q -t "$2" ${3:+-b "$3"} -C "$4" -N '' -f "$new" </dev/null || exit
[ -z "$6" ] || chown -- "$6" "$new" "$new.pub" || exit
chmod "$5" "$new" && chmod 644 "$new.pub" || exit
mv -f -- "$new" "$1" && mv -f -- "$new.pub" "$1.pub"
"#;

/// Written beside its place first.
const PUBLIC: &str = r#"# write the public half of an SSH key: PATH COMMENT
new=$1.pub.rprov
trap 'rm -f -- "$new"' EXIT
key=$(ssh-keygen -y -P '' -f "$1") || exit
[ ! -e "$1.pub" ] || cp -p -- "$1.pub" "$new" || exit
printf '%s\n' "$key" | cut -d ' ' -f 1,2 | sed 's/$/ /' | tr -d '\n' >"$new" || exit
printf '%s\n' "$2" >>"$new" && mv -f -- "$new" "$1.pub"
"#;
