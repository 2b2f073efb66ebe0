//! `unarchive`: an archive unpacked into a directory of the host.
//!
//! ```yaml
//! - unarchive:
//!     src: site.tar.gz
//!     dest: /srv/www
//!     owner: www-data
//! - unarchive:
//!     src: /opt/app-1.2.tar.xz
//!     dest: /opt
//!     remote_src: true
//!     creates: /opt/app-1.2
//! ```

use std::sync::Arc;

use crate::attributes::{Attributes, describe, with_file_attributes};
use crate::command::yes;
use crate::http::{Request, Simple, Url, Way, masked};
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Mode, Module, Need, Plan, Probe, Refusal, Reply, Result,
    Script, Stat, Step, Supply, Words, ask_costly, sh, stat,
};

with_file_attributes! {
    /// Unpacks a tar archive (plain, or by gzip, bzip2, xz or zstd) or a zip file, if anything in it
    /// differs from what is there. The host needs GNU `tar` and its helpers, or `unzip`.
    ///
    /// `register` gets `dest`, `src`, `handler`, what `file` tells of `dest` and, with `list_files`,
    /// `files`. An archive of this machine travels to the host each time it is compared.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Unarchive {
        /// A file of this machine, looked for in `files/`; with `remote_src` a path or a URL of the
        /// host. Required.
        src: String,
        /// The directory to unpack into; it must be there. Required.
        dest: String,
        /// `src` is a path or a URL of the host itself. Default: false.
        #[serde(default)]
        remote_src: bool,
        /// The opposite of `remote_src`, as it was called before.
        copy: Option<bool>,
        /// A path: if it is there, nothing is done.
        creates: Option<String>,
        /// Give the names of the archive's files as `files`. Default: false.
        #[serde(default)]
        list_files: bool,
        /// Keep files that are newer than those of the archive. Default: false.
        #[serde(default)]
        keep_newer: bool,
        /// Patterns of what to leave out. Default: nothing.
        #[serde(default)]
        exclude: Words,
        /// What to take, as it is called in the archive. Default: all.
        #[serde(default)]
        include: Words,
        /// More words for `tar` or `unzip`, such as `--strip-components=1`. Default: none.
        #[serde(default)]
        extra_opts: Words,
        /// Whether the certificate of a URL's server must be good. Default: true.
        #[serde(default = "yes")]
        validate_certs: bool,
        /// Decrypt a file that is encrypted with the vault. Only true is supported. Default: true.
        #[serde(default = "yes")]
        decrypt: bool,
        /// Accepted, without effect.
        #[schemars(with = "u64")]
        #[expect(dead_code, reason = "accepted, without effect")]
        io_buffer_size: Option<crate::attributes::Ignored>,
        #[serde(skip)]
        content: Option<Arc<[u8]>>,
    }
}

pub(crate) enum Now {
    /// `creates` is there.
    Exists(String),
    Compared(Box<Compared>),
}

/// How the archive and the directory differ.
pub(crate) struct Compared {
    dest: Stat,
    handler: String,
    differences: Vec<String>,
    files: Vec<String>,
    /// `MODE UID OWNER GID GROUP KIND`, each once.
    attributes: Vec<String>,
}

/// So many differences are told.
const TOLD: usize = 10;

impl Unarchive {
    fn remote(&self) -> bool {
        self.copy.map_or(self.remote_src, |copy| !copy)
    }

    fn is_url(&self) -> bool {
        self.remote() && self.src.contains("://")
    }

    fn script(&self, facts: &Facts, what: &str) -> Result<Script> {
        let Attributes { owner, group, mode } = self.attributes();
        let mode = match mode {
            Some(Mode::Preserve) | None => String::new(),
            Some(mode) => mode.to_string(),
        };
        let (mut kind, mut src) = ("here", String::new());
        let (mut curl, mut wget) = (String::new(), String::new());
        if self.is_url() {
            kind = "url";
            let url = Url::new(&self.src)?;
            let request = Request { method: "GET".into(), url, headers: vec![], body: None };
            let way = Way {
                user: None,
                password: None,
                force_basic_auth: false,
                validate_certs: self.validate_certs,
                ca_path: None,
                client_cert: None,
                client_key: None,
                ciphers: &[],
                agent: "ansible-httpget",
                timeout: 10,
                use_proxy: true,
                use_netrc: true,
                unix_socket: None,
                simple: Some(Simple { decompress: false }),
            };
            (curl, wget) = (request.curl(&way)?, request.wget(&way)?);
        } else if self.remote() {
            (kind, src) = ("path", facts.path(&self.src));
        }
        let flag = |on: bool, word: &str| if on { word.to_owned() } else { String::new() };
        let words = [
            what.to_owned(),
            kind.to_owned(),
            facts.path(&self.dest),
            owner.unwrap_or_default().to_owned(),
            group.unwrap_or_default().to_owned(),
            mode,
            flag(self.keep_newer, "keep"),
            flag(self.list_files, "list"),
            src,
            curl.len().to_string(),
            wget.len().to_string(),
            self.exclude.len().to_string(),
            self.include.len().to_string(),
        ];
        let words = words
            .into_iter()
            .chain(self.exclude.iter().chain(&*self.include).chain(&*self.extra_opts).cloned());
        let script = sh(include_str!("unarchive.sh"), words);
        Ok(match (kind, &self.content) {
            ("here", Some(content)) => script.stdin(content.clone()),
            ("here", None) => return Err("the archive was not read".into()),
            ("url", _) => script.stdin((curl + &wget).into_bytes()),
            _ => script,
        })
    }

