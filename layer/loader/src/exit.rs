//! Keeps CPython 3.14 from freeing archived strings at interpreter exit.
//!
//! There the interned strings are made mortal and given to the allocator
//! (`Objects/unicodeobject.c`, `_PyUnicode_ClearInterned`). Those that the archive holds as
//! interned ones are marked so that they are spared; but a program may intern any other string, as
//! `compile` does with a file name and `setattr` with a name, and the allocator would abort the
//! process. So from the program's last `atexit` function on, it leaves the archive's memory alone.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::sync::OnceLock;

use glowplug_archive::fingerprint::Fingerprint;
use pyo3::prelude::*;

use crate::session;

/// `PY_VERSION_HEX` of the first CPython that frees interned strings.
const FREES_INTERNED: u32 = 0x030e_0000;

/// `PYMEM_DOMAIN_OBJ` (`Include/cpython/pymem.h`).
const OBJECTS: c_int = 2;

/// `PyMemAllocatorEx` (`Include/cpython/pymem.h`, unchanged since 3.5).
#[repr(C)]
struct Allocator {
    context: *mut c_void,
    malloc: *const c_void,
    calloc: *const c_void,
    realloc: *const c_void,
    free: Option<Free>,
}

type Free = unsafe extern "C" fn(*mut c_void, *mut c_void);
/// `PyMem_GetAllocator` or `PyMem_SetAllocator`.
type AllocatorFunction = unsafe extern "C" fn(c_int, *mut Allocator);

/// The archive's memory, and the function that frees all other.
struct Guarded {
    heap: Range<usize>,
    free: Free,
}

static GUARDED: OnceLock<Guarded> = OnceLock::new();

unsafe extern "C" fn free_all_but_archived(context: *mut c_void, pointer: *mut c_void) {
    if let Some(guarded) = GUARDED.get()
        && !guarded.heap.contains(&(pointer as usize))
    {
        // SAFETY: what the interpreter asked for, with the context of the allocator it had.
        unsafe { (guarded.free)(context, pointer) }
    }
}

/// Has the allocator guarded at exit, where this interpreter needs it.
///
/// # Errors
/// A Python exception if `atexit` is not to be had.
pub fn watch(py: Python<'_>, interpreter: &Fingerprint) -> PyResult<()> {
    if interpreter.python_version < FREES_INTERNED {
        return Ok(());
    }
    // First in, last out: after the program's own functions.
    py.import("atexit")?.call_method1("register", (wrap_pyfunction!(guard, py)?,))?;
    Ok(())
}

#[pyfunction]
fn guard(py: Python<'_>) {
    let Some(session) = session::current() else { return };
    let heap = session.heap.with(py, |heap| heap.addresses());
    // They are in no stable ABI, but in every interpreter.
    let (Some(get), Some(set)) = (function(c"PyMem_GetAllocator"), function(c"PyMem_SetAllocator")) else {
        return;
    };
    let mut allocator = Allocator {
        context: std::ptr::null_mut(),
        malloc: std::ptr::null(),
        calloc: std::ptr::null(),
        realloc: std::ptr::null(),
        free: None,
    };
    // SAFETY: the GIL is held, as both functions ask for the objects' allocator; `get` fills the
    // record. The new allocator is the old one but for `free`, which hands on to the old one.
    unsafe {
        get(OBJECTS, &raw mut allocator);
        let Some(free) = allocator.free else { return };
        if GUARDED.set(Guarded { heap, free }).is_ok() {
            allocator.free = Some(free_all_but_archived);
            set(OBJECTS, &raw mut allocator);
        }
    }
}

fn function(name: &std::ffi::CStr) -> Option<AllocatorFunction> {
    // SAFETY: the name ends with a zero byte. What is found is the interpreter's function of that
    // name, which has this type.
    unsafe {
        let address = libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr());
        std::mem::transmute::<*mut c_void, Option<AllocatorFunction>>(address)
    }
}
