//! What is written is read again; what is damaged is refused with an error that says where.

mod example;

use std::path::Path;

use glowplug_archive::header::SectionKind;
use glowplug_archive::heap::{KIND_SHIFT, KIND_STRING, POOL_CHUNK, RangeKind, WATCHED_FRAME};
use glowplug_archive::modules::NO_RANGE;
use glowplug_archive::{Archive, Error, compiled};
use proptest::prelude::*;

fn written() -> (tempfile::TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = example::write(folder.path());
    let bytes = std::fs::read(path).expect("the archive just written");
    (folder, bytes)
}

fn open(folder: &Path, bytes: &[u8]) -> Result<Archive, Error> {
    let path = folder.join("changed.glow");
    // A new file each time: the reader maps it.
    let _ = std::fs::remove_file(&path);
    std::fs::write(&path, bytes).expect("a temporary file");
    Archive::open(&path)
}

/// Reads all that can be read; no panic is the point, errors are welcome.
fn read_everything(archive: &Archive) -> Result<(), Error> {
    for module in archive.modules() {
        let _ = archive.find_module(archive.name(module.name));
        archive.source(module)?;
    }
    for range in archive.ranges() {
        archive.range_content(range)?;
    }
    archive.regexes()?;
    archive.manifest()?;
    for kind in SectionKind::ALL {
        archive.verify_section(kind)?;
    }
    Ok(())
}

#[test]
fn what_is_written_is_read_again() {
    let (folder, bytes) = written();
    let archive = open(folder.path(), &bytes).expect("a sound archive");
    read_everything(&archive).expect("every part is sound");
    assert_eq!(archive.header().fingerprint, example::fingerprint());
    assert_eq!(archive.modules().len(), 3);
    let module = archive.modules()[archive.find_module("app.größe").expect("it is there")];
    assert_eq!(archive.name(module.path), "app/größe.py");
    assert_eq!(archive.source(&module).expect("sound").expect("stored"), b"x = 1\n");
    assert!(archive.find_module("app.other").is_none());
    let regex = example::regex();
    let found = archive.regex(&regex.pattern, false, regex.given_flags).expect("sound");
    assert_eq!(found, Some(regex.clone()));
    assert_eq!(archive.regex(&regex.pattern, true, regex.given_flags).expect("sound"), None);
    assert!(archive.find_compiled(compiled::key("lambda: 1", "<string>", "eval", 0)).is_some());
    assert!(archive.find_compiled(compiled::key("lambda: 2", "<string>", "eval", 0)).is_none());
    assert_eq!(archive.manifest().expect("sound").target, "app.handler");
}

#[test]
fn a_string_of_two_modules_is_stored_once_and_a_huge_one_with_each() {
    let (folder, bytes) = written();
    let archive = open(folder.path(), &bytes).expect("a sound archive");
    let mut strings = Vec::new();
    for range in archive.ranges().iter().filter(|r| r.is(RangeKind::Persistent)) {
        let (objects, symbols) = archive.range_content(range).expect("sound");
        for word in 0..range.length as usize / 8 {
            if symbols[word / 64] >> (word % 64) & 1 == 1 {
                let value = u64::from_le_bytes(objects[word * 8..][..8].try_into().expect("a word"));
                if value >> KIND_SHIFT == KIND_STRING {
                    strings.push(value & !(u64::MAX << KIND_SHIFT));
                }
            }
        }
    }
    // shared, own, huge | shared, huge | shared
    assert_eq!(strings.len(), 6);
    assert!(strings[0] < POOL_CHUNK as u64 && archive.ranges()[0].is(RangeKind::Pool));
    assert_eq!([strings[3], strings[5]], [strings[0]; 2]);
    assert_ne!(strings[2], strings[4]);
}

