//! `docs/format.md` gives each record of the image's section byte by byte: offset, length and name of
//! every field, in tables under headings that name the record. Here they are compared with the code.

use core::mem::offset_of;

use glowplug_records::image::{
    Context, Descriptor, EpollTarget, FileGuard, ImageHeader, Load, METADATA_LIMIT, Mapping, Packed, Pages,
    RESTORER, Range, SIGNALS, SignalAction, Table, Text, Variable, VdsoFunction, advice, descriptor_kind,
    file_guard, mapping_kind,
};
use glowplug_records::threads::{CachedTid, Deadline, Thread};

const DOCUMENT: &str = include_str!("../../../docs/format.md");

/// A row of a table: two numbers and a name.
type Row = (usize, usize, String);

/// A record's length, and its fields as (offset, name).
macro_rules! record {
    ($record:ident: $($field:ident),+ $(,)?) => {
        (stringify!($record), size_of::<$record>(), vec![$((offset_of!($record, $field), stringify!($field))),+])
    };
}

/// The lines under the heading that has `name` in it.
fn below<'a>(name: &str) -> impl Iterator<Item = &'a str> {
    let heading = format!("(`{name}`");
    let mut lines =
        DOCUMENT.lines().skip_while(move |line| !(line.starts_with('#') && line.contains(&heading)));
    assert!(lines.next().is_some(), "docs/format.md has no heading for {name}");
    lines.take_while(|line| !line.starts_with('#'))
}

/// The cells of a row of a table.
fn cells(line: &str) -> Vec<&str> {
    line.trim().trim_matches('|').split('|').map(str::trim).collect()
}

/// The rows `| offset | bytes | name | ... |` under a heading.
fn documented(name: &str) -> Vec<Row> {
    let row = |line| {
        let cells = cells(line);
        let [offset, bytes, field, ..] = cells.as_slice() else { return None };
        Some((offset.parse().ok()?, bytes.parse().ok()?, field.trim_matches('`').to_owned()))
    };
    below(name).filter_map(row).collect()
}

/// The rows `| number | name | ... |` under a heading.
fn numbered(name: &str) -> Vec<(u32, String)> {
    let row = |line| {
        let cells = cells(line);
        Some((cells.first()?.parse().ok()?, (*cells.get(1)?).to_owned()))
    };
    below(name).filter_map(row).collect()
}

/// What the tables have to say: no field may be left out, or there would be a gap.
fn expected(size: usize, fields: &[(usize, &str)]) -> Vec<Row> {
    let ends = fields.iter().skip(1).map(|(offset, _)| *offset).chain([size]);
    fields.iter().zip(ends).map(|((offset, name), end)| (*offset, end - offset, (*name).to_owned())).collect()
}

#[test]
fn every_record_is_documented_as_it_is() {
    let records = [
        record!(ImageHeader: magic, metadata_length, checksum, data_offset, memory_size, cpu, context, key, mappings,
            loads, touched, vdso, files, variables, descriptors, epoll_targets, arguments, executable, handler, folder,
            latch, threads, cached_tids, deadlines, clocks, written, packed,
            pack_offset, pack_length, pack_checksum, earliest,
            break_word, mappings_words, signals),
        record!(Context: resume, stack_pointer, thread_pointer, tid_address, robust_list, rseq, alternate_stack,
            signal_mask, memory, stack, stack_limit, vdso, name),
        record!(Thread: frame, thread_pointer, tid_word, tid_address, robust_list, rseq, name, processors),
        record!(CachedTid: address, thread, reserved),
        record!(Deadline: address, clock, reserved),
        record!(SignalAction: handler, flags, restorer, mask),
        record!(Mapping: address, length, source, protection, kind, over, advice, file),
        record!(Load: address, length),
        record!(Pages: address, length),
        record!(Packed: address, length, stored),
        record!(Range: offset, length),
        record!(VdsoFunction: address, name),
        record!(FileGuard: path, kind, reserved, size, value, content),
        record!(Variable: name, set, reserved, digest),
        record!(Descriptor: kind, fd, peer, flags, peer_flags, close_on_exec, number, timer, path, content,
            peer_content),
        record!(EpollTarget: epoll, fd, events, reserved, data),
        record!(Text: offset, length),
        record!(Table: offset, count),
    ];
    for (name, size, fields) in records {
        assert_eq!(documented(name), expected(size, &fields), "docs/format.md, {name}");
        let heading = DOCUMENT.lines().find(|line| line.contains(&format!("(`{name}`"))).expect("a heading");
        assert!(heading.ends_with(&format!("{size} bytes")), "{heading}: it has {size} bytes");
    }
}

#[test]
fn every_number_is_documented_as_it_is() {
    use descriptor_kind as open;
    let lists: [(&str, &[(u32, &str)]); 4] = [
        (
            "mapping_kind",
            &[
                (mapping_kind::ANONYMOUS.into(), "anonymous"),
                (mapping_kind::IMAGE.into(), "image"),
                (mapping_kind::FILE.into(), "file"),
                (mapping_kind::GUARD.into(), "guard"),
            ],
        ),
        (
            "advice",
            &[
                (advice::DONT_FORK.into(), "MADV_DONTFORK"),
                (advice::WIPE_ON_FORK.into(), "MADV_WIPEONFORK"),
                (advice::HUGE_PAGE.into(), "MADV_HUGEPAGE"),
                (advice::NO_HUGE_PAGE.into(), "MADV_NOHUGEPAGE"),
            ],
        ),
        (
            "file_guard",
            &[(file_guard::BUILD_ID, "build-id"), (file_guard::HASH, "content"), (file_guard::TIME, "time")],
        ),
        (
            "descriptor_kind",
            &[
                (open::FILE, "file"),
                (open::EPOLL, "epoll"),
                (open::EVENTFD, "eventfd"),
                (open::TIMERFD, "timerfd"),
                (open::MEMFD, "memfd"),
                (open::PIPE, "pipe"),
                (open::SOCKET_PAIR, "socketpair"),
                (open::DUPLICATE, "duplicate"),
                (open::SOCKET, "socket"),
            ],
        ),
    ];
    for (name, list) in lists {
        let wanted: Vec<_> = list.iter().map(|(number, word)| (*number, (*word).to_owned())).collect();
        assert_eq!(numbered(name), wanted, "docs/format.md, {name}");
    }
}

#[test]
fn limits_are_documented_as_they_are() {
    let section: String = below("ImageHeader").collect::<Vec<_>>().join(" ");
    for wanted in [
        format!("bytes {} to the end of the metadata", ImageHeader::CHECKED_FROM),
        format!("at most {} MiB", METADATA_LIMIT >> 20),
        format!("0x{:x} to 0x{:x}", RESTORER.start, RESTORER.end),
        format!("signals 1 to {SIGNALS}"),
    ] {
        assert!(section.contains(&wanted), "docs/format.md does not say {wanted:?}");
    }
}
