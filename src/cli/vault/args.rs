//! `rprov vault`: ansible-vault's verbs and flags.

use clap::{Args, Subcommand};

use crate::cli::passwords::{NewArgs, PasswordArgs};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum VaultVerb {
    /// Make a new encrypted file in the editor
    Create(CreateArgs),
    /// Decrypt files, or standard input
    Decrypt(DecryptArgs),
    /// Edit encrypted files in the editor
    Edit(EditArgs),
    /// Show what is in encrypted files, or in standard input
    View(ViewArgs),
    /// Encrypt files, or standard input
    Encrypt(EncryptArgs),
    /// Encrypt texts as `!vault` values for a YAML file
    #[command(name = "encrypt_string", visible_alias = "encrypt-string")]
    EncryptString(EncryptStringArgs),
    /// Encrypt files with another password
    Rekey(RekeyArgs),
}

/// What all verbs take.
#[derive(Debug, Args)]
pub(in crate::cli) struct Common {
    #[command(flatten)]
    pub(in crate::cli) passwords: PasswordArgs,
    /// Say which label each file has
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(in crate::cli) verbose: u8,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    /// The new file
    #[arg(value_name = "FILE")]
    pub(super) file: String,
    /// Encrypt with the password of this label
    #[arg(long, value_name = "LABEL")]
    pub(super) encrypt_vault_id: Option<String>,
    /// Open the editor also where there is no terminal
    #[arg(long)]
    pub(super) skip_tty_check: bool,
    #[command(flatten)]
    pub(super) common: Common,
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
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct EditArgs {
    /// Files
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<String>,
    /// Encrypt with the password of this label (default: the one that opened the file)
    #[arg(long, value_name = "LABEL")]
    pub(super) encrypt_vault_id: Option<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ViewArgs {
    /// Files (default: standard input)
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct EncryptArgs {
    /// Files (default: standard input)
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<String>,
    /// Write here, not in place; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<String>,
    /// Encrypt with the password of this label; needed if several passwords are given
    #[arg(long, value_name = "LABEL")]
    pub(super) encrypt_vault_id: Option<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct EncryptStringArgs {
    /// Texts; `-` is standard input. Other users of this machine can see them: see `--prompt`
    #[arg(value_name = "TEXT")]
    pub(super) texts: Vec<String>,
    /// The name of a text, in the order of the texts; may be given several times
    #[arg(short, long, value_name = "NAME")]
    pub(super) name: Vec<String>,
    /// The name of the text from standard input
    #[arg(long, value_name = "NAME")]
    pub(super) stdin_name: Option<String>,
    /// Ask for the text
    #[arg(short, long)]
    pub(super) prompt: bool,
    /// Show the text while it is typed
    #[arg(long)]
    pub(super) show_input: bool,
    /// Write here; `-` is standard output (default)
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<String>,
    /// Encrypt with the password of this label; needed if several passwords are given
    #[arg(long, value_name = "LABEL")]
    pub(super) encrypt_vault_id: Option<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RekeyArgs {
    /// Files
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<String>,
    #[command(flatten)]
    pub(super) new: NewArgs,
    /// The label that the new password must have
    #[arg(long, value_name = "LABEL")]
    pub(super) encrypt_vault_id: Option<String>,
    #[command(flatten)]
    pub(super) common: Common,
}
