//! The image's section, from what was found and laid out.

use std::collections::BTreeMap;
use std::hash::Hasher as _;

use anyhow::{Context as _, Result, anyhow, bail};
use glowplug_archive::checksum;
use glowplug_archive::header::PAGE;
use glowplug_archive::image::{
    Context, Cpu, Descriptor, EpollTarget, FileGuard, ImageHeader, MAGIC, Packed, SIGNALS, SignalAction,
    Table, Text, Thread, Variable, VdsoFunction, descriptor_kind, file_guard,
};
use serde_json::Value;
use siphasher::sip128::{Hasher128 as _, SipHasher24};
use zerocopy::{FromZeros as _, Immutable, IntoBytes};

use super::files::Guard;
use super::found::{self, Capture, Process};
use super::layout::{self, Layout};
use super::surroundings::latch_name;
use super::threads::Threads;

/// What goes into the section.
pub struct Content<'a> {
    /// The process's memory and state.
    pub capture: &'a Capture,
    /// What it knows of itself.
    pub process: &'a Process,
    /// What was found of its other threads.
    pub threads: &'a Threads,
    /// Its memory, laid out.
    pub layout: &'a Layout,
    /// What of it is packed.
    pub packed: &'a [Packed],
    /// The pack.
    pub pack: &'a [u8],
    /// Its checksum.
    pub pack_checksum: u64,
    /// The pages that the layout names.
    pub pages: &'a [u8],
    /// Processor features that a start needs.
    pub cpu: Cpu,
    /// Files that have to be as they are.
    pub guards: &'a [Guard],
    /// The handler, or nothing.
    pub handler: &'a str,
    /// Arguments of the command: the interpreter's options, and for a program all of it.
    pub arguments: &'a [String],
    /// Functions of the vDSO: address and name.
    pub vdso: &'a [(u64, String)],
    /// What the monotonic clock has to have come to at a start, in nanoseconds.
    pub earliest: u64,
    /// For the variables' digests and the latch's name.
    pub key: [u64; 2],
}

/// Bytes of metadata, growing.
struct Metadata(Vec<u8>);

impl Metadata {
    fn text(&mut self, text: &[u8]) -> Result<Text> {
        let offset = u32::try_from(self.0.len()).context("metadata of 4 GiB")?;
        self.0.extend_from_slice(text);
        self.0.push(0);
        Ok(Text { offset, length: u32::try_from(text.len())? })
    }

    fn table<T: IntoBytes + Immutable>(&mut self, records: &[T]) -> Result<Table> {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        let offset = u32::try_from(self.0.len()).context("metadata of 4 GiB")?;
        self.0.extend_from_slice(records.as_bytes());
        Ok(Table { offset, count: u32::try_from(records.len())? })
    }
}

/// The section's bytes.
pub fn encode(content: &Content<'_>) -> Result<Vec<u8>> {
    let Content { capture, process, layout, .. } = content;
    let mut header = ImageHeader::new_zeroed();
    let mut metadata = Metadata(vec![0; size_of::<ImageHeader>()]);
    header.magic = MAGIC;
    header.cpu = content.cpu;
    header.key = content.key;
    header.context = context(capture, layout)?;
    header.memory_size = layout.mappings.iter().filter(|m| m.over == 0).map(|m| m.length).sum();
    for (action, [handler, flags, restorer, mask]) in header.signals.iter_mut().zip(&capture.state.signals) {
        *action = SignalAction { handler: *handler, flags: *flags, restorer: *restorer, mask: *mask };
    }
    if capture.state.signals.len() != SIGNALS {
        bail!("{} signals instead of {SIGNALS}", capture.state.signals.len());
    }
    header.mappings = metadata.table(&layout.mappings)?;
    header.loads = metadata.table(&layout.loads)?;
    header.written = metadata.table(&layout.written)?;
    header.touched = metadata.table(&layout.touched)?;
    let pack = content.pack;
    header.packed = metadata.table(content.packed)?;
    let functions = content
        .vdso
        .iter()
        .map(|(address, name)| Ok(VdsoFunction { address: *address, name: metadata.text(name.as_bytes())? }));
    let functions: Vec<VdsoFunction> = functions.collect::<Result<_>>()?;
    header.vdso = metadata.table(&functions)?;
    let files = content.guards.iter().map(|guard| file(&mut metadata, guard));
    let files: Vec<FileGuard> = files.collect::<Result<_>>()?;
    header.files = metadata.table(&files)?;
    let variables = variables(&mut metadata, &process.variables, content.key)?;
    header.variables = metadata.table(&variables)?;
    let (descriptors, targets) = descriptors(&mut metadata, &process.descriptors)?;
    header.descriptors = metadata.table(&descriptors)?;
    header.epoll_targets = metadata.table(&targets)?;
    let arguments = content.arguments.iter().map(|argument| metadata.text(argument.as_bytes()));
    let arguments: Vec<Text> = arguments.collect::<Result<_>>()?;
    header.arguments = metadata.table(&arguments)?;
    header.executable = metadata.text(process.executable.as_bytes())?;
    header.handler = metadata.text(content.handler.as_bytes())?;
    header.folder = metadata.text(capture.state.folder.as_bytes())?;
    header.latch = metadata.text(latch_name(content.key).as_bytes())?;
    let threads = capture.threads.iter().zip(&content.threads.tid_words);
    let threads = threads.map(|(found, word)| thread(&mut metadata, found, *word));
    let threads: Vec<Thread> = threads.collect::<Result<_>>()?;
    header.threads = metadata.table(&threads)?;
    header.cached_tids = metadata.table(&content.threads.cached)?;
    header.deadlines = metadata.table(&content.threads.deadlines)?;
    header.clocks = capture.clocks;
    header.earliest = content.earliest;
    header.break_word = capture.state.break_word;
    header.mappings_words = capture.state.madvise[2];

    let mut bytes = metadata.0;
    header.metadata_length = bytes.len() as u64;
    let pack_offset = bytes.len().next_multiple_of(PAGE);
    let data = (pack_offset + pack.len()).next_multiple_of(PAGE);
    header.pack_offset = pack_offset as u64;
    header.pack_length = pack.len() as u64;
    header.pack_checksum = content.pack_checksum;
    header.data_offset = data as u64;
    bytes[..size_of::<ImageHeader>()].copy_from_slice(header.as_bytes());
    header.checksum = checksum::of(&bytes[ImageHeader::CHECKED_FROM..]);
    bytes[..size_of::<ImageHeader>()].copy_from_slice(header.as_bytes());
    bytes.resize(pack_offset, 0);
    bytes.extend_from_slice(pack);
    bytes.resize(data, 0);
    bytes.reserve_exact(layout.pages.len() * PAGE);
    for page in &layout.pages {
        layout::append(&mut bytes, *page, content.pages)?;
    }
    Ok(bytes)
}

