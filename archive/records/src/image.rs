//! The process image: an initialised process, as the wrapper brings it back.
//!
//! The section begins with [`ImageHeader`] and the tables that it names; this metadata is read and
//! verified at every start. Behind it, from [`ImageHeader::pack_offset`] on, lies the pack: once more what a start touches of
//! the memory, compressed, for a start that has to wait for storage. From [`ImageHeader::data_offset`] on lies the memory: first
//! what [`Load`]s read, in their order, then what [`Mapping`]s map.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The first eight bytes of the section; the last two are the version of its layout.
pub const MAGIC: [u8; 8] = *b"GLOWIM05";
/// Signals that have an action: 1 to 64.
pub const SIGNALS: usize = 64;
/// Words of CPU features in [`Cpu`].
pub const CPU_WORDS: usize = 12;
/// Addresses of the wrapper, which is linked for the first of them: below where the kernel puts anything else.
pub const RESTORER: core::ops::Range<u64> = 0x10_0000..0x20_0000;
/// How far the break was moved on right before the image was taken, in bytes: beyond what the C library's heap knows of.
pub const BREAK_MOVED: u64 = 4096;
/// Most bytes of metadata: more is not an image.
pub const METADATA_LIMIT: u64 = 16 << 20;

/// Some bytes of the metadata, from the section's start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Text {
    /// Where they begin, in bytes.
    pub offset: u32,
    /// How many they are; a zero byte follows that is not counted.
    pub length: u32,
}

/// A table of records in the metadata.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Table {
    /// Where it begins, in bytes from the section's start, a multiple of 8.
    pub offset: u32,
    /// How many records it has.
    pub count: u32,
}

/// The processor features that the image may use: a start needs each of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Cpu {
    /// x86-64: CPUID 1 ECX and EDX, 7.0 EBX, ECX and EDX, 7.1 EAX, 0x80000001 ECX and EDX, 0xD.1
    /// EAX, XCR0 (low and high half), 0. 64-bit ARM: AT_HWCAP and AT_HWCAP2, low and high halves.
    pub words: [u32; CPU_WORDS],
}

/// One signal's action, as rt_sigaction(2) of the kernel (not of the C library) takes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SignalAction {
    /// Address of the handler, or SIG_DFL, SIG_IGN.
    pub handler: u64,
    /// SA_ bits.
    pub flags: u64,
    /// Address of what the handler returns to, where the architecture has it.
    pub restorer: u64,
    /// Signals that are blocked meanwhile.
    pub mask: u64,
}

/// The main thread and what the kernel holds for the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Context {
    /// Where execution goes on.
    pub resume: u64,
    /// The stack pointer there.
    pub stack_pointer: u64,
    /// FS base, TPIDR_EL0.
    pub thread_pointer: u64,
    /// set_tid_address(2).
    pub tid_address: u64,
    /// set_robust_list(2): address and length.
    pub robust_list: [u64; 2],
    /// rseq(2): address, length (0: not registered), signature.
    pub rseq: [u64; 3],
    /// sigaltstack(2): address, flags, size.
    pub alternate_stack: [u64; 3],
    /// Blocked signals.
    pub signal_mask: u64,
    /// proc_pid_stat(5): start_code, end_code, start_data, end_data, start_brk, brk.
    pub memory: [u64; 6],
    /// The main stack: lowest address that it may grow to, and its end.
    pub stack: [u64; 2],
    /// The soft limit of its size then (RLIMIT_STACK), in bytes.
    pub stack_limit: u64,
    /// Where the vDSO was, and its length in bytes.
    pub vdso: [u64; 2],
    /// prctl(2), PR_SET_NAME.
    pub name: [u8; 16],
}

