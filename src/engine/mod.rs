//! Plays over hosts: order, failure, handlers; and below that one task on one host.
//!
//! Reading order: `play` (a play over its hosts), `list` (tasks and blocks in order), `task` (one
//! task on one host: condition, loop, register), `perform` (one module on one host: probe, plan,
//! steps, verification), `ahead` (what to ask early), `handlers`, then the parts they
//! use.
//!
//! Check mode, diffs, verification and speculation are written here once, and in no module.

mod action;
mod ahead;
mod argspec;
mod arguments;
mod delegate;
mod facts;
mod fall;
mod flags;
mod goals;
mod handlers;
mod host;
mod implied;
mod include;
mod job;
mod jobs;
mod kept;
mod link;
mod list;
mod loops;
mod outcome;
mod pending;
mod perform;
mod play;
mod retry;
mod scope;
mod show;
mod step;
mod supply;
mod target;
mod task;
mod world;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use indexmap::IndexMap;

pub use self::facts::{FactCache, FactSettings, Gathering};
use self::host::Host;
pub use self::world::Reload;
use self::world::World;
use crate::inventory::{
    HostName,
    pattern::{Limit, Mismatch},
};
use crate::playbook::{Loader, Play, TagFilter};
use crate::report::{Event, Redactor, Reporter, Stats, Totals};
use crate::session::{Interrupt, Keyring, Transport};
use crate::source::Diagnostic;
use crate::template::{Decrypt, Templar};
use crate::vars::{InventoryVars, Layer, special};

/// What the command line says about a run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Show what would change, change nothing.
    pub check: bool,
    pub diff: bool,
    pub verbosity: u8,
    /// Hosts at a time. 0 means all.
    pub forks: usize,
    pub tags: TagFilter,
    pub limit: Option<Limit>,
    pub mismatch: Mismatch,
    /// `--user`: the login user where no variable gives one.
    pub user: Option<String>,
    /// The port where no variable gives one.
    pub port: Option<u16>,
    /// The file of a private key.
    pub private_key: Option<String>,
    /// The text of a private key.
    pub key: Option<String>,
    /// Of the private key, in whichever form.
    pub passphrase: Option<String>,
    /// `--connection`.
    pub connection: Option<String>,
    /// Connection timeout in seconds. Default: 10.
    pub timeout: Option<u64>,
    /// How often a host that cannot be reached is tried again.
    pub retries: u32,
    /// A host with an unknown key is accepted, where no variable says otherwise.
    pub any_host_key: bool,
    pub ssh_args: SshArgs,
    pub become_: bool,
    pub become_method: Option<String>,
    /// By method.
    pub become_settings: HashMap<&'static str, BecomeSettings>,
    /// Asked for once, by `--ask-become-pass`.
    pub become_password: Option<String>,
    pub ssh_password: Option<String>,
    /// Seconds between questions after a job, where `poll` does not say. `None`: 15.
    pub poll: Option<u64>,
    /// Where results of jobs are kept, if no variable says so. `None`: `~/.ansible_async`.
    pub async_dir: Option<String>,
    /// Report each host that begins a task.
    pub starts: bool,
    /// Do not report what modules warn of.
    pub quiet_modules: bool,
    /// Do not report what is deprecated.
    pub quiet_deprecations: bool,
    pub force_handlers: bool,
    /// To notify a handler that is not there is a warning, no error.
    pub missing_handlers: bool,
    pub start_at_task: Option<String>,
    /// Ask before each task.
    pub step: bool,
    pub facts: FactSettings,
    /// Where notified handlers of failed runs are kept. `None`: nowhere.
    pub pending: Option<std::path::PathBuf>,
    /// Private keys, opened once for all hosts.
    pub keyring: Keyring,
    pub containers: ContainerSettings,
    /// Hosts that live inside this process.
    pub embedded: HashMap<String, Transport>,
}

/// Arguments as for the `ssh` command, where no variable gives them.
#[derive(Debug, Clone, Default)]
pub struct SshArgs {
    pub args: Option<String>,
    pub common: Option<String>,
    pub extra: Option<String>,
}

/// How to become another user with one method, where no variable and no keyword says so.
#[derive(Debug, Clone, Default)]
pub struct BecomeSettings {
    pub user: Option<String>,
    /// Words behind the program.
    pub flags: Option<String>,
    /// The program, and words of its own.
    pub exe: Option<String>,
    pub password: Option<String>,
    /// Where to be before; for sudo.
    pub directory: Option<String>,
}

/// How containers are entered, where no variable says so.
#[derive(Debug, Clone, Default)]
pub struct ContainerSettings {
    /// Words of `docker` before `exec`.
    pub docker_args: Option<String>,
    /// Seconds until a shell must answer.
    pub docker_timeout: Option<u64>,
    /// The directory to be in there.
    pub docker_directory: Option<String>,
    pub docker_privileged: bool,
    /// The program in place of `chroot`.
    pub chroot_exe: Option<String>,
    pub podman_args: Option<String>,
    pub podman_timeout: Option<u64>,
    /// The program in place of `podman`.
    pub podman_exe: Option<String>,
}

