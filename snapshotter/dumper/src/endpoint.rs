//! The address that awslambdaric's native client keeps.
//!
//! `runtime_client` has a global `const std::string ENDPOINT`, made from `AWS_LAMBDA_RUNTIME_API` when the library is
//! loaded (awslambdaric 1 to 4, `runtime_client.cpp`). Loading it takes half a millisecond, so it is loaded before the
//! image, with a long placeholder in the variable's place, and the string's text is replaced after the restore.

use std::ffi::{CStr, CString, c_int, c_void};
use std::fs::File;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

const VARIABLE: &CStr = c"AWS_LAMBDA_RUNTIME_API";
const WORD: u64 = 8;
/// Where libstdc++ keeps length, capacity and count of references before the text, of strings that are copied on
/// writing (GCC's `basic_string.h` with `_GLIBCXX_USE_CXX11_ABI` 0, `_Rep_base`), in bytes.
const SHARED: [u64; 3] = [24, 16, 8];
/// Where it keeps length and capacity behind the pointer to the text, of others, in bytes.
const OWN: [u64; 2] = [8, 16];

/// The string, in this process or one that was restored from its image.
#[pyclass(frozen)]
pub struct Endpoint {
    text: u64,
    /// Where its length is.
    length: u64,
    /// So many bytes have room.
    room: usize,
}

#[pymethods]
impl Endpoint {
    /// Replaces the text.
    ///
    /// Raises `ValueError` where it is too long: more than 300 bytes.
    fn set(&self, address: &[u8]) -> PyResult<()> {
        if address.len() > self.room {
            return Err(PyValueError::new_err("the address of the runtime API is too long"));
        }
        // SAFETY: the string was found at snapshot time, and is never freed; its memory is as it was. The
        // library reads it where a client is initialised, which is not done at the same time.
        unsafe {
            let text = self.text as *mut u8;
            text.copy_from_nonoverlapping(address.as_ptr(), address.len());
            text.add(address.len()).write(0);
            (self.length as *mut u64).write(address.len() as u64);
        }
        Ok(())
    }
}

/// Loads the library at `path`, if the string can be found in it: it is looked for in a copy of this process first.
#[pyfunction]
pub fn load_with_endpoint(path: PathBuf) -> Option<Endpoint> {
    let path = CString::new(path.into_os_string().into_vec()).ok()?;
    // No label of a host name is as long, so none is meant.
    let placeholder = CString::new("x".repeat(300)).ok()?;
    is_found_by_copy(&path, &placeholder).then(|| load(&path, &placeholder)).flatten()
}

fn is_found_by_copy(path: &CStr, placeholder: &CStr) -> bool {
    // SAFETY: the copy loads a library, reads memory and ends.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::_exit(c_int::from(load(path, placeholder).is_none()));
        }
        let mut status = 1;
        while child > 0 && libc::waitpid(child, &raw mut status, 0) < 0 {
            if *libc::__errno_location() != libc::EINTR {
                return false;
            }
        }
        child > 0 && status == 0
    }
}

fn load(path: &CStr, placeholder: &CStr) -> Option<Endpoint> {
    // SAFETY: nobody else changes the environment meanwhile: the target has not begun. The library's
    // constructors run, as they would when the module is imported.
    let handle = unsafe {
        let before = libc::getenv(VARIABLE.as_ptr());
        let before = (!before.is_null()).then(|| CStr::from_ptr(before).to_owned());
        libc::setenv(VARIABLE.as_ptr(), placeholder.as_ptr(), 1);
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
        match before {
            Some(before) => libc::setenv(VARIABLE.as_ptr(), before.as_ptr(), 1),
            None => libc::unsetenv(VARIABLE.as_ptr()),
        };
        handle
    };
    if handle.is_null() {
        return None;
    }
    let mut library = Library { path, parts: Vec::new() };
    // SAFETY: `visit` keeps to its contract and `library` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut library).cast()) };
    let memory = File::open("/proc/self/mem").ok()?;
    let words = library.parts.iter().flat_map(|(start, end)| {
        (start.next_multiple_of(WORD)..*end).step_by(WORD as usize).filter(|at| at + WORD <= *end)
    });
    let mut found = words.filter_map(|at| string_at(&memory, at, placeholder.to_bytes_with_nul()));
    let first = found.next()?;
    // With a second one it is not known which of them is used.
    found.next().is_none().then_some(first)
}

/// The string whose pointer to its text is at `at`, if this is one with that text.
fn string_at(memory: &File, at: u64, text: &[u8]) -> Option<Endpoint> {
    let word = |at| {
        let mut bytes = [0; WORD as usize];
        memory.read_exact_at(&mut bytes, at).is_ok().then(|| u64::from_le_bytes(bytes))
    };
    let pointer = word(at).filter(|p| *p > SHARED[0] && p.is_multiple_of(WORD))?;
    let mut there = vec![0; text.len()];
    if memory.read_exact_at(&mut there, pointer).is_err() || there != text {
        return None;
    }
    let room = text.len() - 1;
    let is_length = |at| word(at) == Some(room as u64);
    let is_capacity = |at| word(at).is_some_and(|capacity| (room as u64..1 << 16).contains(&capacity));
    let [length, capacity, count] = SHARED.map(|before| pointer - before);
    // The count is that of further references, an int.
    let is_shared = is_length(length) && is_capacity(capacity) && word(count).is_some_and(|c| c as u32 == 0);
    let [own_length, own_capacity] = OWN.map(|behind| at + behind);
    match (is_shared, is_length(own_length) && is_capacity(own_capacity)) {
        (true, false) => Some(Endpoint { text: pointer, length, room }),
        (false, true) => Some(Endpoint { text: pointer, length: own_length, room }),
        _ => None,
    }
}

/// A loaded library.
struct Library<'a> {
    path: &'a CStr,
    /// The parts of it that are written to: where they begin and end.
    parts: Vec<(u64, u64)>,
}

unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, library: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr(3) gives a valid record, and `library` is that of `load`.
    let (info, library) = unsafe { (&*info, &mut *library.cast::<Library<'_>>()) };
    // SAFETY: the name is a string, the record describes `dlpi_phnum` program headers.
    let (name, headers) = unsafe {
        let count = info.dlpi_phnum.into();
        (CStr::from_ptr(info.dlpi_name), std::slice::from_raw_parts(info.dlpi_phdr, count))
    };
    if name != library.path {
        return 0;
    }
    let written = headers.iter().filter(|h| h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_W != 0);
    library.parts =
        written.map(|h| (info.dlpi_addr + h.p_vaddr, info.dlpi_addr + h.p_vaddr + h.p_memsz)).collect();
    1
}
