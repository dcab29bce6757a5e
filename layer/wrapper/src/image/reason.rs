//! Why an image is not used.

use syscalls::Errno;

/// In words, with what it is about.
#[derive(Debug, Clone, Copy)]
pub struct Reason<'a> {
    /// What is wrong.
    pub what: &'static [u8],
    /// What it is about: a path, a variable's name; may be empty.
    pub about: &'a [u8],
    error: Option<Errno>,
}

impl<'a> Reason<'a> {
    /// Something does not fit.
    #[must_use]
    pub const fn new(what: &'static [u8], about: &'a [u8]) -> Self {
        Self { what, about, error: None }
    }

    /// A system call failed.
    #[must_use]
    pub const fn failed(what: &'static [u8], error: Errno) -> Self {
        Self { what, about: b"", error: Some(error) }
    }

    /// Whether the image's addresses are taken in this process: another one may have them free.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.error == Some(Errno::EEXIST)
    }

    /// The error in words.
    #[must_use]
    pub fn error(&self) -> &'static [u8] {
        match self.error {
            None => b"",
            Some(Errno::EEXIST) => b": an address of the image is taken",
            Some(Errno::EPERM | Errno::EACCES) => b": not permitted here (a file system mounted noexec?)",
            Some(Errno::ENOMEM) => {
                b": no memory (RLIMIT_AS, RLIMIT_DATA, vm.max_map_count, vm.overcommit_memory?)"
            }
            Some(Errno::EMFILE | Errno::ENFILE) => b": too many open files (RLIMIT_NOFILE?)",
            Some(Errno::EAGAIN) => b": too many processes or threads (RLIMIT_NPROC, pids.max?)",
            Some(Errno::ENOENT) => b": no such file",
            Some(Errno::ENOSYS) => b": this kernel does not have it",
            Some(_) => b": the system call failed",
        }
    }
}