    fn compare<'a>(&'a self, facts: &'a Facts, dest: Stat) -> Probe<'a, Now> {
        let script = match self.script(facts, "look") {
            Ok(script) => script,
            Err(why) => return Probe::refuse(why),
        };
        ask_costly(script).try_map(move |reply| Ok(Now::Compared(Box::new(read(&reply, dest)?))))
    }

    /// How many kinds of files have other attributes than are wanted.
    fn others(&self, compared: &Compared) -> bool {
        let wanted = self.attributes();
        compared.attributes.iter().any(|line| {
            let words: Vec<&str> = line.splitn(6, ' ').collect();
            let [mode, uid, owner, gid, group, kind] = words[..] else { return false };
            let Ok(mode) = u32::from_str_radix(mode, 8) else { return false };
            let bits = wanted.mode.filter(|_| kind != "symbolic link");
            let bits = bits.map(|it| it.apply(mode, kind == "directory", crate::attributes::UMASK));
            wanted.owner.is_some_and(|it| it != owner && it != uid)
                || wanted.group.is_some_and(|it| it != group && it != gid)
                || bits.is_some_and(|bits| bits != mode)
        })
    }
}

fn read(reply: &Reply, dest: Stat) -> Result<Compared> {
    if !reply.ok() {
        return Err(Refusal::new(reply.err().trim()));
    }
    let out = reply.out();
    let mut lines = out.lines().map(str::to_owned);
    let mut part = || lines.by_ref().take_while(|line| !line.is_empty()).collect::<Vec<_>>();
    let handler = part().concat();
    let (differences, files, attributes) = (part(), part(), part());
    Ok(Compared { dest, handler, differences, files, attributes })
}

impl Module for Unarchive {
    const NAMES: &'static [&'static str] = &["unarchive"];
    type State = Now;

    fn needs(&self) -> Vec<Need> {
        match self.remote() {
            true => vec![],
            false => vec![Need::File { src: self.src.clone() }],
        }
    }

    fn supply(&mut self, supplies: Vec<Supply>) -> Result<()> {
        match supplies.into_iter().next() {
            Some(Supply::File { content, .. }) => self.content = Some(content),
            Some(Supply::Tree { .. }) => {
                return Err("expected an archive, found a directory".into());
            }
            None => {}
        }
        Ok(())
    }

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        if !self.decrypt {
            return Probe::refuse("`decrypt: false` is not supported");
        }
        if !self.include.is_empty() && !self.exclude.is_empty() {
            return Probe::refuse("expected `include` or `exclude`, found both");
        }
        let creates = self.creates.as_deref().map(|path| facts.path(path));
        let there = match &creates {
            Some(path) => stat(path.clone()),
            None => Probe::known(None),
        };
        let dest = facts.path(&self.dest);
        there.and(stat(dest.clone())).then(move |(there, found)| match (there, found) {
            (Some(_), _) => Probe::known(Now::Exists(creates.unwrap_or_default())),
            (None, Some(found)) if found.kind == crate::kit::FileKind::Directory => {
                self.compare(facts, found)
            }
            _ => Probe::refuse(format!("dest '{dest}' must be an existing dir")),
        })
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let compared = match now {
            Now::Exists(path) => {
                let why = format!("skipped, since {path} exists");
                return Ok(Plan::none().value("skipped", true).value("msg", why));
            }
            Now::Compared(compared) => *compared,
        };
        let dest = facts.path(&self.dest);
        let src = if self.is_url() { masked(&self.src) } else { self.src.clone() };
        let mut plan = Plan::none();
        if !compared.differences.is_empty() {
            let all = compared.differences.len();
            let mut diffs = vec![Diff::Note(format!("unpack {src} into {dest}"))];
            let told = compared.differences.into_iter().take(TOLD);
            diffs.extend(told.map(Diff::Note));
            if all > TOLD {
                diffs.push(Diff::Note(format!("and {} more", all - TOLD)));
            }
            plan = plan.changes(diffs, Step::run(self.script(facts, "unpack")?));
            // It has compared, and told what is still different: that need not travel once more.
            plan = plan.never_settles();
        } else if self.others(&compared) {
            let diff =
                Diff::Note(format!("set owner, group or mode of what {src} holds in {dest}"));
            plan = plan.change(diff, Step::run(self.script(facts, "own")?)).never_settles();
        }
        plan = plan.value("dest", dest).value("src", src).value("handler", compared.handler);
        if self.list_files {
            plan = plan.value("files", compared.files);
        }
        plan.values.extend(describe(Some(&compared.dest)));
        Ok(self.warn_of_ignored(plan))
    }
}
