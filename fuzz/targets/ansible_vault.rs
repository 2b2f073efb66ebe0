//! Ansible's envelopes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rprov_vault::ansible::{self, Envelope};

fuzz_target!(|data: &[u8]| {
    let _ = ansible::is_envelope(data);
    match Envelope::parse(data) {
        Ok(envelope) => drop(envelope.label().map(str::len)),
        Err(error) => drop(error.to_string()),
    }
});
