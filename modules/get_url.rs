//! `get_url`: downloads a file to the host.
//!
//! ```yaml
//! - get_url:
//!     url: https://example.org/app-1.2.tar.gz
//!     dest: /opt/app-1.2.tar.gz
//!     checksum: sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
//!     mode: "0644"
//! ```

use serde_json::{Map, Value};

use crate::attributes::{Attributes, describe, join, octal, tidy, with_file_attributes};
use crate::command::yes;
use crate::http::{Head, Parts, Request, Simple, Url, Way, date, masked};
use crate::kit::{
    Algorithm, Change, Deserialize, Diff, Facts, FileKind, JsonSchema, Module, Output, Plan, Probe,
    Refusal, Reply, Result, Script, Stat, Step, Words, ask_costly, digest, sh, stat,
};
use crate::uri::agent;
use crate::uri_body;

with_file_attributes! {
    /// Downloads a file to the host, by `curl`, else by GNU `wget`, else by the helper of apt.
    ///
    /// With a `checksum` nothing is asked of the network once the file is right. Without one the
    /// server is asked each time whether it has another content. `register` gets `dest`, `url`,
    /// `checksum_src`, `checksum_dest`, `md5sum`, `status_code`, `msg`, `elapsed`, what `file` tells
    /// of the file and, with `backup`, `backup_file`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct GetUrl {
        /// The URL, with or without user and password. Required.
        url: String,
        /// The file, or a directory for it. Required.
        dest: String,
        /// `ALGORITHM:DIGEST`, or `ALGORITHM:URL` of a file with digests: md5, sha1, sha224, sha256,
        /// sha384 or sha512. What does not have it is not put in place. Default: not checked.
        #[serde(default)]
        checksum: String,
        /// Ask for the content even if the server says that it has not changed. Default: false.
        #[serde(default)]
        force: bool,
        /// Keep an old file beside the new one, with the time in its name. Default: false.
        #[serde(default)]
        backup: bool,
        /// A directory to download into first. Default: the one of `dest`.
        tmp_dest: Option<String>,
        /// Headers by name. Default: none.
        #[serde(default)]
        headers: Map<String, Value>,
        /// Headers that are not sent to where a redirection leads: not supported, and refused.
        #[serde(default)]
        unredirected_headers: Words,
        /// Seconds without a sign of life. Default: 10.
        #[serde(default = "ten")]
        timeout: u32,
        /// User, if the server asks for one.
        #[serde(alias = "username")]
        url_username: Option<String>,
        /// Password of the user.
        #[serde(alias = "password")]
        url_password: Option<String>,
        /// Send user and password before they are asked for. Default: false.
        #[serde(default)]
        force_basic_auth: bool,
        /// Whether the server's certificate must be good. Default: true.
        #[serde(default = "yes")]
        validate_certs: bool,
        /// File of the host with a certificate to show, and perhaps its key.
        client_cert: Option<String>,
        /// File of the host with the key of `client_cert`.
        client_key: Option<String>,
        /// Ciphers to offer. Default: those of the host's tool.
        #[serde(default)]
        ciphers: Words,
        /// The header `User-Agent`. Default: `ansible-httpget`.
        #[serde(default = "agent")]
        http_agent: String,
        /// Use the proxy of the environment. Default: true.
        #[serde(default = "yes")]
        use_proxy: bool,
        /// Use `~/.netrc` of the host. Default: true.
        #[serde(default = "yes")]
        use_netrc: bool,
        /// Decompress what the server has compressed on its way (curl only). Default: true.
        #[serde(default = "yes")]
        decompress: bool,
        /// Kerberos: not supported, and refused if true. Default: false.
        #[serde(default)]
        use_gssapi: bool,
    }
}

fn ten() -> u32 {
    10
}

/// A digest the content must have.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    algorithm: Algorithm,
    digest: String,
}

/// What is there, and what is known of the server.
pub(crate) struct Now {
    path: String,
    stat: Option<Stat>,
    wanted: Option<Wanted>,
    /// Whether the file has the content.
    right: bool,
    /// What `register` gets of the question.
    answer: Map<String, Value>,
}

/// What a server has answered.
struct Answer {
    head: Head,
    /// SHA-1 of the content.
    digest: String,
    body: Vec<u8>,
    elapsed: u64,
}

