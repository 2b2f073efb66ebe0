//! `mount`: file systems, in /etc/fstab and mounted.
//!
//! ```yaml
//! - mount:
//!     path: /srv/data
//!     src: UUID=0a3407de-014b-458b-b5c1-848e92a327a3
//!     fstype: ext4
//!     opts: noatime
//!     state: mounted
//! - mount: { path: /tmp, src: tmpfs, fstype: tmpfs, opts: "size=1g,nosuid", state: present }
//! ```

use crate::command::yes;
use crate::content::{Found, Writing};
use crate::file::MAKE_DIRECTORY;
use crate::fstab::{self, Entry, Mounts};
use crate::kit::{
    Content, Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Refusal, Result, Stat,
    Step, argv, ask, sh, stat,
};
use crate::text_file;

/// Makes sure that a file system is in fstab, is mounted, or neither.
///
/// `register` gets `name` (the path), `src`, `fstype`, `opts`, `dump`, `passno`, `boot`, `fstab` and
/// `backup_file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mount {
    /// Where it is mounted; `none` for swap. Required.
    #[serde(alias = "name")]
    path: String,
    /// `present`: it is in fstab; mounts stay as they are. `mounted`: it is in fstab, and mounted; it
    /// is mounted anew if its line changed. `ephemeral`: it is mounted, fstab is left alone.
    /// `unmounted`: it is not mounted, fstab is left alone. `absent`: it is neither in fstab nor
    /// mounted, and its directory is gone. `absent_from_fstab`: it is not in fstab. `remounted`:
    /// mount it anew, always. Required.
    state: State,
    /// What is mounted: a device, `UUID=…`, a directory, a share. Required for `present`, `mounted`
    /// and `ephemeral`.
    src: Option<String>,
    /// The type of the file system. Required for `present`, `mounted` and `ephemeral`.
    fstype: Option<String>,
    /// Options. Default: `defaults`.
    opts: Option<String>,
    /// Fifth field of fstab. Default: `0`.
    #[serde(default = "zero")]
    dump: String,
    /// Sixth field of fstab: in what turn it is checked at boot. Default: `0`, not at all.
    #[serde(default = "zero")]
    passno: String,
    /// Whether it is mounted at boot; false adds `noauto` to the options. Default: true.
    #[serde(default = "yes")]
    boot: bool,
    /// The table. Default: `/etc/fstab`.
    fstab: Option<String>,
    /// Keep the old fstab beside the new one, with the time in its name. Default: false.
    #[serde(default)]
    backup: bool,
    /// Do not show the options: not supported; give the task `no_log`. Default: false.
    #[serde(default)]
    opts_no_log: bool,
}

fn zero() -> String {
    "0".into()
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    Present,
    Mounted,
    Ephemeral,
    Unmounted,
    Absent,
    AbsentFromFstab,
    Remounted,
}

pub(crate) struct Now {
    file: (Found, bool),
    mounts: Mounts,
    /// The path with its links followed.
    real: String,
    directory: Option<Stat>,
}

impl Mount {
    fn opts(&self) -> String {
        let opts = self.opts.clone().unwrap_or_else(|| "defaults".into());
        match self.boot {
            true => opts,
            false => format!("{opts},noauto"),
        }
    }

    fn table(&self, facts: &Facts) -> String {
        self.fstab.as_deref().map_or_else(|| "/etc/fstab".into(), |path| facts.path(path))
    }

    /// The table as `mount` takes it: nothing for its own.
    fn alternative(&self, facts: &Facts) -> String {
        let table = self.table(facts);
        if table == "/etc/fstab" { String::new() } else { table }
    }

    fn check(&self) -> Result<()> {
        if self.opts_no_log {
            return Err("`opts_no_log` is not supported; give the task `no_log: true`".into());
        }
        let needs = matches!(self.state, State::Present | State::Mounted | State::Ephemeral);
        let given = [("src", &self.src), ("fstype", &self.fstype)];
        let missing: Vec<_> =
            given.iter().filter(|(_, given)| given.is_none()).map(|(name, _)| *name).collect();
        if needs && !missing.is_empty() {
            return Err(Refusal::new(format!(
                "state is {} but all of the following are missing: {}",
                self.word(),
                missing.join(", ")
            )));
        }
        let fields =
            [Some(&self.path), self.src.as_ref(), self.fstype.as_ref(), self.opts.as_ref()];
        if fields.into_iter().flatten().any(|field| field.contains('\n')) {
            return Err("a line of fstab cannot hold a newline".into());
        }
        Ok(())
    }

