//! `reboot`: restarts a host and waits until it is there again.
//!
//! That it was restarted is told by its boot id, which is another one then; a host that only lost its
//! connection has the same.

use std::time::Duration;

use rprov_modules::kit::{Diff, Node, Reply, Step, boolean, sh};
use tokio::time::Instant;

use super::reach::{Again, COMMAND, Pause, Way, said, seconds};
use super::text;
use crate::engine::link::Link;
use crate::engine::outcome::{Done, Failure};
use crate::engine::perform::{self, Trouble};
use crate::engine::target::{self, Seen};
use crate::engine::task::At;
use crate::engine::{delegate, supply};
use crate::session::{SessionError, Transport};
use crate::template::Context;

/// Where `shutdown` is looked for.
const PATHS: [&str; 5] = ["/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin"];

const RESTART: &str = r#"# restart the host
minutes=$1 message=$2
shift 2
for directory; do
    [ ! -x "$directory/shutdown" ] || exec "$directory/shutdown" -r "$minutes" "$message"
done
for directory; do
    [ ! -x "$directory/reboot" ] || exec "$directory/reboot"
done
echo "there is no shutdown and no reboot in $*" >&2
exit 127
"#;

/// What the task wants.
struct Wish {
    /// Tells one start of the host from another.
    boot_time_command: String,
    reboot_command: Option<String>,
    test_command: String,
    message: String,
    paths: Vec<String>,
    before: Duration,
    after: Duration,
    limit: Duration,
    each: Option<Duration>,
}

impl Wish {
    fn new(at: &At<'_>, context: &Context) -> Result<Wish, Failure> {
        let given = |name: &str, default: &str| -> Result<String, Failure> {
            Ok(text(at, context, name)?.unwrap_or_else(|| default.to_owned()))
        };
        let time = |name: &'static str, old: &'static str, default: u64| -> Result<_, Failure> {
            let given = seconds(at, context, &[name, old])?;
            Ok(given.unwrap_or(Duration::from_secs(default)))
        };
        let paths = match at.task.args.get("search_paths") {
            None => PATHS.map(str::to_owned).to_vec(),
            Some(node) => {
                let node = at.play.engine.templar.render(node, context).map_err(Failure::from)?;
                let items = node.items().map_or_else(|| vec![&node], |all| all.iter().collect());
                items.into_iter().filter_map(Node::text).map(str::to_owned).collect()
            }
        };
        let reboot_command = text(at, context, "reboot_command")?;
        Ok(Wish {
            boot_time_command: given("boot_time_command", "cat /proc/sys/kernel/random/boot_id")?,
            reboot_command: reboot_command
                .filter(|it| !it.is_empty() && boolean(it) != Some(false)),
            test_command: given("test_command", "whoami")?,
            message: given("msg", "Reboot initiated by rprov")?,
            paths,
            before: time("pre_reboot_delay", "pre_reboot_delay_sec", 0)?,
            after: time("post_reboot_delay", "post_reboot_delay_sec", 0)?,
            limit: time("reboot_timeout", "reboot_timeout_sec", 600)?,
            each: seconds(at, context, &["connect_timeout", "connect_timeout_sec"])?,
        })
    }
}

pub(super) async fn reboot(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let wish = Wish::new(at, context)?;
    let delegate = delegate::delegate(at, context)?;
    let acting = delegate.as_ref().map_or(at.host, |delegate| &delegate.host);
    let vars = delegate.as_ref().map_or(context, |delegate| &delegate.view);
    let seen = Seen { play: at.play, task: at.task, vars, own: context };
    let mut done = Done { diffs: vec![Diff::Note("restart the host".into())], ..Done::default() };
    if let Transport::Local = target::target(seen, &acting.name)?.transport {
        let why = "Running reboot with local connection would reboot the control node.";
        return Ok(ended(Done::default(), false, Duration::ZERO, Some(Failure::new(why))));
    }
    if perform::check(at, context)? {
        done.changed = true;
        return Ok(ended(done, true, Duration::ZERO, None));
    }
    let environment = supply::environment(at.play, at.task, context)?;
    let way = Way::new(seen, acting, environment, wish.each)?;
    let mut link = acting.link.lock().await;
    let begun = Instant::now();
    let before = match way.boot(&mut link, &wish.boot_time_command).await {
        Ok(before) => before,
        Err(Trouble::Session(error)) => return Ok(perform::told(Trouble::Session(error))),
        Err(trouble) => {
            let why = Failure::new(said(trouble));
            return Ok(ended(Done::default(), false, Duration::ZERO, Some(why)));
        }
    };
    match restart(&way, &mut link, &wish).await {
        Ok(reply) if !reply.ok() => {
            let (out, err) = (reply.out(), reply.err());
            let why = format!("Reboot command failed. Error was: '{}, {}'", out.trim(), err.trim());
            return Ok(ended(Done::default(), false, begun.elapsed(), Some(Failure::new(why))));
        }
        // It may be faster than its answer.
        Ok(_) | Err(Trouble::Session(SessionError::Lost { .. })) => {}
        Err(trouble) => return Ok(perform::told(trouble)),
    }
    link.close();
    done.changed = true;
    tokio::time::sleep(wish.after).await;
    let pause = Pause { first: Duration::from_secs(1), longest: Duration::from_secs(12) };
    let again = Again {
        boot_time_command: &wish.boot_time_command,
        before: &before,
        test_command: &wish.test_command,
    };
    let waiting = way.until(&mut link, wish.limit, pause, Some(&again));
    let failure = perform::patiently(at, waiting).await.err().map(|failure| {
        let limit = wish.limit.as_secs();
        Failure::new(format!(
            "Timed out waiting for the host (timeout={limit}): {}",
            failure.message
        ))
    });
    Ok(ended(done, true, begun.elapsed(), failure))
}

fn ended(mut done: Done, rebooted: bool, elapsed: Duration, failure: Option<Failure>) -> Done {
    done.values.insert("rebooted".into(), rebooted.into());
    done.values.insert("elapsed".into(), elapsed.as_secs().into());
    done.failure = failure;
    done
}

async fn restart(way: &Way<'_>, link: &mut Link, wish: &Wish) -> Result<Reply, Trouble> {
    let who = way.open(link).await?;
    match &wish.reboot_command {
        Some(line) => way.command(link, &who, line, COMMAND).await,
        None => {
            let minutes = (wish.before.as_secs() / 60).to_string();
            let words = [minutes, wish.message.clone()].into_iter().chain(wish.paths.clone());
            way.step(link, &who, Step::run(sh(RESTART, words)), COMMAND).await
        }
    }
}
