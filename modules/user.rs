//! `user`: an account of the host.
//!
//! ```yaml
//! - user:
//!     name: deploy
//!     shell: /bin/bash
//!     groups: [sudo, www-data]
//!     append: true
//!     password: "$6$salt$hash"
//!     generate_ssh_key: true
//!     ssh_key_type: ed25519
//! ```

use std::collections::HashMap;

use crate::attributes::Ignored;
use crate::command::yes;
use crate::kit::{
    self, Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Refusal, Result,
    Step, Words, argv, ask, group, sh, user,
};

/// Makes sure that an account exists as described, or that it does not exist.
///
/// `register` gets `name`, `state`, `uid`, `group` (its number), `groups`, `comment`, `home`,
/// `shell`, and with `generate_ssh_key` `ssh_key_file`, `ssh_public_key`, `ssh_fingerprint`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    /// The account's name. Required.
    #[serde(alias = "user")]
    name: String,
    /// `present` or `absent`. Default: `present`.
    #[serde(default)]
    state: Presence,
    /// Its number. Default: the next free one for a new account, else unchanged.
    uid: Option<u32>,
    /// Allow a number that another account has. Needs `uid`. Default: false.
    #[serde(default)]
    non_unique: bool,
    /// Its primary group, by name or number; must exist. Default: a new group of the same name for
    /// a new account, else unchanged.
    group: Option<String>,
    /// Its other groups, which must exist; an empty list takes it out of all. Default: unchanged.
    groups: Option<Words>,
    /// Add to `groups`, and leave it in those it is in besides. Default: false.
    #[serde(default)]
    append: bool,
    /// Its description (GECOS). Default: unchanged.
    comment: Option<String>,
    /// Its home directory. Default: the host's default for a new account, else unchanged.
    home: Option<String>,
    /// Make the home directory if it is missing. Default: true.
    #[serde(default = "yes", alias = "createhome")]
    create_home: bool,
    /// Move what is in the old home directory when `home` changes. Default: false.
    #[serde(default)]
    move_home: bool,
    /// Directory whose content a new home directory gets. Default: `/etc/skel`.
    skeleton: Option<String>,
    /// Its shell. Default: the host's default for a new account, else unchanged.
    shell: Option<String>,
    /// Its password as a hash (`password_hash` filter), or `!` or `*` for none. Travels on standard
    /// input only, and is never shown. Default: unchanged; none for a new account.
    password: Option<String>,
    /// `always`: set the password when it differs; `on_create`: only for a new account.
    /// Default: `always`.
    #[serde(default)]
    update_password: Update,
    /// Lock (true) or unlock (false) the password. Default: unchanged.
    password_lock: Option<bool>,
    /// When the account expires, in seconds since 1970; negative for never. Default: unchanged.
    expires: Option<f64>,
    /// Days after which the password must be changed. Default: unchanged.
    password_expire_max: Option<i64>,
    /// Days before which the password may not be changed. Default: unchanged.
    password_expire_min: Option<i64>,
    /// Days of warning before the password expires. Default: unchanged.
    password_expire_warn: Option<i64>,
    /// Days after expiry of the password until the account is disabled. Default: unchanged.
    password_expire_account_disable: Option<i64>,
    /// Give a new account a number of the range for system accounts. Default: false.
    #[serde(default)]
    system: bool,
    /// With `state: absent`: also remove the home directory and the mail. Default: false.
    #[serde(default)]
    remove: bool,
    /// With `state: absent`: remove it even if it is logged in. Default: false.
    #[serde(default)]
    force: bool,
    /// Make an SSH key for the account if it has none at `ssh_key_file`. Default: false.
    #[serde(default)]
    generate_ssh_key: bool,
    /// The key's size in bits. Default: that of `ssh-keygen`.
    ssh_key_bits: Option<u32>,
    /// The key's type. Default: `rsa`.
    #[serde(default = "rsa")]
    ssh_key_type: String,
    /// The key's file, relative to the home directory. Default: `.ssh/id_TYPE`.
    ssh_key_file: Option<String>,
    /// The key's comment. Default: `ansible-generated on HOSTNAME`.
    ssh_key_comment: Option<String>,
    /// A passphrase for the key: not supported, and refused.
    #[schemars(with = "Option<String>")]
    #[expect(dead_code, reason = "never bound: reading it is an error")]
    ssh_key_passphrase: Option<crate::attributes::Unsupported>,
    /// Lowest number for a new account. Default: the host's.
    uid_min: Option<u32>,
    /// Highest number for a new account. Default: the host's.
    uid_max: Option<u32>,
    /// umask for a new home directory. Default: the host's.
    umask: Option<String>,
    /// Accepted: accounts are always kept in the host's own files. Default: false.
    #[serde(default)]
    #[schemars(with = "bool")]
    #[expect(dead_code, reason = "accepted, without effect")]
    local: Option<Ignored>,
    /// SELinux user: ignored, with a warning.
    #[schemars(with = "Option<String>")]
    seuser: Option<Ignored>,
    /// macOS only: ignored.
    #[schemars(with = "Option<bool>")]
    #[expect(dead_code, reason = "of another system")]
    hidden: Option<Ignored>,
    /// BSD only: ignored.
    #[schemars(with = "Option<String>")]
    #[expect(dead_code, reason = "of another system")]
    login_class: Option<Ignored>,
    /// Solaris only: ignored.
    #[schemars(with = "Option<String>")]
    #[expect(dead_code, reason = "of another system")]
    profile: Option<Ignored>,
    /// Solaris only: ignored.
    #[schemars(with = "Option<String>")]
    #[expect(dead_code, reason = "of another system")]
    role: Option<Ignored>,
    /// Solaris only: ignored.
    #[schemars(with = "Option<String>")]
    #[expect(dead_code, reason = "of another system")]
    authorization: Option<Ignored>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Update {
    #[default]
    Always,
    OnCreate,
}

