//! Flags that several commands take, with Ansible's names and meanings.

use clap::Args;

use crate::cli::passwords::PasswordArgs;

/// All that a run of playbooks takes.
#[derive(Debug, Args)]
pub(in crate::cli) struct RunArgs {
    #[command(flatten)]
    pub(in crate::cli) input: InputArgs,
    #[command(flatten)]
    pub(in crate::cli) act: ActArgs,
    #[command(flatten)]
    pub(in crate::cli) reach: ReachArgs,
    #[command(flatten)]
    pub(in crate::cli) play: PlayArgs,
}

/// What every command reads that needs hosts or variables.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct InputArgs {
    /// Inventory: a file, a directory, or `host1,host2,`; may be given several times
    #[arg(short, long = "inventory", visible_alias = "inventory-file", value_name = "INVENTORY")]
    pub(in crate::cli) inventory: Vec<String>,
    /// Extra variables: name=value, JSON, YAML, or @file
    #[arg(short, long, visible_alias = "extra-var", value_name = "VARS")]
    pub(in crate::cli) extra_vars: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) passwords: PasswordArgs,
}

/// On which hosts, and how.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct ActArgs {
    /// Only these hosts of the plays: a pattern, or @file
    #[arg(short, long, value_name = "PATTERN")]
    pub(in crate::cli) limit: Option<String>,
    /// Show more: results of tasks; twice, all their values; thrice, round trips
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(in crate::cli) verbose: u8,
    /// Show what would change, and change nothing
    #[arg(short = 'C', long)]
    pub(in crate::cli) check: bool,
    /// Show differences (this is the default)
    #[arg(short = 'D', long, overrides_with = "no_diff")]
    pub(in crate::cli) diff: bool,
    /// Do not show differences
    #[arg(long)]
    pub(in crate::cli) no_diff: bool,
    /// Hosts at a time; 0 is all of them [default: 0]
    #[arg(short, long, value_name = "N")]
    pub(in crate::cli) forks: Option<usize>,
    /// List the hosts it would run on, and stop
    #[arg(long)]
    pub(in crate::cli) list_hosts: bool,
    /// Forget the facts that were kept of earlier runs
    #[arg(long)]
    pub(in crate::cli) flush_cache: bool,
    /// Accepted for Ansible's sake: rprov runs no modules written in Python
    #[arg(short = 'M', long, value_name = "PATH")]
    pub(in crate::cli) module_path: Vec<String>,
}

/// As whom, and which way.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(in crate::cli) struct ReachArgs {
    /// Log in as this user, where no variable says otherwise
    #[arg(short, long, value_name = "USER")]
    pub(in crate::cli) user: Option<String>,
    /// Private key to log in with
    #[arg(long, visible_alias = "key-file", value_name = "FILE")]
    pub(in crate::cli) private_key: Option<String>,
    /// Connection: ssh, local, docker, podman, nspawn or chroot [default: ssh]
    #[arg(short, long, value_name = "NAME")]
    pub(in crate::cli) connection: Option<String>,
    /// Give up connecting after this many seconds [default: 10]
    #[arg(short = 'T', long, value_name = "SECONDS")]
    pub(in crate::cli) timeout: Option<u64>,
    /// Arguments as for ssh, such as `-o ProxyJump=HOST`
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(in crate::cli) ssh_common_args: Option<String>,
    /// More arguments as for ssh
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(in crate::cli) ssh_extra_args: Option<String>,
    /// Accepted for Ansible's sake: no sftp is run
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(in crate::cli) sftp_extra_args: Option<String>,
    /// Accepted for Ansible's sake: no scp is run
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(in crate::cli) scp_extra_args: Option<String>,
    /// Ask for the password to log in
    #[arg(short = 'k', long, conflicts_with = "connection_password_file")]
    pub(in crate::cli) ask_pass: bool,
    /// Read the password to log in from a file, or from the output of a script
    #[arg(long, visible_alias = "conn-pass-file", value_name = "FILE")]
    pub(in crate::cli) connection_password_file: Option<String>,
    /// Act as another user (root)
    #[arg(short, long = "become")]
    pub(in crate::cli) become_: bool,
    /// The user to become
    #[arg(long, value_name = "USER")]
    pub(in crate::cli) become_user: Option<String>,
    /// How to become another user: sudo, su, doas or runuser [default: sudo]
    #[arg(long, value_name = "METHOD")]
    pub(in crate::cli) become_method: Option<String>,
    /// Ask for the password to become another user
    #[arg(short = 'K', long, conflicts_with = "become_password_file")]
    pub(in crate::cli) ask_become_pass: bool,
    /// Read the password to become another user from a file, or from the output of a script
    #[arg(long, visible_alias = "become-pass-file", value_name = "FILE")]
    pub(in crate::cli) become_password_file: Option<String>,
}

/// Which tasks, and whether to run them at all.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Tasks")]
pub(in crate::cli) struct PlayArgs {
    /// Only tasks with these tags
    #[arg(short, long, value_name = "TAGS")]
    pub(in crate::cli) tags: Vec<String>,
    /// No task with these tags
    #[arg(long, value_name = "TAGS")]
    pub(in crate::cli) skip_tags: Vec<String>,
    /// Run notified handlers even on hosts where a task has failed
    #[arg(long)]
    pub(in crate::cli) force_handlers: bool,
    /// Neither keep notified handlers of a failed run for the next one, nor run those that are kept
    #[arg(long)]
    pub(in crate::cli) no_pending_handlers: bool,
    /// Begin at the task with this name
    #[arg(long, value_name = "TASK")]
    pub(in crate::cli) start_at_task: Option<String>,
    /// Ask before each task whether to run it
    #[arg(long)]
    pub(in crate::cli) step: bool,
    /// List the tasks of each play, and stop
    #[arg(long)]
    pub(in crate::cli) list_tasks: bool,
    /// List the tags of each play, and stop
    #[arg(long)]
    pub(in crate::cli) list_tags: bool,
    /// Check the files, and stop
    #[arg(long)]
    pub(in crate::cli) syntax_check: bool,
}
