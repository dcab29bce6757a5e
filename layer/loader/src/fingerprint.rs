//! The running interpreter's fingerprint.
//!
//! Build-ids are read from the program headers in memory (dl_iterate_phdr(3)), so no file is
//! opened unless the interpreter was linked without one.

use std::ffi::{CStr, OsStr, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use glowplug_archive::fingerprint::{Fingerprint, flags, this_machine};
use object::Endianness;
use object::elf::{FileHeader64, NT_GNU_BUILD_ID};
use object::read::elf::NoteIterator;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

unsafe extern "C" {
    /// glibc's version string; its address tells which object is the C library.
    fn gnu_get_libc_version() -> *const std::ffi::c_char;
}

/// The loaded object that an address lies in.
struct LoadedObject {
    address: usize,
    build_id: Option<Vec<u8>>,
    path: PathBuf,
}

unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, wanted: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr gives a valid record, and `wanted` is the `LoadedObject` of
    // `object_at`.
    let (info, wanted) = unsafe { (&*info, &mut *wanted.cast::<LoadedObject>()) };
    // SAFETY: the record describes `dlpi_phnum` program headers.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let start = |h: &libc::Elf64_Phdr| (info.dlpi_addr + h.p_vaddr) as usize;
    let holds = |h: &libc::Elf64_Phdr| {
        h.p_type == libc::PT_LOAD && (start(h)..start(h) + h.p_memsz as usize).contains(&wanted.address)
    };
    if !headers.iter().any(holds) {
        return 0;
    }
    for header in headers.iter().filter(|h| h.p_type == libc::PT_NOTE) {
        // SAFETY: a note segment of a loaded object is mapped readable.
        let bytes =
            unsafe { std::slice::from_raw_parts(start(header) as *const u8, header.p_memsz as usize) };
        let endian = Endianness::default();
        let Ok(mut notes) = NoteIterator::<FileHeader64<Endianness>>::new(endian, header.p_align, bytes)
        else {
            continue;
        };
        while let Ok(Some(note)) = notes.next() {
            if note.name() == b"GNU" && note.n_type(endian) == NT_GNU_BUILD_ID {
                wanted.build_id = Some(note.desc().to_vec());
            }
        }
    }
    if !info.dlpi_name.is_null() {
        // SAFETY: a name, where there is one, is a C string.
        let name = unsafe { CStr::from_ptr(info.dlpi_name) };
        wanted.path = PathBuf::from(OsStr::from_bytes(name.to_bytes()));
    }
    1
}

fn object_at(address: usize) -> LoadedObject {
    let mut found = LoadedObject { address, build_id: None, path: PathBuf::new() };
    // SAFETY: `visit` keeps to its contract and `found` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut found).cast()) };
    found
}

/// The build-id of the object at `address`, or a hash of its file.
fn identity(address: usize) -> Vec<u8> {
    let object = object_at(address);
    object.build_id.filter(|id| id.len() <= 32).unwrap_or_else(|| {
        // The main program has an empty name.
        let path =
            if object.path.as_os_str().is_empty() { PathBuf::from("/proc/self/exe") } else { object.path };
        let content = std::fs::read(path).unwrap_or_default();
        glowplug_archive::checksum::of(&content).to_le_bytes().to_vec()
    })
}

/// The fingerprint of this process.
///
/// # Errors
/// A Python exception if `sys` or `_imp` lack what every CPython has.
pub fn of_this_process(py: Python<'_>) -> PyResult<Fingerprint> {
    let sys = py.import("sys")?;
    let abi_flags: String = sys.getattr("abiflags")?.extract()?;
    let mut bits = 0;
    if abi_flags.contains('t') {
        bits |= flags::FREE_THREADED;
    }
    if abi_flags.contains('d') || sys.hasattr("gettotalrefcount")? {
        bits |= flags::DEBUG;
    }
    // `.cpython-312-x86_64-linux-gnu.so`: the ABI tag without importing `sysconfig`.
    let suffixes = py.import("_imp")?.call_method0("extension_suffixes")?;
    let suffix: String = suffixes.cast::<PyList>()?.get_item(0)?.extract()?;
    // SAFETY: sysconf has no preconditions.
    let page_size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Ok(Fingerprint {
        machine: this_machine(),
        page_size: u32::try_from(page_size).unwrap_or(0),
        python_version: sys.getattr("hexversion")?.extract()?,
        flags: bits,
        soabi: suffix.trim_start_matches('.').trim_end_matches(".so").to_owned(),
        interpreter: identity(ffi::Py_GetVersion as *const () as usize),
        libc: identity(gnu_get_libc_version as *const () as usize),
    })
}

/// The fingerprint of this interpreter, as a dict: `machine`, `page_size`, `python_version`,
/// `flags`, `soabi`, `interpreter` (bytes), `libc` (bytes) and `id` (what stands in file names).
#[pyfunction]
pub fn fingerprint(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let found = of_this_process(py)?;
    let dict = PyDict::new(py);
    dict.set_item("machine", found.machine)?;
    dict.set_item("page_size", found.page_size)?;
    dict.set_item("python_version", found.python_version)?;
    dict.set_item("flags", found.flags)?;
    dict.set_item("soabi", &found.soabi)?;
    dict.set_item("interpreter", PyBytes::new(py, &found.interpreter))?;
    dict.set_item("libc", PyBytes::new(py, &found.libc))?;
    dict.set_item("id", format!("{:016x}", found.hash()))?;
    Ok(dict)
}
