//! Private keys: SSH's and age's.

use std::io::Read;

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use zeroize::Zeroizing;

use crate::Error;
use crate::key::DataKey;
use crate::recipient::Recipient;

/// What a file of age begins with, as bytes and as text.
const AGE: &[u8] = b"age-encryption.org/v1";
const ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
/// The logarithm of the most work that is done for a passphrase: 1 GiB of memory.
const MAX_WORK: u8 = 20;

/// A private key.
#[derive(Clone)]
pub struct Identity(Inner);

#[derive(Clone)]
enum Inner {
    Age(age::x25519::Identity),
    Ssh(age::ssh::Identity),
    /// A file of age identities, encrypted with a passphrase.
    Locked(Zeroizing<Vec<u8>>),
}

impl Identity {
    /// Reads an OpenSSH or PEM private key, or a file of age identities, also one that is encrypted
    /// with a passphrase.
    ///
    /// # Errors
    /// [`Error::Identity`], also for kinds of keys that cannot decrypt (DSA, ECDSA, hardware keys).
    pub fn parse(text: &[u8]) -> Result<Vec<Identity>, Error> {
        if text.starts_with(AGE) || text.trim_ascii_start().starts_with(ARMOR) {
            let encrypted = guarded(|| age::Decryptor::new(ArmoredReader::new(text)))
                .ok_or_else(|| wrong("it is damaged"))?
                .map_err(|error| wrong(&error.to_string()))?;
            return match encrypted.is_scrypt() {
                true => Ok(vec![Identity(Inner::Locked(Zeroizing::new(text.to_vec())))]),
                false => Err(wrong("it is encrypted, and not with a passphrase")),
            };
        }
        let text = std::str::from_utf8(text).map_err(|_| wrong("it is not UTF-8"))?;
        if text.trim_start().starts_with("-----BEGIN ") {
            let found =
                guarded(|| age::ssh::Identity::from_buffer(text.trim_start().as_bytes(), None))
                    .ok_or_else(|| wrong("it is damaged"))?
                    .map_err(|error| wrong(&error.to_string()))?;
            return match found {
                age::ssh::Identity::Unsupported(_) => Err(wrong(
                    "expected an ed25519 or RSA key in the format of OpenSSH, found another kind",
                )),
                found => Ok(vec![Identity(Inner::Ssh(found))]),
            };
        }
        lines(text)
    }

    /// Whether it is protected by a passphrase of its own.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(&self.0, Inner::Ssh(age::ssh::Identity::Encrypted(_)) | Inner::Locked(_))
    }

    /// The key without its passphrase; of an encrypted file all keys in it.
    ///
    /// # Errors
    /// [`Error::IdentityPassphrase`]; [`Error::Identity`] when a file is damaged, has no keys in it, or
    /// deriving its key would take more than 1 GiB of memory.
    pub fn unlock(&self, passphrase: &str) -> Result<Vec<Identity>, Error> {
        let passphrase = SecretString::from(passphrase.to_owned());
        match &self.0 {
            Inner::Ssh(age::ssh::Identity::Encrypted(locked)) => {
                let key = guarded(|| locked.decrypt(passphrase))
                    .ok_or_else(|| wrong("it is damaged"))?
                    .map_err(|_| Error::IdentityPassphrase)?;
                Ok(vec![Identity(Inner::Ssh(key.into()))])
            }
            Inner::Locked(sealed) => {
                let text = guarded(|| content(sealed, passphrase))
                    .ok_or_else(|| wrong("it is damaged"))??;
                let text = std::str::from_utf8(&text).map_err(|_| wrong("it is not UTF-8"))?;
                lines(text)
            }
            _ => Ok(vec![self.clone()]),
        }
    }

    /// Whom to encrypt for so that this key opens it; nothing if the key does not tell.
    #[must_use]
    pub fn recipient(&self) -> Option<Recipient> {
        let key = match &self.0 {
            Inner::Age(key) => key.to_public().to_string(),
            Inner::Ssh(key) => age::ssh::Recipient::try_from(key.clone()).ok()?.to_string(),
            Inner::Locked(_) => return None,
        };
        key.parse().ok()
    }

    /// The data key inside an age file.
    pub(crate) fn unwrap(&self, wrapped: &[u8]) -> Option<DataKey> {
        let identity: &dyn age::Identity = match &self.0 {
            Inner::Age(key) => key,
            Inner::Ssh(key) => key,
            Inner::Locked(_) => return None,
        };
        let decryptor = age::Decryptor::new(wrapped).ok()?;
        let mut reader = decryptor.decrypt(std::iter::once(identity)).ok()?;
        let mut key = Zeroizing::new([0; 32]);
        reader.read_exact(&mut *key).ok()?;
        // Reading to the end checks that it is the end.
        let whole = reader.read(&mut [0]).is_ok_and(|more| more == 0);
        whole.then_some(DataKey(key))
    }
}

fn wrong(why: &str) -> Error {
    Error::Identity(why.to_owned())
}

/// The age identities of a text, one in a line.
fn lines(text: &str) -> Result<Vec<Identity>, Error> {
    let lines = text.lines().map(str::trim);
    let keys: Vec<_> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.parse().map(|key| Identity(Inner::Age(key))).map_err(wrong))
        .collect::<Result<_, _>>()?;
    match keys.is_empty() {
        true => Err(wrong("there is no key in it")),
        false => Ok(keys),
    }
}

/// What is in a file of age that is encrypted with a passphrase.
fn content(sealed: &[u8], passphrase: SecretString) -> Result<Zeroizing<Vec<u8>>, Error> {
    use age::DecryptError as Wrong;
    let mut identity = age::scrypt::Identity::new(passphrase);
    identity.set_max_work_factor(MAX_WORK);
    let why = |error: Wrong| match error {
        Wrong::DecryptionFailed | Wrong::KeyDecryptionFailed | Wrong::NoMatchingKeys => {
            Error::IdentityPassphrase
        }
        Wrong::ExcessiveWork { required, .. } => wrong(&format!(
            "its passphrase takes work of 2^{required}: expected at most 2^{MAX_WORK}"
        )),
        error => wrong(&error.to_string()),
    };
    let decryptor = age::Decryptor::new(ArmoredReader::new(sealed)).map_err(why)?;
    let mut reader = decryptor.decrypt(std::iter::once(&identity as _)).map_err(why)?;
    // With its capacity from the start: growing would leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(sealed.len()));
    reader.read_to_end(&mut text).map_err(|_| wrong("it is damaged"))?;
    Ok(text)
}

/// age's reader of private keys panics at an RSA key with a number that is zeros only.
fn guarded<T>(read: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).ok()
}

#[cfg(test)]
mod tests;