/// Runs plays. One per run.
pub struct Engine {
    world: World,
    loader: Loader,
    templar: Templar,
    decrypt: Option<Decrypt>,
    options: Options,
    extra: Arc<Layer>,
    special: special::Run,
    redactor: Redactor,
    reporter: Arc<dyn Reporter>,
    /// Every host that was met, in order, kept over the plays of the run.
    hosts: Mutex<IndexMap<HostName, Arc<Host>>>,
    /// `--start-at-task` has not been met yet.
    waiting: std::sync::atomic::AtomicBool,
    interrupt: Interrupt,
    /// `--step`, until the answer is to go on.
    stepping: std::sync::atomic::AtomicBool,
    /// `--step` has asked, and nobody has answered.
    unanswered: std::sync::atomic::AtomicBool,
    /// Some play had a host.
    matched: std::sync::atomic::AtomicBool,
    /// What is said once, however many hosts it is true of.
    said: Mutex<HashSet<String>>,
    totals: action::Totals,
}

/// A playbook that is read.
pub struct Book {
    pub plays: Vec<Play>,
    /// Where to write the hosts that failed in it.
    pub retry: Option<std::path::PathBuf>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Ok,
    Failed,
    Unreachable,
}

/// The parts of an [`Engine`].
pub struct Parts {
    pub inventory_vars: InventoryVars,
    /// For `meta: refresh_inventory`.
    pub reload: Reload,
    pub loader: Loader,
    pub templar: Templar,
    pub decrypt: Option<Decrypt>,
    pub options: Options,
    pub extra: Arc<Layer>,
    pub special: special::Run,
    pub redactor: Redactor,
    pub reporter: Arc<dyn Reporter>,
}

impl Engine {
    pub fn new(parts: Parts) -> Arc<Engine> {
        let waiting = parts.options.start_at_task.is_some();
        let stepping = parts.options.step.into();
        Arc::new(Engine {
            world: World::new(parts.inventory_vars, parts.reload),
            loader: parts.loader,
            templar: parts.templar,
            decrypt: parts.decrypt,
            options: parts.options,
            extra: parts.extra,
            special: parts.special,
            redactor: parts.redactor,
            reporter: parts.reporter,
            hosts: Mutex::default(),
            waiting: std::sync::atomic::AtomicBool::new(waiting),
            interrupt: Interrupt::default(),
            stepping,
            unanswered: std::sync::atomic::AtomicBool::new(false),
            matched: std::sync::atomic::AtomicBool::new(false),
            said: Mutex::default(),
            totals: action::Totals::default(),
        })
    }

    pub fn loader(&self) -> &Loader {
        &self.loader
    }

    /// Runs playbooks in order and reports what happens; one that fails is the last.
    ///
    /// # Errors
    /// A play whose hosts or variables cannot be determined; plays before it have run.
    pub async fn run(self: &Arc<Self>, books: Vec<Book>) -> Result<Ending, Vec<Diagnostic>> {
        let empty = books.iter().all(|book| book.plays.is_empty());
        let last = books.len().saturating_sub(1);
        let mut ending = Ending::Ok;
        self.warn();
        self.forget_kept_facts();
        let mut plays: Vec<Arc<Play>> = Vec::new();
        let mut ends = Vec::new();
        for (list, retry) in books.into_iter().map(|book| (book.plays, book.retry)) {
            plays.extend(list.into_iter().map(Arc::new));
            ends.push((plays.len(), retry));
        }
        let mut begin = 0;
        for (at, (end, retry)) in ends.into_iter().enumerate() {
            for at in begin..end {
                let same = |play: &&Arc<Play>| {
                    play.span.file == plays[at].span.file
                        && pending::name(play) == pending::name(&plays[at])
                };
                let nth = plays[begin..at].iter().filter(same).count();
                if self.interrupt.sent() || !play::run(self, &plays[at..], nth).await? {
                    break;
                }
            }
            begin = end;
            if self.unanswered.load(std::sync::atomic::Ordering::Relaxed) {
                let error = Diagnostic::error("`--step` has asked, and there was no answer");
                return Err(vec![error.help("answer on the terminal, or on standard input")]);
            }
            if at == last {
                self.something_ran(empty)?;
            }
            let recap = self.recap();
            ending = match &recap {
                all if all.iter().any(|(_, s)| s.unreachable > 0) => Ending::Unreachable,
                all if all.iter().any(|(_, s)| s.failed > 0) => Ending::Failed,
                _ => Ending::Ok,
            };
            if let Some(path) = &retry {
                retry::write(self, path, &recap);
            }
            let (run, hosts) = self.totals.all();
            self.reporter.report(Event::Recap(recap, Totals { run, hosts }));
            if ending != Ending::Ok || self.interrupt.sent() {
                break;
            }
        }
        Ok(ending)
    }