    fn word(&self) -> &'static str {
        match self.state {
            State::Present => "present",
            State::Mounted => "mounted",
            State::Ephemeral => "ephemeral",
            State::Unmounted => "unmounted",
            State::Absent => "absent",
            State::AbsentFromFstab => "absent_from_fstab",
            State::Remounted => "remounted",
        }
    }

    fn entry(&self) -> Entry {
        Entry {
            src: self.src.clone().unwrap_or_default(),
            path: self.path.clone(),
            fstype: self.fstype.clone().unwrap_or_default(),
            opts: self.opts(),
            dump: self.dump.clone(),
            passno: self.passno.clone(),
        }
    }

    /// The edit of fstab.
    fn edit(&self, now: &Now) -> Result<Plan> {
        let writing = Writing { attributes: <_>::default(), backup: self.backup, validate: None };
        let mut plan = text_file::edit(&now.file, &writing, |old| {
            let new = match self.state {
                State::Present | State::Mounted => fstab::with(&old.text, &self.entry()),
                State::Absent | State::AbsentFromFstab => {
                    fstab::without(&old.text, &self.path, self.src.as_deref())
                }
                _ => old.text.clone(),
            };
            Ok((new != old.text).then_some((new, String::new())))
        })?;
        plan.values.clear();
        plan.on_change.clear();
        Ok(plan)
    }

    fn mounted(&self, facts: &Facts, now: &Now) -> Result<Plan> {
        let edited = self.edit(now)?;
        let is_edited = !edited.is_empty();
        let mut plan = edited;
        let path = self.path.as_str();
        let table = self.alternative(facts);
        let is_mounted = now.mounts.at(&now.real).is_some();
        if is_mounted && !is_edited {
            return Ok(plan);
        }
        if now.directory.is_none() && !is_mounted {
            plan = plan.change(
                Diff::field(path, "state", "absent", "directory"),
                Step::run(sh(MAKE_DIRECTORY, [path, "", ""])),
            );
        }
        // What a failure puts back: fstab as it was.
        let (size, old) = match &now.file.0.content {
            _ if !is_edited => (String::new(), None),
            Content::Bytes(bytes) => (bytes.len().to_string(), Some(bytes.clone())),
            _ => ("-".to_owned(), None),
        };
        let made = if now.directory.is_none() && !is_mounted { "made" } else { "" };
        let args = |how: &str| {
            [path, &table, how, "", now.file.0.path.as_str(), &size, made].map(str::to_owned)
        };
        let (diff, mut script) = match is_mounted {
            true => (Diff::Note(format!("mount {path} anew")), sh(MOUNT, args("remount"))),
            false => (Diff::field(path, "mounted", "no", "yes"), sh(MOUNT, args("mount"))),
        };
        script.stdin = old;
        Ok(plan.change(diff, Step::run(script)))
    }

    fn ephemeral(&self, now: &Now) -> Result<Plan> {
        let path = self.path.as_str();
        let (src, fstype) =
            (self.src.as_deref().unwrap_or_default(), self.fstype.as_deref().unwrap_or_default());
        let opts = self.opts();
        let opts_word = if opts == "defaults" { "" } else { &opts };
        let Some(mounted) = now.mounts.at(&now.real) else {
            let mut plan = Plan::none();
            if now.directory.is_none() {
                plan = plan.change(
                    Diff::field(path, "state", "absent", "directory"),
                    Step::run(sh(MAKE_DIRECTORY, [path, "", ""])),
                );
            }
            let made = if now.directory.is_none() { "made" } else { "" };
            let script = sh(MOUNT_WITHOUT_TABLE, [path, src, fstype, opts_word, made]);
            return Ok(plan.change(Diff::field(path, "mounted", "no", "yes"), Step::run(script)));
        };
        if !now.mounts.is_from(mounted, src) {
            return Err(Refusal::new(format!(
                "{} is mounted at {path}, not {src}; unmount it first (`state: unmounted`), or use another path",
                mounted.source
            )));
        }
        let differing = opts_word.split(',').filter(|opt| !opt.is_empty() && !mounted.has(opt));
        let differing: Vec<_> = differing.collect();
        if differing.is_empty() {
            return Ok(Plan::none());
        }
        let words = ["mount", "-o", &format!("remount,{opts}"), "--", path].map(str::to_owned);
        let diff = Diff::Note(format!("mount {path} anew with {}", differing.join(",")));
        // The kernel has its own words for some options.
        Ok(Plan::none().change(diff, Step::run(argv(words))).never_settles())
    }

    fn plan_of_state(&self, facts: &Facts, now: &Now) -> Result<Plan> {
        let path = self.path.as_str();
        let is_mounted = now.mounts.at(&now.real).is_some();
        let unmount = || {
            let step = Step::run(argv(["umount", "--", path]));
            Plan::none().change(Diff::field(path, "mounted", "yes", "no"), step)
        };
        Ok(match self.state {
            State::Present | State::AbsentFromFstab => self.edit(now)?,
            State::Mounted => self.mounted(facts, now)?,
            State::Ephemeral => self.ephemeral(now)?,
            State::Unmounted if is_mounted => unmount(),
            State::Unmounted => Plan::none(),
            State::Absent => {
                let mut plan = self.edit(now)?;
                if plan.is_empty() {
                    return Ok(plan);
                }
                if is_mounted {
                    plan = plan.followed_by(unmount());
                }
                if now.directory.is_some() {
                    let step = Step::run(argv(["rmdir", "--", path]));
                    plan = plan.change(Diff::field(path, "state", "directory", "absent"), step);
                }
                plan
            }
            State::Remounted => {
                let opts = self.opts();
                let opts = if opts == "defaults" { String::new() } else { opts };
                let args = [path, &self.alternative(facts), "remount", &opts, "", "", ""]
                    .map(str::to_owned);
                Plan::none().run(format!("mount {path} anew"), sh(MOUNT, args)).never_settles()
            }
        })
    }
}

