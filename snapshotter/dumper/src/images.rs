//! Images of objects that refer to no others: their memory as a fresh object would have it, with
//! the word of the type left blank.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::interpreter::Interpreter;
use crate::layouts::{
    BYTES_DATA, BYTES_HASH, COMPLEX, FLOAT, INT_DIGIT, INT_DIGITS, IntSize, LastFlag, Layout, OBJECT,
    REFERENCE_COUNT, StringLayout, VAR_OBJECT, VAR_SIZE,
};
use crate::memory;

/// A hash that is not known yet.
pub const NO_HASH: u64 = u64::MAX;

/// A string's image.
#[derive(Debug)]
pub struct StringImage {
    /// Its bytes, marked as not interned.
    pub bytes: Vec<u8>,
    /// Whether the live string is interned.
    pub interned: bool,
}

impl Interpreter {
    /// A zeroed image of `length` bytes with the reference count set.
    #[must_use]
    pub fn blank(&self, length: usize) -> Vec<u8> {
        let mut image = vec![0; length];
        memory::set_word(&mut image, REFERENCE_COUNT, self.reference_count);
        image
    }

    /// The image of a string; `None` where it is not of a compact form, which `marshal` makes
    /// always.
    #[must_use]
    pub fn string(&self, string: &Bound<'_, PyString>) -> Option<StringImage> {
        let layout = &self.layout.string;
        // SAFETY: every string has at least the ASCII form's fields.
        let head = unsafe { memory::copy(string, layout.ascii) };
        let state = memory::half(&head, StringLayout::STATE);
        if state & StringLayout::COMPACT == 0 {
            return None;
        }
        let (data, width) = if state & StringLayout::ASCII != 0 {
            (layout.ascii, 1)
        } else {
            (layout.compact, ((state & StringLayout::KIND) >> StringLayout::KIND.trailing_zeros()) as usize)
        };
        let length = memory::address(&head, StringLayout::LENGTH);
        let end = data + (length + 1) * width; // a zero character follows the last one
        // SAFETY: a compact string is one allocation: its head, the characters, a zero.
        let live = unsafe { memory::copy(string, end) };
        let mut kept = StringLayout::KIND | StringLayout::COMPACT | StringLayout::ASCII;
        if layout.last_flag == LastFlag::Ready {
            kept |= StringLayout::LAST_FLAG;
        }
        let mut bytes = self.blank(end);
        memory::set_word(&mut bytes, StringLayout::LENGTH, length as u64);
        memory::set_word(&mut bytes, StringLayout::HASH, NO_HASH);
        memory::set_half(&mut bytes, StringLayout::STATE, state & kept);
        bytes[data..].copy_from_slice(&live[data..]);
        Some(StringImage { bytes, interned: state & StringLayout::INTERNED != 0 })
    }

    /// The image of a bytes object.
    ///
    /// # Errors
    /// What Python raises.
    pub fn bytes(&self, object: &Bound<'_, PyBytes>) -> PyResult<Vec<u8>> {
        let length = object.len()?;
        let mut image = self.blank(BYTES_DATA + length + 1);
        // SAFETY: the content and its final zero follow the head.
        let live = unsafe { memory::copy(object, image.len()) };
        memory::set_word(&mut image, VAR_SIZE, length as u64);
        memory::set_word(&mut image, BYTES_HASH, NO_HASH);
        image[BYTES_DATA..].copy_from_slice(&live[BYTES_DATA..]);
        Ok(image)
    }

    /// The image of an int.
    #[must_use]
    pub fn int(&self, object: &Bound<'_, PyAny>) -> Vec<u8> {
        // SAFETY: every int has the head and the word that tells the number of digits.
        let head = unsafe { memory::copy(object, VAR_OBJECT) };
        let digits = int_digits(self.layout, memory::word(&head, IntSize::OFFSET));
        // Room for one digit there is always (`Include/cpython/longintrepr.h`).
        let mut image = self.blank(INT_DIGITS + digits.max(1) * INT_DIGIT);
        let end = INT_DIGITS + digits * INT_DIGIT;
        // SAFETY: so many digits follow the head.
        let live = unsafe { memory::copy(object, end) };
        image[IntSize::OFFSET..end].copy_from_slice(&live[IntSize::OFFSET..]);
        image
    }

    /// The image of a float.
    #[must_use]
    pub fn float(&self, object: &Bound<'_, PyAny>) -> Vec<u8> {
        self.value(object, FLOAT)
    }

    /// The image of a complex number.
    #[must_use]
    pub fn complex(&self, object: &Bound<'_, PyAny>) -> Vec<u8> {
        self.value(object, COMPLEX)
    }

    fn value(&self, object: &Bound<'_, PyAny>, size: usize) -> Vec<u8> {
        let mut image = self.blank(size);
        // SAFETY: `size` is that of the object's type, as `probe` has checked.
        let live = unsafe { memory::copy(object, size) };
        image[OBJECT..].copy_from_slice(&live[OBJECT..]);
        image
    }
}

/// How many digits an int has whose `ob_size` or `lv_tag` is `size`.
fn int_digits(layout: &Layout, size: u64) -> usize {
    match layout.int {
        IntSize::VarSize => size.cast_signed().unsigned_abs() as usize,
        IntSize::Tag => (size >> IntSize::TAG_SHIFT) as usize,
    }
}
