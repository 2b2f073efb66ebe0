//! `apt_key`: keys that apt trusts for all its sources.
//!
//! Neither apt-key, which Debian has removed, nor gpg is needed on the host. For a new source
//! `deb822_repository`, or `signed-by` with a key of its own, is the better way.
//!
//! ```yaml
//! - apt_key:
//!     url: https://download.docker.com/linux/debian/gpg
//! - apt_key:
//!     id: 9DC858229FC7DD38854AE2D88D81803C0EBFCD88
//!     keyserver: keyserver.ubuntu.com
//!     keyring: /etc/apt/trusted.gpg.d/docker.gpg
//! - apt_key: { id: "0x0EBFCD88", state: absent }
//! ```

use serde_json::json;

use crate::command::yes;
use crate::download::download;
use crate::kit::{
    Content, Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Put, Refusal,
    Result, Step, argv, ask, read, sh,
};
use crate::openpgp::{self, Key};

/// Adds a key to those apt trusts, or removes it.
///
/// `register` gets `id`, `key_id`, `fp`, `short_id`, `before`, and after a change `after`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AptKey {
    /// The key's ID: 8, 16 or more digits in hex. A key that is there is neither fetched nor read.
    /// Default: that of the first key in `url`, `data` or `file`.
    id: Option<String>,
    /// `present` or `absent`. Default: `present`.
    #[serde(default)]
    state: Presence,
    /// Fetch the key from here.
    url: Option<String>,
    /// The key itself.
    data: Option<String>,
    /// A file of the host with the key.
    file: Option<String>,
    /// A keyserver (`keyserver.ubuntu.com`, `hkp://…`, `hkps://…`) to fetch the key from. Needs `id`.
    keyserver: Option<String>,
    /// The keyring: a file of the host. Default: all that apt trusts; `/etc/apt/trusted.gpg` for a
    /// new key.
    keyring: Option<String>,
    /// Whether the certificate of an `https://` server must be valid. Default: true.
    #[serde(default = "yes")]
    validate_certs: bool,
}

/// A keyring of the host.
struct Ring {
    path: String,
    keys: Vec<Key>,
}

pub(crate) struct Now {
    /// Seconds since 1970, by the host.
    time: u64,
    rings: Vec<Ring>,
    /// The keys that were fetched or read.
    source: Option<Vec<Key>>,
}

impl Now {
    fn ids(&self, short: bool) -> Vec<String> {
        let alive = self.rings.iter().flat_map(|ring| &ring.keys);
        let alive = alive.filter(|key| !key.is_expired(self.time));
        let id = |id: &str| if short { id[8..].to_owned() } else { id.to_owned() };
        alive.flat_map(|key| key.ids().map(id).collect::<Vec<_>>()).collect()
    }
}

/// A wanted key's ID.
struct Id {
    given: String,
    /// Upper case, without `0x`.
    digits: String,
}

impl Id {
    fn new(given: &str) -> Result<Id> {
        let upper = given.trim().to_ascii_uppercase();
        let digits = upper.strip_prefix("0X").unwrap_or(&upper);
        let fits = digits.len() == 8 || digits.len() >= 16;
        if !fits || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(Refusal::new("Invalid key_id").value("id", given));
        }
        Ok(Id { given: given.to_owned(), digits: digits.to_owned() })
    }

    /// What keys are compared by: 8 or 16 digits.
    fn compared(&self) -> &str {
        &self.digits[self.digits.len().saturating_sub(16)..]
    }
}

impl AptKey {
    fn check(&self) -> Result<()> {
        let given = [&self.data, &self.file, &self.keyserver, &self.url];
        if given.iter().filter(|given| given.is_some()).count() > 1 {
            return Err("parameters are mutually exclusive: data|file|keyserver|url".into());
        }
        if self.keyring.as_deref().is_some_and(|path| path.ends_with(".asc")) {
            return Err("`keyring` must not end in `.asc`: apt would take it for text".into());
        }
        match &self.id {
            None if self.keyserver.is_some() => {
                Err("Missing key_id, required with keyserver.".into())
            }
            None if given.iter().all(|given| given.is_none()) => {
                Err("expected one of `id`, `url`, `data`, `file` and `keyserver`".into())
            }
            Some(id) => Id::new(id).map(drop),
            None => Ok(()),
        }
    }