impl Answer {
    fn read(reply: &Reply) -> Result<Answer> {
        let unclear = || Refusal::new(format!("cannot make the request: {}", reply.err().trim()));
        let at = reply.stdout.iter().position(|&byte| byte == b'\n').ok_or_else(unclear)?;
        let line = String::from_utf8_lossy(&reply.stdout[..at]);
        let words: Vec<&str> = line.split(' ').collect();
        let [status, elapsed, digest, head, body, said] = words[..] else { return Err(unclear()) };
        let mut parts = Parts(&reply.stdout[at + 1..]);
        let mut part = |length| parts.next(length).ok_or_else(unclear);
        let head = Head::read(part(head)?);
        let body = part(body)?.to_vec();
        let said = String::from_utf8_lossy(part(said)?).trim().to_owned();
        if status != "0" {
            return Err(Refusal::new(format!("Request failed: {said}")));
        }
        let elapsed = elapsed.parse().map_err(|_| unclear())?;
        Ok(Answer { head, digest: digest.to_owned(), body, elapsed })
    }

    /// The name of the file that the server gives.
    fn file_name(&self) -> Option<String> {
        let (_, name) = self.head.header("content-disposition")?.split_once("filename=")?;
        let name = name.trim_start_matches('"').split(['"', ';']).next()?.trim();
        let name = name.rsplit('/').next()?;
        (!name.is_empty() && name != "..").then(|| name.to_owned())
    }
}

impl GetUrl {
    fn script(
        &self,
        what: &str,
        url: &str,
        more: &[(&str, String)],
        rest: &[&str],
    ) -> Result<Script> {
        if self.use_gssapi || !self.unredirected_headers.is_empty() {
            return Err("`use_gssapi` and `unredirected_headers` are not supported".into());
        }
        let mut headers: Vec<(String, String)> =
            self.headers.iter().map(|(k, v)| (k.clone(), uri_body::text(v))).collect();
        headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let request = Request { method: "GET".into(), url: Url::new(url)?, headers, body: None };
        let way = Way {
            user: self.url_username.as_deref(),
            password: self.url_password.as_deref(),
            force_basic_auth: self.force_basic_auth,
            validate_certs: self.validate_certs,
            ca_path: None,
            client_cert: self.client_cert.as_deref(),
            client_key: self.client_key.as_deref(),
            ciphers: &self.ciphers,
            agent: &self.http_agent,
            timeout: self.timeout,
            use_proxy: self.use_proxy,
            use_netrc: self.use_netrc,
            unix_socket: None,
            simple: Some(Simple { decompress: self.decompress }),
        };
        let (curl, wget) = (request.curl(&way)?, request.wget(&way)?);
        let mut words = vec![what.to_owned(), curl.len().to_string(), wget.len().to_string()];
        words.extend(rest.iter().map(|&word| word.to_owned()));
        words.resize(11, String::new());
        Ok(sh(include_str!("get_url.sh"), words).stdin((curl + &wget).into_bytes()))
    }

    /// Asks for a URL without keeping anything.
    fn look<'a>(&self, what: &str, url: &str, more: &[(&str, String)]) -> Probe<'a, Answer> {
        match self.script(what, url, more, &[]) {
            Ok(script) => ask_costly(script).try_map(|reply| Answer::read(&reply)),
            Err(why) => Probe::refuse(why),
        }
    }

