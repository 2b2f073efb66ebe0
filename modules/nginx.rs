//! `nginx`: a site, whose configuration is proven before it takes the old one's place.
//!
//! The step copies nginx's configuration to a private directory, makes the change there and has
//! `nginx -t` judge the whole. Only then is the change made in place, one rename at a time, and
//! nginx reloaded. If the test fails nothing has been touched, and nginx's own words are the error.
//! If nginx does not take it at the reload (a port is in use), the old state is put back.
//!
//! ```yaml
//! - nginx:
//!     name: catalogage.conf
//!     template: catalogage.conf.j2
//!     default_site: false
//! - nginx: { name: old-site, state: absent }
//! ```

use std::sync::Arc;

use crate::kit::{
    Content, Deserialize, Diff, Facts, FileKind, JsonSchema, Module, Need, Plan, Probe, Result,
    Stat, Step, Supply, TemplateOptions, Text, lstat, read, sh,
};

/// Defines, enables, disables and removes a site of nginx.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nginx {
    /// The name of the site's file.
    #[serde(alias = "site")]
    name: String,
    /// The template of its configuration, looked for as the template module does.
    template: Option<String>,
    /// Its configuration, instead of a template.
    content: Option<String>,
    /// `enabled` (default), `disabled` (its file stays), or `absent`.
    #[serde(default)]
    state: State,
    /// `false` disables the site that the distribution enables (`default`). Default: left as it is.
    default_site: Option<bool>,
    /// Reload nginx if anything changed. A nginx that is not running is not started. Default: true.
    #[serde(default = "yes")]
    reload: bool,
    /// nginx's main configuration file. Default: /etc/nginx/nginx.conf.
    #[serde(default = "conf")]
    conf: String,
    /// Directory of all sites. Default: `sites-available` beside `conf`.
    available: Option<String>,
    /// Directory of links to the enabled ones, which `conf` must include. Default: `sites-enabled`
    /// beside `conf`.
    enabled: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    #[default]
    #[serde(alias = "present")]
    Enabled,
    Disabled,
    Absent,
}

fn yes() -> bool {
    true
}

fn conf() -> String {
    "/etc/nginx/nginx.conf".into()
}

/// Largest configuration that is compared.
const LIMIT: u64 = 4 << 20;

/// The site's file, its link, and the default site's link.
pub(crate) struct Now {
    file: Content,
    link: Option<Stat>,
    default_site: Option<Stat>,
}

impl Nginx {
    fn tree(&self) -> &str {
        self.conf.rsplit_once('/').map_or(".", |(tree, _)| tree)
    }

    fn dir(&self, given: &Option<String>, name: &str) -> String {
        let given = given.as_ref().map(|dir| dir.trim_end_matches('/').to_owned());
        given.unwrap_or_else(|| format!("{}/{name}", self.tree()))
    }

    fn file(&self) -> String {
        format!("{}/{}", self.dir(&self.available, "sites-available"), self.name)
    }

    fn link(&self) -> String {
        format!("{}/{}", self.dir(&self.enabled, "sites-enabled"), self.name)
    }

    fn default_link(&self) -> String {
        format!("{}/default", self.dir(&self.enabled, "sites-enabled"))
    }

    fn check(&self) -> Result<()> {
        if self.name.is_empty() || self.name.starts_with('.') || self.name.contains('/') {
            return Err(format!("expected the name of a site, found `{}`", self.name).into());
        }
        if self.template.is_some() && self.content.is_some() {
            return Err("`template` and `content` exclude each other".into());
        }
        if self.state == State::Enabled && self.template.is_none() && self.content.is_none() {
            return Err("expected `template` or `content`, found neither".into());
        }
        if self.default_site == Some(true) {
            return Err("`default_site` can only be false: that site is the distribution's".into());
        }
        let tree = format!("{}/", self.tree());
        for path in [self.file(), self.link()] {
            if !path.starts_with(&tree) {
                return Err(format!("`{path}` is not below {tree}, so it cannot be proven").into());
            }
        }
        Ok(())
    }

    /// Whether a link leads to the site's file.
    fn leads_here(&self, target: &str) -> bool {
        let file = self.file();
        let (tree, link) = (self.tree(), self.link());
        let relative = match (file.strip_prefix(tree), link.strip_prefix(tree)) {
            (Some(file), Some(link)) => {
                let up = "/..".repeat(link.matches('/').count().saturating_sub(1));
                format!("{up}{file}").trim_start_matches('/').to_owned()
            }
            _ => String::new(),
        };
        target == file || target == relative
    }
}