    /// The keyrings that matter. One that is not there has no keys.
    fn rings<'a>(&self, facts: &Facts) -> Probe<'a, (u64, Vec<Ring>)> {
        let paths = self.keyring.as_deref().map(|path| facts.path(path));
        ask(sh(RINGS, paths)).try_map(|reply| {
            let mut rest = reply.stdout.as_slice();
            let time = field(&mut rest).trim().parse().unwrap_or_default();
            let mut rings = Vec::new();
            while !rest.is_empty() {
                let path = field(&mut rest);
                let size = field(&mut rest).trim().parse().unwrap_or_default();
                let (bytes, after) = rest.split_at_checked(size).unwrap_or((rest, b""));
                rest = after;
                let keys = match bytes.is_empty() {
                    true => vec![],
                    false => openpgp::keys(bytes).map_err(|why| format!("{path}: {why}"))?,
                };
                rings.push(Ring { path, keys });
            }
            Ok((time, rings))
        })
    }

    /// The keys there are to be had.
    fn source<'a>(&'a self, facts: &Facts) -> Probe<'a, Option<Vec<Key>>> {
        let parse = |what: &str, bytes: &[u8]| {
            openpgp::keys(bytes)
                .map(Some)
                .map_err(|why| Refusal::new(format!("Unable to extract key from '{what}': {why}")))
        };
        if let Some(data) = &self.data {
            return Probe::known(()).try_map(move |()| parse("inline data", data.as_bytes()));
        }
        if let Some(file) = &self.file {
            let path = facts.path(file);
            return read(path.clone(), LIMIT).try_map(move |content| match content {
                Content::Bytes(bytes) => parse(&path, &bytes),
                _ => Err(format!("Unable to extract key from '{path}': no such file").into()),
            });
        }
        let url = match (&self.url, &self.keyserver, &self.id) {
            (Some(url), ..) => url.clone(),
            (None, Some(server), Some(id)) => keyserver_url(server, id),
            _ => return Probe::known(None),
        };
        download(&url, self.validate_certs).try_map(move |bytes| parse("the answer", &bytes))
    }

    /// Puts keys into a ring, in place of those with the same fingerprint.
    fn add(&self, now: &Now, wanted: &[Key], facts: &Facts) -> Plan {
        let path = self.keyring.as_deref().map_or_else(|| TRUSTED.into(), |path| facts.path(path));
        let old = now.rings.iter().find(|ring| ring.path == path).map(|ring| ring.keys.as_slice());
        let old = old.unwrap_or_default();
        let is_new =
            |key: &&Key| !wanted.iter().any(|wanted| wanted.fingerprints[0] == key.fingerprints[0]);
        let mut content: Vec<u8> = Vec::new();
        old.iter().filter(is_new).chain(wanted).for_each(|key| content.extend(&key.packets));
        let diffs = wanted.iter().map(|key| {
            let before = old.iter().find(|old| old.fingerprints[0] == key.fingerprints[0]);
            let before = before.map_or("absent", |_| "outdated");
            Diff::field(&path, "key", before, &key.fingerprints[0])
        });
        Plan::none().changes(diffs.collect(), Step::Put(ring(&path, content)))
    }

    fn remove(&self, now: &Now, id: &Id) -> Result<Plan> {
        let mut plan = Plan::none();
        for found in &now.rings {
            let (gone, stay): (Vec<_>, Vec<_>) =
                found.keys.iter().partition(|key| key.is(&id.digits));
            let diffs: Vec<_> = gone
                .iter()
                .map(|key| Diff::field(&found.path, "key", &key.fingerprints[0], "absent"))
                .collect();
            let content: Vec<u8> = stay.iter().flat_map(|key| key.packets.clone()).collect();
            let step = match content.is_empty() {
                true => Step::run(argv(["rm", "-f", "--", &found.path])),
                false if found.path.ends_with(".asc") && !diffs.is_empty() => {
                    return Err(Refusal::new(format!(
                        "{} holds other keys, too, and cannot be edited: remove the key there",
                        found.path
                    )));
                }
                false => Step::Put(ring(&found.path, content)),
            };
            plan = plan.changes(diffs, step);
        }
        Ok(plan)
    }
}

