//! What an archive was built for: machine, interpreter and C library.

use crate::checksum;

/// Identity of the interpreter and machine an archive was built for. Two processes with equal
/// fingerprints lay out Python objects alike and have the same interpreter text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// ELF `e_machine` (`EM_X86_64` 62, `EM_AARCH64` 183).
    pub machine: u16,
    /// Page size in bytes.
    pub page_size: u32,
    /// `PY_VERSION_HEX` (CPython `Include/patchlevel.h`).
    pub python_version: u32,
    /// Bits of [`flags`]: what changes layouts.
    pub flags: u32,
    /// Extension-module ABI tag, e.g. `cpython-312-x86_64-linux-gnu` (at most 47 bytes).
    pub soabi: String,
    /// GNU build-id of the file that holds the interpreter (libpython, or a static `python`); at
    /// most 32 bytes. Where the file has none: the XXH3 of its size and content.
    pub interpreter: Vec<u8>,
    /// GNU build-id of the C library, at most 32 bytes.
    pub libc: Vec<u8>,
}

/// Bits of [`Fingerprint::flags`].
pub mod flags {
    /// Built with `--disable-gil`.
    pub const FREE_THREADED: u32 = 1;
    /// Built with `--with-pydebug`.
    pub const DEBUG: u32 = 2;
}

impl Fingerprint {
    /// The number that stands in the header and in the archive's file name.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let key = checksum::key(&[
            &self.machine.to_le_bytes(),
            &self.page_size.to_le_bytes(),
            &self.python_version.to_le_bytes(),
            &self.flags.to_le_bytes(),
            self.soabi.as_bytes(),
            &self.interpreter,
            &self.libc,
        ]);
        (key >> 64) as u64 ^ key as u64
    }

    /// `<name>.<soabi>.<fingerprint>.glow`.
    #[must_use]
    pub fn file_name(&self, name: &str) -> String {
        format!("{name}{}", self.file_suffix())
    }

    /// The part of an archive's file name that depends on the interpreter:
    /// `.<soabi>.<fingerprint>.glow`.
    #[must_use]
    pub fn file_suffix(&self) -> String {
        format!(".{}.{:016x}.glow", self.soabi, self.hash())
    }

    /// `3.12.1`, or `3.14.0rc2` for a pre-release.
    #[must_use]
    pub fn version_text(&self) -> String {
        let v = self.python_version;
        let base = format!("{}.{}.{}", v >> 24, (v >> 16) & 0xff, (v >> 8) & 0xff);
        let serial = v & 0xf;
        match (v >> 4) & 0xf {
            0xa => format!("{base}a{serial}"),
            0xb => format!("{base}b{serial}"),
            0xc => format!("{base}rc{serial}"),
            _ => base,
        }
    }

    /// `None` where `self` (the archive's) fits `running`; else what differs, for a log line.
    #[must_use]
    pub fn difference(&self, running: &Self) -> Option<String> {
        if self == running {
            return None;
        }
        if self.machine != running.machine {
            return Some(format!(
                "machine {}, running on {}",
                machine_name(self.machine),
                machine_name(running.machine)
            ));
        }
        if self.page_size != running.page_size {
            return Some(format!("page size {}, running with {}", self.page_size, running.page_size));
        }
        if self.python_version != running.python_version {
            return Some(format!("CPython {}, running {}", self.version_text(), running.version_text()));
        }
        if self.soabi != running.soabi {
            return Some(format!("ABI {}, running {}", self.soabi, running.soabi));
        }
        if self.flags != running.flags {
            return Some("another build flavour (free-threaded or debug)".to_owned());
        }
        if self.interpreter != running.interpreter {
            return Some(format!(
                "interpreter build {}, running build {}",
                hex(&self.interpreter),
                hex(&running.interpreter)
            ));
        }
        Some(format!("C library build {}, running with {}", hex(&self.libc), hex(&running.libc)))
    }
}

/// Name of an ELF machine number.
#[must_use]
pub fn machine_name(machine: u16) -> String {
    match machine {
        62 => "x86_64".to_owned(),
        183 => "aarch64".to_owned(),
        other => format!("ELF machine {other}"),
    }
}

/// The ELF machine number this build runs on.
#[must_use]
pub const fn this_machine() -> u16 {
    if cfg!(target_arch = "aarch64") { 183 } else { 62 }
}

/// Lower-case hexadecimal digits of `bytes`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
