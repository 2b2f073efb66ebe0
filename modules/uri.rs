//! `uri`: makes an HTTP request from the host.
//!
//! ```yaml
//! - uri:
//!     url: http://127.0.0.1:8080/health
//!     return_content: true
//!   register: health
//! - uri:
//!     url: https://api.example.org/users
//!     method: POST
//!     body_format: json
//!     body: {name: Ada}
//!     headers: {Authorization: "Bearer {{ token }}"}
//!     status_code: [200, 201]
//! ```

use serde_json::{Map, Value, json, map::Entry};

use crate::attributes::{describe, with_file_attributes};
use crate::command::yes;
use crate::http::{Body, Keep, Request, Response, Url, Want, Way, date, masked};
use crate::kit::{
    Deserialize, Diff, Facts, FileKind, JsonSchema, Module, Need, Plan, Probe, Refusal, Result,
    Stat, Supply, Words, act, lstat, stat,
};
use crate::uri_body;

with_file_attributes! {
    /// Makes an HTTP request from the host, by `curl`, or by GNU `wget` if there is no curl.
    ///
    /// `register` gets `status`, `url`, `redirected`, `elapsed` (seconds), `msg`, `cookies`,
    /// `cookies_string`, every header of the answer (`content_type`, `location`, …), `json` if the
    /// answer is JSON and, if asked for, `content`. It is changed only if it has written `dest`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Uri {
        /// The URL, with or without user and password. Required.
        url: String,
        /// In upper case. Default: `GET`.
        #[serde(default = "get")]
        method: String,
        /// What is sent: text, or a mapping or list that `body_format` gives a form.
        body: Option<Value>,
        /// `raw` (default), `json`, `form-urlencoded` or `form-multipart`; also sets the header
        /// `Content-Type`.
        #[serde(default)]
        body_format: Format,
        /// A file of this machine to be sent, looked for in `files/`. Default: none.
        src: Option<String>,
        /// `src` is a path of the host itself. Default: false.
        #[serde(default)]
        remote_src: bool,
        /// Headers by name. Default: none.
        #[serde(default)]
        headers: Map<String, Value>,
        /// Headers that are not sent to where a redirection leads. Default: none.
        #[serde(default)]
        unredirected_headers: Words,
        /// Codes of success. Default: 200.
        #[serde(default = "success")]
        status_code: Words,
        /// Give the answer's content as `content`. Default: false.
        #[serde(default)]
        return_content: bool,
        /// A file for the content, or a directory for one. It is replaced if it differs.
        #[serde(alias = "path")]
        dest: Option<String>,
        /// A path: if it is there, no request is made.
        creates: Option<String>,
        /// A path: if it is not there, no request is made.
        removes: Option<String>,
        /// Redirections to follow: `safe` (default; only of GET and HEAD), `all`, `urllib2` (those
        /// of Python) or `none`.
        #[serde(default)]
        follow_redirects: Follow,
        /// Seconds without a sign of life. Default: 30.
        #[serde(default = "half_a_minute")]
        timeout: u32,
        /// User, if the server asks for one.
        #[serde(alias = "user")]
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
        /// File of the host with the authorities to trust. Default: those of the host.
        ca_path: Option<String>,
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
        /// A socket of the host to be used in place of the URL's host.
        unix_socket: Option<String>,
        /// Ask for the content anew, whatever caches and an existing `dest` say. Default: false.
        #[serde(default)]
        force: bool,
        /// Decompress what the server has compressed with gzip. Default: true.
        #[serde(default = "yes")]
        decompress: bool,
        /// Kerberos: not supported, and refused if true. Default: false.
        #[serde(default)]
        use_gssapi: bool,
        #[serde(skip)]
        supplies: Vec<Supply>,
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Format {
    #[default]
    Raw,
    Json,
    FormUrlencoded,
    FormMultipart,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Follow {
    #[serde(alias = "yes", alias = "true", alias = "True")]
    All,
    #[serde(alias = "no", alias = "false", alias = "False")]
    None,
    #[default]
    Safe,
    #[serde(alias = "urllib")]
    Urllib2,
}

fn get() -> String {
    "GET".to_owned()
}

fn success() -> Words {
    Words(vec!["200".to_owned()])
}

fn half_a_minute() -> u32 {
    30
}

pub(crate) fn agent() -> String {
    "ansible-httpget".to_owned()
}

/// As many redirections as Python follows.
const HOPS: usize = 10;
/// Codes that say where else to look.
const REDIRECTIONS: [i32; 5] = [301, 302, 303, 307, 308];

pub(crate) enum Now {
    /// `creates` or `removes` says not to.
    Skipped(String),
    /// The last request, its answer, and what then is at `dest`.
    Answered(Box<(Journey, Response, Option<Stat>)>),
}

impl Follow {
    fn follows(self, method: &str, code: i32) -> bool {
        let safe = matches!(method, "GET" | "HEAD");
        REDIRECTIONS.contains(&code)
            && match self {
                Follow::All => true,
                Follow::None => false,
                Follow::Safe => safe,
                Follow::Urllib2 => safe || (method == "POST" && code < 304),
            }
    }
}

impl Uri {
    fn codes(&self) -> Result<Vec<i32>> {
        let code = |code: &String| {
            let wrong =
                |_| Refusal::new(format!("expected a code as `status_code`, found `{code}`"));
            code.trim().parse().map_err(wrong)
        };
        self.status_code.iter().map(code).collect()
    }

    fn way(&self) -> Way<'_> {
        Way {
            user: self.url_username.as_deref(),
            password: self.url_password.as_deref(),
            force_basic_auth: self.force_basic_auth,
            validate_certs: self.validate_certs,
            ca_path: self.ca_path.as_deref(),
            client_cert: self.client_cert.as_deref(),
            client_key: self.client_key.as_deref(),
            ciphers: &self.ciphers,
            agent: &self.http_agent,
            timeout: self.timeout,
            use_proxy: self.use_proxy,
            use_netrc: self.use_netrc,
            unix_socket: self.unix_socket.as_deref(),
            simple: None,
        }
    }

    fn request(&self, facts: &Facts, dest: Option<&Stat>) -> Result<Request> {
        if self.use_gssapi {
            return Err("`use_gssapi` is not supported".into());
        }
        let method = self.method.to_ascii_uppercase();
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let why = format!("expected a word like GET or POST as `method`, found `{method}`");
            return Err(why.into());
        }
        let headers = self.headers.iter().map(|(k, v)| (k.clone(), uri_body::text(v))).collect();
        let mut request = Request { method, url: Url::new(&self.url)?, headers, body: None };
        let mut kind = "application/x-www-form-urlencoded".to_owned();
        let files = self.supplies.iter().filter_map(|supply| match supply {
            Supply::File { content, .. } => Some(&**content),
            Supply::Tree { .. } => None,
        });
        let files: Vec<&[u8]> = files.collect();
        request.body = match (&self.src, &self.body, self.body_format) {
            (Some(_), Some(_), _) => return Err("expected `body` or `src`, found both".into()),
            (Some(src), None, _) if self.remote_src => Some(Body::File(facts.path(src))),
            (Some(_), None, _) => {
                let content = files.first().ok_or_else(|| Refusal::new("`src` is no file"))?;
                Some(Body::Bytes(content.to_vec()))
            }
            (None, body, Format::FormMultipart) => {
                let (boundary, parts) = uri_body::parts(body.as_ref(), &files)?;
                request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
                kind = boundary;
                Some(Body::Bytes(parts))
            }
            (None, None, _) => None,
            (None, Some(body), Format::Json) => {
                kind = "application/json".to_owned();
                Some(Body::Bytes(uri_body::json(body)))
            }
            (None, Some(body), Format::FormUrlencoded) => Some(Body::Bytes(uri_body::form(body)?)),
            (None, Some(body), Format::Raw) => Some(Body::Bytes(uri_body::raw(body)?)),
        };
        if request.body.is_some() && request.header("content-type").is_none() {
            request.headers.push(("Content-Type".into(), kind));
        }
        if self.force {
            request.headers.push(("Cache-Control".into(), "no-cache".into()));
        } else if let Some(stat) = dest.filter(|stat| stat.kind == FileKind::File) {
            request.headers.push(("If-Modified-Since".into(), date(stat.mtime)));
        }
        Ok(request)
    }

    /// Makes a request, and those that it leads to.
    fn send<'a>(&'a self, way: Journey) -> Probe<'a, (Journey, Response)> {
        let follows =
            |code| self.follow_redirects.follows(&way.request.method, code) && way.hops < HOPS;
        let codes: Vec<i32> = way.codes.iter().copied().filter(|code| !follows(*code)).collect();
        let keep = Keep {
            codes: &codes,
            want: if self.return_content { Want::Always } else { Want::Json },
            dest: way.dest.as_deref(),
            decompress: self.decompress,
        };
        let mut how = self.way();
        // A password is for the host that was named with it.
        if !Url::new(&self.url).is_ok_and(|url| url.same_host(&way.request.url)) {
            (how.user, how.password) = (None, None);
        }
        let script = match way.request.script(&how, &keep) {
            Ok(script) => script,
            Err(why) => return Probe::refuse(why),
        };
        act(script).then(move |reply| {
            let response = match Response::read(&reply) {
                Ok(response) => response,
                Err(why) => return Probe::refuse(why),
            };
            let mut way = way;
            way.elapsed += response.elapsed;
            way.keep_cookies(&response);
            let code = response.head.status;
            let follows =
                self.follow_redirects.follows(&way.request.method, code) && way.hops < HOPS;
            match response.head.header("location").filter(|_| follows) {
                None => Probe::known((way, response)),
                Some(location) => match way.next(code, location, &self.unredirected_headers) {
                    Ok(way) => self.send(way),
                    Err(why) => Probe::refuse(why),
                },
            }
        })
    }

    /// What `register` gets of an answer.
    fn values(&self, way: &Journey, response: &Response) -> Map<String, Value> {
        let mut values = Map::new();
        for (name, value) in &response.head.headers {
            match values.entry(name.replace('-', "_")) {
                Entry::Occupied(mut entry) => {
                    let both = format!("{}, {value}", uri_body::text(entry.get()));
                    entry.insert(both.into());
                }
                Entry::Vacant(entry) => drop(entry.insert(value.as_str().into())),
            }
        }
        let url = &way.request.url;
        if let Some(Ok(location)) = response.head.header("location").map(|to| url.join(to)) {
            values.insert("location".into(), location.bare().into());
        }
        let success = (200..300).contains(&response.head.status);
        let redirected = success && way.hops > 0;
        let shown = if redirected { url.bare() } else { masked(&self.url) };
        let message = match response.head.status {
            -1 => format!("Request failed: {}", response.said),
            _ => response.head.message(),
        };
        if success {
            let each = way.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            values.insert("cookies_string".into(), each.collect::<Vec<_>>().join("; ").into());
            let cookies = way.cookies.iter().map(|(name, value)| (name.clone(), json!(value)));
            values.insert("cookies".into(), cookies.collect::<Map<_, _>>().into());
        }
        for (key, value) in [
            ("url", Value::from(shown)),
            ("status", response.head.status.into()),
            ("redirected", redirected.into()),
            ("elapsed", way.elapsed.into()),
            ("msg", message.into()),
        ] {
            values.insert(key.into(), value);
        }
        let text = content(response);
        if is_json(response)
            && let Ok(value) = serde_json::from_str::<Value>(&text)
        {
            values.insert("json".into(), value);
        }
        if self.return_content {
            values.insert("content".into(), text.into());
        }
        values
    }
}

