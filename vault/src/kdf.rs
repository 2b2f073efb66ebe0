//! From a passphrase to a key: Argon2id, with bounded cost.

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::Error;
use crate::key::Key;

/// Bounds on what a header may ask for.
pub(crate) const MAX_MEMORY: u32 = 1024 * 1024;
pub(crate) const MAX_PASSES: u32 = 16;
pub(crate) const MAX_LANES: u32 = 16;
/// Memory times passes, in KiB: a few seconds at most.
const MAX_WORK: u64 = 4 * 1024 * 1024;

pub(crate) const SALT: usize = 16;

/// What deriving a key from a passphrase costs: Argon2id's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cost {
    memory: u32,
    passes: u32,
    lanes: u32,
}

impl Default for Cost {
    /// About half a second.
    fn default() -> Cost {
        Cost { memory: 192 * 1024, passes: 3, lanes: 1 }
    }
}

impl Cost {
    /// Memory in KiB, passes over it, and lanes.
    ///
    /// # Errors
    /// [`Error::Cost`] beyond 1 GiB, 16 passes, 16 lanes or 4 GiB of work in all, and below what
    /// Argon2 needs.
    pub fn new(memory: u32, passes: u32, lanes: u32) -> Result<Cost, Error> {
        let bounded = memory <= MAX_MEMORY
            && (1..=MAX_PASSES).contains(&passes)
            && (1..=MAX_LANES).contains(&lanes)
            && memory >= 8 * lanes
            && u64::from(memory) * u64::from(passes) <= MAX_WORK;
        match bounded {
            true => Ok(Cost { memory, passes, lanes }),
            false => Err(Error::Cost { memory, passes, lanes }),
        }
    }

    /// Memory in KiB, passes and lanes.
    #[must_use]
    pub fn parameters(&self) -> [u32; 3] {
        [self.memory, self.passes, self.lanes]
    }

    pub(crate) fn derive(&self, passphrase: &[u8], salt: &[u8; SALT]) -> Key {
        let mut key = Zeroizing::new([0; 32]);
        let params = Params::new(self.memory, self.passes, self.lanes, Some(key.len()));
        let params = params.expect("checked when the cost was made");
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, salt, &mut *key)
            .expect("the lengths of salt and key are right");
        key
    }
}
