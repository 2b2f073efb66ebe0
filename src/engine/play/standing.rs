//! Who takes part in a play at this moment: `ansible_play_hosts`, `ansible_play_batch` and their kin.
//!
//! What a task sees is settled when it begins, for all its hosts at once.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::Engine;
use crate::engine::host::Host;
use crate::inventory::HostName;
use crate::vars::{Layer, special};

pub(super) struct Standing {
    /// The title of the play.
    name: String,
    batch: Vec<Arc<Host>>,
    now: Mutex<Now>,
}

/// What was found last.
struct Now {
    /// The hosts the play is for, in the order of its pattern, then those it has added; whether each is
    /// of this batch.
    all: Vec<(Arc<Host>, bool)>,
    /// Which of them are left.
    left: Vec<bool>,
    layer: Arc<Layer>,
}

impl Standing {
    /// For a batch of a play that is for `hosts`.
    pub(super) fn new(
        engine: &Engine,
        name: &str,
        hosts: &[HostName],
        batch: &[Arc<Host>],
    ) -> Standing {
        let known = |name| engine.host(name);
        let own = |host: &Arc<Host>| batch.iter().any(|member| Arc::ptr_eq(member, host));
        let all = hosts.iter().map(known).map(|host| (host.clone(), own(&host))).collect();
        let now = Mutex::new(Now { all, left: vec![], layer: Arc::default() });
        let standing = Standing { name: name.to_owned(), batch: batch.to_vec(), now };
        standing.settle();
        standing
    }

    pub(super) fn layer(&self) -> Arc<Layer> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).layer.clone()
    }

    /// A host that a task of the play has added; as in Ansible, whatever the play is for.
    pub(super) fn add(&self, host: Arc<Host>) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if !now.all.iter().any(|(known, _)| Arc::ptr_eq(known, &host)) {
            now.all.push((host, false));
        }
    }

    /// Looks who is left. What a host of an earlier batch has ended does not matter.
    pub(super) fn settle(&self) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let stands =
            |(host, own): &(Arc<Host>, bool)| if *own { host.stands() } else { host.whole() };
        let left: Vec<bool> = now.all.iter().map(stands).collect();
        if left == now.left {
            return;
        }
        let all: Vec<&HostName> = now.all.iter().map(|(host, _)| &host.name).collect();
        let hosts = all.iter().zip(&left).filter(|(_, left)| **left).map(|(name, _)| *name);
        let batch = self.batch.iter().filter(|host| host.stands()).map(|host| &host.name);
        let (hosts, batch): (Vec<_>, Vec<_>) = (hosts.collect(), batch.collect());
        let play = special::Play { name: &self.name, all: &all, hosts: &hosts, batch: &batch };
        now.layer = Arc::new(play.layer());
        now.left = left;
    }
}
