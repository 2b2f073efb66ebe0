//! Hosts that live inside this process: those with `ansible_connection=embedded`.

use std::collections::HashMap;

use crate::inventory::Inventory;
use crate::session::Transport;
use crate::session::embedded::{
    EmbeddedHost, HostOptions, Origin, Sandbox, SandboxError, Support, container,
};
use crate::source::Diagnostic;

/// The embedded hosts of a run.
#[derive(Default)]
pub(super) struct Hosts {
    running: Vec<(String, EmbeddedHost)>,
    /// Hosts for which this machine stands in.
    local: Vec<String>,
    notes: Vec<String>,
}

impl Hosts {
    /// Starts those the inventory has. A host kept by an earlier run is gone when this one does not
    /// ask for it. Where no view can be had this machine stands in if it is a container.
    ///
    /// # Errors
    /// When the kernel does not allow one; the message names the alternative.
    pub(super) async fn start(inventory: &Inventory, keep: bool) -> Result<Hosts, Diagnostic> {
        let mut hosts = Hosts::default();
        for host in inventory.hosts() {
            let connection = host.vars.get("ansible_connection").and_then(|(_, node)| node.text());
            if connection != Some("embedded") {
                continue;
            }
            let name = host.name.to_string();
            let (support, removed) = {
                let name = name.clone();
                let look = move || {
                    let removed = !keep && Sandbox::remove(&name).unwrap_or(false);
                    (Sandbox::probe(), removed)
                };
                tokio::task::spawn_blocking(look)
                    .await
                    .map_err(|error| Diagnostic::error(error.to_string()))?
            };
            if removed {
                hosts.notes.push(format!("{name}: the host kept by an earlier run is gone"));
            }
            if let Support::No(error) = support {
                let Some(kind) = container() else { return Err(impossible(&error)) };
                hosts.notes.push(format!(
                    "{name}: no embedded host can be had ({error}); this is a container ({kind}), so it is provisioned itself"
                ));
                hosts.local.push(name);
                continue;
            }
            let mut options = HostOptions::new(&*name);
            options.keep = keep;
            let embedded = EmbeddedHost::start(options).await.map_err(|e| impossible(&e))?;
            hosts.notes.push(match embedded.origin() {
                Origin::New => {
                    format!("{name}: a new embedded host, a copy-on-write view of this machine")
                }
                Origin::Running => format!("{name}: the embedded host of an earlier run, kept"),
                Origin::Revived => format!(
                    "{name}: the embedded host of an earlier run; its services had ended with the machine"
                ),
            });
            hosts.running.push((name, embedded));
        }
        Ok(hosts)
    }

    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How the engine reaches them.
    pub(super) fn transports(&self) -> HashMap<String, Transport> {
        let running = self.running.iter().map(|(name, host)| (name, Transport::embedded(host)));
        let local = self.local.iter().map(|name| (name, Transport::Local));
        running.chain(local).map(|(name, transport)| (name.clone(), transport)).collect()
    }

    /// Ends them; kept ones go on living.
    pub(super) async fn stop(&mut self) {
        for (_, host) in self.running.drain(..) {
            let _ = host.stop().await;
        }
    }
}

fn impossible(error: &SandboxError) -> Diagnostic {
    Diagnostic::error(error.to_string()).help(error.help())
}
