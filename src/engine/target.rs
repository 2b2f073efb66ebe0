//! Who and where: the connection and the user of a task, from keywords, variables and options.
//!
//! As in Ansible a variable wins over a keyword, and a keyword over an option of the command line.

use std::{path::PathBuf, sync::Arc, time::Duration};

use rprov_modules::kit::{Facts, boolean};

use super::host::Host;
use super::outcome::Failure;
use super::play::PlayRun;
use super::task::At;
use crate::inventory::HostName;
use crate::playbook::Task;
use crate::session::{Become, HostKeyChecking, Method, SshTarget, Target, Transport};
use crate::source::Diagnostic;
use crate::template::{Context, from_node, to_node};

/// The user of a shell: the login user, or another one.
pub(super) type Who = Option<Become>;

/// The way to a host.
pub(super) fn target(
    play: &PlayRun,
    host: &Host,
    task: &Task,
    context: &Context,
) -> Result<Target, Failure> {
    let options = &play.engine.options;
    let vars = Variables { play, context };
    let name = host.name.to_string();
    let keyword = |name: &str| match task.chain.nearest(name) {
        Some(node) => super::perform::text(&play.engine.templar, node, context),
        None => Ok(None),
    };
    let connection = vars.first(&["ansible_connection"])?;
    let connection = connection.or(keyword("connection")?).or(options.connection.clone());
    let connection = connection.unwrap_or_else(|| match options.embedded.contains_key(&name) {
        true => "embedded".to_owned(),
        false => "ssh".to_owned(),
    });
    let transport = match connection.rsplit('.').next().unwrap_or_default() {
        "local" => Transport::Local,
        "ssh" | "smart" | "paramiko" | "paramiko_ssh" => {
            Transport::Ssh(ssh(&vars, &name, keyword("remote_user")?, keyword("port")?)?)
        }
        "embedded" => match options.embedded.get(&name) {
            Some(transport) => transport.clone(),
            None => {
                return Err(Failure::new(format!(
                    "no embedded host was started for `{name}`: it is only there for `env=demo`"
                )));
            }
        },
        other => {
            return Err(Failure::new(format!(
                "connection `{other}` is not supported: expected `ssh` or `local`"
            )));
        }
    };
    Ok(Target { name, transport })
}

fn ssh(
    vars: &Variables<'_>,
    name: &str,
    remote_user: Option<String>,
    port: Option<String>,
) -> Result<SshTarget, Failure> {
    let options = &vars.play.engine.options;
    let mut target = SshTarget::new(
        vars.first(&["ansible_host", "ansible_ssh_host"])?.unwrap_or_else(|| name.to_owned()),
    );
    if let Some(port) = vars.first(&["ansible_port", "ansible_ssh_port"])?.or(port) {
        target.port =
            Some(port.trim().parse().map_err(|_| {
                Failure::new(format!("expected a port for `{name}`, found `{port}`"))
            })?);
    }
    target.user =
        vars.first(&["ansible_user", "ansible_ssh_user"])?.or(remote_user).or(options.user.clone());
    target.password = vars
        .first(&["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"])?
        .or(options.ssh_password.clone());
    if let Some(password) = &target.password {
        vars.play.engine.redactor.learn(password);
    }
    if let Some(file) = vars
        .first(&["ansible_ssh_private_key_file", "ansible_private_key_file"])?
        .or(options.private_key.clone())
    {
        target.identities.push(expand(&file));
    }
    target.keyring = options.keyring.clone();
    if let Some(seconds) = options.timeout {
        target.connect_timeout = Duration::from_secs(seconds);
    }
    if let Some(check) = vars
        .first(&["ansible_host_key_checking", "ansible_ssh_host_key_checking"])?
        .and_then(|text| boolean(&text))
        && !check
    {
        target.host_key_checking = Some(HostKeyChecking::No);
    }
    for name in ["ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args"] {
        if let Some(text) = vars.first(&[name])? {
            arguments(&text, &mut target)?;
        }
    }
    Ok(target)
}

/// Options that people give to the `ssh` command and that mean the same here.
fn arguments(text: &str, target: &mut SshTarget) -> Result<(), Failure> {
    let words = shlex::split(text)
        .ok_or_else(|| Failure::new(format!("a quote is not closed in `{text}`")))?;
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let mut value = |glued: &str| match glued.is_empty() {
            false => Some(glued.to_owned()),
            true => words.next(),
        };
        if let Some(rest) = word.strip_prefix("-o") {
            let option = value(rest).unwrap_or_default();
            let (key, value) = option.split_once(['=', ' ']).unwrap_or((&option, ""));
            target.option(key.trim(), value.trim());
        } else if let Some(rest) = word.strip_prefix("-i") {
            target.identities.extend(value(rest).map(|file| expand(&file)));
        } else if let Some(rest) = word.strip_prefix("-J") {
            target.option("ProxyJump", &value(rest).unwrap_or_default());
        } else if let Some(rest) = word.strip_prefix("-F") {
            target.config = value(rest).map(|file| expand(&file));
        } else if let Some(rest) = word.strip_prefix("-p") {
            target.port = value(rest).and_then(|port| port.parse().ok());
        } else if let Some(rest) = word.strip_prefix("-l") {
            target.user = value(rest);
        }
    }
    Ok(())
}