/// A request on its way, from one redirection to the next.
pub(crate) struct Journey {
    request: Request,
    /// Where the content goes.
    dest: Option<String>,
    codes: Vec<i32>,
    hops: usize,
    elapsed: u64,
    cookies: Vec<(String, String)>,
}

impl Journey {
    fn keep_cookies(&mut self, response: &Response) {
        for (_, line) in response.head.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = line.split(';').next().unwrap_or_default();
            let Some((name, value)) = pair.split_once('=') else { continue };
            let (name, value) = (name.trim(), value.trim());
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The request that a redirection asks for.
    fn next(mut self, code: i32, location: &str, only_here: &[String]) -> Result<Journey> {
        let request = &mut self.request;
        let url = request.url.join(location)?;
        let other = !url.same_host(&request.url);
        request.url = url;
        self.hops += 1;
        let left_out = |name: &str| {
            only_here.iter().any(|known| known.eq_ignore_ascii_case(name))
                || (other && name.eq_ignore_ascii_case("authorization"))
        };
        request.headers.retain(|(name, _)| !left_out(name));
        if !matches!(code, 307 | 308) {
            request.body = None;
            let about = ["content-length", "content-type", "transfer-encoding"];
            request.headers.retain(|(name, _)| !about.contains(&&*name.to_ascii_lowercase()));
            if request.method != "HEAD" && (code != 301 || request.method == "POST") {
                "GET".clone_into(&mut request.method);
            }
        }
        if other {
            self.cookies.clear();
        } else if !self.cookies.is_empty() {
            let each = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            let all = each.collect::<Vec<_>>().join("; ");
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("cookie"));
            request.headers.push(("Cookie".into(), all));
        }
        Ok(self)
    }
}

