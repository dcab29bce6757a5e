//! The prefetch plan: what is added is read again, what is damaged is refused.

mod example;

use std::path::Path;

use glowplug_archive::header::{PAGE, SectionKind};
use glowplug_archive::plan::{Base, PlanEntry, Planned};
use glowplug_archive::writer::add_plan;
use glowplug_archive::{Archive, Error};
use proptest::prelude::*;

fn own(offset: u64, length: u64) -> PlanEntry {
    PlanEntry {
        base: Base::Archive,
        origin: String::new(),
        path: String::new(),
        offset,
        length,
        file_size: 0,
        hot: true,
    }
}

fn other(path: &str, offset: u64, length: u64) -> PlanEntry {
    PlanEntry {
        base: Base::Path,
        origin: "/srv/función".to_owned(),
        path: path.to_owned(),
        offset,
        length,
        file_size: 10_000,
        hot: false,
    }
}

/// The example with a plan: all of the archive, then two ranges of one file and one of another.
fn planned() -> (tempfile::TempDir, std::path::PathBuf, Vec<PlanEntry>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = example::write(folder.path());
    let size = std::fs::metadata(&path).expect("written").len();
    let entries = vec![
        own(0, size),
        other("a/größe.so", 0, 4096),
        other("b.json", 0, 9),
        other("a/größe.so", 8192, 100),
    ];
    add_plan(&path, &entries).expect("it fits");
    (folder, path, entries)
}

/// The content of every section but the plan.
fn sections(archive: &Archive) -> Vec<Vec<u8>> {
    let kinds = SectionKind::ALL.into_iter().filter(|k| !k.is_optional());
    kinds.map(|k| archive.section(k).expect("there").to_vec()).collect()
}

#[test]
fn a_plan_that_is_added_is_read_again_and_nothing_else_changes() {
    let (folder, path, entries) = planned();
    let plain = tempfile::tempdir().expect("a temporary folder");
    let without = Archive::open(&example::write(plain.path())).expect("sound");
    assert!(without.plan().expect("sound").is_none());
    assert!(matches!(Planned::open(without.path()), Err(Error::MissingSection("plan"))));

    let archive = Archive::open(&path).expect("sound");
    assert_eq!(sections(&archive), sections(&without));
    let read = archive.plan().expect("sound").expect("there is one").entries();
    assert_eq!(read[1..], entries[1..]);
    // The plan itself is part of the archive now.
    assert_eq!((read[0].offset, read[0].length), (0, archive.header().file_size));
    assert_eq!(Planned::open(&path).expect("sound").plan().entries(), read);
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1);
}

#[test]
fn the_plan_stands_right_behind_the_header() {
    let (_folder, path, _) = planned();
    let archive = Archive::open(&path).expect("sound");
    assert_eq!(archive.header().sections[0].kind, SectionKind::Plan as u32);
    assert_eq!(archive.header().sections[0].offset, PAGE as u64);
}

#[test]
fn ranges_of_the_archive_move_with_what_they_cover() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = example::write(folder.path());
    let heap = |archive: &Archive| archive.header().section(SectionKind::Heap).expect("there").offset;
    let before = Archive::open(&path).expect("sound");
    add_plan(&path, &[own(heap(&before), 64), own(0, 100)]).expect("it fits");
    let after = Archive::open(&path).expect("sound");
    assert!(heap(&after) > heap(&before));
    let records = after.plan().expect("sound").expect("there").entries();
    assert_eq!((records[0].offset, records[0].length), (heap(&after), 64));
    assert_eq!((records[1].offset, records[1].length), (0, 100));
}

#[test]
fn a_new_plan_replaces_the_old_one() {
    let (_folder, path, _) = planned();
    let first = std::fs::read(&path).expect("read");
    let many: Vec<_> = (0..500).map(|n| other(&format!("file{n}"), n, 1)).collect();
    add_plan(&path, &many).expect("it fits");
    let archive = Archive::open(&path).expect("sound");
    assert_eq!(archive.plan().expect("sound").expect("there").entries(), many);
    let (_other_folder, again, entries) = planned();
    add_plan(&again, &Archive::open(&again).expect("sound").plan().expect("sound").expect("there").entries())
        .expect("it fits");
    assert!(std::fs::read(again).expect("read") == first, "{} entries", entries.len());
}

#[test]
fn an_entry_outside_of_its_file_or_base_is_refused_when_it_is_read() {
    let wrong = [
        own(0, 1 << 40),
        own(8, 0),
        other("a", 9_999, 2),
        other("a", u64::MAX, 2),
        other("../a", 0, 1),
        other("/a", 0, 1),
        other("a//b", 0, 1),
        other("", 0, 1),
        PlanEntry { origin: "relative".to_owned(), ..other("a", 0, 1) },
        PlanEntry { path: "x".to_owned(), ..own(0, 1) },
    ];
    for entry in wrong {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = example::write(folder.path());
        add_plan(&path, std::slice::from_ref(&entry)).expect("written");
        assert!(matches!(Planned::open(&path), Err(Error::Bounds(_))), "{entry:?}");
        assert!(Archive::open(&path).expect("the rest is sound").plan().is_err());
    }
}

fn opened(folder: &Path, bytes: &[u8]) -> Result<Planned, Error> {
    let path = folder.join("changed.glow");
    let _ = std::fs::remove_file(&path);
    std::fs::write(&path, bytes).expect("a temporary file");
    Planned::open(&path)
}

#[test]
fn a_damaged_or_truncated_plan_is_refused() {
    let (folder, path, _) = planned();
    let bytes = std::fs::read(path).expect("read");
    let section = opened(folder.path(), &bytes).expect("sound").header().sections[0];
    for at in section.offset..section.offset + section.length {
        let mut damaged = bytes.clone();
        damaged[at as usize] ^= 4;
        assert!(matches!(opened(folder.path(), &damaged), Err(Error::Checksum(_))), "byte {at}");
    }
    for length in [0, 7, 4095, 4096, 4100, bytes.len() - 1] {
        assert!(matches!(opened(folder.path(), &bytes[..length]), Err(Error::Size { .. } | Error::Magic)));
    }
}

proptest! {
    #[test]
    fn an_arbitrary_plan_section_is_never_a_crash(words in proptest::collection::vec(any::<u64>(), 0..40), count in 0_u32..8) {
        use glowplug_archive::plan::Plan;
        use zerocopy::IntoBytes as _;
        let mut words = words;
        if let Some(first) = words.first_mut() {
            *first = count.into();
        }
        if let Ok(plan) = Plan::check(words.as_bytes(), 1 << 20) {
            let _ = plan.entries();
        }
    }
}
