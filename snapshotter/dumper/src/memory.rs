//! Reading objects' memory: the only raw reads of this crate.

use pyo3::prelude::*;

/// A copy of the first `length` bytes of `object`.
///
/// # Safety
/// The object's allocation has at least `length` bytes.
#[must_use]
pub unsafe fn copy(object: &Bound<'_, PyAny>, length: usize) -> Vec<u8> {
    // SAFETY: the caller's promise; the reference keeps the object alive meanwhile.
    unsafe { copy_at(object.as_ptr() as usize, length) }
}

/// A copy of the `length` bytes at `address`.
///
/// # Safety
/// `length` bytes are readable at `address`.
#[must_use]
pub unsafe fn copy_at(address: usize, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    // SAFETY: the source is the caller's promise; the destination was just made, so they do not
    // overlap.
    unsafe { std::ptr::copy_nonoverlapping(address as *const u8, bytes.as_mut_ptr(), length) };
    bytes
}

/// The object at `address`, a new reference to it.
///
/// # Safety
/// `address` is that of a live object.
#[must_use]
pub unsafe fn object_at(py: Python<'_>, address: usize) -> Bound<'_, PyAny> {
    // SAFETY: the caller's promise.
    unsafe { Bound::from_borrowed_ptr(py, address as *mut pyo3::ffi::PyObject) }
}

/// The 8-byte word at `offset`.
///
/// # Panics
/// If it does not lie within `bytes`. So do the functions below.
#[must_use]
pub fn word(bytes: &[u8], offset: usize) -> u64 {
    u64::from_ne_bytes(bytes[offset..offset + 8].try_into().expect("8 bytes"))
}

/// The address in the word at `offset`.
#[must_use]
pub fn address(bytes: &[u8], offset: usize) -> usize {
    usize::from_ne_bytes(bytes[offset..offset + 8].try_into().expect("8 bytes"))
}

/// The 4-byte number at `offset`.
#[must_use]
pub fn half(bytes: &[u8], offset: usize) -> u32 {
    u32::from_ne_bytes(bytes[offset..offset + 4].try_into().expect("4 bytes"))
}

/// Replaces the 8-byte word at `offset`.
pub fn set_word(bytes: &mut [u8], offset: usize, value: u64) {
    bytes[offset..offset + 8].copy_from_slice(&value.to_ne_bytes());
}

/// Replaces the 4-byte number at `offset`.
pub fn set_half(bytes: &mut [u8], offset: usize, value: u32) {
    bytes[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
}
