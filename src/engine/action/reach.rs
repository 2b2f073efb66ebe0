//! Waiting for a host: `wait_for_connection`, and the second half of `reboot`.

use std::time::Duration;

use rprov_modules::kit::{Command, Program, Reply, Step};
use tokio::time::Instant;

use super::text;
use crate::engine::host::Host;
use crate::engine::link::Link;
use crate::engine::outcome::{Done, Failure};
use crate::engine::perform::{self, Trouble};
use crate::engine::target::{self, Seen, Who};
use crate::engine::task::At;
use crate::engine::{delegate, supply};
use crate::session::{Become, Env, StepOutcome, StepRequest};
use crate::source::Diagnostic;
use crate::template::Context;

/// The way to a host that may be gone.
pub(super) struct Way<'a> {
    pub(super) seen: Seen<'a>,
    pub(super) acting: &'a Host,
    pub(super) become_: Option<Become>,
    pub(super) environment: Env,
    /// How long one attempt to connect may take.
    pub(super) each: Option<Duration>,
}

/// How a restarted host is known.
pub(super) struct Again<'a> {
    pub(super) boot_time_command: &'a str,
    /// What that said before.
    pub(super) before: &'a str,
    /// Must succeed, too.
    pub(super) test_command: &'a str,
}

/// How long a command may take.
pub(super) const COMMAND: Duration = Duration::from_secs(60);

/// Between two attempts: so long, or longer each time up to that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

impl<'a> Way<'a> {
    pub(super) fn new(
        seen: Seen<'a>,
        acting: &'a Host,
        environment: Env,
        each: Option<Duration>,
    ) -> Result<Way<'a>, Failure> {
        Ok(Way { seen, acting, become_: target::become_(seen)?, environment, each })
    }

    /// Connects, anew if there is no connection.
    pub(super) async fn open(&self, link: &mut Link) -> Result<Who, Trouble> {
        let opened = perform::open(self.seen, self.acting, self.become_.as_ref(), link);
        match self.each {
            None => opened.await.map(|(who, _)| who),
            Some(each) => match tokio::time::timeout(each, opened).await {
                Ok(opened) => opened.map(|(who, _)| who),
                Err(_) => {
                    let why = format!("no connection within {} s", each.as_secs());
                    Err(Trouble::Failed(Failure::new(why)))
                }
            },
        }
    }

    /// Runs a step by itself.
    pub(super) async fn step(
        &self,
        link: &mut Link,
        who: &Who,
        step: Step,
        limit: Duration,
    ) -> Result<Reply, Trouble> {
        let environment = self.environment.clone();
        let request = StepRequest { step, environment, timeout: Some(limit), awaited: false };
        let landed = link.flight(who, &[request], &[]).await?;
        match landed.steps.into_iter().next() {
            Some(StepOutcome::Done { reply, .. }) => Ok(reply),
            _ => Err(Trouble::Failed(Failure::new("the command was not run"))),
        }
    }

    /// Runs a command line of the playbook's author.
    pub(super) async fn command(
        &self,
        link: &mut Link,
        who: &Who,
        line: &str,
        limit: Duration,
    ) -> Result<Reply, Trouble> {
        let program = Program::Shell { text: line.to_owned(), executable: None };
        let step = Step::Command(Command {
            program,
            chdir: None,
            stdin: None,
            strip_ends: true,
            must_succeed: false,
        });
        self.step(link, who, step, limit).await
    }

    /// What tells this start of the host from others.
    pub(super) async fn boot(&self, link: &mut Link, command: &str) -> Result<String, Trouble> {
        let who = self.open(link).await?;
        let reply = self.command(link, &who, command, COMMAND).await?;
        match reply.ok() {
            true => Ok(reply.out().trim().to_owned()),
            false => Err(failed("failed to get host boot time info", &reply)),
        }
    }

    /// Connects; if the host is to be restarted, it must be, and as it should.
    async fn attempt(&self, link: &mut Link, again: Option<&Again<'_>>) -> Result<(), Trouble> {
        let Some(again) = again else { return self.open(link).await.map(drop) };
        if self.boot(link, again.boot_time_command).await? == again.before {
            return Err(Trouble::Failed(Failure::new("the host has not been restarted yet")));
        }
        let who = self.open(link).await?;
        let reply = self.command(link, &who, again.test_command, COMMAND).await?;
        match reply.ok() {
            true => Ok(()),
            false => Err(failed("Test command failed", &reply)),
        }
    }

    /// Tries until an attempt succeeds or the time is up; then why the last one has not.
    pub(super) async fn until(
        &self,
        link: &mut Link,
        limit: Duration,
        pause: Pause,
        again: Option<&Again<'_>>,
    ) -> Result<(), Failure> {
        let deadline = Instant::now() + limit;
        let interrupt = &self.seen.play.engine.interrupt;
        let mut wait = pause.first;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let tried = tokio::select! {
                tried = tokio::time::timeout(left, self.attempt(link, again)) => Some(tried),
                () = interrupt.wait() => None,
            };
            let why = match tried {
                Some(Ok(Ok(()))) => return Ok(()),
                Some(Ok(Err(trouble))) => said(trouble),
                Some(Err(_)) => "no answer in time".to_owned(),
                None => {
                    link.close();
                    return Err(Failure::new("interrupted"));
                }
            };
            // What was half done with it is of no use.
            link.close();
            if Instant::now() + wait >= deadline {
                return Err(Failure::new(why));
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = interrupt.wait() => return Err(Failure::new("interrupted")),
            }
            wait = (wait * 2).min(pause.longest).max(pause.first);
        }
    }
}

