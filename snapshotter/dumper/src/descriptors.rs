//! Questions about this process's open files that Python has no call for. They change nothing, so other threads
//! may go on meanwhile.

use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// kcmp(2), `KCMP_FILE` of <linux/kcmp.h>.
const KCMP_FILE: libc::c_int = 0;

/// Whether two descriptors share an open file description; `None` where the kernel does not say it (kcmp(2)).
#[pyfunction]
pub fn same_open_file(one: RawFd, other: RawFd) -> Option<bool> {
    let process = std::process::id();
    // SAFETY: no memory is involved.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, process, process, KCMP_FILE, one, other) };
    (order >= 0).then_some(order == 0)
}

/// The first `length` bytes in a pipe, which stay there (tee(2)): fewer if there are not as many.
///
/// Raises `OSError`.
#[pyfunction]
pub fn in_pipe(py: Python<'_>, reader: RawFd, length: usize) -> PyResult<Bound<'_, PyBytes>> {
    let copy = copied(reader, length)?;
    let mut content = vec![0_u8; length];
    let mut filled = 0;
    while filled < copy.length {
        let rest = &mut content[filled..copy.length];
        // SAFETY: the kernel writes into `rest`.
        let read = unsafe { libc::read(copy.reader.as_raw_fd(), rest.as_mut_ptr().cast(), rest.len()) };
        match usize::try_from(read) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(_) => return Err(std::io::Error::last_os_error().into()),
        }
    }
    Ok(PyBytes::new(py, &content[..filled]))
}

/// A pipe with the beginning of another's content.
struct Copied {
    reader: OwnedFd,
    _writer: OwnedFd,
    length: usize,
}

fn copied(from: RawFd, length: usize) -> std::io::Result<Copied> {
    let mut ends: [RawFd; 2] = [-1; 2];
    // SAFETY: the kernel writes two numbers.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: both were just opened, and nobody else has them.
    let [reader, writer] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    // SAFETY: no memory is involved. Each write may have a buffer of its own: as many of them as there can be.
    let copied = unsafe {
        let capacity = libc::fcntl(from, libc::F_GETPIPE_SZ);
        libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, capacity);
        libc::tee(from, writer.as_raw_fd(), length, libc::SPLICE_F_NONBLOCK)
    };
    let length = usize::try_from(copied).map_err(|_| std::io::Error::last_os_error())?;
    Ok(Copied { reader, _writer: writer, length })
}
