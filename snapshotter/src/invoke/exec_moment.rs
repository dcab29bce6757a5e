//! The moment of exec: noted by the new process itself, right before execve(2).
//!
//! What the sandbox does before (fork, joining control groups) is its own and no part of a cold start.

use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::time::Instant;

use super::moments::{instant, nanoseconds};

/// What the new process writes its time to.
pub struct ExecMoment {
    reader: io::PipeReader,
    writer: io::PipeWriter,
}

impl ExecMoment {
    /// Ready to be told.
    ///
    /// # Errors
    /// That of pipe2(2).
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self { reader, writer })
    }

    /// What the new process does last; safe between fork and exec. What it writes to is closed by exec.
    pub fn note(&self) -> impl FnMut() -> io::Result<()> + Send + Sync + use<> {
        let writer: RawFd = self.writer.as_raw_fd();
        move || {
            let now = nanoseconds().to_ne_bytes();
            // SAFETY: the bytes are live, and an open descriptor of this process's copy.
            let written = unsafe { libc::write(writer, now.as_ptr().cast(), now.len()) };
            if written == now.len().cast_signed() { Ok(()) } else { Err(io::Error::last_os_error()) }
        }
    }

    /// When it was, once the process has been spawned; now, where it could not be told.
    pub fn read(mut self) -> Instant {
        drop(self.writer);
        let mut bytes = [0; 8];
        let told = self.reader.read_exact(&mut bytes);
        told.map_or_else(|_| Instant::now(), |()| instant(u64::from_ne_bytes(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_moment_lies_between_the_beginning_and_the_end_of_spawning() {
        let moment = ExecMoment::new().expect("a pipe");
        let mut command = Command::new("true");
        // SAFETY: only clock_gettime(2) and write(2) are called.
        unsafe { command.pre_exec(moment.note()) };
        let before = Instant::now();
        let mut child = command.spawn().expect("a process");
        let after = Instant::now();
        let at = moment.read();
        child.wait().expect("its end");
        assert!(before <= at && at <= after + Duration::from_micros(50));
    }
}