fn rsa() -> String {
    "rsa".into()
}

pub(crate) struct Now {
    user: Option<kit::User>,
    /// The group that `group` names.
    primary: Option<kit::Group>,
    /// The groups that `groups` names, in its order.
    groups: Vec<Option<kit::Group>>,
    /// A group with the account's name.
    namesake: bool,
    /// `shadow`, `primary`, `home`, `key`, `public`, `fingerprint`.
    more: HashMap<String, String>,
}

impl Now {
    fn get(&self, key: &str) -> &str {
        self.more.get(key).map_or("", String::as_str)
    }

    /// A field of the account's line of the shadow database.
    fn shadow(&self, index: usize) -> Option<&str> {
        self.get("shadow").split(':').nth(index)
    }
}

impl User {
    fn key_file(&self) -> String {
        self.ssh_key_file.clone().unwrap_or_else(|| format!(".ssh/id_{}", self.ssh_key_type))
    }

    /// The wanted groups by name.
    fn wanted_groups(&self, now: &Now) -> Result<Option<Vec<String>>> {
        let Some(groups) = &self.groups else { return Ok(None) };
        let mut names = Vec::new();
        for (given, found) in groups.iter().zip(&now.groups) {
            match found {
                Some(found) => names.push(found.name.clone()),
                None => return Err(format!("Group {given} does not exist").into()),
            }
        }
        Ok(Some(names))
    }

