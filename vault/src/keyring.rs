//! What is at hand to open files with: passphrases and private keys.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use crate::Error;
use crate::header::Header;
use crate::identity::Identity;
use crate::kdf::{Cost, SALT};
use crate::key::{self, DataKey, FileId, Key};
use crate::recipient::{Kind, Recipient};

/// What a passphrase is mixed with, and how.
type Salted = ([u8; SALT], Cost);

/// Passphrases and private keys. What was derived from a passphrase is remembered, so files with
/// the same salt cost one derivation, however many they are.
#[derive(Default)]
pub struct Keyring {
    passphrases: Vec<Zeroizing<Vec<u8>>>,
    identities: Vec<Identity>,
    /// By the number of the passphrase.
    derived: Mutex<HashMap<(usize, Salted), Key>>,
    /// The passphrase that is known to belong to a salt.
    proven: Mutex<HashMap<Salted, usize>>,
}

impl Keyring {
    #[must_use]
    pub fn new() -> Keyring {
        Keyring::default()
    }

    /// Adds a passphrase. Nothing is derived from it before a file needs it.
    pub fn add_passphrase(&mut self, passphrase: &[u8]) {
        self.number(passphrase);
    }

    /// Adds a private key; one that is locked opens nothing.
    pub fn add_identity(&mut self, identity: Identity) {
        self.identities.push(identity);
    }

    fn number(&mut self, passphrase: &[u8]) -> usize {
        let known = self.passphrases.iter().position(|known| known.as_slice() == passphrase);
        known.unwrap_or_else(|| {
            self.passphrases.push(Zeroizing::new(passphrase.to_vec()));
            self.passphrases.len() - 1
        })
    }

    /// A passphrase as a recipient of new files, and adds it. Its salt is the one that a file opened
    /// with the same passphrase has, if its cost is the same: then all of them open at the price of
    /// one.
    ///
    /// # Errors
    /// [`Error::Recipient`] when the comment has more than one line.
    pub fn recipient(
        &mut self,
        passphrase: &[u8],
        cost: Cost,
        comment: &str,
    ) -> Result<Recipient, Error> {
        let number = self.number(passphrase);
        let proven = self.proven.get_mut().unwrap_or_else(PoisonError::into_inner);
        let known = proven
            .iter()
            .filter(|(at, known)| **known == number && at.1 == cost)
            .map(|(at, _)| at.0);
        let salt = known.min().unwrap_or_else(rand::random);
        proven.insert((salt, cost), number);
        Recipient::passphrase(salt, cost, comment)
    }

    fn proven(&self) -> MutexGuard<'_, HashMap<Salted, usize>> {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn derive(&self, number: usize, salt: &[u8; SALT], cost: Cost) -> Key {
        let at = (number, (*salt, cost));
        // Held while deriving, so that threads do not derive the same key at once.
        let mut derived = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        let key = derived.entry(at).or_insert_with(|| cost.derive(&self.passphrases[number], salt));
        key.clone()
    }

    /// The data key of a file.
    pub(crate) fn unlock(&self, header: &Header) -> Result<DataKey, Error> {
        // Private keys first: they cost nothing.
        for (recipient, wrapped) in &header.recipients {
            let Kind::Public(public) = &recipient.kind else { continue };
            for identity in self.identities.iter().filter(|identity| !identity.is_locked()) {
                if let Some(key) = identity.unwrap(wrapped) {
                    return Ok(key);
                }
                if identity.recipient().is_some_and(|known| known.key() == *public) {
                    return Err(Error::Wrapped(recipient.name()));
                }
            }
        }
        let mut asked = false;
        for (recipient, wrapped) in &header.recipients {
            let Kind::Passphrase { salt, cost } = &recipient.kind else { continue };
            for number in 0..self.passphrases.len() {
                asked = true;
                let kek = self.derive(number, salt, *cost);
                if let Some(key) = unwrap_with(&kek, header.id, recipient, wrapped) {
                    self.proven().insert((*salt, *cost), number);
                    return Ok(key);
                }
            }
        }
        match asked {
            true => Err(Error::WrongPassphrase),
            false => {
                let names = header.recipients.iter().map(|(recipient, _)| recipient.name());
                Err(Error::NoKey(names.collect()))
            }
        }
    }

    /// The data key wrapped for a recipient. For a passphrase, `old` is what a header has for it, and
    /// that header's file: only the one that opens it will do. Without `old` it is the one that made
    /// the recipient or opened another file with it.
    pub(crate) fn wrap(
        &self,
        recipient: &Recipient,
        id: FileId,
        key: &DataKey,
        old: Option<(FileId, &[u8])>,
    ) -> Result<Vec<u8>, Error> {
        let (salt, cost) = match &recipient.kind {
            Kind::Public(public) => return Recipient::wrap(public, key),
            Kind::Passphrase { salt, cost } => (salt, *cost),
        };
        let proven = self.proven().get(&(*salt, cost)).copied();
        let kek = match (old, proven) {
            (None, proven) => proven.map(|number| self.derive(number, salt, cost)),
            (Some((of, old)), proven) => proven
                .into_iter()
                .chain(0..self.passphrases.len())
                .map(|number| self.derive(number, salt, cost))
                .find(|kek| unwrap_with(kek, of, recipient, old).is_some()),
        };
        let kek = kek.ok_or_else(|| Error::PassphraseNeeded(recipient.name()))?;
        Ok(key::seal(&kek, &bound(id, recipient), Zeroizing::new(key.0.to_vec())))
    }
}

fn bound(id: FileId, recipient: &Recipient) -> Vec<u8> {
    [b"rprov vault 1 passphrase\0".as_slice(), &id.0, recipient.key().as_bytes()].concat()
}

fn unwrap_with(kek: &Key, id: FileId, recipient: &Recipient, wrapped: &[u8]) -> Option<DataKey> {
    let plain = key::open(kek, &bound(id, recipient), wrapped)?;
    Some(DataKey(Zeroizing::new(plain.as_slice().try_into().ok()?)))
}

#[cfg(test)]
mod tests;