fn context(capture: &Capture, layout: &Layout) -> Result<Context> {
    let state = &capture.state;
    let [stack_pointer, resume, thread_pointer] = capture.place;
    if layout.stack[1] == 0 {
        bail!("the main thread's stack was not found");
    }
    Ok(Context {
        resume,
        stack_pointer,
        thread_pointer,
        tid_address: state.tid_address,
        robust_list: state.robust_list,
        rseq: state.rseq,
        alternate_stack: state.alternate_stack,
        signal_mask: state.signal_mask,
        memory: state.memory,
        stack: layout.stack,
        stack_limit: state.stack_limit,
        vdso: layout.vdso,
        name: short(&state.name),
    })
}

/// A thread's name as prctl(2) takes it.
fn short(name: &str) -> [u8; 16] {
    let mut short = [0; 16];
    let bytes = &name.as_bytes()[..name.len().min(15)];
    short[..bytes.len()].copy_from_slice(bytes);
    short
}

fn thread(metadata: &mut Metadata, found: &found::Thread, tid_word: u64) -> Result<Thread> {
    Ok(Thread {
        frame: found.frame,
        thread_pointer: found.thread_pointer,
        tid_word,
        tid_address: found.tid_address,
        robust_list: found.robust_list,
        rseq: found.rseq,
        name: short(&found.name),
        processors: metadata.text(&found.processors)?,
    })
}

fn file(metadata: &mut Metadata, guard: &Guard) -> Result<FileGuard> {
    let (kind, size, value, content) = match guard {
        Guard::BuildId { id, mapped, .. } => (file_guard::BUILD_ID, mapped.unwrap_or(0), 0, &id[..]),
        Guard::Hash { size, hash, .. } => (file_guard::HASH, *size, *hash, &[][..]),
        Guard::Time { size, time, .. } => (file_guard::TIME, *size, *time, &[][..]),
    };
    let path = metadata.text(guard.path().as_bytes())?;
    let content = metadata.text(content)?;
    Ok(FileGuard { path, kind, reserved: 0, size, value, content })
}

fn variables(
    metadata: &mut Metadata,
    found: &BTreeMap<String, Option<String>>,
    key: [u64; 2],
) -> Result<Vec<Variable>> {
    let one = |(name, value): (&String, &Option<String>)| {
        let name = metadata.text(name.as_bytes())?;
        let Some(value) = value else { return Ok(Variable { name, ..Variable::default() }) };
        let mut hasher = SipHasher24::new_with_keys(key[0], key[1]);
        hasher.write(value.as_bytes());
        let digest = hasher.finish128();
        Ok(Variable { name, set: 1, reserved: 0, digest: [digest.h1, digest.h2] })
    };
    found.iter().map(one).collect()
}