#[test]
fn a_transient_range_refers_to_the_persistent_one_of_the_same_module() {
    let (folder, bytes) = written();
    let archive = open(folder.path(), &bytes).expect("a sound archive");
    let distance = archive.persistent_distance();
    assert_eq!(distance, 3);
    for module in archive.modules().iter().filter(|m| m.range != NO_RANGE) {
        let transient = archive.ranges()[module.range as usize];
        let persistent = archive.ranges()[module.range as usize - distance];
        assert!(transient.is(RangeKind::Transient) && persistent.is(RangeKind::Persistent));
        let (objects, bitmaps) = archive.range_content(&transient).expect("sound");
        let word = |number: usize| {
            let at = module.code as usize + number * 8;
            u64::from_le_bytes(objects[at..at + 8].try_into().expect("a word"))
        };
        let inside = persistent.offset..persistent.offset + u64::from(persistent.length);
        assert!(inside.contains(&(word(2) - archive.header().preferred_base)));
        assert!(inside.contains(&(word(3) & !(u64::MAX << KIND_SHIFT))));
        let (symbols, internals) = bitmaps.split_at(bitmaps.len() / 2);
        let watched: u64 = symbols.iter().zip(internals).map(|(s, i)| s & i).sum();
        assert_eq!((word(5), watched), (WATCHED_FRAME, 1 << (module.code / 8 + 5)));
    }
}

#[test]
fn an_archive_truncated_anywhere_is_refused() {
    let (folder, bytes) = written();
    let sound = open(folder.path(), &bytes).expect("a sound archive");
    let boundaries = sound.header().sections.iter().flat_map(|s| [s.offset, s.offset + s.length]);
    for length in boundaries.chain([0, 1, 7, 8, 100, 4095, 4096]).filter(|n| *n < bytes.len() as u64) {
        let refusal = open(folder.path(), &bytes[..length as usize]).err().expect("refused");
        assert!(matches!(refusal, Error::Size { .. }), "{length} bytes: {refusal}");
    }
}

#[test]
fn a_flipped_bit_in_any_section_is_noticed() {
    let (folder, bytes) = written();
    let sound = open(folder.path(), &bytes).expect("a sound archive");
    for section in &sound.header().sections {
        for at in [section.offset, section.offset + section.length / 2, section.offset + section.length - 1] {
            let mut damaged = bytes.clone();
            damaged[at as usize] ^= 0x10;
            let noticed = open(folder.path(), &damaged).and_then(|a| read_everything(&a));
            assert!(noticed.is_err(), "section {} at {at}", SectionKind::name_of(section.kind));
        }
    }
    let mut damaged = bytes;
    damaged[60] ^= 1;
    assert!(matches!(open(folder.path(), &damaged), Err(Error::Checksum(_))));
}

#[test]
fn other_files_are_named_for_what_they_are() {
    let (folder, mut bytes) = written();
    assert!(matches!(Archive::open(folder.path()), Err(Error::NotAFile(_))));
    assert!(matches!(Archive::open(&folder.path().join("none")), Err(Error::Io { .. })));
    assert!(matches!(open(folder.path(), b"PK\x03\x04 a zip file"), Err(Error::Magic)));
    bytes[8] = 3;
    assert!(matches!(open(folder.path(), &bytes), Err(Error::Version { found: 3, supported: 2 })));
}

#[test]
fn writing_twice_gives_the_same_bytes() {
    assert!(written().1 == written().1);
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_never_a_crash(bytes in proptest::collection::vec(any::<u8>(), 0..9000)) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let _ = open(folder.path(), &bytes).and_then(|a| read_everything(&a));
    }

    #[test]
    fn changed_bytes_are_never_a_crash(changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..12), reseal in any::<bool>()) {
        let (folder, mut bytes) = written();
        for (at, value) in changes {
            let length = bytes.len();
            bytes[at % length] = value;
        }
        if reseal {
            seal(&mut bytes);
        }
        let _ = open(folder.path(), &bytes).and_then(|a| read_everything(&a));
    }
}

/// Makes all checksums right again, so that the checks behind them are reached.
fn seal(bytes: &mut [u8]) {
    use glowplug_archive::checksum;
    const TABLE: usize = 176;
    let number = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
    for row in (0..64).map(|n| TABLE + n * 40) {
        let (offset, length) = (number(bytes, row + 8) as usize, number(bytes, row + 16) as usize);
        if let Some(section) = offset.checked_add(length).and_then(|end| bytes.get(offset..end)) {
            let sum = checksum::of(section);
            bytes[row + 24..row + 32].copy_from_slice(&sum.to_le_bytes());
        }
    }
    let sum = checksum::of(&bytes[..4088]);
    bytes[4088..4096].copy_from_slice(&sum.to_le_bytes());
}