    fn create(&self, now: &Now) -> Result<Plan> {
        let name = self.name.as_str();
        let groups = self.wanted_groups(now)?.filter(|groups| !groups.is_empty());
        let mut diffs = vec![Diff::field(name, "account", "absent", "present")];
        let mut args = vec![name.to_owned()];
        let mut option = |flag: &str, what: &'static str, value: Option<String>| {
            if let Some(value) = value {
                if !what.is_empty() {
                    diffs.push(Diff::field(name, what, "", &value));
                }
                args.extend([flag.to_owned(), value]);
            }
        };
        option("-u", "uid", self.uid.map(|uid| uid.to_string()));
        option("-g", "group", self.group.clone());
        option("-G", "groups", groups.map(|groups| groups.join(",")));
        option("-c", "comment", self.comment.clone());
        option("-d", "home", self.home.clone());
        option("-s", "shell", self.shell.clone());
        option("-k", "", self.skeleton.clone().filter(|_| self.create_home));
        option("-e", "expires", self.expires.filter(|at| *at >= 0.0).map(|at| date(days(at))));
        for (key, value) in [("UID_MIN", self.uid_min), ("UID_MAX", self.uid_max)] {
            option("-K", "", value.map(|value| format!("{key}={value}")));
        }
        option("-K", "", self.umask.as_ref().map(|umask| format!("UMASK={umask}")));
        for (flag, on) in [
            ("-m", self.create_home),
            ("-M", !self.create_home),
            ("-r", self.system),
            ("-o", self.non_unique),
            // Or useradd would fail to make a group of the same name.
            ("-N", self.group.is_none() && now.namesake),
        ] {
            if on {
                args.push(flag.to_owned());
            }
        }
        Ok(Plan::none().changes(diffs, Step::run(sh(ADD, args))))
    }

    fn modify(&self, now: &Now, user: &kit::User) -> Result<Plan> {
        let name = self.name.as_str();
        let mut plan = Plan::none().field(name, "uid", Some(user.uid), self.uid, |uid| {
            let uid = uid.to_string();
            match self.non_unique {
                true => argv(["usermod", "-o", "-u", &uid, name]),
                false => argv(["usermod", "-u", &uid, name]),
            }
        });
        if let Some(group) = &now.primary
            && group.gid != user.gid
        {
            let step = Step::run(argv(["usermod", "-g", &group.gid.to_string(), name]));
            plan = plan.change(Diff::field(name, "group", now.get("primary"), &group.name), step);
        }
        if let Some(wanted) = self.wanted_groups(now)? {
            plan = plan.followed_by(self.membership(now, user, &wanted));
        }
        let text = |flag: &'static str| move |value: &&str| argv(["usermod", flag, *value, name]);
        plan = plan
            .field(
                name,
                "comment",
                Some(user.comment.as_str()),
                self.comment.as_deref(),
                text("-c"),
            )
            .field(name, "shell", Some(user.shell.as_str()), self.shell.as_deref(), text("-s"))
            .field(name, "home", Some(user.home.as_str()), self.home.as_deref(), |home| match self
                .move_home
            {
                true => argv(["usermod", "-m", "-d", *home, name]),
                false => argv(["usermod", "-d", *home, name]),
            });
        if self.create_home && now.get("home") == "no" {
            let skeleton = self.skeleton.as_deref().unwrap_or("/etc/skel");
            let home = self.home.as_deref().unwrap_or(&user.home);
            let step = Step::run(sh(MAKE_HOME, [name, home, skeleton]));
            plan = plan.change(Diff::field(home, "state", "absent", "directory"), step);
        }
        Ok(plan)
    }

    /// The other groups of the account.
    fn membership(&self, now: &Now, user: &kit::User, wanted: &[String]) -> Plan {
        let name = self.name.as_str();
        let primary = now.primary.as_ref().map_or(now.get("primary"), |group| &group.name);
        let current: Vec<&String> = user.groups.iter().filter(|g| *g != primary).collect();
        let wanted: Vec<&String> = wanted.iter().filter(|g| *g != primary).collect();
        let missing: Vec<String> =
            wanted.iter().filter(|g| !current.contains(g)).map(|g| g.to_string()).collect();
        let surplus: Vec<String> = match self.append {
            true => vec![],
            false => {
                current.iter().filter(|g| !wanted.contains(g)).map(|g| g.to_string()).collect()
            }
        };
        if missing.is_empty() && surplus.is_empty() {
            return Plan::none();
        }
        let list = |groups: &[&String]| {
            let mut names: Vec<&str> = groups.iter().map(|g| g.as_str()).collect();
            names.sort_unstable();
            names.join(",")
        };
        let after: Vec<&String> = match self.append {
            true => current.iter().copied().chain(&missing).collect(),
            false => wanted.clone(),
        };
        let args = [name.to_owned(), list(&after), missing.join(" "), surplus.join(" ")];
        let step = Step::run(sh(SET_GROUPS, args));
        Plan::none().change(Diff::field(name, "groups", list(&current), list(&after)), step)
    }

    /// Password, its lock and its ages, and when the account expires.
    fn secrets(&self, now: &Now) -> Result<Plan> {
        let name = self.name.as_str();
        let is_new = now.user.is_none();
        let asked = self.password.is_some() && (is_new || self.update_password == Update::Always)
            || self.password_lock.is_some()
            || self.expires.is_some()
            || self.password_expire_max.is_some()
            || self.password_expire_min.is_some()
            || self.password_expire_warn.is_some()
            || self.password_expire_account_disable.is_some();
        if asked && !is_new && now.get("shadow").is_empty() {
            return Err(
                format!("the password entry of {name} cannot be read: that takes root").into()
            );
        }
        let hash = now.shadow(1).unwrap_or("!");
        let mut plan = Plan::none();
        if let Some(password) = &self.password {
            if password.contains([':', '\n']) {
                return Err("a password hash has no `:` and no line break".into());
            }
            let differs = hash.trim_start_matches('!') != password.trim_start_matches('!');
            if is_new || self.update_password == Update::Always && differs {
                let locked = if self.password_lock == Some(true) && !password.starts_with('!') {
                    "!"
                } else {
                    ""
                };
                let line = format!("{name}:{locked}{password}\n").into_bytes();
                let step = Step::run(argv(["chpasswd", "-e"]).stdin(line));
                plan = plan.change(Diff::Note(format!("{name}: set the password")), step);
            }
        }
        let locked = match (is_new, &self.password) {
            // What was just set.
            (true, Some(_)) => self.password_lock,
            (true, None) => Some(true),
            (false, _) => Some(hash.starts_with('!')),
        };
        if let Some(wanted) = self.password_lock.filter(|wanted| Some(*wanted) != locked) {
            let flag = if wanted { "-L" } else { "-U" };
            let word = |locked: bool| if locked { "locked" } else { "unlocked" };
            let step = Step::run(argv(["usermod", flag, name]));
            plan = plan.change(Diff::field(name, "password", word(!wanted), word(wanted)), step);
        }
        for (what, flag, index, wanted) in [
            ("password_expire_min", "-m", 3, self.password_expire_min),
            ("password_expire_max", "-M", 4, self.password_expire_max),
            ("password_expire_warn", "-W", 5, self.password_expire_warn),
            ("password_expire_account_disable", "-I", 6, self.password_expire_account_disable),
        ] {
            let before = now.shadow(index).and_then(|days| days.parse().ok());
            plan = plan.field(name, what, before, wanted, |days| {
                argv(["chage", flag, &days.to_string(), name])
            });
        }
        if let Some(at) = self.expires.filter(|_| !is_new) {
            let before = now.shadow(7).and_then(|days| days.parse::<i64>().ok());
            let wanted = (at >= 0.0).then(|| days(at));
            if before != wanted {
                let shown = |days: Option<i64>| days.map_or_else(|| "never".to_owned(), date);
                let step =
                    Step::run(argv(["usermod", "-e", &wanted.map(date).unwrap_or_default(), name]));
                plan =
                    plan.change(Diff::field(name, "expires", shown(before), shown(wanted)), step);
            }
        }
        Ok(plan)
    }

    fn key(&self, facts: &Facts, now: &Now) -> Plan {
        if !self.generate_ssh_key || now.get("key") == "yes" {
            return Plan::none();
        }
        let comment = match &self.ssh_key_comment {
            Some(comment) => comment.replace("$HOSTNAME", &facts.system.hostname),
            None => format!("ansible-generated on {}", facts.system.hostname),
        };
        let bits = self.ssh_key_bits.map(|bits| bits.to_string()).unwrap_or_default();
        let args = [self.name.clone(), self.key_file(), self.ssh_key_type.clone(), bits, comment];
        let diff = Diff::field(&self.name, "ssh key", "absent", self.key_file());
        Plan::none().change(diff, Step::run(sh(MAKE_KEY, args)))
    }

    fn values(&self, now: &Now, mut plan: Plan) -> Plan {
        plan = plan.value("name", self.name.as_str());
        let Some(user) = &now.user else {
            return plan.value("state", "present").value("system", self.system);
        };
        plan = plan
            .value("state", "present")
            .value("uid", user.uid)
            .value("group", user.gid)
            .value("comment", user.comment.as_str())
            .value("home", user.home.as_str())
            .value("shell", user.shell.as_str())
            .value("append", self.append)
            .value("move_home", self.move_home);
        if let Some(groups) = &self.groups {
            plan = plan.value("groups", groups.join(","));
        }
        if self.password.is_some() {
            plan = plan.value("password", "NOT_LOGGING_PASSWORD");
        }
        if self.generate_ssh_key {
            let file = self.key_file();
            let path = crate::attributes::join(&user.home, &file);
            plan = plan
                .value("ssh_key_file", path)
                .value("ssh_public_key", now.get("public"))
                .value("ssh_fingerprint", now.get("fingerprint"));
        }
        plan
    }
}

