//! `systemd`, `systemd_service`: units of systemd.
//!
//! ```yaml
//! - systemd:
//!     name: app.service
//!     daemon_reload: true
//!     enabled: true
//!     state: started
//! - systemd: { daemon_reload: true }
//! ```

use crate::kit::{
    Deserialize, Facts, JsonSchema, Module, Plan, Probe, Refusal, Result, ServiceManager,
};
use crate::service_unit::{Running, Scope, UnitNow, UnitWish, show};

/// Starts, stops, enables and masks units of systemd.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Systemd {
    /// The unit. A name without an ending means a `.service`.
    #[serde(alias = "service", alias = "unit")]
    name: Option<String>,
    /// `started` and `stopped` act only if needed; `restarted` and `reloaded` always do, and start
    /// a unit that is not running. Default: left as it is.
    state: Option<Running>,
    /// Whether the unit starts at boot. Default: left as it is.
    enabled: Option<bool>,
    /// Whether the unit is masked: cannot be started at all. Default: left as it is.
    masked: Option<bool>,
    /// First have systemd read its unit files, if any changed since it last did. Default: false.
    #[serde(default, alias = "daemon-reload")]
    daemon_reload: bool,
    /// First have systemd execute itself anew, in any case. Default: false.
    #[serde(default, alias = "daemon-reexec")]
    daemon_reexec: bool,
    /// Do not wait until the unit is started or stopped. Default: false.
    #[serde(default)]
    no_block: bool,
    /// Whose units: `system` (default), `user` (of the user the task acts as, who must be logged in
    /// or lingering), `global` (of all users; `enabled` and `masked` only).
    #[serde(default)]
    scope: Scope,
    /// Replace links that stand in the way of `enabled` or `masked`. Default: false.
    #[serde(default)]
    force: bool,
}

impl Systemd {
    fn wish(&self) -> UnitWish {
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
}

impl Module for Systemd {
    const NAMES: &'static [&'static str] = &["systemd", "systemd_service"];
    type State = UnitNow;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, UnitNow> {
        let wants = self.state.is_some() || self.enabled.is_some() || self.masked.is_some();
        if facts.system.service_manager != ServiceManager::Systemd {
            return Probe::refuse(
                "systemd does not run on this host; use `service`, which works without it",
            );
        }
        if self.name.is_none() && wants {
            return Probe::refuse("`state`, `enabled` and `masked` need a `name`");
        }
        if !(wants || self.daemon_reload || self.daemon_reexec || self.name.is_some()) {
            return Probe::refuse(Refusal::new(
                "expected one of `state`, `enabled`, `masked`, `daemon_reload` and `daemon_reexec`",
            ));
        }
        show(&self.wish())
    }

    fn plan(&self, _: &Facts, now: UnitNow) -> Result<Plan> {
        self.wish().plan(now)
    }
}
