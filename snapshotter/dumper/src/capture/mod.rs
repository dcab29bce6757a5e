//! Taking the process image: what a restorer needs of this process, into two files.
//!
//! `capture.json` is [`Capture`]; `pages.bin` holds the pages that its areas name, one after the
//! other. The command makes an archive's section of them. [`freeze`] makes a sleeping copy of the process,
//! in which [`threads`] has stopped all others meanwhile, [`memory`] reads its memory, [`state`] asks the kernel what it holds for this process, and
//! [`restored`] is what a restored process finds, [`archive_memory`] what is special about its memory.

mod archive_memory;
mod freeze;
mod memory;
mod open_files;
mod refusals;
mod restored;
mod state;
mod threads;
mod usage;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBool;
use serde::Serialize;

pub use archive_memory::read_around_again;
use freeze::{Outcome, Place};
use memory::Area;
use open_files::Described;
pub use refusals::not_carried;
use state::State;
pub use threads::NotCarriedError;
use threads::Thread;

/// All that is known of the process.
#[derive(Debug, Serialize)]
struct Capture {
    place: [u64; 3],
    state: State,
    tid: i32,
    threads: Vec<Thread>,
    clocks: [u64; 2],
    areas: Vec<Area>,
}

/// Takes an image of this process into two files in the existing folder `folder`.
///
/// Returns `None` when that is done. In each process restored from the image the same call returns
/// a dictionary of what the restorer found: `environment` and `arguments` of the new process,
/// `archive`, `folder`, the open crash `latch` or -1, whether the page cache was `cold`, and the times `begun` and `resumed` in
/// nanoseconds of the monotonic clock; `threads`: old and new number of each other thread.
///
/// All other threads are in the image, and go on in this process too. Nothing is done and `False` returned where [`digest_of_files`]
/// would not answer `files` any more, a descriptor of `readable` has not so many bytes to be read, or an eventfd of `counts` not
/// that count: other threads have changed them. Raises `NotCarriedError` where a thread does not come to rest or cannot go on elsewhere: why, and what can
/// be done; `OSError`.
#[pyfunction]
pub fn capture(
    py: Python<'_>,
    folder: PathBuf,
    files: u64,
    readable: Vec<(i32, i32)>,
    counts: Vec<(i32, u64)>,
) -> PyResult<Option<Bound<'_, PyAny>>> {
    let described = Described { digest: files, readable, counts };
    let mut state = State::of_this_process().map_err(PyOSError::new_err)?;
    let parked = threads::stop()?;
    // Nothing may be allocated from here until the threads go on.
    if !described.holds() {
        drop(parked);
        return Ok(Some(PyBool::new(py, false).to_owned().into_any()));
    }
    if let Err(error) = state::move_break() {
        drop(parked);
        return Err(error.into());
    }
    state.refresh();
    let clocks = threads::clocks();
    match freeze::freeze() {
        Ok(Outcome::Restored(restored)) => {
            // The threads were started by the restorer, each where it waited.
            let threads = parked.release();
            drop((state, folder, described));
            restored::take_over(py, restored, &threads).map(|found| Some(found.into_any()))
        }
        Ok(Outcome::Taken(copy, place)) => {
            let threads = threads::described(parked.release(), &state)?;
            write(&copy, place, state, threads, clocks, &folder).map_err(PyOSError::new_err)?;
            Ok(None)
        }
        Err(error) => {
            drop(parked);
            Err(error.into())
        }
    }
}

fn write(
    copy: &freeze::Copy,
    place: Place,
    state: State,
    threads: Vec<Thread>,
    clocks: [u64; 2],
    folder: &Path,
) -> Result<(), String> {
    let named = |name: &str| folder.join(name);
    let create = |path: &Path| File::create(path).map_err(|e| format!("{}: {e}", path.display()));
    let pages = named("pages.bin");
    // A thread's control block lies at the end of its stack, its signal frame there or on one of its own.
    let of_threads = threads.iter().flat_map(|thread| [thread.thread_pointer(), thread.frame()]);
    let stacks: Vec<u64> = of_threads.chain([place.stack_pointer]).collect();
    let areas =
        memory::save(copy, &stacks, create(&pages)?).map_err(|e| format!("{}: {e}", pages.display()))?;
    let place = [place.stack_pointer, place.resume, place.thread_pointer];
    let path = named("capture.json");
    serde_json::to_writer(
        BufWriter::new(create(&path)?),
        &Capture { place, state, tid: threads::own_tid(), threads, clocks, areas },
    )
    .map_err(|e| format!("{}: {e}", path.display()))
}

/// A number that changes when the open files do, or what is in them.
#[pyfunction]
pub fn digest_of_files() -> u64 {
    open_files::digest()
}

/// Loads a shared library that later ones are going to need; whether that worked.
#[pyfunction]
pub fn load_library(name: std::ffi::CString) -> bool {
    // SAFETY: the library's constructors run, as they would with the one that needs it.
    !unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY) }.is_null()
}

/// The parts of this process's memory that are in memory, as a list of address, length in bytes, and whether
/// it is the process's own: of what was restored in a recording start, what it has touched, and written to.
///
/// Raises `OSError`.
#[pyfunction]
pub fn touched() -> PyResult<Vec<usage::Used>> {
    Ok(usage::touched()?)
}
