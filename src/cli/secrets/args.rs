//! `rprov secrets`: its verbs and flags.

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::passwords::{NewArgs, PasswordArgs};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SecretsVerb {
    /// Edit secrets in the editor; only the values that change are encrypted again
    Edit(FileArgs),
    /// Show secrets in clear
    View(FileArgs),
    /// Show one value, as it is meant: without quotes
    Get(KeyArgs),
    /// Set one value, from standard input or a question
    Set(SetArgs),
    /// Remove one value
    Unset(KeyArgs),
    /// Tell which values differ from those in git, or in another file
    Diff(DiffArgs),
    /// Open and verify secrets, of all environments unless told which
    Check(FileArgs),
    /// Encrypt any files as wholes: certificates, dumps
    Encrypt(EncryptArgs),
    /// Decrypt files that were encrypted as wholes
    Decrypt(DecryptArgs),
    /// Encrypt everything with a new key, or another password
    Rekey(RekeyArgs),
    /// Turn an Ansible vault or plain YAML into rprov's format, value by value, and back
    Migrate(MigrateArgs),
    /// List, add or remove those who can open the secrets
    #[command(subcommand)]
    Recipients(RecipientsVerb),
    /// Git: refuse plaintext in commits, show differences, merge
    #[command(subcommand)]
    Hook(HookVerb),
    /// For git: the keys of a file, and a digest of each value that tells nothing about it
    #[command(hide = true)]
    Textconv(TextconvArgs),
    /// For git: merge two versions of a file
    #[command(hide = true)]
    MergeDriver(MergeArgs),
}

/// Which file, and how to open it.
#[derive(Debug, Args)]
pub(in crate::cli) struct Place {
    /// This file, not the environment's `secrets`
    #[arg(short, long, value_name = "FILE")]
    pub(super) file: Option<String>,
    #[command(flatten)]
    pub(super) passwords: PasswordArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct FileArgs {
    /// env=ENV: the secrets of an environment
    #[arg(value_name = "env=ENV")]
    pub(super) words: Vec<String>,
    #[command(flatten)]
    pub(super) place: Place,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct KeyArgs {
    /// The key, as `db.password` or `users[0].name`; and env=ENV
    #[arg(value_name = "KEY", required = true)]
    pub(super) words: Vec<String>,
    #[command(flatten)]
    pub(super) place: Place,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SetArgs {
    /// The key, as `db.password` or `users[0].name`; and env=ENV. The value comes from standard
    /// input, without the line break at its end if it is one line, or is asked for
    #[arg(value_name = "KEY", required = true)]
    pub(super) words: Vec<String>,
    /// The value is YAML in one line, such as `5432`, `true` or `[a, b]`, and no string
    #[arg(long)]
    pub(super) yaml: bool,
    #[command(flatten)]
    pub(super) place: Place,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArgs {
    /// env=ENV: the secrets of an environment
    #[arg(value_name = "env=ENV")]
    pub(super) words: Vec<String>,
    /// Compare with this commit or file
    #[arg(long, value_name = "REF|FILE", default_value = "HEAD")]
    pub(super) against: String,
    /// Show the values, too
    #[arg(long)]
    pub(super) show: bool,
    #[command(flatten)]
    pub(super) place: Place,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct EncryptArgs {
    /// Files (default: standard input); and env=ENV: for the recipients of that environment's secrets
    /// (default: of the environment in whose directory a file is, else who knows the password)
    #[arg(value_name = "FILE")]
    pub(super) words: Vec<String>,
    /// For these instead: `age1…`, `ssh-ed25519 AAAA…`, `ssh-rsa AAAA…`, a file of such lines, or
    /// `passphrase`; may be given several times
    #[arg(short, long, value_name = "RECIPIENT")]
    pub(super) recipient: Vec<String>,
    /// Write here, not in place; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<String>,
    #[command(flatten)]
    pub(super) passwords: PasswordArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DecryptArgs {
    /// Files (default: standard input)
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<String>,
    /// Write here, not in place; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<String>,
    #[command(flatten)]
    pub(super) passwords: PasswordArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RekeyArgs {
    /// env=ENV: the secrets of an environment
    #[arg(value_name = "env=ENV")]
    pub(super) words: Vec<String>,
    #[command(flatten)]
    pub(super) new: NewArgs,
    #[command(flatten)]
    pub(super) place: Place,
}

/// What to turn a file into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// rprov's: keys in clear, each value encrypted by itself
    Rprov,
    /// Ansible Vault, the whole file
    Ansible,
    /// YAML with a `!vault` of Ansible Vault for each value
    AnsibleValues,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MigrateArgs {
    /// env=ENV: the secrets of an environment
    #[arg(value_name = "env=ENV")]
    pub(super) words: Vec<String>,
    /// The format (default: rprov; of a file that is in it already, ansible)
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) to: Option<Format>,
    #[command(flatten)]
    pub(super) place: Place,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RecipientsVerb {
    /// List those who can open the secrets; no key is needed
    List(FileArgs),
    /// Let someone open the secrets; only the header changes
    Add(RecipientArgs),
    /// Shut someone out: everything is encrypted again with a new key
    Remove(RecipientArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RecipientArgs {
    /// `age1…`, `ssh-ed25519 AAAA…`, `ssh-rsa AAAA…`, a file of such lines, or `passphrase`; to remove
    /// also a comment such as `alice@laptop`; and env=ENV
    #[arg(value_name = "RECIPIENT", required = true)]
    pub(super) words: Vec<String>,
    #[command(flatten)]
    pub(super) place: Place,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum HookVerb {
    /// Set up this repository: pre-commit hook, diff and merge drivers, .gitattributes
    Install(HookArgs),
    /// Check what is to be committed (the hook runs this)
    Run(HookArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct HookArgs {
    /// Encrypt plaintext, and commit that, instead of refusing it
    #[arg(long)]
    pub(super) encrypt: bool,
    #[command(flatten)]
    pub(super) passwords: PasswordArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct TextconvArgs {
    /// The file
    pub(super) file: String,
    #[command(flatten)]
    pub(super) passwords: PasswordArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MergeArgs {
    /// The common ancestor
    pub(super) base: String,
    /// Ours, which becomes the result
    pub(super) ours: String,
    /// Theirs
    pub(super) theirs: String,
    /// The name of the file in the repository
    pub(super) name: String,
    #[command(flatten)]
    pub(super) passwords: PasswordArgs,
}
