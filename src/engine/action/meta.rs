//! `meta`: acts on the run itself.

use std::sync::Arc;

use rprov_modules::kit::Node;

use crate::engine::host::Host;
use crate::engine::outcome::Failure;
use crate::engine::play::PlayRun;
use crate::engine::{handlers, show};
use crate::playbook::Task;
use crate::source::Diagnostic;

/// `meta`: acts on the run itself.
pub(in crate::engine) async fn meta(play: &Arc<PlayRun>, task: &Arc<Task>, hosts: &[Arc<Host>]) {
    let action = task.args.get("action").and_then(Node::text).unwrap_or_default().to_owned();
    let mut chosen = Vec::new();
    // What concerns the whole play is decided by the first host, as in Ansible.
    let asked = match action.as_str() {
        "end_host" | "end_role" | "flush_handlers" | "reset_connection" => hosts,
        _ => &hosts[..1],
    };
    for host in asked {
        let holds = play.context(host, Some(task)).map_err(Failure::from_all).and_then(|context| {
            task.chain.all("when").into_iter().try_fold(true, |all, when| {
                Ok(all && play.engine.templar.condition(when, &context).map_err(Failure::from)?)
            })
        });
        match holds {
            Ok(true) => {
                // The next host's condition sees that this one has gone.
                if action == "end_host" {
                    host.progress().ended = true;
                    play.settle_standing();
                }
                chosen.push(host.clone());
            }
            Ok(false) => {}
            Err(failure) => match failure.diagnostic {
                Some(diagnostic) => show::refuse(play, host, &[*diagnostic]),
                None => show::refuse(play, host, &[Diagnostic::error(failure.message)]),
            },
        }
    }
    if chosen.is_empty() {
        return;
    }
    match action.as_str() {
        "flush_handlers" => Box::pin(handlers::flush_handlers(play, &chosen, true)).await,
        "end_play" => {
            play.end();
            play.alive().iter().for_each(|host| host.progress().ended = true);
        }
        "end_batch" => play.alive().iter().for_each(|host| host.progress().ended = true),
        "clear_facts" => play.batch().iter().for_each(|host| play.engine.forget_facts(host)),
        "end_role" => {
            if task.role().is_none() {
                let error = Diagnostic::error("`end_role` ends a role, and this is none");
                let error = error.at(task.span, "not in a role");
                chosen
                    .iter()
                    .for_each(|host| show::refuse(play, host, std::slice::from_ref(&error)));
            }
            chosen.iter().for_each(|host| host.progress().left = task.role().cloned());
        }
        "clear_host_errors" => {
            for host in play.batch() {
                let mut progress = host.progress();
                progress.forgiven = true;
                // It goes on at once, as in Ansible; one that has failed takes part in the next play.
                progress.unreachable = false;
            }
        }
        "reset_connection" => {
            for host in &chosen {
                host.link.lock().await.close();
            }
        }
        "end_host" | "noop" => {}
        "refresh_inventory" => {
            if let Err(errors) = play.engine.world.refresh(&play.engine) {
                chosen.iter().for_each(|host| show::refuse(play, host, &errors));
            }
        }
        other => {
            let error = Diagnostic::error(format!("unknown meta action `{other}`")).at(task.span, "").help("known: flush_handlers, end_play, end_batch, end_host, end_role, clear_facts, clear_host_errors, refresh_inventory, reset_connection, noop");
            chosen.iter().for_each(|host| show::refuse(play, host, std::slice::from_ref(&error)));
        }
    }
}
