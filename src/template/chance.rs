//! Random choices: from the system, or from a seed, and then the ones Python makes of that seed.
//!
//! Playbooks spread cron minutes with `60 | random(seed=inventory_hostname)`: the same seed must go
//! on giving the same answer as Ansible's.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use rand_mt::Mt;
use sha2::{Digest, Sha512};

use super::call::described;
use super::error::failed;
use super::print;

/// A source of chance.
pub(super) enum Chance {
    System,
    Seeded(Box<Mt>),
}

impl Chance {
    /// From a seed; without one from the system.
    pub(super) fn new(seed: Option<&Value>) -> Result<Chance, Error> {
        let Some(seed) = seed.filter(|seed| !seed.is_none()) else { return Ok(Chance::System) };
        let bytes = match seed.kind() {
            ValueKind::String => {
                let text = seed.as_str().unwrap_or_default().as_bytes();
                [text, &Sha512::digest(text)].concat()
            }
            ValueKind::Bool => vec![u8::from(seed.is_true())],
            ValueKind::Number => match print::float(seed) {
                Some(number) => hash(number).to_be_bytes().to_vec(),
                None => i128::try_from(seed.clone())?.unsigned_abs().to_be_bytes().to_vec(),
            },
            _ => {
                return Err(failed(format!(
                    "expected text or a number as seed, found {}",
                    described(seed)
                )));
            }
        };
        // Words of the number the bytes are, the smallest first, without leading zeros.
        let mut words: Vec<u32> = bytes
            .rchunks(4)
            .map(|word| word.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
            .collect();
        while words.len() > 1 && words.last() == Some(&0) {
            words.pop();
        }
        Ok(Chance::Seeded(Box::new(Mt::new_with_key(words))))
    }

    /// `bits` random bits, at most 64.
    fn bits(&mut self, bits: u32) -> u64 {
        match self {
            Chance::System => rand::random::<u64>() >> (64 - bits),
            Chance::Seeded(source) if bits <= 32 => u64::from(source.next_u32() >> (32 - bits)),
            Chance::Seeded(source) => {
                let low = u64::from(source.next_u32());
                low | u64::from(source.next_u32() >> (64 - bits)) << 32
            }
        }
    }

    /// A number below `end`, which is at least 1.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        let bits = u64::BITS - end.leading_zeros();
        loop {
            let number = self.bits(bits.max(1));
            if number < end {
                return number;
            }
        }
    }

    /// One of the items, of which there is at least one.
    pub(super) fn choice<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Python's hash of a float, as an unsigned number.
fn hash(number: f64) -> u64 {
    const MODULUS: u64 = (1 << 61) - 1;
    if !number.is_finite() {
        return if number.is_nan() { 0 } else { (314_159 * number.signum() as i64) as u64 };
    }
    let bits = number.abs().to_bits();
    let (fraction, exponent) = (bits & ((1 << 52) - 1), (bits >> 52) as i64);
    let (mantissa, exponent) =
        if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    // mantissa · 2^exponent, where 2^61 counts as 1.
    let turn = exponent.rem_euclid(61) as u32;
    let hash = (u128::from(mantissa) << turn) % u128::from(MODULUS);
    let hash = hash as u64 as i64;
    (if number < 0.0 { -hash } else { hash }) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_floats() {
        // Each is `hash(x)` of CPython 3.11.
        for (number, expected) in [
            (0.0, 0i64),
            (1.0, 1),
            (-2.0, -2),
            (0.5, 1_152_921_504_606_846_976),
            (1.5, 1_152_921_504_606_846_977),
            (0.1, 230_584_300_921_369_408),
        ] {
            assert_eq!(hash(number) as i64, expected, "{number}");
        }
    }

    #[test]
    fn the_system_keeps_to_the_bounds() {
        let mut chance = Chance::System;
        for end in [1, 2, 3, 64, 1 << 40] {
            assert!((0..100).all(|_| chance.below(end) < end));
        }
    }
}