impl Module for Nginx {
    const NAMES: &'static [&'static str] = &["nginx"];
    type State = Now;

    fn needs(&self) -> Vec<Need> {
        let need =
            |src: &String| Need::Template { src: src.clone(), options: TemplateOptions::default() };
        self.template.iter().filter(|_| self.state != State::Absent).map(need).collect()
    }

    fn supply(&mut self, supplies: Vec<Supply>) -> Result<()> {
        for supply in supplies {
            let Supply::File { path, content, .. } = supply else {
                return Err("expected a template, found a directory".into());
            };
            let text = std::str::from_utf8(&content)
                .map_err(|_| format!("`{path}` is not text in UTF-8"))?;
            // From here on there is no difference to `content`.
            self.content = Some(text.to_owned());
            self.template = None;
        }
        Ok(())
    }

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Now> {
        if let Err(refusal) = self.check() {
            return Probe::refuse(refusal);
        }
        let default_site = match self.default_site {
            Some(false) if self.name != "default" => lstat(self.default_link()),
            _ => Probe::known(None),
        };
        read(self.file(), LIMIT)
            .and(lstat(self.link()))
            .and(default_site)
            .map(|((file, link), default_site)| Now { file, link, default_site })
    }

    fn plan(&self, _: &Facts, now: Now) -> Result<Plan> {
        let (file, link) = (self.file(), self.link());
        let before = match now.file {
            Content::Absent => Text::Absent,
            Content::Bytes(bytes) => Text::Bytes(bytes),
            Content::Large { size, sha256 } => Text::Large { size, sha256 },
            Content::Same | Content::NotAFile => {
                return Err(format!("{file} is there, but it is no file").into());
            }
        };
        let after = match (self.state, &self.content) {
            (State::Absent, _) => Text::Absent,
            (_, Some(content)) => {
                // A file ends with a newline, as people expect.
                let end = if content.ends_with('\n') || content.is_empty() { "" } else { "\n" };
                Text::bytes(format!("{content}{end}").into_bytes())
            }
            (_, None) => before.clone(),
        };
        let target = match &now.link {
            None => None,
            Some(Stat { kind: FileKind::Link, target, .. }) => {
                Some(target.clone().unwrap_or_default())
            }
            Some(_) => {
                return Err(format!(
                    "{link} is no link; move it to {file} by hand, then this site can be managed"
                )
                .into());
            }
        };
        let mut diffs = Vec::new();
        if before != after {
            diffs.push(Diff::Text { path: file.clone(), before, after: after.clone() });
        }
        let linked = target.as_deref().is_some_and(|target| self.leads_here(target));
        let shown = || target.clone().unwrap_or_else(|| "absent".into());
        match (self.state, &target) {
            (State::Enabled, _) if !linked => {
                diffs.push(Diff::field(&link, "link", shown(), &file));
            }
            (State::Disabled | State::Absent, Some(_)) => {
                diffs.push(Diff::field(&link, "link", shown(), "absent"));
            }
            _ => {}
        }
        if let Some(stat) = &now.default_site {
            let target = stat.target.as_deref().unwrap_or("a file");
            diffs.push(Diff::field(&self.default_link(), "link", target, "absent"));
            if stat.kind != FileKind::Link {
                return Err(
                    format!("{} is no link; move it away by hand", self.default_link()).into()
                );
            }
        }
        if self.reload && !diffs.is_empty() {
            diffs.push(Diff::Note("reload nginx".into()));
        }
        let keep = matches!((self.state, &self.content), (State::Disabled, None));
        let step = match self.state {
            State::Enabled => "enabled",
            State::Disabled => "disabled",
            State::Absent => "absent",
        };
        let content: Arc<[u8]> = match after {
            Text::Bytes(bytes) if !keep => bytes,
            _ => [].into(),
        };
        let remove = now.default_site.as_ref().map_or_else(String::new, |_| self.default_link());
        let words = [
            self.conf.clone(),
            file.clone(),
            link.clone(),
            step.to_owned(),
            if keep { "keep" } else { "write" }.to_owned(),
            remove,
            if self.reload { "reload" } else { "" }.to_owned(),
        ];
        let plan = Plan::none().changes(diffs, Step::run(sh(APPLY, words).stdin(content)));
        Ok(plan.value("name", self.name.as_str()).value("path", file).value("state", step))
    }
}

