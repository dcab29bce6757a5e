//! The objects that the interpreter owns and archived objects point to.

use std::ffi::c_char;

use glowplug_archive::heap::{EXTERN_LIMIT, externs};
use pyo3::ffi;

/// Addresses by extern number, looked up when first needed.
pub struct Externs {
    known: Box<[*mut ffi::PyObject; EXTERN_LIMIT as usize]>,
}

impl Externs {
    pub fn new() -> Self {
        Self { known: Box::new([std::ptr::null_mut(); EXTERN_LIMIT as usize]) }
    }

    /// The object of `number`, null for a number that this version does not know. The reference is
    /// borrowed from this table, which lives as long as the process.
    #[inline]
    pub fn get(&mut self, number: usize) -> *mut ffi::PyObject {
        match self.known.get(number) {
            Some(known) if !known.is_null() => *known,
            Some(_) => self.look_up(number),
            None => std::ptr::null_mut(),
        }
    }

    /// Sets the file name of the module that is about to be relocated.
    pub fn set_file_name(&mut self, name: *mut ffi::PyObject) {
        self.known[externs::FILENAME as usize] = name;
    }

    #[cold]
    fn look_up(&mut self, number: usize) -> *mut ffi::PyObject {
        let Ok(wanted) = u16::try_from(number) else { return std::ptr::null_mut() };
        // SAFETY: the GIL is held by whoever relocates. The static types live as long as the
        // process, and each new reference is kept in the table forever.
        let object = unsafe {
            match wanted {
                externs::TYPE_STR => (&raw mut ffi::PyUnicode_Type).cast(),
                externs::TYPE_BYTES => (&raw mut ffi::PyBytes_Type).cast(),
                externs::TYPE_TUPLE => (&raw mut ffi::PyTuple_Type).cast(),
                externs::TYPE_INT => (&raw mut ffi::PyLong_Type).cast(),
                externs::TYPE_FLOAT => (&raw mut ffi::PyFloat_Type).cast(),
                externs::TYPE_COMPLEX => (&raw mut ffi::PyComplex_Type).cast(),
                externs::TYPE_SLICE => (&raw mut ffi::PySlice_Type).cast(),
                externs::TYPE_CODE => code_type(),
                externs::NONE => ffi::Py_NewRef(ffi::Py_None()),
                externs::TRUE => ffi::Py_NewRef(ffi::Py_True()),
                externs::FALSE => ffi::Py_NewRef(ffi::Py_False()),
                externs::ELLIPSIS => ffi::Py_NewRef(ffi::Py_Ellipsis()),
                externs::EMPTY_TUPLE => ffi::PyTuple_New(0),
                externs::EMPTY_STR => ffi::PyUnicode_FromStringAndSize(c"".as_ptr(), 0),
                externs::EMPTY_BYTES => ffi::PyBytes_FromStringAndSize(c"".as_ptr(), 0),
                _ if (externs::CHARACTER..externs::CHARACTER + 256).contains(&wanted) => {
                    character(wanted - externs::CHARACTER)
                }
                _ if (externs::BYTE..externs::BYTE + 256).contains(&wanted) => {
                    let byte = (wanted - externs::BYTE) as c_char;
                    ffi::PyBytes_FromStringAndSize(&raw const byte, 1)
                }
                _ => {
                    let value = i64::from(wanted) - i64::from(externs::SMALL_INT) + externs::SMALL_INT_MIN;
                    if !(externs::SMALL_INT_MIN..=externs::SMALL_INT_MAX).contains(&value) {
                        return std::ptr::null_mut();
                    }
                    ffi::PyLong_FromLongLong(value)
                }
            }
        };
        if object.is_null() {
            // SAFETY: the GIL is held; the caller turns the null into a fallback.
            unsafe { ffi::PyErr_Clear() };
        }
        self.known[number] = object;
        object
    }
}

/// The interpreter's own one-character string. Before 3.13 it may not be interned yet; it is now,
/// since names of variables are taken to be.
fn character(c: u16) -> *mut ffi::PyObject {
    let mut utf8 = [0_u8; 4];
    let text = char::from_u32(c.into()).unwrap_or('\0').encode_utf8(&mut utf8);
    // SAFETY: the GIL is held; `text` is UTF-8 of this length. Interning replaces `interned` where
    // another string of that value came first; the character stays what it is.
    unsafe {
        let character = ffi::PyUnicode_FromStringAndSize(text.as_ptr().cast(), text.len() as ffi::Py_ssize_t);
        if !character.is_null() {
            let mut interned = ffi::Py_NewRef(character);
            ffi::PyUnicode_InternInPlace(&raw mut interned);
            ffi::Py_DECREF(interned);
        }
        character
    }
}

/// `PyCode_Type` is not in the limited API: it is the type of what `compile` returns.
///
/// # Safety
/// The GIL must be held.
unsafe fn code_type() -> *mut ffi::PyObject {
    // SAFETY: by the caller. The reference to the static type is kept by the table.
    unsafe {
        let code = ffi::Py_CompileString(c"0".as_ptr(), c"".as_ptr(), ffi::Py_eval_input);
        if code.is_null() {
            return code;
        }
        let code_type = ffi::Py_NewRef(ffi::Py_TYPE(code).cast());
        ffi::Py_DECREF(code);
        code_type
    }
}