    /// The digest the content must have, asked for if `checksum` says where.
    fn wanted<'a>(&'a self) -> Probe<'a, Option<Wanted>> {
        if self.checksum.is_empty() {
            return Probe::known(None);
        }
        let Some((name, digest)) = self.checksum.split_once(':') else {
            let why = "The checksum parameter has to be in format <algorithm>:<checksum>";
            return Probe::refuse(why);
        };
        let algorithm = match name.trim() {
            "md5" => Algorithm::Md5,
            "sha1" => Algorithm::Sha1,
            "sha224" => Algorithm::Sha224,
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            other => {
                let why = "expected md5, sha1, sha224, sha256, sha384 or sha512 as the algorithm of `checksum`";
                return Probe::refuse(format!("{why}, found `{other}`"));
            }
        };
        let plain = move |digest: &str| -> Result<Option<Wanted>> {
            let digest: String = digest.chars().filter(char::is_ascii_alphanumeric).collect();
            let digest = digest.to_ascii_lowercase();
            match !digest.is_empty() && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                true => Ok(Some(Wanted { algorithm, digest })),
                false => Err("The checksum format is invalid".into()),
            }
        };
        let scheme = digest.split_once("://").map_or("", |(scheme, _)| scheme);
        if !["http", "https", "ftp", "file"].contains(&scheme) {
            return Probe::known(()).try_map(move |()| plain(digest));
        }
        self.look("text", digest, &[]).try_map(move |answer| {
            if answer.head.status != 200 {
                return Err(self.failed(&answer));
            }
            let name = Url::new(&self.url)?.path;
            let name = name.split('?').next().unwrap_or_default();
            let name = name.rsplit('/').next().unwrap_or_default();
            let name = if name.is_empty() { "index.html" } else { name };
            let text = String::from_utf8_lossy(&answer.body);
            let found = listed(&text, name).ok_or_else(|| {
                let place = masked(digest);
                Refusal::new(format!("Unable to find a checksum for file '{name}' in '{place}'"))
            })?;
            plain(&found)
        })
    }

    fn failed(&self, answer: &Answer) -> Refusal {
        Refusal::new("Request failed")
            .value("status_code", answer.head.status)
            .value("response", answer.head.message())
            .value("url", masked(&self.url))
            .value("dest", self.dest.as_str())
            .value("elapsed", answer.elapsed)
    }

    /// Compares a file with what is wanted, by its digest or with what the server has.
    fn compare<'a>(
        &'a self,
        path: String,
        there: Option<Stat>,
        wanted: Option<Wanted>,
        answer: Option<Answer>,
    ) -> Probe<'a, Now> {
        let mut told = Map::new();
        if let Some(answer) = &answer {
            told.insert("status_code".into(), answer.head.status.into());
            told.insert("msg".into(), answer.head.message().into());
            told.insert("elapsed".into(), answer.elapsed.into());
        }
        let now = Now { path, stat: there, wanted, right: false, answer: told };
        let answer = match answer {
            Some(answer) if answer.head.status == 304 => {
                return Probe::known(Now { right: true, ..now });
            }
            Some(answer) if answer.head.status != 200 => {
                return Probe::refuse(self.failed(&answer));
            }
            Some(answer) if now.stat.is_some() => answer,
            _ => return Probe::known(now),
        };
        let wanted = match &now.wanted {
            Some(wanted) => digest(now.path.clone(), wanted.algorithm),
            None => Probe::known(None),
        };
        let sums = digest(now.path.clone(), Algorithm::Sha1)
            .and(digest(now.path.clone(), Algorithm::Md5))
            .and(wanted);
        sums.map(move |((sha1, md5), own)| {
            let mut now = now;
            now.right = match &now.wanted {
                Some(wanted) => own.as_ref() == Some(&wanted.digest),
                None => sha1.as_ref() == Some(&answer.digest),
            };
            now.answer.insert("checksum_src".into(), answer.digest.into());
            now.answer.insert("checksum_dest".into(), sha1.into());
            now.answer.insert("md5sum".into(), md5.into());
            now
        })
    }

    fn known<'a>(
        &'a self,
        facts: &Facts,
        there: Option<Stat>,
        wanted: Option<Wanted>,
    ) -> Probe<'a, Now> {
        let dest = tidy(&facts.path(&self.dest));
        match (there, wanted) {
            (Some(stat), wanted) if stat.kind == FileKind::Directory => {
                self.look("digest", &self.url, &[]).then(move |answer| {
                    let url = Url::new(&self.url).ok().and_then(|url| url.file_name());
                    let name = answer.file_name().or(url);
                    let path = join(&dest, &name.unwrap_or_else(|| "index.html".into()));
                    crate::kit::stat(path.clone())
                        .then(move |there| self.compare(path, there, wanted, Some(answer)))
                })
            }
            (None, wanted) => self.compare(dest, None, wanted, None),
            (there, Some(wanted)) => digest(dest.clone(), wanted.algorithm).map(move |found| Now {
                right: found.as_ref() == Some(&wanted.digest),
                path: dest,
                stat: there,
                wanted: Some(wanted),
                answer: [("msg".to_owned(), Value::from("file already exists"))]
                    .into_iter()
                    .collect(),
            }),
            (Some(stat), None) => {
                let more = match self.force {
                    true => ("Cache-Control", "no-cache".to_owned()),
                    false => ("If-Modified-Since", date(stat.mtime)),
                };
                self.look("digest", &self.url, &[more])
                    .then(move |answer| self.compare(dest, Some(stat), None, Some(answer)))
            }
        }
    }

    fn download(&self, now: &Now) -> Result<Change> {
        let Attributes { owner, group, .. } = self.attributes();
        let file = now.stat.as_ref();
        let mode = self.attributes().bits(file, false).map(octal).unwrap_or_default();
        let (algorithm, checksum) = match &now.wanted {
            Some(wanted) => (format!("{:?}", wanted.algorithm).to_lowercase(), &*wanted.digest),
            None => (String::new(), ""),
        };
        let script = self.script(
            "file",
            &self.url,
            &[("Cache-Control", "no-cache".to_owned())],
            &[
                &now.path,
                self.tmp_dest.as_deref().unwrap_or_default(),
                &algorithm,
                checksum,
                owner.unwrap_or_default(),
                group.unwrap_or_default(),
                &mode,
                if self.backup { "backup" } else { "" },
            ],
        )?;
        let before = if file.is_some() { "another" } else { "absent" };
        let mut diffs = vec![Diff::field(&now.path, "content", before, masked(&self.url))];
        diffs.extend(self.attributes().diffs(&now.path, file, false));
        Ok(Change { diffs, step: Step::Run { script, output: Output::Json } })
    }
}

