//! Words of the command line: commands, and in [`flags`] what they take.

mod flags;

use clap::{Args, CommandFactory, Parser, Subcommand};

use super::secrets::SecretsVerb;
use super::vault::VaultVerb;

pub(super) use self::flags::{ActArgs, InputArgs, PlayArgs, ReachArgs, RunArgs};

/// Runs the YAML playbooks, inventories and vault files that Ansible users have, over SSH.
#[derive(Debug, Parser)]
#[command(
    name = "rprov",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    infer_long_args = true,
    args_override_self = true,
    after_help = AFTER
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

const AFTER: &str = "\
VERB is any playbook in playbooks/: `rprov provision env=prod` runs playbooks/provision.yml on
inventories/prod/hosts with the variables of inventories/prod/secrets. Without arguments rprov lists
the environments and verbs of the project.

Exit codes: 0 ok, 2 a task failed, 3 bad input, 4 a host is unreachable, 1 anything else.";

/// The commands and what they do, in few words.
pub(super) fn commands() -> Vec<(String, String)> {
    let cli = Cli::command();
    let about = |command: &clap::Command| command.get_about().map(ToString::to_string);
    cli.get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| (command.get_name().to_owned(), about(command).unwrap_or_default()))
        .collect()
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run playbook files, with ansible-playbook's flags
    Playbook(PlaybookArgs),
    /// Check that hosts can be reached and have a shell
    Ping(PingArgs),
    /// Run one task on hosts, with ansible's flags
    Run(AdHocArgs),
    /// Show hosts, groups and their variables, with ansible-inventory's flags
    Inventory(InventoryArgs),
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
    /// Show each setting and where it comes from
    Config(ConfigArgs),
    /// A playbook of the project, by its name
    #[command(external_subcommand)]
    Verb(Vec<String>),
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

#[derive(Debug, Args)]
pub(super) struct AdHocArgs {
    /// Host pattern, env=ENV, and extra variables as name=value
    #[arg(required = true, value_name = "PATTERN")]
    pub(super) words: Vec<String>,
    /// The module [default: command]
    #[arg(short, long, value_name = "MODULE")]
    pub(super) module_name: Option<String>,
    /// Its arguments: `name=value …`, a command, or JSON
    #[arg(short, long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(super) args: Option<String>,
    /// Each result on one line
    #[arg(short, long)]
    pub(super) one_line: bool,
    /// Also write each host's result to a file of its name in this directory
    #[arg(short, long, value_name = "DIR")]
    pub(super) tree: Option<std::path::PathBuf>,
    /// Run in the background, for so many seconds at most
    #[arg(short = 'B', long, value_name = "SECONDS")]
    pub(super) background: Option<u64>,
    /// Ask so often for what runs in the background; 0 is never [default: 15]
    #[arg(short = 'P', long, value_name = "SECONDS")]
    pub(super) poll: Option<u64>,
    /// Give the task up after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(super) task_timeout: Option<u64>,
    /// Directory whose roles, group_vars and host_vars count
    #[arg(long, value_name = "DIR")]
    pub(super) playbook_dir: Option<std::path::PathBuf>,
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) act: ActArgs,
    #[command(flatten)]
    pub(super) reach: ReachArgs,
}

#[derive(Debug, Args)]
pub(super) struct InventoryArgs {
    /// For --graph: the group at the top; env=ENV, and extra variables as name=value
    #[arg(value_name = "GROUP")]
    pub(super) words: Vec<String>,
    /// All hosts and groups, as an inventory script prints them
    #[arg(long)]
    pub(super) list: bool,
    /// Groups and hosts as a tree
    #[arg(long)]
    pub(super) graph: bool,
    /// The variables of one host
    #[arg(long, value_name = "HOST")]
    pub(super) host: Option<String>,
    /// With --graph: variables, too
    #[arg(long)]
    pub(super) vars: bool,
    /// Variables where they are given, so that it can be read again
    #[arg(long)]
    pub(super) export: bool,
    /// As YAML instead of JSON
    #[arg(short, long)]
    pub(super) yaml: bool,
    /// As TOML instead of JSON
    #[arg(long)]
    pub(super) toml: bool,
    /// Write it to a file
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<std::path::PathBuf>,
    /// With --list: only these hosts
    #[arg(short, long, value_name = "PATTERN")]
    pub(super) limit: Option<String>,
    /// Directory whose group_vars and host_vars count
    #[arg(long, value_name = "DIR")]
    pub(super) playbook_dir: Option<String>,
    /// Forget the facts that were kept of earlier runs
    #[arg(long)]
    pub(super) flush_cache: bool,
    /// Tell also which settings are unknown
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    #[command(flatten)]
    pub(super) input: InputArgs,
}

#[derive(Debug, Args)]
pub(super) struct UrlEncodeArgs {
    /// The text (default: standard input, without the line break at its end). Other users of this
    /// machine can see it: a password had better come from standard input
    #[arg(value_name = "TEXT")]
    pub(super) text: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    /// Only settings that are given somewhere
    #[arg(long, visible_alias = "changed")]
    pub(super) only_changed: bool,
    /// Tell also what each setting does, and what is given and has no effect
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
}

/// A verb of the project.
#[derive(Debug, Parser)]
#[command(disable_version_flag = true, infer_long_args = true, args_override_self = true)]
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