fn descriptors(
    metadata: &mut Metadata,
    found: &[found::Descriptor],
) -> Result<(Vec<Descriptor>, Vec<EpollTarget>)> {
    let (mut records, mut targets) = (Vec::new(), Vec::new());
    for descriptor in found {
        let facts = Facts(descriptor);
        let mut record = Descriptor {
            fd: descriptor.fd,
            peer: -1,
            flags: facts.number("flags").unwrap_or(0) as u32,
            close_on_exec: u32::from(descriptor.cloexec),
            ..Descriptor::default()
        };
        let text = |name: &str| facts.text(name).unwrap_or_default();
        record.path = metadata.text(text("path").or_name(text("name")).as_bytes())?;
        record.content = metadata.text(&hex(text("content"))?)?;
        match descriptor.kind.as_str() {
            "file" => {
                record.kind = descriptor_kind::FILE;
                record.number = facts.wanted("offset")?;
                record.content = metadata.text(&own_library(text("path")))?;
            }
            "epoll" => {
                record.kind = descriptor_kind::EPOLL;
                for target in facts.list("targets") {
                    let number = |name: &str| target.get(name).and_then(Value::as_u64).unwrap_or(0);
                    targets.push(EpollTarget {
                        epoll: descriptor.fd,
                        fd: i32::try_from(number("fd"))?,
                        events: number("events") as u32,
                        reserved: 0,
                        data: number("data"),
                    });
                }
            }
            "eventfd" => {
                record.kind = descriptor_kind::EVENTFD;
                record.number = facts.wanted("count")?;
            }
            "timerfd" => {
                record.kind = descriptor_kind::TIMERFD;
                record.number = facts.wanted("clockid")?;
                record.timer = [
                    facts.number("value").unwrap_or(0),
                    facts.number("interval").unwrap_or(0),
                    facts.number("settime_flags").unwrap_or(0),
                ];
            }
            "memfd" => {
                record.kind = descriptor_kind::MEMFD;
                record.number = facts.number("offset").unwrap_or(0);
            }
            "duplicate" => {
                record.kind = descriptor_kind::DUPLICATE;
                record.peer = i32::try_from(facts.wanted("of")?)?;
            }
            kind @ ("pipe" | "socketpair") => {
                // One record for both ends: the read end's of a pipe, the lower number's of a pair.
                let peer = i32::try_from(facts.wanted("peer")?)?;
                let first = if kind == "pipe" { text("end") == "read" } else { descriptor.fd < peer };
                if !first {
                    continue;
                }
                let other = found.iter().find(|other| other.fd == peer).context("the other end of a pipe")?;
                record.kind =
                    if kind == "pipe" { descriptor_kind::PIPE } else { descriptor_kind::SOCKET_PAIR };
                record.peer = peer;
                record.peer_flags = Facts(other).number("flags").unwrap_or(0) as u32;
                record.close_on_exec |= u32::from(other.cloexec) << 1;
                record.number = facts.number("type").unwrap_or(0);
                record.peer_content =
                    metadata.text(&hex(Facts(other).text("content").unwrap_or_default())?)?;
            }
            "socket" => {
                record.kind = descriptor_kind::SOCKET;
                let narrow = |name: &str| facts.number(name).unwrap_or(0) & 0xffff_ffff;
                record.number = narrow("family") << 32 | narrow("type");
                record.timer[0] = narrow("protocol");
                record.content = metadata.text(&options(facts.list("options"))?)?;
            }
            other => return Err(anyhow!("descriptor {}: {other} cannot be made again", descriptor.fd)),
        }
        records.push(record);
    }
    // Duplicates come after what they are of.
    records.sort_by_key(|record| record.kind == descriptor_kind::DUPLICATE);
    Ok((records, targets))
}

/// Options of a socket: level, name and value of each, four bytes each.
fn options(found: &[Value]) -> Result<Vec<u8>> {
    let numbers = found.iter().flat_map(|option| option.as_array().into_iter().flatten());
    let numbers =
        numbers.map(|n| n.as_i64().and_then(|n| i32::try_from(n).ok()).context("a socket's option"));
    let numbers: Vec<i32> = numbers.collect::<Result<_>>()?;
    Ok(numbers.iter().flat_map(|n| n.to_le_bytes()).collect())
}

/// The content of a small library that is open: libffi maps its own file again for new callbacks, also where the
/// process may not open it.
fn own_library(path: &str) -> Vec<u8> {
    const LARGEST: u64 = 256 << 10;
    let is_library = path.rsplit('/').next().is_some_and(|name| name.contains(".so"));
    if is_library && std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= LARGEST) {
        return std::fs::read(path).unwrap_or_default();
    }
    Vec::new()
}

trait OrName {
    fn or_name(self, name: Self) -> Self;
}

impl OrName for &str {
    fn or_name(self, name: Self) -> Self {
        if self.is_empty() { name } else { self }
    }
}

struct Facts<'a>(&'a found::Descriptor);

impl Facts<'_> {
    fn number(&self, name: &str) -> Option<u64> {
        self.0.facts.get(name).and_then(Value::as_u64)
    }

    fn wanted(&self, name: &str) -> Result<u64> {
        self.number(name).with_context(|| format!("descriptor {} has no {name}", self.0.fd))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.facts.get(name).and_then(Value::as_str)
    }

    fn list(&self, name: &str) -> &[Value] {
        self.0.facts.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

fn hex(text: &str) -> Result<Vec<u8>> {
    let digits = |at: usize| text.get(at..at + 2).context("an odd number of digits");
    (0..text.len()).step_by(2).map(|at| Ok(u8::from_str_radix(digits(at)?, 16)?)).collect()
}