    /// Tells what loading has warned of.
    fn warn(&self) {
        let quiet = self.options.quiet_deprecations;
        let told = |warning: &Diagnostic| !quiet || warning.check() != Some("deprecated");
        for warning in self.loader.take_warnings().into_iter().filter(told) {
            let place = warning.span().and_then(|span| show::place(&self.loader, span));
            let message = warning.message();
            self.reporter.report(Event::Warning(match place {
                Some(place) => format!("{message} ({})", place.trim()),
                None => message.to_owned(),
            }));
        }
    }

    /// A green run that did nothing is a trap.
    fn something_ran(&self, empty: bool) -> Result<(), Vec<Diagnostic>> {
        if self.waiting.load(std::sync::atomic::Ordering::Relaxed) {
            let name = self.options.start_at_task.as_deref().unwrap_or_default();
            return Err(vec![Diagnostic::error(format!("there is no task `{name}` to start at"))]);
        }
        if !empty && !self.matched.load(std::sync::atomic::Ordering::Relaxed) {
            let error = Diagnostic::error("no play has a host: nothing was done");
            return Err(vec![error.help(
                "see the warnings above; `--list-hosts` shows what each play would run on",
            )]);
        }
        Ok(())
    }

    /// Each host's counts, in the order of names.
    pub fn recap(&self) -> Vec<(String, Stats)> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut recap: Vec<_> = hosts
            .values()
            .map(|host| (host.name.to_string(), host.progress().stats))
            .filter(|(_, stats)| *stats != Stats::default())
            .collect();
        recap.sort_by(|a, b| a.0.cmp(&b.0));
        recap
    }

    /// Ends the commands that run on hosts; no further task is begun. Steps of modules go on: again,
    /// and nobody waits for them.
    pub fn interrupt(&self) {
        self.interrupt.send();
    }

    /// Waits; Ctrl-C ends the wait, and the task with it.
    async fn rest(&self, time: std::time::Duration) -> Result<(), outcome::Failure> {
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            () = self.interrupt.wait() => Err(outcome::Failure::new("interrupted")),
        }
    }

    /// How many hosts are awaited although the run was interrupted.
    pub fn awaited(&self) -> usize {
        self.interrupt.awaited()
    }

    /// Sequential round trips to each host after its connection was made.
    pub async fn round_trips(&self) -> Vec<(String, usize)> {
        let hosts: Vec<_> =
            self.hosts.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let mut trips = Vec::new();
        for host in hosts {
            trips.push((host.name.to_string(), host.link.lock().await.round_trips()));
        }
        trips
    }

    /// Ends all connections; what was private on the hosts is removed with them.
    pub async fn close(&self) {
        let hosts: Vec<_> =
            self.hosts.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for host in hosts {
            if let Ok(mut link) = host.link.try_lock() {
                link.close();
            }
        }
    }

    /// Whether this has not been said before.
    fn first_time(&self, note: &str) -> bool {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(note.to_owned())
    }

    /// The inventory has changed: what hosts saw of each other counts no more.
    fn forget_views(&self) {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.values().for_each(|host| host.forget_view());
    }

    /// The running state of a host, made when first met.
    fn host(&self, name: &HostName) -> Arc<Host> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let met = || {
            let host = Host::new(name.clone(), self.options.facts.hidden);
            let cache = self.options.facts.cache.as_ref();
            if let Some(facts) = cache.and_then(|cache| cache.read(name)) {
                host.add_facts(&facts);
            }
            Arc::new(host)
        };
        hosts.entry(name.clone()).or_insert_with(met).clone()
    }

    /// Adds facts to a host, and keeps them for later runs if it is so set.
    fn learn_facts(&self, host: &Host, facts: &serde_json::Map<String, serde_json::Value>) {
        host.add_facts(facts);
        if let Some(cache) = &self.options.facts.cache
            && let Err(error) = cache.write(&host.name, host.learnt().facts.all())
        {
            self.warn_of_cache("write", &error);
        }
    }

    /// `meta: clear_facts`.
    fn forget_facts(&self, host: &Host) {
        host.clear_facts();
        if let Some(cache) = &self.options.facts.cache
            && let Err(error) = cache.forget(&host.name)
        {
            self.warn_of_cache("remove", &error);
        }
    }

    /// `--flush-cache`.
    fn forget_kept_facts(&self) {
        if let Some(cache) = self.options.facts.cache.as_ref().filter(|_| self.options.facts.flush)
        {
            for host in self.world.inventory().hosts() {
                if let Err(error) = cache.forget(&host.name) {
                    self.warn_of_cache("remove", &error);
                }
            }
        }
    }

    fn warn_of_cache(&self, what: &str, error: &std::io::Error) {
        let message = format!("cannot {what} kept facts: {}", crate::vars::files::reason(error));
        self.reporter.report(Event::Warning(message));
    }
}
