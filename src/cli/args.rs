//! Words of the command line: ansible-playbook's flags, and `name=value`.

use clap::{Args, CommandFactory, Parser, Subcommand};

use super::passwords::PasswordArgs;
use super::secrets::SecretsVerb;
use super::vault::VaultVerb;

/// Runs the YAML playbooks, inventories and vault files that Ansible users have, over SSH.
#[derive(Debug, Parser)]
#[command(name = "rprov", version, disable_help_subcommand = true, after_help = AFTER)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

const AFTER: &str = "\
VERB is any playbook in playbooks/: `rprov provision env=prod` runs playbooks/provision.yml on
inventories/prod/hosts with the variables of inventories/prod/secrets. Without arguments rprov lists
the environments and verbs of the project.

Exit codes: 0 ok, 2 a task failed, 3 bad input, 4 a host is unreachable, 1 anything else.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run playbook files, with ansible-playbook's flags
    Playbook(PlaybookArgs),
    /// Check that hosts can be reached and have a shell
    Ping(PingArgs),
    /// Find mistakes in playbooks, roles and variables; no host is contacted
    Lint(LintArgs),
    /// Tell the value of a variable on a host, who gave it and what it shadows
    Why(WhyArgs),
    /// Edit, compare, verify and share the secrets of an environment
    #[command(subcommand)]
    Secrets(SecretsVerb),
    /// Encrypt and decrypt files of Ansible Vault, with ansible-vault's verbs and flags
    #[command(subcommand)]
    Vault(VaultVerb),
    /// Print a new secret key: 50 characters of a-z, 0-9 and !@#$%^&*(-_=+)
    #[command(name = "secretkey")]
    SecretKey,
    /// Print a new API key: 32 random bytes as 64 hexadecimal digits
    #[command(name = "apikey")]
    ApiKey,
    /// Print a text as it is written in a URL, a space as `+`
    #[command(name = "urlencode")]
    UrlEncode(UrlEncodeArgs),
    /// A playbook of the project, by its name
    #[command(external_subcommand)]
    Verb(Vec<String>),
}