impl Module for User {
    const NAMES: &'static [&'static str] = &["user"];
    type State = Now;

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Now> {
        if self.non_unique && self.uid.is_none() {
            return Probe::refuse("`non_unique` needs `uid`");
        }
        if self.append && self.groups.is_none() {
            return Probe::refuse("`append` needs `groups`");
        }
        let name = self.name.as_str();
        let named = move |name: &str| name.to_owned();
        let present = self.state == Presence::Present;
        let primary = match self.group.as_deref().filter(|_| present) {
            Some(name) => group(named(name)).map(Some),
            None => Probe::known(None),
        };
        let groups = self.groups.as_ref().filter(|_| present).map_or(&[][..], |groups| groups);
        let groups = Probe::all(groups.iter().map(|name| group(named(name))));
        let key = if self.generate_ssh_key { self.key_file() } else { String::new() };
        let home = self.home.clone().unwrap_or_default();
        let more = match present {
            true => ask(sh(ACCOUNT, [named(name), home, key])).map(|reply| {
                let pair = |line: String| {
                    let (key, value) = line.split_once('=')?;
                    Some((key.to_owned(), value.to_owned()))
                };
                reply.lines().into_iter().filter_map(pair).collect()
            }),
            false => Probe::known(HashMap::new()),
        };
        let namesake = match present && self.group.is_none() {
            true => group(named(name)).map(|found| found.is_some()),
            false => Probe::known(false),
        };
        user(name).and(primary).and(groups).and(namesake).and(more).try_map(
            move |((((user, primary), groups), namesake), more)| {
                if let (Some(None), Some(name)) = (&primary, &self.group) {
                    return Err(Refusal::new(format!("Group {name} does not exist")));
                }
                // A name of digits must not find an account by its number.
                let user = user.filter(|user| user.name == self.name);
                Ok(Now { user, primary: primary.flatten(), groups, namesake, more })
            },
        )
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        let name = self.name.as_str();
        if self.state == Presence::Absent {
            let plan = Plan::none().value("name", name).value("state", "absent");
            if now.user.is_none() {
                return Ok(plan);
            }
            let word = |on: bool, word: &str| if on { word.to_owned() } else { String::new() };
            let args = [name.to_owned(), word(self.force, "-f"), word(self.remove, "-r")];
            let diff = Diff::field(name, "account", "present", "absent");
            return Ok(plan
                .change(diff, Step::run(sh(REMOVE, args)))
                .value_on_change("force", self.force)
                .value_on_change("remove", self.remove));
        }
        let plan = match &now.user {
            None => self.create(&now)?,
            Some(user) => self.modify(&now, user)?,
        };
        let plan = plan.followed_by(self.secrets(&now)?).followed_by(self.key(facts, &now));
        let plan = match self.seuser {
            Some(_) => plan.warn("`seuser` is not supported and was ignored"),
            None => plan,
        };
        Ok(self.values(&now, plan))
    }
}