/// The beginning of the section.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ImageHeader {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// Bytes of this header and the tables.
    pub metadata_length: u64,
    /// XXH3-64 of the metadata from [`ImageHeader::CHECKED_FROM`] on.
    pub checksum: u64,
    /// Where the memory begins, in bytes from the section's start, a multiple of 4096.
    pub data_offset: u64,
    /// Bytes of memory that are mapped in all, for RLIMIT_AS.
    pub memory_size: u64,
    /// The processor's features.
    pub cpu: Cpu,
    /// The main thread.
    pub context: Context,
    /// Key of the variables' digests.
    pub key: [u64; 2],
    /// [`Mapping`]s, made in their order.
    pub mappings: Table,
    /// [`Load`]s, read in their order.
    pub loads: Table,
    /// [`Range`]s of this section that a start reads beside the metadata and what the loads read, in file
    /// order, close ones joined.
    pub touched: Table,
    /// [`VdsoFunction`]s.
    pub vdso: Table,
    /// [`FileGuard`]s.
    pub files: Table,
    /// [`Variable`]s.
    pub variables: Table,
    /// [`Descriptor`]s.
    pub descriptors: Table,
    /// [`EpollTarget`]s.
    pub epoll_targets: Table,
    /// [`Text`]s: the interpreter's options and the program with its arguments.
    pub arguments: Table,
    /// The interpreter, as it was started.
    pub executable: Text,
    /// The handler; empty where the image is of a program that is told by its arguments.
    pub handler: Text,
    /// The folder that the process was in.
    pub folder: Text,
    /// Name of the crash latch.
    pub latch: Text,
    /// [`crate::threads::Thread`]s.
    pub threads: Table,
    /// [`crate::threads::CachedTid`]s.
    pub cached_tids: Table,
    /// [`crate::threads::Deadline`]s.
    pub deadlines: Table,
    /// What CLOCK_REALTIME and CLOCK_MONOTONIC said when the image was taken, in nanoseconds.
    pub clocks: [u64; 2],
    /// [`Pages`] that a start writes to.
    pub written: Table,
    /// [`Packed`] pages, by address: what a start touches of what is mapped from this section.
    pub packed: Table,
    /// Where the pack begins, in bytes from the section's start, a multiple of 4096.
    pub pack_offset: u64,
    /// Bytes of the pack.
    pub pack_length: u64,
    /// Sum, modulo 2^64, of the XXH3-64 of what the pack has for each record of `packed`, seeded with the record's number from 0 on.
    pub pack_checksum: u64,
    /// What CLOCK_MONOTONIC has to have come to, in nanoseconds: libraries hold times of it that nobody can find. 0: any time.
    pub earliest: u64,
    /// Address of the word in which the C library keeps where the break is (glibc's `__curbrk`); 0: there is none.
    pub break_word: u64,
    /// Address of two words that get the address of the mappings' table and the number of its records; 0: none.
    pub mappings_words: u64,
    /// What each signal does, from signal 1 on.
    pub signals: [SignalAction; SIGNALS],
}

impl ImageHeader {
    /// Where the checksum begins to count, in bytes.
    pub const CHECKED_FROM: usize = 24;
}

/// Kinds of [`Mapping`]s.
pub mod mapping_kind {
    /// Anonymous memory, all zero.
    pub const ANONYMOUS: u8 = 0;
    /// Private pages of this section.
    pub const IMAGE: u8 = 1;
    /// Private pages of the file of a [`super::FileGuard`].
    pub const FILE: u8 = 2;
    /// Part of an earlier mapping that nobody may touch (madvise(2), MADV_GUARD_INSTALL).
    pub const GUARD: u8 = 3;
}

/// Memory to be mapped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Mapping {
    /// Where, a multiple of the page size.
    pub address: u64,
    /// Bytes, a multiple of the page size.
    pub length: u64,
    /// [`mapping_kind::IMAGE`]: from [`ImageHeader::data_offset`] on; [`mapping_kind::FILE`]: in the file.
    pub source: u64,
    /// PROT_ bits of mmap(2).
    pub protection: u8,
    /// One of [`mapping_kind`].
    pub kind: u8,
    /// 1 where it lies inside an earlier mapping of this table, else 0.
    pub over: u8,
    /// Bits of [`advice`].
    pub advice: u8,
    /// [`mapping_kind::FILE`]: number of the [`FileGuard`].
    pub file: u32,
}

/// madvise(2) that was in force.
pub mod advice {
    /// MADV_DONTFORK.
    pub const DONT_FORK: u8 = 1;
    /// MADV_WIPEONFORK.
    pub const WIPE_ON_FORK: u8 = 2;
    /// MADV_HUGEPAGE.
    pub const HUGE_PAGE: u8 = 4;
    /// MADV_NOHUGEPAGE.
    pub const NO_HUGE_PAGE: u8 = 8;
}

/// Memory to be filled: what is read follows what the load before it read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Load {
    /// Where, a multiple of the page size.
    pub address: u64,
    /// Bytes, a multiple of the page size.
    pub length: u64,
}

/// Pages that a start writes to. They are made ready together, which costs less than a fault for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Pages {
    /// Where, a multiple of the page size.
    pub address: u64,
    /// Bytes, a multiple of the page size.
    pub length: u64,
}

/// Pages that a start touches, compressed. What is stored follows what is stored of the pages before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Packed {
    /// Where, a multiple of the page size, within one mapping of [`mapping_kind::IMAGE`].
    pub address: u64,
    /// Bytes, a multiple of the page size.
    pub length: u32,
    /// Bytes in the pack: an LZ4 block, or, where they are as many as `length`, the pages themselves.
    pub stored: u32,
}

