//! Who and where: the connection and the user of a task, from keywords, variables and options.
//!
//! As in Ansible a variable wins over a keyword, and a keyword over an option of the command line.
//! The variables are those of the host that acts: a delegate's, if there is one.

mod contained;
mod privilege;
mod ssh;
mod variables;
mod words;

use rprov_modules::kit::Facts;

pub(super) use self::privilege::become_;
pub(super) use self::variables::HOST;
use self::variables::{ALL, CONNECTION, Effect, Variable};
use super::outcome::Failure;
use super::play::PlayRun;
use crate::playbook::{Task, has_template};
use crate::session::{Become, Target, Transport, local_user};
use crate::template::{Context, Raw, from_node, to_node};

/// The user of a shell: the login user, or another one.
pub(super) type Who = Option<Become>;

/// What decides who and where.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) play: &'a PlayRun,
    pub(super) task: &'a Task,
    /// The variables of the host that acts.
    pub(super) vars: &'a Context,
    /// Those of the host whose task it is: its keywords are rendered with them.
    pub(super) own: &'a Context,
}

/// The way to a host.
pub(super) fn target(seen: Seen<'_>, name: &str) -> Result<Target, Failure> {
    let options = &seen.play.engine.options;
    seen.refuse_others()?;
    let connection = seen.variable(&CONNECTION)?;
    let connection = connection.or(seen.keyword("connection")?).or(options.connection.clone());
    let connection = connection.unwrap_or_else(|| match options.embedded.contains_key(name) {
        true => "embedded".to_owned(),
        false => "ssh".to_owned(),
    });
    let transport = match connection.rsplit('.').next().unwrap_or_default() {
        "local" => Transport::Local,
        "ssh" | "smart" | "paramiko" | "paramiko_ssh" => {
            Transport::Ssh(Box::new(ssh::target(seen, name)?))
        }
        "embedded" => match options.embedded.get(name) {
            Some(transport) => transport.clone(),
            None => {
                return Err(Failure::new(format!(
                    "no embedded host was started for `{name}`: it is only there for `env=demo`"
                )));
            }
        },
        kind => match contained::enter(seen, name, kind)? {
            Some(enter) => Transport::Command(enter),
            None => {
                return Err(Failure::new(format!(
                    "connection `{connection}` is not supported: expected one of {}",
                    contained::KINDS
                        .iter()
                        .fold("ssh, local".to_owned(), |all, kind| { format!("{all}, {kind}") })
                )));
            }
        },
    };
    Ok(Target { name: name.to_owned(), transport })
}

/// A login user need not become itself.
pub(super) fn become_unless_login(become_: Option<&Become>, target: &Target) -> Who {
    let itself = |other: &&Become| match &target.transport {
        Transport::Ssh(ssh) => ssh.user.as_ref() == Some(&other.user),
        Transport::Local => local_user().0 == other.user,
        Transport::Command(_) => false,
    };
    become_.filter(|other| !itself(other)).cloned()
}

/// The same for a task that is only looked at: the shell that is open knows who it is.
pub(super) fn same_user(become_: Option<&Become>, open: &Who, facts: &Facts) -> Who {
    match (become_, open) {
        (Some(other), None) if other.user == facts.user => None,
        (other, _) => other.cloned(),
    }
}

impl Seen<'_> {
    /// The text of a variable under the last of its names that is set; not an empty one.
    pub(super) fn variable(&self, variable: &Variable) -> Result<Option<String>, Failure> {
        Ok(self.last(variable.names)?.filter(|text| !text.is_empty()))
    }

    fn keyword(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.task.chain.nearest(name) {
            Some(node) => super::perform::text(&self.play.engine.templar, node, self.own),
            None => Ok(None),
        }
    }

    /// Variables that ask for what is not done here are errors, never passed over.
    fn refuse_others(&self) -> Result<(), Failure> {
        for variable in ALL {
            if let Effect::Refused(but) = variable.effect
                && let Some(value) = self.variable(variable)?.filter(|it| !but.contains(&&**it))
            {
                let (name, why) = (variable.names[0], variable.what);
                let error = Failure::new(format!("`{name}` cannot be `{value}`: {why}"));
                return Err(error.helped("remove the variable"));
            }
        }
        Ok(())
    }

    /// The text of the last of these variables that is set, as in Ansible.
    pub(super) fn last(&self, names: &[&str]) -> Result<Option<String>, Failure> {
        for name in names.iter().rev() {
            let value = match self.vars.scope.given(name) {
                None => continue,
                Some(Raw::Value(value)) => value,
                Some(Raw::Node(node)) => {
                    match has_template(node.text().unwrap_or_default())
                        || node.scalar().is_some_and(|scalar| scalar.tag.is_some())
                    {
                        true => {
                            let templar = &self.play.engine.templar;
                            templar.value(&node, self.vars).map_err(Failure::from)?
                        }
                        false => from_node(&node),
                    }
                }
            };
            if value.is_none() {
                continue;
            }
            if let Some(text) = to_node(&value, Default::default()).text() {
                return Ok(Some(text.to_owned()));
            }
        }
        Ok(None)
    }
}