impl Module for Mount {
    const NAMES: &'static [&'static str] = &["mount"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        let create = matches!(self.state, State::Present | State::Mounted);
        let file = text_file::open(facts, &self.table(facts), create);
        let mounts = ask(sh(MOUNTS, [self.path.as_str()])).map(|reply| {
            let out = reply.out();
            let (real, mounts) = out.split_once('\n').unwrap_or_default();
            (real.to_owned(), Mounts::read(mounts))
        });
        file.and(mounts)
            .and(stat(self.path.as_str()))
            .map(|((file, (real, mounts)), directory)| Now { file, mounts, real, directory })
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let mut plan = self.plan_of_state(facts, &now)?;
        let opts = self.opts();
        if self.boot && opts.split(',').any(|opt| opt == "noauto") {
            plan = plan.warn("Ignore the 'boot' due to 'opts' contains 'noauto'.");
        }
        for (name, given) in [("src", &self.src), ("fstype", &self.fstype)] {
            if let Some(given) = given {
                plan = plan.value(name, given.as_str());
            }
        }
        let known = !matches!(self.state, State::Ephemeral);
        Ok(plan
            .value("name", &*self.path)
            .value("opts", opts)
            .value("dump", &*self.dump)
            .value("passno", &*self.passno)
            .value("boot", if self.boot { "yes" } else { "no" })
            .value("fstab", if known { self.table(facts) } else { "/etc/fstab".into() })
            .value("backup_file", ""))
    }
}

const MOUNTS: &str = r#"# what is mounted, and where a path leads
readlink -f -- "$1" 2>/dev/null || printf '%s\n' "$1"
cat /proc/self/mountinfo
"#;

/// `$path $table $how $opts $fstab $size $made`, the old fstab on standard input. If it fails, fstab
/// is put back and a directory that was made goes: a line that does not work may keep a host from
/// booting.
const MOUNT: &str = r#"# mount what the table says
path=$1 table=$2 how=$3 opts=$4 fstab=$5 size=$6 made=$7
again() {
    mount -o "remount${opts:+,$opts}" ${table:+-T "$table"} -- "$path" && return
    [ -z "$opts" ] || return
    umount -- "$path" && mount ${table:+-T "$table"} -- "$path"
}
case $how in
    remount) again ;;
    mount) mount ${table:+-T "$table"} -- "$path" ;;
esac && exit
rc=$?
case $size in
    '') ;;
    -) rm -f -- "$fstab" ;;
    *) cp -p -- "$fstab" "$fstab.rprov" && cat >"$fstab.rprov" && mv -f -- "$fstab.rprov" "$fstab" ;;
esac
[ -z "$made" ] || rmdir -- "$path"
exit $rc
"#;

const MOUNT_WITHOUT_TABLE: &str = r#"# mount without a table: PATH SRC FSTYPE OPTS MADE
mount -t "$3" ${4:+-o "$4"} -- "$2" "$1" && exit
rc=$?
[ -z "$5" ] || rmdir -- "$1"
exit $rc
"#;