/// The names of all commands.
pub(super) fn commands() -> Vec<String> {
    Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

#[derive(Debug, Args)]
pub(super) struct UrlEncodeArgs {
    /// The text (default: standard input, without the line break at its end). Other users of this
    /// machine can see it: a password had better come from standard input
    #[arg(value_name = "TEXT")]
    pub(super) text: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct PlaybookArgs {
    /// Playbook files, and extra variables as name=value
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub(super) words: Vec<String>,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

#[derive(Debug, Args)]
pub(super) struct PingArgs {
    /// Host pattern (default: all), env=ENV, and extra variables as name=value
    #[arg(value_name = "PATTERN")]
    pub(super) words: Vec<String>,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

#[derive(Debug, Args)]
#[command(after_help = LINT)]
pub(super) struct LintArgs {
    /// Playbooks, roles, other files or directories (default: the project), env=ENV, and extra
    /// variables as name=value
    #[arg(value_name = "FILE")]
    pub(super) words: Vec<String>,
    /// Tags that should select some task
    #[arg(short, long, value_name = "TAGS")]
    pub(super) tags: Vec<String>,
    /// How to print what is found
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) input: InputArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people: places, causes, help
    Human,
    /// One JSON list: id, severity, message, file, line, column, help
    Json,
}

const LINT: &str = "\
A comment `# rprov: allow ID` on the line of a finding, or on the line above it, allows it.

Exit codes: 0 nothing found, 2 something found, 3 bad input.";

#[derive(Debug, Args)]
pub(super) struct WhyArgs {
    /// The host
    pub(super) host: String,
    /// The variable, or a part of one: app, app.port, list[0], app['any key']
    #[arg(value_name = "VAR")]
    pub(super) variable: String,
    /// env=ENV, and extra variables as name=value
    #[arg(value_name = "NAME=VALUE")]
    pub(super) words: Vec<String>,
    /// Count what this playbook gives the host, too; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(super) playbook: Vec<std::path::PathBuf>,
    /// Do not mask what came out of a vault
    #[arg(long)]
    pub(super) show: bool,
    #[command(flatten)]
    pub(super) input: InputArgs,
}

/// A verb of the project.
#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
pub(super) struct VerbArgs {
    /// env=ENV, and extra variables as name=value
    #[arg(value_name = "NAME=VALUE")]
    pub(super) words: Vec<String>,
    /// Keep the embedded host of env=demo for the next run
    #[arg(long)]
    pub(super) keep: bool,
    /// Agree that env=local changes this machine itself
    #[arg(long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// Only these hosts of the plays: a pattern, or @file
    #[arg(short, long, value_name = "PATTERN")]
    pub(super) limit: Vec<String>,
    /// Only tasks with these tags
    #[arg(short, long, value_name = "TAGS")]
    pub(super) tags: Vec<String>,
    /// No task with these tags
    #[arg(long, value_name = "TAGS")]
    pub(super) skip_tags: Vec<String>,
    /// Show more: results of tasks; twice, all their values; thrice, round trips
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Show what would change, and change nothing
    #[arg(short = 'C', long)]
    pub(super) check: bool,
    /// Show differences (this is the default)
    #[arg(short = 'D', long, overrides_with = "no_diff")]
    pub(super) diff: bool,
    /// Do not show differences
    #[arg(long)]
    pub(super) no_diff: bool,
    /// Hosts at a time (default: all of them)
    #[arg(short, long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(super) forks: usize,
    /// Log in as this user, where no variable says otherwise
    #[arg(short, long, value_name = "USER")]
    pub(super) user: Option<String>,
    /// Private key to log in with
    #[arg(long, visible_alias = "key-file", value_name = "FILE")]
    pub(super) private_key: Option<String>,
    /// Connection: ssh, local, docker, podman, nspawn or chroot
    #[arg(short, long, value_name = "NAME")]
    pub(super) connection: Option<String>,
    /// Give up connecting after this many seconds (default: 10)
    #[arg(short = 'T', long, value_name = "SECONDS")]
    pub(super) timeout: Option<u64>,
    /// Act as another user (root)
    #[arg(short, long = "become")]
    pub(super) become_: bool,
    /// The user to become
    #[arg(long, value_name = "USER")]
    pub(super) become_user: Option<String>,
    /// How to become another user: sudo, su, doas or runuser
    #[arg(long, value_name = "METHOD")]
    pub(super) become_method: Option<String>,
    /// Ask for the password to become another user
    #[arg(short = 'K', long)]
    pub(super) ask_become_pass: bool,
    /// Read the password to become another user from a file
    #[arg(long, visible_alias = "become-pass-file", value_name = "FILE")]
    pub(super) become_password_file: Option<String>,
    /// Ask for the password to log in
    #[arg(short = 'k', long)]
    pub(super) ask_pass: bool,
    /// Read the password to log in from a file
    #[arg(long, visible_alias = "conn-pass-file", value_name = "FILE")]
    pub(super) connection_password_file: Option<String>,
    /// Run notified handlers even on hosts where a task has failed
    #[arg(long)]
    pub(super) force_handlers: bool,
    /// Neither keep notified handlers of a failed run for the next one, nor run those that are kept
    #[arg(long)]
    pub(super) no_pending_handlers: bool,
    /// Forget the facts that were kept for later runs
    #[arg(long)]
    pub(super) flush_cache: bool,
    /// Begin at the task with this name
    #[arg(long, value_name = "TASK")]
    pub(super) start_at_task: Option<String>,
    /// List the hosts of each play, and stop
    #[arg(long)]
    pub(super) list_hosts: bool,
    /// List the tasks of each play, and stop
    #[arg(long)]
    pub(super) list_tasks: bool,
    /// List the tags of each play, and stop
    #[arg(long)]
    pub(super) list_tags: bool,
    /// Check the files, and stop
    #[arg(long)]
    pub(super) syntax_check: bool,
}

/// What every command reads that needs hosts or variables.
#[derive(Debug, Args)]
pub(super) struct InputArgs {
    /// Inventory: a file, a directory, or `host1,host2,`; may be given several times
    #[arg(short, long = "inventory", visible_alias = "inventory-file", value_name = "INVENTORY")]
    pub(super) inventory: Vec<String>,
    /// Extra variables: name=value, JSON, YAML, or @file
    #[arg(short, long, visible_alias = "extra-var", value_name = "VARS")]
    pub(super) extra_vars: Vec<String>,
    #[command(flatten)]
    pub(super) passwords: PasswordArgs,
}