/// `$conf $file $link $state $write $default_link $reload`, and the site to read.
const APPLY: &str = r#"# prove a site by nginx -t, put it in place, reload nginx
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
conf=$1 file=$2 link=$3 state=$4 write=$5 default=$6 reload=$7
tree=${conf%/*}
command -v nginx >/dev/null || { echo "nginx is not installed" >&2; exit 127; }
[ -d "$tree" ] || { echo "there is no $tree" >&2; exit 1; }
umask 022
new=
work=$(mktemp -d) || exit
trap 'rm -rf "$work" ${new:+"$new"}' EXIT; trap 'exit 129' HUP INT TERM
cat >"$work/site" || exit
# One at a time: two sites proven apart could fail together.
if command -v flock >/dev/null; then
  exec 9<"$tree" && flock -w 60 9 || { echo "another change of $tree does not end" >&2; exit 1; }
fi

# The configuration as it would be, in a private copy.
copy=$work/nginx
cp -a "$tree" "$copy" || exit
find "$copy" -type l | while IFS= read -r l; do
  to=$(readlink "$l")
  case $to in "$tree"/*) ln -sfn "$copy${to#"$tree"}" "$l" ;; esac
done
twin() { printf '%s' "$copy${1#"$tree"}"; }
change() { # change WHERE: `twin` in the copy, `echo` in place
  site=$($1 "$file") to=$($1 "$link") gone=
  [ -z "$default" ] || gone=$($1 "$default")
  mkdir -p "${site%/*}" "${to%/*}" || return
  if [ "$write" = write ] && [ "$state" != absent ]; then
    new=$site.rprov
    rm -f "$new" && cat "$work/site" >"$new" || return
    if [ -e "$site" ]; then
      chmod "$(stat -c %a "$site")" "$new" && chown "$(stat -c %u:%g "$site")" "$new" || return
    fi
    sync "$new" 2>/dev/null
    mv -f "$new" "$site" || return
  fi
  [ -z "$gone" ] || rm -f "$gone" || return
  case $state in
    enabled)
      if [ "$(readlink -f "$to")" != "$(readlink -f "$site")" ]; then
        new=$to.rprov
        ln -sfn "$site" "$new" && mv -fT "$new" "$to" || return
      fi ;;
    *) rm -f "$to" || return ;;
  esac
  [ "$state" != absent ] || rm -f "$site" || return
  new=
}
change twin || exit
# What is included by its full path must come from the copy, too.
quoted=$(printf '%s\n' "$tree" | sed 's/[].[*^$\\#]/\\&/g')
find "$copy" -type f ! -name '*.pem' ! -name '*.key' ! -name '*.crt' -exec grep -q include {} \; \
  -exec sed -i "s#\(include[[:space:]]*[\"']\{0,1\}\)$quoted/#\1$copy/#g" {} +
if ! nginx -t -q -c "$copy/${conf##*/}" >"$work/said" 2>&1; then
  echo "nginx refuses this configuration; nothing was changed:" >&2
  sed "s#$copy#$tree#g" "$work/said" >&2
  exit 1
fi
sed "s#$copy#$tree#g" "$work/said" >&2

kept() { # kept PATH NAME: what is there, to be put back
  if [ -e "$1" ] || [ -L "$1" ]; then cp -a "$1" "$work/$2"; fi
}
back() {
  if [ -e "$work/$2" ] || [ -L "$work/$2" ]; then
    rm -f "$1.rprov"; cp -a "$work/$2" "$1.rprov" && mv -fT "$1.rprov" "$1"
  else
    rm -f "$1"
  fi
}
kept "$file" old.file && kept "$link" old.link || exit
[ -z "$default" ] || kept "$default" old.default || exit
change echo || exit
[ -n "$reload" ] || exit 0
pid=$(sed -n 's/^[[:space:]]*pid[[:space:]]\{1,\}\([^;]*\);.*/\1/p' "$conf" | head -n 1)
pid=$(cat "${pid:-/run/nginx.pid}" 2>/dev/null) && kill -0 "$pid" 2>/dev/null || exit 0
children=/proc/$pid/task/$pid/children
old=" $(cat "$children" 2>/dev/null) "
log=$(sed -n 's/^[[:space:]]*error_log[[:space:]]\{1,\}\([^ ;]*\).*/\1/p' "$conf" | head -n 1)
log=${log:-/var/log/nginx/error.log}
lines=$(wc -l <"$log" 2>/dev/null || echo 0)
nginx -s reload -c "$conf" 2>"$work/said" || { cat "$work/said" >&2; exit 1; }
[ -e "$children" ] || exit 0
# New workers tell that nginx took the configuration; if it did not, its log says why.
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  for child in $(cat "$children" 2>/dev/null); do
    case $old in *" $child "*) ;; *) exit 0 ;; esac
  done
  sleep 0.2
done
back "$file" old.file; back "$link" old.link
[ -z "$default" ] || back "$default" old.default
echo "nginx did not take this configuration at its reload; the old one is back:" >&2
tail -n "+$((lines + 1))" "$log" 2>/dev/null | grep -E '\[(emerg|alert|crit|error)\]' |
  sed 's/.*#[0-9]*: //' | sort -u | tail -n 5 >&2
exit 1
"#;
