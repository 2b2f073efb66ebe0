//! What the failure of some hosts does to the others: `any_errors_fatal`, `run_once`,
//! `max_fail_percentage`.
//!
//! A host that fails inside a block with `rescue` or `always` is not counted by `max_fail_percentage`,
//! as in Ansible: the block may still mend it. Nor are hosts that cannot be reached, nor any if
//! `force_handlers` has something left to do on those that fail.

use std::sync::Arc;

use super::flags::flag;
use super::host::Host;
use super::play::PlayRun;
use crate::playbook::Task;
use crate::report::Event;

/// Looks at the hosts that have just acted. `once`: one of them did so for all.
pub(super) fn settle(play: &PlayRun, task: &Task, hosts: &[Arc<Host>], once: bool) {
    // A host that cannot go on alone takes the others with it: to `rescue` if there is one.
    if (once || flag(play, task, &hosts[0], "any_errors_fatal"))
        && !flag(play, task, &hosts[0], "ignore_errors")
        && hosts.iter().any(|host| !host.whole())
    {
        // Where each host goes its own way, a failure concerns the others only if the task was meant for all.
        let alone = play.settings().is_free() && !flag(play, task, &hosts[0], "run_once");
        let others = if alone { hosts.to_vec() } else { play.alive() };
        for host in &others {
            let mut progress = host.progress();
            progress.dragged |= !progress.failed && !progress.unreachable;
            progress.failed |= progress.dragged;
        }
    }
    let forced = play.forces_handlers();
    let lost = hosts.iter().filter(|host| {
        let progress = host.progress();
        let owes = forced && !(progress.called.is_empty() && progress.notified.is_empty());
        progress.failed && !progress.dragged && progress.sheltered == 0 && !owes
    });
    if play.exceeds(lost.map(|host| host.name.clone())) {
        play.batch().iter().for_each(|host| host.progress().ended = true);
    }
}

/// Says once that `run_once` runs a task on each host, though its failure concerns all.
pub(super) fn say_each(play: &PlayRun) {
    let message = "with the strategies free and host_pinned each host runs a task with `run_once`";
    if play.engine.first_time(message) {
        play.engine.reporter.report(Event::Warning(message.to_owned()));
    }
}

/// Hosts begin the part of a block that its `rescue` or `always` stands behind, if there is one.
pub(super) fn shelter(hosts: &[Arc<Host>], rescue: bool, always: bool) {
    for host in hosts {
        let mut progress = host.progress();
        progress.sheltered += u32::from(rescue || always);
        progress.mendable += u32::from(rescue);
    }
}

/// They have ended it.
pub(super) fn unshelter(hosts: &[Arc<Host>], rescue: bool, always: bool) {
    for host in hosts {
        let mut progress = host.progress();
        progress.sheltered -= u32::from(rescue || always);
        progress.mendable -= u32::from(rescue);
    }
}
