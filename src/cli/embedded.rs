//! Hosts that live inside this process: those with `ansible_connection=embedded`.

use std::collections::HashMap;

use crate::inventory::Inventory;
use crate::session::embedded::{EmbeddedHost, HostOptions, Origin};
use crate::session::{SshTarget, Transport};
use crate::source::Diagnostic;

/// The embedded hosts of a run.
#[derive(Default)]
pub(super) struct Hosts {
    running: Vec<(String, EmbeddedHost)>,
    notes: Vec<String>,
}

impl Hosts {
    /// Starts those the inventory has.
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
            let mut options = HostOptions::new(&*host.name);
            options.keep = keep;
            let embedded = EmbeddedHost::start(options)
                .await
                .map_err(|error| Diagnostic::error(error.to_string()))?;
            hosts.notes.push(match embedded.origin() {
                Origin::Running => {
                    format!("{}: the embedded host of an earlier run, kept", host.name)
                }
                _ => format!(
                    "{}: a new embedded host, a copy-on-write view of this machine",
                    host.name
                ),
            });
            hosts.running.push((host.name.to_string(), embedded));
        }
        Ok(hosts)
    }

    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How the engine reaches them.
    pub(super) fn transports(&self) -> HashMap<String, Transport> {
        self.running.iter().map(|(name, host)| (name.clone(), transport(host))).collect()
    }

    /// Ends them; kept ones go on living.
    pub(super) async fn stop(&mut self) {
        for (_, host) in self.running.drain(..) {
            let _ = host.stop().await;
        }
    }
}

fn transport(host: &EmbeddedHost) -> Transport {
    let target = SshTarget::private(
        host.address(),
        host.user(),
        host.key().clone(),
        host.host_key().clone(),
    );
    Transport::Ssh(target)
}