fn expand(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// The user a task acts as, if it is another than the login user.
pub(super) fn become_(play: &PlayRun, task: &Task, context: &Context) -> Result<Who, Failure> {
    let options = &play.engine.options;
    let vars = Variables { play, context };
    let keyword = |name: &str| match task.chain.nearest(name) {
        Some(node) => super::perform::text(&play.engine.templar, node, context),
        None => Ok(None),
    };
    let wanted = match (vars.first(&["ansible_become"])?, keyword("become")?) {
        (Some(text), _) | (None, Some(text)) => match boolean(&text) {
            Some(wanted) => wanted,
            None => {
                let span = task.chain.nearest("become").map_or(task.span, |node| node.span);
                return Err(Failure::from(
                    Diagnostic::error(format!("expected a boolean, found `{text}`"))
                        .at(span, "")
                        .help("write `become: true`"),
                ));
            }
        },
        (None, None) => options.become_,
    };
    if !wanted {
        return Ok(None);
    }
    let user = vars
        .first(&["ansible_become_user"])?
        .or(keyword("become_user")?)
        .or(options.become_user.clone());
    let method = vars
        .first(&["ansible_become_method"])?
        .or(keyword("become_method")?)
        .or(options.become_method.clone());
    let method = match method.as_deref().map(|name| name.rsplit('.').next().unwrap_or(name)) {
        None | Some("sudo") => Method::Sudo,
        Some("su") => Method::Su,
        Some(other) => {
            return Err(Failure::new(format!(
                "become method `{other}` is not supported: expected `sudo` or `su`"
            )));
        }
    };
    let password = vars
        .first(&["ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"])?
        .or(options.become_password.clone());
    if let Some(password) = &password {
        play.engine.redactor.learn(password);
    }
    let flags = vars.first(&["ansible_become_flags"])?.or(keyword("become_flags")?);
    // Ansible's own default flags are what the session uses anyway.
    let flags = flags.map(|text| shlex::split(&text).unwrap_or_default()).unwrap_or_default();
    let flags =
        flags.into_iter().filter(|flag| !matches!(flag.as_str(), "-H" | "-S" | "-n")).collect();
    let exe = vars.first(&["ansible_become_exe", "ansible_sudo_exe", "ansible_su_exe"])?;
    let exe = exe.or(keyword("become_exe")?).unwrap_or_default();
    let Some(exe) = shlex::split(&exe) else {
        return Err(Failure::new(format!("a quote is not closed in `{exe}`")));
    };
    let user = user.filter(|u| !u.is_empty()).unwrap_or_else(|| "root".to_owned());
    Ok(Some(Become { exe, password, flags, ..Become::new(method, user) }))
}

/// A login user need not become itself.
pub(super) fn become_unless_login(become_: Option<&Become>, target: &Target) -> Who {
    let login = match &target.transport {
        Transport::Ssh(ssh) => ssh.user.as_deref(),
        _ => None,
    };
    become_.filter(|other| login != Some(&*other.user)).cloned()
}

/// The same for a task that is only looked at: the shell that is open knows who it is.
pub(super) fn same_user(become_: Option<&Become>, open: &Who, facts: &Facts) -> Who {
    match (become_, open) {
        (Some(other), None) if other.user == facts.user => None,
        (other, _) => other.cloned(),
    }
}

/// The host that acts in this one's place.
pub(super) fn delegate(at: &At<'_>, context: &Context) -> Result<Option<Arc<Host>>, Failure> {
    let Some(node) = at.task.chain.nearest("delegate_to") else { return Ok(None) };
    let name = super::perform::text(&at.play.engine.templar, node, context)?.unwrap_or_default();
    if name.is_empty() || *name == *at.host.name {
        return Ok(None);
    }
    if at.play.engine.inventory.host(&name).is_none() {
        return Err(Failure::from(
            Diagnostic::error(format!("there is no host `{name}` to delegate to"))
                .at(node.span, "")
                .help("add it to the inventory, or use `localhost`"),
        ));
    }
    Ok(Some(at.play.engine.host(&HostName::from(name.as_str()))))
}

/// Variables by name, evaluated.
pub(super) struct Variables<'a> {
    pub(super) play: &'a PlayRun,
    pub(super) context: &'a Context,
}

impl Variables<'_> {
    /// The text of the first of these that is defined and not empty.
    pub(super) fn first(&self, names: &[&str]) -> Result<Option<String>, Failure> {
        for name in names {
            let value = match self.context.scope.get(name) {
                None => continue,
                Some(crate::template::Raw::Value(value)) => value,
                Some(crate::template::Raw::Node(node)) => {
                    match crate::playbook::has_template(node.text().unwrap_or_default())
                        || node.scalar().is_some_and(|s| s.tag.is_some())
                    {
                        true => self
                            .play
                            .engine
                            .templar
                            .value(&node, self.context)
                            .map_err(Failure::from)?,
                        false => from_node(&node),
                    }
                }
            };
            let text = to_node(&value, Default::default()).text().map(str::to_owned);
            if let Some(text) = text.filter(|text| !text.is_empty() && !value.is_none()) {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }
}