/// Whole days since 1970.
fn days(seconds: f64) -> i64 {
    (seconds / 86_400.0).floor() as i64
}

/// `YYYY-MM-DD` of a day since 1970, in the Gregorian calendar.
fn date(days: i64) -> String {
    // Counted from 1 March of year 0, so that a leap day is the last of its year.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

const ACCOUNT: &str = r#"# what is known of an account? NAME HOME KEYFILE
line=$(getent passwd "$1" 2>/dev/null || grep -m1 "^$1:" /etc/passwd) || exit 0
printf 'shadow=%s\n' "$(getent shadow "$1" 2>/dev/null || grep -m1 "^$1:" /etc/shadow 2>/dev/null)"
printf 'primary=%s\n' "$(id -gn -- "$1" 2>/dev/null || id -gn "$1")"
now=${line%:*}
now=${now##*:}
home=${2:-$now}
if [ -d "$home" ]; then echo home=yes; else echo home=no; fi
[ -n "$3" ] || exit 0
case $3 in /*) key=$3 ;; *) key=$now/$3 ;; esac
if [ -f "$key" ]; then echo key=yes; fi
if [ -f "$key.pub" ]; then
    printf 'public=%s\n' "$(cat -- "$key.pub")"
    printf 'fingerprint=%s\n' "$(ssh-keygen -l -f "$key.pub" 2>/dev/null)"
fi
"#;

const ADD: &str = r#"# make an account: NAME, options of useradd
name=$1
shift
if command -v useradd >/dev/null; then exec useradd "$@" "$name"; fi
groups= default=
for word; do
    case $default in
        -G) groups=$word ;;
        -u | -g | -c | -d | -s | -k | -e | -K) set -- "$@" "$default" "$word" ;;
    esac
    case $default in
        -?) default= ;;
        *) case $word in
            -m | -N | -o) ;;
            -M) set -- "$@" -H '' ;;
            -r) set -- "$@" -S '' ;;
            -?) default=$word ;;
        esac ;;
    esac
    shift
done
# Busybox: the same things have other letters.
words=$#
while [ "$words" -gt 0 ]; do
    case $1 in
        -u) set -- "$@" -u "$2" ;;
        -g) set -- "$@" -G "$2" ;;
        -c) set -- "$@" -g "$2" ;;
        -d) set -- "$@" -h "$2" ;;
        -s) set -- "$@" -s "$2" ;;
        -k) set -- "$@" -k "$2" ;;
        -H | -S) set -- "$@" "$1" ;;
    esac
    shift 2
    words=$((words - 2))
done
adduser -D "$@" "$name" || exit
IFS=,
for group in $groups; do addgroup "$name" "$group" || exit; done
"#;

const SET_GROUPS: &str = r#"# set the groups of an account: NAME ALL MISSING SURPLUS
if command -v usermod >/dev/null; then exec usermod -G "$2" "$1"; fi
for group in $3; do addgroup "$1" "$group" || exit; done
for group in $4; do delgroup "$1" "$group" || exit; done
"#;

const MAKE_HOME: &str = r#"# make a home directory: NAME HOME SKELETON
mkdir -p -- "$2" || exit
[ ! -d "$3" ] || cp -R -- "$3/." "$2/" || exit
chown -R -- "$1:$(id -gn "$1")" "$2" && chmod 0755 -- "$2"
"#;

const MAKE_KEY: &str = r#"# make an SSH key: NAME FILE TYPE BITS COMMENT
name=$1 file=$2 kind=$3 bits=$4 comment=$5
line=$(getent passwd "$name" 2>/dev/null || grep -m1 "^$name:" /etc/passwd) || exit
home=${line%:*}
home=${home##*:}
case $file in /*) ;; *) file=$home/$file ;; esac
owner=$name:$(id -gn "$name") || exit
directory=${file%/*}
if [ ! -d "$directory" ]; then
    mkdir -p -- "$directory" && chmod 0700 -- "$directory" && chown -- "$owner" "$directory" || exit
fi
set -- -q -t "$kind" -C "$comment" -N '' -f "$file"
[ -z "$bits" ] || set -- "$@" -b "$bits"
ssh-keygen "$@" </dev/null && chown -- "$owner" "$file" "$file.pub"
"#;

const REMOVE: &str = r#"# remove an account: NAME FORCE REMOVE
if command -v userdel >/dev/null; then exec userdel $2 $3 "$1"; fi
[ -z "$3" ] || set -- "$1" "$2" --remove-home
deluser $3 "$1"
"#;

#[cfg(test)]
mod tests {
    use super::{date, days};

    #[test]
    fn days_have_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(days(951_782_400.0)), "2000-02-29");
        assert_eq!(date(days(1_900_000_000.0)), "2030-03-17");
        assert_eq!(date(-1), "1969-12-31");
    }
}