fn failed(what: &str, reply: &Reply) -> Trouble {
    let said = format!("{} {}", reply.err().trim(), reply.out().trim());
    Trouble::Failed(Failure::new(format!("{what}: {}", said.trim())))
}

/// What went wrong, for people.
pub(super) fn said(trouble: Trouble) -> String {
    perform::told(trouble).failure.map_or_else(String::new, |failure| failure.message)
}

/// A parameter in seconds, perhaps with a fraction.
pub(super) fn seconds(
    at: &At<'_>,
    context: &Context,
    names: &[&str],
) -> Result<Option<Duration>, Failure> {
    for name in names {
        let Some(text) = text(at, context, name)? else { continue };
        let span = at.task.args.get(name).map_or(at.task.span, |node| node.span);
        let number = text.trim().parse().ok().and_then(|n| Duration::try_from_secs_f64(n).ok());
        return match number {
            Some(number) => Ok(Some(number)),
            None => {
                let error = format!("expected a number of seconds for `{name}`, found `{text}`");
                Err(Diagnostic::error(error).at(span, "").into())
            }
        };
    }
    Ok(None)
}

/// `wait_for_connection`: until the host lets us in and answers.
pub(super) async fn wait_for_connection(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let given = |name: &'static str, default: u64| -> Result<Duration, Failure> {
        Ok(seconds(at, context, &[name])?.unwrap_or(Duration::from_secs(default)))
    };
    let (each, limit) = (given("connect_timeout", 5)?, given("timeout", 600)?);
    let (delay, sleep) = (given("delay", 0)?, given("sleep", 1)?);
    if perform::check(at, context)? {
        return Ok(Done { skipped: true, ..Done::default() });
    }
    let begun = Instant::now();
    let delegate = delegate::delegate(at, context)?;
    let acting = delegate.as_ref().map_or(at.host, |delegate| &delegate.host);
    let vars = delegate.as_ref().map_or(context, |delegate| &delegate.view);
    let seen = Seen { play: at.play, task: at.task, vars, own: context };
    let environment = supply::environment(at.play, at.task, context)?;
    let way = Way::new(seen, acting, environment, Some(each))?;
    let mut link = acting.link.lock().await;
    link.close();
    tokio::time::sleep(delay).await;
    let pause = Pause { first: sleep, longest: sleep };
    let waiting = way.until(&mut link, limit, pause, None);
    let reached = perform::patiently(at, waiting).await;
    let mut done = Done::default();
    done.values.insert("elapsed".into(), begun.elapsed().as_secs().into());
    done.failure = reached.err().map(|failure| {
        Failure::new(format!("timed out waiting for the host: {}", failure.message))
    });
    Ok(done)
}