/// Some of the section's memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Range {
    /// Where it begins, in bytes from [`ImageHeader::data_offset`].
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

/// A function of the vDSO that the process may have kept the address of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct VdsoFunction {
    /// Its address.
    pub address: u64,
    /// Its name.
    pub name: Text,
}

/// Kinds of [`FileGuard`]s.
pub mod file_guard {
    /// The file's GNU build-id is [`super::FileGuard::content`]; its size is compared where it is not 0.
    pub const BUILD_ID: u32 = 1;
    /// Size and XXH3-64 of the content.
    pub const HASH: u32 = 2;
    /// Size and modification time.
    pub const TIME: u32 = 3;
}

/// A file that has to be as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct FileGuard {
    /// Its absolute path.
    pub path: Text,
    /// One of [`file_guard`].
    pub kind: u32,
    /// Reserved, 0.
    pub reserved: u32,
    /// Its size in bytes.
    pub size: u64,
    /// [`file_guard::HASH`]: the hash; [`file_guard::TIME`]: nanoseconds since 1970.
    pub value: u64,
    /// [`file_guard::BUILD_ID`]: the identifier's bytes.
    pub content: Text,
}

/// An environment variable that was read while the process initialised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Variable {
    /// Its name.
    pub name: Text,
    /// 1 where it was set.
    pub set: u32,
    /// Reserved, 0.
    pub reserved: u32,
    /// SipHash-2-4 of the value under [`ImageHeader::key`], 128 bits.
    pub digest: [u64; 2],
}

/// Kinds of [`Descriptor`]s.
pub mod descriptor_kind {
    /// A file or device: path, open flags, offset.
    pub const FILE: u32 = 1;
    /// An epoll instance.
    pub const EPOLL: u32 = 2;
    /// An eventfd: its count.
    pub const EVENTFD: u32 = 3;
    /// A timerfd: clock; armed ones by flags, value and interval in nanoseconds.
    pub const TIMERFD: u32 = 4;
    /// An anonymous file in memory: name, content.
    pub const MEMFD: u32 = 5;
    /// A pipe: `fd` is its read end, `peer` its write end, content what is in it.
    pub const PIPE: u32 = 6;
    /// A pair of connected Unix sockets: `number` is the type of socket.
    pub const SOCKET_PAIR: u32 = 7;
    /// The same open file as descriptor `peer`.
    pub const DUPLICATE: u32 = 8;
    /// A socket that nothing has been done with: `number` is its family (high half) and type, the first word of `timer`
    /// its protocol.
    pub const SOCKET: u32 = 9;
}

/// An open file that is made again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Descriptor {
    /// One of [`descriptor_kind`].
    pub kind: u32,
    /// Its number.
    pub fd: i32,
    /// The number of the other end, or of what this is a duplicate of; else -1.
    pub peer: i32,
    /// Open flags, without O_CLOEXEC.
    pub flags: u32,
    /// Open flags of the other end.
    pub peer_flags: u32,
    /// Bit 0: `fd` is closed on exec; bit 1: `peer` is.
    pub close_on_exec: u32,
    /// By kind: offset, count, clock, type of socket.
    pub number: u64,
    /// timerfd: value and interval, in nanoseconds, and the flags of timerfd_settime(2).
    pub timer: [u64; 3],
    /// Path or name.
    pub path: Text,
    /// What is in it; of a pair what can be read at `fd`.
    pub content: Text,
    /// What can be read at `peer`.
    pub peer_content: Text,
}

/// A descriptor that an epoll instance watches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct EpollTarget {
    /// The epoll instance.
    pub epoll: i32,
    /// What it watches.
    pub fd: i32,
    /// EPOLL bits.
    pub events: u32,
    /// Reserved, 0.
    pub reserved: u32,
    /// What it answers with.
    pub data: u64,
}

/// What the restored process is told: the address of this is what the frozen call returns.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Restored {
    /// The environment's pointers, null at the end.
    pub environment: *const *const u8,
    /// Pointers to the arguments of the command that is being started, its name first.
    pub arguments: *const *const u8,
    /// How many arguments there are.
    pub argument_count: u64,
    /// The archive's path.
    pub archive: *const u8,
    /// The folder of the wrapper.
    pub folder: *const u8,
    /// Length of the folder's path.
    pub folder_length: u64,
    /// The open crash latch, or -1.
    pub latch: i64,
    /// CLOCK_MONOTONIC when the wrapper began, in nanoseconds.
    pub begun: u64,
    /// CLOCK_MONOTONIC just before the process goes on, in nanoseconds.
    pub resumed: u64,
    /// 1 where the page cache was cold: then nothing is read around what is touched of the archive, until the process takes that back.
    pub cold: u64,
}