fn is_json(response: &Response) -> bool {
    let kind = response.head.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split([';', ',']).next().unwrap_or_default().trim();
    let kind = kind.split_once('/').map_or("", |(_, kind)| kind);
    let kind = kind.split_once('+').map_or(kind, |(_, kind)| kind);
    matches!(kind, "json" | "javascript")
}

/// The content as text: UTF-8, unless the server says it is Latin-1.
fn content(response: &Response) -> String {
    let kind = response.head.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let charset = kind.split_once("charset=").map_or("", |(_, rest)| rest);
    let charset = charset.trim_start_matches('"').split(['"', ';', ',']).next().unwrap_or_default();
    match charset.trim() {
        "iso-8859-1" | "latin-1" | "latin1" => {
            response.body.iter().map(|&byte| byte as char).collect()
        }
        _ => String::from_utf8_lossy(&response.body).into_owned(),
    }
}

impl Module for Uri {
    const NAMES: &'static [&'static str] = &["uri"];
    type State = Now;

    fn needs(&self) -> Vec<Need> {
        let files = match (&self.src, self.body_format) {
            _ if self.remote_src => vec![],
            (Some(src), _) => vec![src.as_str()],
            (None, Format::FormMultipart) => uri_body::files(self.body.as_ref()),
            (None, _) => vec![],
        };
        files.into_iter().map(|src| Need::File { src: src.to_owned() }).collect()
    }

    fn supply(&mut self, supplies: Vec<Supply>) -> Result<()> {
        self.supplies = supplies;
        Ok(())
    }

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        let codes = match self.codes() {
            Ok(codes) => codes,
            Err(why) => return Probe::refuse(why),
        };
        let look = |path: &Option<String>| match path {
            Some(path) => stat(facts.path(path)).map(Some),
            None => Probe::known(None),
        };
        look(&self.creates).and(look(&self.removes)).and(look(&self.dest)).then(
            move |((created, removed), dest)| {
                let path = |path: &Option<String>| path.as_deref().map(|path| facts.path(path));
                match (created, removed) {
                    (Some(Some(_)), _) => {
                        let path = path(&self.creates).unwrap_or_default();
                        return Probe::known(Now::Skipped(format!("'{path}' exists")));
                    }
                    (_, Some(None)) => {
                        let path = path(&self.removes).unwrap_or_default();
                        return Probe::known(Now::Skipped(format!("'{path}' does not exist")));
                    }
                    _ => {}
                }
                let request = match self.request(facts, dest.flatten().as_ref()) {
                    Ok(request) => request,
                    Err(why) => return Probe::refuse(why),
                };
                let (dest, cookies) = (path(&self.dest), Vec::new());
                let way = Journey { request, dest, codes, hops: 0, elapsed: 0, cookies };
                self.send(way).then(move |(way, response)| {
                    let written = match way.dest {
                        Some(_) => lstat(response.dest.clone()),
                        None => Probe::known(None),
                    };
                    written.map(move |written| Now::Answered(Box::new((way, response, written))))
                })
            },
        )
    }

    fn plan(&self, _: &Facts, now: Now) -> Result<Plan> {
        let (way, response, written) = match now {
            Now::Skipped(why) => {
                return Ok(Plan::none().value("stdout", format!("skipped, since {why}")));
            }
            Now::Answered(answered) => *answered,
        };
        let mut values = self.values(&way, &response);
        let path = response.dest.as_str();
        if way.dest.is_some() && response.head.status != -1 {
            values.insert("path".into(), path.into());
            values.extend(describe(written.as_ref()));
        }
        if !way.codes.contains(&response.head.status) {
            let status = &values["status"];
            let codes = way.codes.iter().map(i32::to_string).collect::<Vec<_>>().join(", ");
            let said = uri_body::text(&values["msg"]);
            let why = format!("Status code was {status} and not [{codes}]: {said}");
            return Err(Refusal { message: why, values });
        }
        let mut plan = match written {
            Some(written) if response.head.status != 304 => {
                self.attributes().told(&written, &mut values);
                self.attributes().fix(path, &written)
            }
            _ => Plan::none(),
        };
        if response.changed {
            plan = plan.acted(Diff::Note(format!("write {path} from {}", masked(&self.url))));
        }
        plan.values = values;
        Ok(self.warn_of_ignored(plan))
    }
}
