//! `dpkg_divert`: where dpkg puts a package's file instead of its own place.
//!
//! ```yaml
//! - dpkg_divert:
//!     path: /usr/bin/busybox
//!     rename: true
//! - dpkg_divert: { path: /etc/screenrc, divert: /etc/screenrc.dpkg, holder: branding }
//! - dpkg_divert: { path: /etc/screenrc, state: absent }
//! ```

use serde_json::json;

use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Refusal, Reply, Result,
    Stat, Step, ask, lstat, sh,
};

/// Diverts a file of a package, or ends its diversion.
///
/// `register` gets `diversion` (`path`, `state`, and of a present one `divert` and `holder`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DpkgDivert {
    /// The file's own place, absolute. Required.
    path: String,
    /// `present`: dpkg puts the file elsewhere. `absent`: into its own place. Default: `present`.
    #[serde(default)]
    state: Presence,
    /// Where else. Default: the path with `.distrib` behind it.
    divert: Option<String>,
    /// The package whose file is not diverted. Default: `LOCAL`; nobody's is spared.
    holder: Option<String>,
    /// Move the file along when a diversion comes, goes or changes. Default: false.
    #[serde(default)]
    rename: bool,
    /// With `rename`: remove what is where the file is moved to. Otherwise that is an error.
    /// Default: false.
    #[serde(default)]
    force: bool,
}

/// A diversion: who holds it, and where the file is.
#[derive(Debug, PartialEq)]
struct Diversion {
    holder: String,
    place: String,
}

impl Diversion {
    /// Two lines: the holder and the place.
    fn read(text: &str) -> Option<Diversion> {
        let mut lines = text.lines();
        let (holder, place) = (lines.next()?, lines.next()?);
        (!holder.is_empty())
            .then(|| Diversion { holder: holder.to_owned(), place: place.to_owned() })
    }

    fn told(&self) -> String {
        format!("{} by {}", self.place, self.holder)
    }
}

pub(crate) struct Now {
    listed: Reply,
    own: Option<Stat>,
    wanted: Option<Stat>,
    /// What is where the diversion there is leads.
    diverted: Option<Stat>,
}

impl DpkgDivert {
    fn wanted(&self, facts: &Facts, path: &str) -> Diversion {
        Diversion {
            holder: self.holder.clone().unwrap_or_else(|| "LOCAL".into()),
            place: match &self.divert {
                Some(place) => facts.path(place),
                None => format!("{path}.distrib"),
            },
        }
    }

    /// Refuses to move one file over another.
    fn may_move(&self, from: Option<&Stat>, to: Option<&Stat>, place: &str) -> Result<()> {
        let (Some(from), Some(to)) = (from, to) else { return Ok(()) };
        let same = (from.device, from.inode) == (to.device, to.inode);
        match !self.rename || self.force || same {
            true => Ok(()),
            false => Err(Refusal::new(format!(
                "rename involves overwriting {place} with a different file; `force: true` removes it"
            ))),
        }
    }
}

impl Module for DpkgDivert {
    const NAMES: &'static [&'static str] = &["dpkg_divert"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        let path = facts.path(&self.path);
        let wanted = self.wanted(facts, &path);
        let word = |text: &str| !text.is_empty() && !text.starts_with('-') && !text.contains('\n');
        if !path.starts_with('/') || !wanted.place.starts_with('/') || !word(&wanted.holder) {
            return Probe::refuse(format!(
                "expected absolute paths and the name of a package, found `{}`, `{}` and `{}`",
                self.path, wanted.place, wanted.holder
            ));
        }
        if [&path, &wanted.place].iter().any(|path| path.contains('\n')) {
            return Probe::refuse("expected paths of one line");
        }
        ask(sh(LOOK, [&path])).and(lstat(&path)).and(lstat(wanted.place)).then(
            |((listed, own), wanted)| {
                let diverted = match Diversion::read(&listed.out()) {
                    Some(diversion) => lstat(diversion.place),
                    None => Probe::known(None),
                };
                diverted.map(|diverted| Now { listed, own, wanted, diverted })
            },
        )
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        match now.listed.status {
            0 => {}
            127 => return Err("there is no dpkg-divert on the host".into()),
            _ => return Err(Refusal::new(now.listed.err().trim())),
        }
        let path = facts.path(&self.path);
        let found = Diversion::read(&now.listed.out());
        let wanted = (self.state == Presence::Present).then(|| self.wanted(facts, &path));
        let told = match &found {
            Some(it) => {
                json!({"state": "present", "path": path, "divert": it.place, "holder": it.holder})
            }
            None => json!({"state": "absent", "path": path, "divert": null, "holder": null}),
        };
        let plan = Plan::none().value("diversion", told);
        if found == wanted {
            return Ok(plan);
        }
        if now.own.as_ref().is_some_and(|own| own.kind == crate::kit::FileKind::Directory) {
            return Err(Refusal::new(format!(
                "dpkg-divert: error: cannot divert directories: {path}"
            )));
        }
        match (&found, &wanted) {
            // Only the holder is another: nothing is moved.
            (Some(old), Some(new)) if old.place == new.place => {}
            (Some(old), Some(new)) => {
                let from = now.diverted.as_ref().or(now.own.as_ref());
                self.may_move(from, now.wanted.as_ref(), &new.place)?;
                self.may_move(now.diverted.as_ref(), now.own.as_ref(), &old.place)?;
            }
            (None, Some(new)) => {
                self.may_move(now.own.as_ref(), now.wanted.as_ref(), &new.place)?
            }
            (_, None) => self.may_move(now.diverted.as_ref(), now.own.as_ref(), &path)?,
        }
        let text = |it: &Option<Diversion>| it.as_ref().map_or("none".into(), Diversion::told);
        let diff = Diff::field(&path, "diversion", text(&found), text(&wanted));
        let (holder, place) =
            wanted.map_or_else(<_>::default, |wanted| (wanted.holder, wanted.place));
        let old = found.map_or_else(String::new, |found| found.place);
        let how = match (self.rename, self.force) {
            (false, _) => "",
            (true, false) => "rename",
            (true, true) => "force",
        };
        Ok(plan.change(diff, Step::run(sh(DIVERT, [&path, &old, &place, &holder, how]))))
    }
}

const LOOK: &str = r#"# how is a file diverted
command -v dpkg-divert >/dev/null || exit 127
export LC_ALL=C
holder=$(dpkg-divert --listpackage "$1") || exit
[ -n "$holder" ] || exit 0
printf '%s\n' "$holder"
dpkg-divert --truename "$1"
"#;

/// What is in the way is removed only if something is moved there.
const DIVERT: &str = r#"# divert a file: PATH OLD NEW HOLDER HOW
export LC_ALL=C
path=$1 old=$2 new=$3 holder=$4 how=$5
rename=--no-rename
[ -z "$how" ] || [ "$old" = "$new" ] || rename=--rename
free() { # FROM TO
  [ "$rename$how" = --renameforce ] || return 0
  { [ -e "$1" ] || [ -L "$1" ]; } && [ ! "$1" -ef "$2" ] || return 0
  rm -f -- "$2"
}
if [ -n "$old" ]; then
  free "$old" "$path" || exit
  dpkg-divert --quiet "$rename" --remove "$path" || exit
fi
[ -n "$new" ] || exit 0
free "$path" "$new" || exit
case $holder in
  LOCAL) dpkg-divert --quiet --local "$rename" --divert "$new" --add "$path" ;;
  *) dpkg-divert --quiet --package "$holder" "$rename" --divert "$new" --add "$path" ;;
esac
"#;
