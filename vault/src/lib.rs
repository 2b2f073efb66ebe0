//! Encrypted formats: bytes in, bytes out.
//!
//! No I/O: passwords are given, never asked for. No input makes anything here panic. Keys and
//! plaintexts are wiped from memory when they are dropped. Nothing else in rprov knows ciphers.

pub mod ansible;