/// The digest of a file in a list of digests: a digest alone, `DIGEST  NAME` or
/// `ALGORITHM (NAME) = DIGEST`.
fn listed(text: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    if let [line] = lines[..]
        && line.split_whitespace().count() == 1
    {
        return Some(line.trim().to_owned());
    }
    lines.iter().find_map(|line| {
        let tagged = line.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
        if let Some((path, digest)) = tagged
            && let Some(digest) = digest.trim_start().strip_prefix('=')
        {
            return (path == name).then(|| digest.trim().to_owned());
        }
        let (digest, path) = line.split_once(char::is_whitespace)?;
        let path = path.trim_start();
        let path = path.strip_prefix('*').unwrap_or(path).trim_start_matches(['.', '/']);
        (path == name).then(|| digest.to_owned())
    })
}

impl Module for GetUrl {
    const NAMES: &'static [&'static str] = &["get_url"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        stat(facts.path(&self.dest))
            .and(self.wanted())
            .then(move |(there, wanted)| self.known(facts, there, wanted))
    }

    fn plan(&self, _: &Facts, now: Now) -> Result<Plan> {
        let mut plan = Plan::none();
        if now.right
            && let Some(stat) = &now.stat
        {
            plan = self.attributes().fix(&now.path, stat);
            plan.values.insert("elapsed".into(), 0.into());
            for key in ["checksum_src", "checksum_dest"] {
                plan.values.insert(key.into(), Value::Null);
            }
            plan.values.extend(describe(Some(stat)));
            plan.values.extend(now.answer);
        } else {
            plan.changes.push(self.download(&now)?);
            // Without a checksum it would all be downloaded again; the step has compared.
            plan.settles = now.wanted.is_some();
        }
        plan = plan.value("dest", now.path).value("url", masked(&self.url));
        Ok(self.warn_of_ignored(plan))
    }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn digests_stand_in_lists_of_several_kinds() {
        let of = |text: &str| listed(text, "a.tgz");
        assert_eq!(of("abc\n").as_deref(), Some("abc"));
        assert_eq!(of("11  b.tgz\n22  a.tgz\n").as_deref(), Some("22"));
        assert_eq!(of("11  b.tgz\n22 *./a.tgz\n").as_deref(), Some("22"));
        assert_eq!(of("SHA256 (a.tgz) = 33\nSHA256 (b) = 1\n").as_deref(), Some("33"));
        assert_eq!(of("11  b.tgz\n").as_deref(), None);
    }
}
