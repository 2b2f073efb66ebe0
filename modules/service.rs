//! `service`: services, whatever starts them: systemd, scripts in /etc/init.d, OpenRC.
//!
//! ```yaml
//! - service:
//!     name: nginx
//!     state: started
//!     enabled: true
//! ```

use crate::init_script::{ScriptNow, ScriptWish};
use crate::kit::{
    Deserialize, Facts, JsonSchema, Module, Node, Plan, Probe, Result, ServiceManager, Through,
    unit,
};
use crate::service_unit::{Running, Scope, UnitNow, UnitWish, show};
use crate::systemd::Systemd;

/// Starts, stops and enables services.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    /// The service. Required, unless systemd is only told to read its files.
    name: Option<String>,
    /// `started` and `stopped` act only if needed; `restarted` and `reloaded` always do, and start
    /// a service that is not running. Default: left as it is.
    state: Option<Running>,
    /// Whether the service starts at boot. Default: left as it is.
    enabled: Option<bool>,
    /// Without systemd: text in the command line of a process which tells that the service runs,
    /// for scripts that know no `status`.
    #[serde(default)]
    pattern: String,
    /// Without systemd, with `state: restarted`: seconds between stop and start. Default: 0.
    #[serde(default)]
    sleep: u32,
    /// Without systemd: further words for the service's script, separated by spaces.
    #[serde(default, alias = "args")]
    arguments: String,
    /// With OpenRC: the runlevel to enable the service in. Default: `default`.
    #[serde(default = "default_runlevel")]
    runlevel: String,
    /// Who is in charge of services: `auto` (default), `systemd`, `sysvinit`, `openrc`.
    #[serde(default, rename = "use")]
    manager: Manager,
    /// With systemd: have it read its unit files first, if any changed. Default: false.
    #[serde(default, alias = "daemon-reload")]
    daemon_reload: bool,
    /// With systemd: have it execute itself anew first. Default: false.
    #[serde(default, alias = "daemon-reexec")]
    daemon_reexec: bool,
    /// With systemd: whether the unit is masked. Default: left as it is.
    masked: Option<bool>,
    /// With systemd: do not wait until the unit is started or stopped. Default: false.
    #[serde(default)]
    no_block: bool,
    /// With systemd: whose units: `system` (default), `user` or `global`.
    #[serde(default)]
    scope: Scope,
    /// With systemd: replace links that stand in the way of `enabled` or `masked`. Default: false.
    #[serde(default)]
    force: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Manager {
    #[default]
    #[serde(alias = "service")]
    Auto,
    #[serde(alias = "systemd_service", alias = "ansible.builtin.systemd")]
    Systemd,
    #[serde(alias = "sysv")]
    Sysvinit,
    Openrc,
}

fn default_runlevel() -> String {
    "default".into()
}

pub(crate) enum Now {
    Unit(UnitNow),
    Script(ScriptNow),
}

impl Service {
    fn manager(&self, facts: &Facts) -> ServiceManager {
        match self.manager {
            Manager::Auto => facts.system.service_manager,
            Manager::Systemd => ServiceManager::Systemd,
            Manager::Sysvinit => ServiceManager::SysV,
            Manager::Openrc => ServiceManager::OpenRc,
        }
    }

    fn unit(&self) -> UnitWish {
        UnitWish {
            name: self.name.clone(),
            state: self.state,
            enabled: self.enabled,
            masked: self.masked,
            daemon_reload: self.daemon_reload,
            daemon_reexec: self.daemon_reexec,
            no_block: self.no_block,
            scope: self.scope,
            force: self.force,
        }
    }

    fn script(&self, facts: &Facts) -> ScriptWish {
        ScriptWish {
            name: self.name.clone().unwrap_or_default(),
            state: self.state,
            enabled: self.enabled,
            pattern: self.pattern.clone(),
            sleep: self.sleep,
            arguments: self.arguments.split_whitespace().map(str::to_owned).collect(),
            runlevel: self.runlevel.clone(),
            openrc: self.manager(facts) == ServiceManager::OpenRc,
        }
    }
}

impl Module for Service {
    const NAMES: &'static [&'static str] = &["service", "sysvinit"];
    const THROUGH: Option<Through> = Some(Through {
        spec: crate::the::<Systemd>,
        here: |facts, args| match args.get("use").and_then(Node::text) {
            None | Some("auto") => facts.system.service_manager == ServiceManager::Systemd,
            Some(other) => other.ends_with("systemd") || other.ends_with("systemd_service"),
        },
        without: &["use", "pattern", "runlevel", "sleep", "arguments", "args"],
    });
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        let systemd = self.manager(facts) == ServiceManager::Systemd;
        let wants = self.state.is_some() || self.enabled.is_some();
        let of_systemd = self.masked.is_some() || self.daemon_reload || self.daemon_reexec;
        if !(wants || systemd && of_systemd) {
            return Probe::refuse("expected `state` or `enabled`, found neither");
        }
        if self.name.is_none() && (wants || self.masked.is_some()) {
            return Probe::refuse("`state`, `enabled` and `masked` need a `name`");
        }
        if !systemd {
            return self.script(facts).probe().map(Now::Script);
        }
        let wish = self.unit();
        let Some(name) = self.name.as_deref().filter(|_| !of_systemd) else {
            return show(&wish).map(Now::Unit);
        };
        // The short answer is shared by all services of the play; the long one is for changes.
        unit(name).then(move |unit| match wish.met_by(&unit) {
            true => Probe::known(Now::Unit(unit.into())),
            false => show(&wish).map(Now::Unit),
        })
    }

    fn plan(&self, facts: &Facts, now: Now) -> Result<Plan> {
        match now {
            Now::Unit(now) => self.unit().plan(now),
            Now::Script(now) => self.script(facts).plan(facts, now),
        }
    }
}
