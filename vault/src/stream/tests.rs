use proptest::prelude::*;

use super::*;
use crate::Cost;

fn whole() -> (Keyring, Whole) {
    let mut keyring = Keyring::new();
    let cost = Cost::new(8, 1, 1).expect("bounded");
    let recipient = keyring.recipient(b"passphrase", cost, "").expect("a recipient");
    let whole = Whole::new(&[recipient], &keyring).expect("it can be made");
    (keyring, whole)
}

fn sealed(whole: &Whole, plain: &[u8]) -> Vec<u8> {
    let mut sealer = whole.seal(Vec::new()).expect("a vector takes all");
    sealer.write_all(plain).expect("a vector takes all");
    sealer.finish().expect("a vector takes all")
}

fn open(sealed: &[u8], keyring: &Keyring) -> Result<Vec<u8>, Error> {
    let mut input = sealed;
    let mut read = || {
        let whole = Whole::read(&mut input, keyring)?;
        let mut plain = Vec::new();
        whole.open(&mut input).read_to_end(&mut plain)?;
        Ok(plain)
    };
    read().map_err(|error: io::Error| Whole::why(&error).cloned().expect("an error of ours"))
}

#[test]
fn every_length_around_a_piece_comes_back() {
    let (keyring, whole) = whole();
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
        let plain: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        let sealed = sealed(&whole, &plain);
        assert_eq!(crate::mode(&sealed), Some(Mode::Whole));
        assert_eq!(open(&sealed, &keyring), Ok(plain), "{length}");
    }
}

#[test]
fn a_file_that_was_cut_off_or_made_longer_is_an_error() {
    let (keyring, whole) = whole();
    let sealed = sealed(&whole, &[7; 2 * CHUNK]);
    let header = whole.sealed().len();
    let piece = CHUNK + TAG;
    for (length, error) in [
        (sealed.len() - 1, Error::Cut),
        (header + SALT + 2 * piece, Error::Cut),
        (header + SALT + piece, Error::Cut),
        (header + SALT + piece + 1, Error::Cut),
        (header + SALT, Error::Cut),
        (header + SALT - 1, Error::Cut),
        (header, Error::Cut),
        (header - 1, Error::Truncated),
        (100, Error::Truncated),
        (3, Error::NotSealed),
    ] {
        assert_eq!(open(&sealed[..length], &keyring), Err(error), "{length}");
    }
    let longer = [&sealed[..], &[0; 3]].concat();
    assert_eq!(open(&longer, &keyring), Err(Error::Cut));
}

#[test]
fn pieces_cannot_be_swapped_dropped_or_come_from_another_file() {
    let (keyring, one) = whole();
    let piece = CHUNK + TAG;
    let start = one.sealed().len() + SALT;
    let plain: Vec<u8> = (0..3 * CHUNK).map(|i| (i / CHUNK) as u8).collect();
    let right = sealed(&one, &plain);
    let pieces: Vec<&[u8]> = right[start..].chunks(piece).collect();
    let with = |order: &[usize]| {
        let pieces: Vec<&[u8]> = order.iter().map(|i| pieces[*i]).collect();
        [&right[..start], &pieces.concat()].concat()
    };
    assert_eq!(open(&with(&[0, 1, 2, 3]), &keyring), Ok(plain.clone()));
    assert_eq!(open(&with(&[1, 0, 2, 3]), &keyring), Err(Error::Chunk(0)));
    assert_eq!(open(&with(&[0, 2, 3]), &keyring), Err(Error::Chunk(1)));
    assert_eq!(open(&with(&[0, 1, 1, 2, 3]), &keyring), Err(Error::Chunk(2)));
    let again = sealed(&one, &plain);
    let mixed = [&right[..start], &again[start..]].concat();
    assert_eq!(open(&mixed, &keyring), Err(Error::Chunk(0)), "sealed twice with one key");
}

#[test]
fn after_an_error_nothing_more_is_read() {
    let (_, whole) = whole();
    let mut sealed = sealed(&whole, &[1; 3 * CHUNK]);
    let header = whole.sealed().len();
    sealed[header + SALT] ^= 1;
    let mut opener = whole.open(&sealed[header..]);
    for _ in 0..3 {
        let error = opener.read(&mut [0; 100]).expect_err("the first piece is wrong");
        assert_eq!(Whole::why(&error), Some(&Error::Chunk(0)));
    }
}

#[test]
fn values_are_no_whole_file_and_the_reverse() {
    let (keyring, whole) = whole();
    let file = sealed(&whole, b"x");
    let error = crate::Vault::open(&file, &keyring).err();
    assert_eq!(error, Some(Error::OtherMode { whole: true }));
    let values = crate::Vault::seal("a: 1\n", &whole.recipients(), &keyring).expect("sealed");
    assert_eq!(open(values.sealed().as_bytes(), &keyring), Err(Error::OtherMode { whole: false }));
}

#[test]
fn a_recipient_added_to_the_header_opens_what_follows() {
    let (mut keyring, mut whole) = whole();
    let sealed = sealed(&whole, b"content");
    let behind = &sealed[whole.sealed().len()..];
    let cost = Cost::new(8, 1, 1).expect("bounded");
    let other = keyring.recipient(b"other", cost, "the others").expect("a recipient");
    assert_eq!(whole.add(&other, &keyring), Ok(()));
    let file = [whole.sealed().as_bytes(), behind].concat();
    let mut theirs = Keyring::new();
    theirs.add_passphrase(b"other");
    assert_eq!(open(&file, &theirs), Ok(b"content".to_vec()));
    let without = whole.without(&other.key(), &keyring).expect("it can be removed");
    let file = [without.sealed().as_bytes(), behind].concat();
    assert_eq!(open(&file, &keyring), Err(Error::Cut), "the key is another one");
    assert_eq!(open(&file, &theirs), Err(Error::WrongPassphrase));
}

proptest! {
    #[test]
    fn any_changed_bit_is_seen(at in 0usize..700, bit in 0u8..8) {
        let (keyring, whole) = whole();
        let mut sealed = sealed(&whole, b"some content that is not long");
        let at = at % sealed.len();
        sealed[at] ^= 1 << bit;
        // A line feed becomes nothing a header could be read from, but `\r` before one is ignored.
        prop_assert!(open(&sealed, &keyring).is_err(), "{at}");
    }

    #[test]
    fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (keyring, whole) = whole();
        prop_assert!(open(&bytes, &keyring).is_err());
        let file = [whole.sealed().as_bytes(), &bytes].concat();
        prop_assert!(open(&file, &keyring).is_err());
    }
}
