//! `cargo bench -p rprov-vault`: files encrypted as a whole against the age crate, in turns, in memory,
//! on one core; a file of a thousand values; the derivation from a passphrase.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use rprov_vault::{Cost, Identity, Keyring, Recipient, Vault, Whole};

const SIZE: usize = 100_000_000;
const ROUNDS: usize = 5;

fn main() -> io::Result<()> {
    let plain: Vec<u8> = (0..SIZE).map(|i| (i * 31 % 251) as u8).collect();
    let theirs = age::x25519::Identity::generate();
    let recipient: Recipient = theirs.to_public().to_string().parse().map_err(io::Error::other)?;
    let mut keyring = Keyring::new();
    let text = age::secrecy::ExposeSecret::expose_secret(&theirs.to_string()).to_owned();
    for identity in Identity::parse(text.as_bytes()).map_err(io::Error::other)? {
        keyring.add_identity(identity);
    }
    let whole = Whole::new(&[recipient], &keyring).map_err(io::Error::other)?;
    let mut best = [Duration::MAX; 4];
    for _ in 0..ROUNDS {
        let mut sealed = Vec::with_capacity(SIZE + SIZE / 1000);
        time(&mut best[0], || {
            let mut sealer = whole.seal(&mut sealed)?;
            sealer.write_all(&plain)?;
            sealer.finish().map(drop)
        })?;
        let mut aged = Vec::with_capacity(SIZE + SIZE / 1000);
        time(&mut best[1], || {
            let key = theirs.to_public();
            let recipients = std::iter::once(&key as &dyn age::Recipient);
            let encryptor =
                age::Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
            let mut writer = encryptor.wrap_output(&mut aged)?;
            writer.write_all(&plain)?;
            writer.finish().map(drop)
        })?;
        time(&mut best[2], || {
            let mut input = &sealed[..];
            drain(Whole::read(&mut input, &keyring)?.open(input))
        })?;
        time(&mut best[3], || {
            let decryptor = age::Decryptor::new(&aged[..]).map_err(io::Error::other)?;
            let identities = std::iter::once(&theirs as &dyn age::Identity);
            drain(decryptor.decrypt(identities).map_err(io::Error::other)?)
        })?;
    }
    let mut out = io::stdout();
    for (what, ours, age) in [("encrypt", best[0], best[1]), ("decrypt", best[2], best[3])] {
        let speed = |time: Duration| SIZE as f64 / 1e6 / time.as_secs_f64();
        writeln!(
            out,
            "{what} 100 MB: {:5.0} MB/s; age {:5.0} MB/s; {:.2} times age",
            speed(ours),
            speed(age),
            speed(ours) / speed(age)
        )?;
    }
    let mut keyring = Keyring::new();
    let team = keyring.recipient(b"passphrase", Cost::default(), "").map_err(io::Error::other)?;
    let values: String = (0..1000).map(|i| format!("key{i}: 'the value of {i}'\n")).collect();
    let mut derivation = Duration::MAX;
    let mut vault = None;
    time(&mut derivation, || {
        vault = Some(Vault::seal(&values, &[team], &keyring).map_err(io::Error::other)?);
        Ok(())
    })?;
    let sealed = vault.as_ref().map_or("", Vault::sealed).as_bytes().to_vec();
    let mut open = Duration::MAX;
    for _ in 0..ROUNDS {
        time(&mut open, || {
            black_box(Vault::open(&sealed, &keyring).map_err(io::Error::other)?);
            Ok(())
        })?;
    }
    writeln!(
        out,
        "seal 1000 values, with one derivation: {:.0} ms",
        derivation.as_secs_f64() * 1e3
    )?;
    writeln!(out, "open 1000 values, derived already: {:.1} ms", open.as_secs_f64() * 1e3)
}

fn time(best: &mut Duration, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let start = Instant::now();
    work()?;
    *best = start.elapsed().min(*best);
    Ok(())
}

fn drain(mut input: impl Read) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    while input.read(&mut buffer)? > 0 {
        black_box(&buffer);
    }
    Ok(())
}
