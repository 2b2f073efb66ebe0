//! How long a play of a hundred tasks takes that changes nothing: as a ratio to the floor and to Ansible.
//!
//! - Everything that is compared is a whole process, connecting included, and takes turns with what
//!   it is compared to; medians count. Only ratios and differences are results: the absolute times
//!   beside them say how busy the machine was.
//! - Both sides must report 100 tasks ok and none changed, or there is no result.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

mod line;
mod play;

use std::{
    fs,
    io::Write as _,
    net::{SocketAddr, ToSocketAddrs as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rprov::session::{
    Connection, SshTarget, Target, Transport,
    embedded::{EmbeddedHost, HostOptions},
};
use russh::keys::ssh_key::LineEnding;

use self::{
    line::Line,
    play::{ROOT, Services, TASKS},
};

/// Runs of each side, in turns. An even number of them has no middle.
const RUNS: usize = 11;
/// Added to every round trip.
const DELAYS: [u64; 3] = [0, 20, 100];

/// The embedded host has no systemd: stand-ins for what Debian's packages put into /etc/init.d.
const SCRIPTS: Services =
    Services::Scripts(&["bench-a", "bench-b", "bench-c", "bench-d", "bench-e"]);
const UNITS: Services =
    Services::Systemd(&["ssh", "cron", "dbus", "systemd-journald", "systemd-logind"]);

const FLOOR_BAR: f64 = 2.0;
const ANSIBLE_BAR: f64 = 50.0;
const START_BAR: Duration = Duration::from_millis(50);

type Anything = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Anything> {
    println!(
        "A converged play of {TASKS} tasks. Whole processes, taking turns; medians of {RUNS} runs,\n\
         one run of Ansible. The machine may be busy with other things: only the ratios and differences are results."
    );
    let dir = tempfile::tempdir()?;
    let ansible = ansible();
    if ansible.is_none() {
        println!(
            "ansible-playbook: not found in PATH, and RPROV_ANSIBLE does not name one: no rows for it"
        );
    }
    embedded(dir.path(), ansible.as_deref()).await?;
    match (std::env::var("RPROV_LAB"), std::env::var("RPROV_LAB_KEY")) {
        (Ok(address), Ok(key)) => lab(dir.path(), &address, &key, ansible.as_deref()).await?,
        _ => println!(
            "\nlab host: RPROV_LAB (address) and RPROV_LAB_KEY (file of root's key) are not set: no rows for it"
        ),
    }
    Ok(())
}

async fn embedded(dir: &Path, ansible: Option<&Path>) -> Result<(), Anything> {
    let dir = dir.join("embedded");
    fs::create_dir(&dir)?;
    let host = match EmbeddedHost::start(HostOptions::new("bench")).await {
        Ok(host) => host,
        Err(why) => {
            println!("\nembedded host: {why}");
            return Ok(());
        }
    };
    let key = dir.join("key");
    fs::write(&key, host.key().to_openssh(LineEnding::LF)?.as_bytes())?;
    private(&key)?;
    let bench = Bench::new("embedded host", dir, host.address(), key, SCRIPTS).await?;
    bench.run(ansible).await?;
    host.stop().await?;
    Ok(())
}

async fn lab(dir: &Path, address: &str, key: &str, ansible: Option<&Path>) -> Result<(), Anything> {
    let dir = dir.join("lab");
    fs::create_dir(&dir)?;
    let address = (address, 22).to_socket_addrs()?.next().ok_or("RPROV_LAB is no address")?;
    let bench = Bench::new("lab host", dir, address, fs::canonicalize(key)?, UNITS).await?;
    let result = bench.run(ansible).await;
    let undone = bench.floor(false, &play::undo());
    result?;
    undone?;
    Ok(())
}

fn private(key: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(key, fs::Permissions::from_mode(0o600))
}

fn ansible() -> Option<PathBuf> {
    let given = std::env::var_os("RPROV_ANSIBLE").map(PathBuf::from);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|dir| dir.join("ansible-playbook"));
    given.into_iter().chain(found).find(|path| path.is_file())
}

/// One host, reached directly and over the delay line.
struct Bench {
    name: &'static str,
    dir: PathBuf,
    host: SocketAddr,
    key: PathBuf,
    line: Line,
    services: Services,
}

impl Bench {
    async fn new(
        name: &'static str,
        dir: PathBuf,
        host: SocketAddr,
        key: PathBuf,
        services: Services,
    ) -> Result<Bench, Anything> {
        let bench = Bench { name, dir, host, key, line: Line::to(host).await, services };
        for (name, text) in [
            ("play.yml", play::playbook(services).as_str()),
            ("empty.yml", play::EMPTY),
            play::TEMPLATE,
            play::FILE,
        ] {
            fs::write(bench.dir.join(name), text)?;
        }
        for delayed in [false, true] {
            let place = bench.place(delayed);
            let vars = format!(
                "{} ansible_host={} ansible_port={} ansible_user=root ansible_ssh_private_key_file={} ansible_python_interpreter=/usr/bin/python3 ansible_ssh_common_args='-F none -o UserKnownHostsFile={} -o StrictHostKeyChecking=accept-new'\n",
                "h",
                place.ip(),
                place.port(),
                bench.key.display(),
                bench.dir.join("known").display(),
            );
            fs::write(bench.inventory(delayed), vars)?;
        }
        Ok(bench)
    }

    fn place(&self, delayed: bool) -> SocketAddr {
        if delayed { self.line.address() } else { self.host }
    }

    fn inventory(&self, delayed: bool) -> PathBuf {
        self.dir.join(if delayed { "hosts-delayed" } else { "hosts" })
    }

    async fn run(&self, ansible: Option<&Path>) -> Result<(), Anything> {
        println!("\n== {}", self.name);
        tokio::task::block_in_place(|| {
            self.floor(false, &play::set_up(self.services))?;
            self.rprov(false, "play.yml", &[])?;
            let text = self.rprov(false, "play.yml", &["-vvv"])?.1;
            let trips = text.lines().find(|line| line.contains("round trips")).unwrap_or_default();
            println!("   ({})", trips.trim());
            DELAYS
                .into_iter()
                .try_for_each(|delay| self.compare(Duration::from_millis(delay), ansible))?;
            self.questions()
        })?;
        self.start().await
    }

    /// A row for the floor, and one for Ansible.
    fn compare(&self, delay: Duration, ansible: Option<&Path>) -> Result<(), Anything> {
        self.line.set(delay);
        let delayed = !delay.is_zero();
        let script = play::script(self.services);
        self.floor(delayed, "true")?;
        let (mut floor, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            floor.push(self.floor(delayed, &script)?);
            ours.push(self.converged(delayed)?);
        }
        let (floor, ours) = (median(floor), median(ours));
        let ratio = ours.as_secs_f64() / floor.as_secs_f64();
        let head = format!("+{:>3} ms", delay.as_millis());
        println!(
            "{head}  rprov / floor    {ratio:>6.2}   at most {FLOOR_BAR}   {}   ({} / {})",
            verdict(ratio <= FLOOR_BAR),
            shown(ours),
            shown(floor)
        );
        let Some(ansible) = ansible else { return Ok(()) };
        // It takes minutes, and is far from the bar on either side.
        let theirs = self.ansible(ansible, delayed)?;
        let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
        println!(
            "{head}  Ansible / rprov  {ratio:>6.1}   at least {ANSIBLE_BAR}   {}   ({} / {})",
            verdict(ratio >= ANSIBLE_BAR),
            shown(theirs),
            shown(ours)
        );
        Ok(())
    }

    /// What is left of both sides without what connecting costs each: no bar, but the stricter view,
    /// as OpenSSH takes longer to connect.
    fn questions(&self) -> Result<(), Anything> {
        let script = play::script(self.services);
        let mut times: [Vec<Duration>; 4] = Default::default();
        for _ in 0..RUNS {
            times[0].push(self.converged(false)?);
            times[1].push(self.floor(false, &script)?);
            times[2].push(self.rprov(false, "empty.yml", &[])?.0);
            times[3].push(self.floor(false, "true")?);
        }
        let [ours, floor, our_start, their_start] = times.map(median);
        let (ours, floor) = (ours.saturating_sub(our_start), floor.saturating_sub(their_start));
        println!(
            "         the same without connecting  {:.2}   no bar   ({} / {})",
            ours.as_secs_f64() / floor.as_secs_f64(),
            shown(ours),
            shown(floor)
        );
        Ok(())
    }

    /// From the start of the process to the end of the first task, without the handshake: the
    /// difference between a whole run of one `ping` task and connecting alone.
    async fn start(&self) -> Result<(), Anything> {
        let (mut bare, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            bare.push(self.handshake().await?);
            whole.push(tokio::task::block_in_place(|| self.rprov(false, "empty.yml", &[]))?.0);
        }
        let (bare, whole) = (median(bare), median(whole));
        let beyond = whole.saturating_sub(bare);
        println!(
            "         start to first task beyond the handshake  {}   under {}   {}   ({} - {})",
            shown(beyond),
            shown(START_BAR),
            verdict(beyond < START_BAR),
            shown(whole),
            shown(bare)
        );
        Ok(())
    }

    /// Connecting and authenticating with rprov's own client, and nothing else.
    async fn handshake(&self) -> Result<Duration, Anything> {
        let mut ssh = SshTarget::new(self.host.ip().to_string());
        ssh.port = Some(self.host.port());
        ssh.user = Some("root".into());
        ssh.identities = vec![self.key.clone()];
        ssh.config = Some("none".into());
        ssh.option("UserKnownHostsFile", &self.dir.join("known").display().to_string());
        ssh.option("IdentityAgent", "none");
        let target =
            Target { name: self.name.to_owned(), transport: Transport::Ssh(Box::new(ssh)) };
        let begin = Instant::now();
        let connection = Connection::open(&target).await?;
        let took = begin.elapsed();
        drop(connection);
        Ok(took)
    }

    fn converged(&self, delayed: bool) -> Result<Duration, Anything> {
        let (took, text) = self.rprov(delayed, "play.yml", &[])?;
        recap(&text)?;
        Ok(took)
    }

    fn rprov(
        &self,
        delayed: bool,
        book: &str,
        more: &[&str],
    ) -> Result<(Duration, String), Anything> {
        let mut command = self.command(env!("CARGO_BIN_EXE_rprov").as_ref());
        command.arg("playbook").arg(self.dir.join(book)).args(more);
        command.arg("-i").arg(self.inventory(delayed));
        finish(command, "")
    }

    fn ansible(&self, program: &Path, delayed: bool) -> Result<Duration, Anything> {
        let mut command = self.command(program);
        command
            .arg(self.dir.join("play.yml"))
            .arg("-i")
            .arg(self.inventory(delayed))
            .args(["-f", "5"]);
        command.env("ANSIBLE_PIPELINING", "1").env("LC_ALL", "C.UTF-8");
        command.env("ANSIBLE_SSH_ARGS", "-C -o ControlMaster=auto -o ControlPersist=15s");
        let (took, text) = finish(command, "")?;
        recap(&text)?;
        Ok(took)
    }

    /// One SSH exec of a script.
    fn floor(&self, delayed: bool, script: &str) -> Result<Duration, Anything> {
        let place = self.place(delayed);
        let mut command = self.command("ssh".as_ref());
        command.args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]);
        command.args(["-o", "StrictHostKeyChecking=accept-new", "-o", "UpdateHostKeys=no"]);
        command.arg("-o").arg(format!("UserKnownHostsFile={}", self.dir.join("known").display()));
        command.arg("-i").arg(&self.key).args(["-p", &place.port().to_string(), "-l", "root"]);
        command.arg(place.ip().to_string()).arg("sh -s");
        Ok(finish(command, script)?.0)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("HOME", &self.dir).env_remove("SSH_AUTH_SOCK").current_dir(&self.dir);
        command
    }
}

/// Runs a process to its end: how long that took, and what it said.
fn finish(mut command: Command, input: &str) -> Result<(Duration, String), Anything> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begin = Instant::now();
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let took = begin.elapsed();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if !output.status.success() {
        let tail = text.lines().rev().take(40).collect::<Vec<_>>().into_iter().rev();
        let tail = tail.collect::<Vec<_>>().join("\n");
        return Err(format!("{:?}: {}\n{tail}", command.get_program(), output.status).into());
    }
    Ok((took, text))
}

/// Both sides must have found everything as it should be.
fn recap(text: &str) -> Result<(), Anything> {
    let line = text.lines().rev().find(|line| line.contains("ok=") && line.contains("changed="));
    let words = line.unwrap_or_default().split_whitespace().collect::<Vec<_>>();
    let all = format!("ok={TASKS}");
    match words.contains(&all.as_str())
        && words.contains(&"changed=0")
        && words.contains(&"failed=0")
    {
        true => Ok(()),
        false => Err(format!(
            "expected {all} changed=0 below {ROOT}, found `{}`\n{text}",
            words.join(" ")
        )
        .into()),
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn verdict(held: bool) -> &'static str {
    if held { "pass" } else { "MISSED" }
}

fn shown(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}
