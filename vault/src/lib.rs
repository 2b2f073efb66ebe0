//! Encrypted formats: bytes in, bytes out.
//!
//! No I/O: passwords and keys are given, never asked for. No input makes anything here panic. Keys
//! and plaintexts are wiped from memory when they are dropped. Nothing else in rprov knows ciphers.
//!
//! # Ours
//! [`mode`] tells from the first bytes of a file whether and how it is sealed. A [`Keyring`] holds
//! what is at hand to open with: passphrases and [`Identity`]s. A [`Vault`] is an open YAML file
//! whose values are encrypted one by one:
//!
//! ```
//! use rprov_vault::{Cost, Keyring, NewValue, Vault};
//!
//! let mut keyring = Keyring::new();
//! let cost = Cost::new(64, 1, 1)?; // Cost::default() takes half a second.
//! let team = keyring.recipient(b"a long passphrase", cost, "")?;
//! let mut vault = Vault::seal("db: {user: me, password: 'x'}\n", &[team], &keyring)?;
//! let sealed = vault.sealed().to_owned();
//!
//! let mut keyring = Keyring::new();
//! keyring.add_passphrase(b"a long passphrase");
//! let mut vault = Vault::open(sealed.as_bytes(), &keyring)?;
//! assert_eq!(vault.plain().as_str(), "db: {user: me, password: 'x'}\n");
//! assert_eq!(vault.get(&"db.password".parse()?)?.source.as_str(), "'x'");
//! vault.edit("db: {user: me, password: 'y'}\n")?;
//! vault.set(&"db.port".parse()?, NewValue::Yaml("5432"))?;
//! vault.unset(&"db.user".parse()?)?;
//! assert_eq!(vault.plain().as_str(), "db: {password: 'y', port: 5432}\n");
//! # Ok::<(), rprov_vault::Error>(())
//! ```
//!
//! A [`Whole`] is any other file, encrypted in pieces: it reads and writes streams, so that memory
//! does not grow with the file.
//!
//! ```
//! use std::io::{Read, Write};
//! use rprov_vault::{Cost, Keyring, Whole};
//!
//! let mut keyring = Keyring::new();
//! let team = keyring.recipient(b"a long passphrase", Cost::new(64, 1, 1)?, "")?;
//! let mut sealer = Whole::new(&[team], &keyring)?.seal(Vec::new())?;
//! sealer.write_all(b"a certificate")?;
//! let sealed = sealer.finish()?;
//!
//! let mut input = &sealed[..];
//! let mut plain = Vec::new();
//! Whole::read(&mut input, &keyring)?.open(input).read_to_end(&mut plain)?;
//! assert_eq!(plain, b"a certificate");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Ansible's
//! [`ansible`] reads and writes Ansible Vault's envelopes.

pub mod ansible;
mod error;
#[cfg(any(fuzzing, test))]
pub mod fuzz;
mod header;
mod identity;
mod kdf;
mod key;
mod keyring;
mod path;
mod recipient;
mod stream;
pub mod text;
mod values;
mod yaml;

pub use self::error::Error;
pub use self::header::{MAX_HEADER, Mode, mode};
pub use self::identity::Identity;
pub use self::kdf::Cost;
pub use self::keyring::Keyring;
pub use self::path::{KeyPath, Step};
pub use self::recipient::Recipient;
pub use self::stream::{Opener, Sealer, Whole, header};
pub use self::values::{NewValue, SealedValue, Value, ValueKind, Vault, recipients, sealed_values};

/// Whether the first bytes of a file say that it is encrypted: in a format of ours, or Ansible's.
#[must_use]
pub fn is_encrypted(start: &[u8]) -> bool {
    mode(start).is_some() || start.starts_with(b"$ANSIBLE_VAULT;")
}

/// Bytes of a piece of a file that is encrypted as a whole; a fuzzer's files are short.
pub(crate) const CHUNK: usize = if cfg!(fuzzing) { 64 } else { 64 * 1024 };