fn ring(path: &str, content: Vec<u8>) -> Put {
    Put {
        path: path.to_owned(),
        content: content.into(),
        mode: Some(0o644),
        owner: None,
        group: None,
        validate: None,
        backup: false,
    }
}

/// The text before the next NUL, which is taken away with it.
fn field(rest: &mut &[u8]) -> String {
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let text = String::from_utf8_lossy(&rest[..end]).into_owned();
    *rest = rest.get(end + 1..).unwrap_or_default();
    text
}

/// Where a keyserver has a key, by the protocol that all of them speak.
fn keyserver_url(server: &str, id: &str) -> String {
    let server = server.trim_end_matches('/');
    let base = match server.split_once("://") {
        Some(("hkp", host)) if host.contains(':') => format!("http://{host}"),
        Some(("hkp", host)) => format!("http://{host}:11371"),
        Some(("hkps", host)) => format!("https://{host}"),
        Some(_) => server.to_owned(),
        None => format!("https://{server}"),
    };
    let digits = id.trim().trim_start_matches("0x").trim_start_matches("0X");
    format!("{base}/pks/lookup?op=get&options=mr&search=0x{digits}")
}

impl Module for AptKey {
    const NAMES: &'static [&'static str] = &["apt_key"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        let rings = self.rings(facts);
        match &self.id {
            None => rings.and(self.source(facts)).map(|((time, rings), source)| Now {
                time,
                rings,
                source,
            }),
            Some(id) => rings.then(move |(time, rings)| {
                let is = |key: &Key| match Id::new(id) {
                    Ok(id) => key.is(id.compared()) && !key.is_expired(time),
                    Err(_) => false,
                };
                let there = rings.iter().any(|ring| ring.keys.iter().any(is));
                match there || self.state == Presence::Absent {
                    true => Probe::known(Now { time, rings, source: None }),
                    false => self.source(facts).map(move |source| Now { time, rings, source }),
                }
            }),
        }
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let first = now.source.iter().flatten().next();
        let first = first.and_then(|key| key.ids().next());
        let given = self.id.as_deref().or(first).unwrap_or_default();
        let id = Id::new(given)?;
        let short = id.digits.len() == 8;
        let before = now.ids(short);
        let there = before.iter().any(|key| key == id.compared());
        let mut plan = match self.state {
            Presence::Present if there => Plan::none(),
            Presence::Present => {
                let Some(source) = &now.source else {
                    return Err(Refusal::new(format!(
                        "there is no key {given}; say where it is to be had: `url`, `data`, `file` or `keyserver`"
                    )));
                };
                if !source.iter().any(|key| key.is(id.compared())) {
                    return Err(Refusal::new(format!(
                        "what was found does not hold the key {given} but {}",
                        source
                            .iter()
                            .map(|key| &*key.fingerprints[0])
                            .collect::<Vec<_>>()
                            .join(", ")
                    )));
                }
                if source.iter().any(|key| key.is(id.compared()) && key.is_expired(now.time)) {
                    return Err(Refusal::new(format!("the key {given} has expired")));
                }
                self.add(&now, source, facts)
            }
            Presence::Absent => self.remove(&now, &id)?,
        };
        let tail = |digits: usize| id.digits[id.digits.len().saturating_sub(digits)..].to_owned();
        plan = plan
            .value("id", &*id.given)
            .value("key_id", &*id.digits)
            .value("short_id", tail(8))
            .value("fp", if id.digits.len() > 16 { tail(16) } else { id.digits.clone() })
            .value("before", json!(before));
        // The values of a change are those of the host as it then is.
        let now_there = plan.values["before"].clone();
        Ok(plan.value("after", now_there).value_on_change("before", json!(before)))
    }
}

const TRUSTED: &str = "/etc/apt/trusted.gpg";

/// Bytes up to which a file with a key is read.
const LIMIT: u64 = 4 * 1024 * 1024;

const RINGS: &str = r#"# read apt's keyrings, or the one given
[ $# -gt 0 ] || set -- /etc/apt/trusted.gpg /etc/apt/trusted.gpg.d/*.gpg /etc/apt/trusted.gpg.d/*.asc
printf '%s\0' "$(date +%s)"
for file; do
    [ -f "$file" ] || continue
    printf '%s\0%s\0' "$file" "$(wc -c <"$file")"
    cat -- "$file"
done
"#;
