//! What the kernel gives a new process: arguments and environment.

use core::ffi::{CStr, c_char};
use core::marker::PhantomData;
use core::ptr::NonNull;

/// A zero-terminated text, as the kernel hands them over: one pointer, without its length.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Text<'a> {
    start: NonNull<c_char>,
    lifetime: PhantomData<&'a CStr>,
}

impl<'a> Text<'a> {
    /// # Safety
    /// `start` points to a zero-terminated string that stays as it is for `'a`.
    #[must_use]
    pub const unsafe fn new(start: NonNull<c_char>) -> Self {
        Self { start, lifetime: PhantomData }
    }

    /// The bytes before the zero.
    #[must_use]
    pub fn to_bytes(self) -> &'a [u8] {
        // SAFETY: `new`'s contract.
        unsafe { CStr::from_ptr(self.start.as_ptr()) }.to_bytes()
    }

    /// For a system call.
    #[must_use]
    pub const fn as_ptr(self) -> *const c_char {
        self.start.as_ptr()
    }
}

impl<'a> From<&'a CStr> for Text<'a> {
    fn from(text: &'a CStr) -> Self {
        // A reference is never null.
        let start = NonNull::from(text).cast();
        // SAFETY: a `CStr` is what is asked for.
        unsafe { Self::new(start) }
    }
}

impl AsRef<[u8]> for Text<'_> {
    fn as_ref(&self) -> &[u8] {
        self.to_bytes()
    }
}

/// Arguments and environment.
pub struct Start<'a> {
    arguments: &'a [Text<'a>],
    environment: &'a [Text<'a>],
    auxiliary: &'a [[usize; 2]],
}

impl<'a> Start<'a> {
    /// Of the initial stack: argc, that many pointers, a null, the environment's pointers, a null, the
    /// auxiliary vector (getauxval(3)).
    ///
    /// # Safety
    /// `stack` is the stack pointer that the kernel started this process with, and nobody changes
    /// what it points to.
    #[must_use]
    pub const unsafe fn from_stack(stack: *const usize) -> Self {
        // SAFETY: the layout is the System V ABI's, on every architecture; no pointer before the
        // nulls is null, so they have the layout of `Text`.
        unsafe {
            let count = *stack;
            let first = stack.add(1).cast::<Text<'a>>();
            let environment = first.add(count + 1);
            let mut variables = 0;
            while !(*environment.add(variables).cast::<*const c_char>()).is_null() {
                variables += 1;
            }
            let vector = environment.add(variables + 1).cast::<[usize; 2]>();
            let mut entries = 0;
            while (*vector.add(entries))[0] != 0 {
                entries += 1;
            }
            Self {
                arguments: core::slice::from_raw_parts(first, count),
                environment: core::slice::from_raw_parts(environment, variables),
                auxiliary: core::slice::from_raw_parts(vector, entries),
            }
        }
    }

    /// Of lists, which must have a null after their last entry if they are to be executed.
    #[must_use]
    pub const fn new(arguments: &'a [Text<'a>], environment: &'a [Text<'a>]) -> Self {
        Self { arguments, environment, auxiliary: &[] }
    }

    /// This program's name and arguments.
    #[must_use]
    pub const fn arguments(&self) -> &'a [Text<'a>] {
        self.arguments
    }

    /// `NAME=value` each.
    #[must_use]
    pub const fn environment(&self) -> &'a [Text<'a>] {
        self.environment
    }

    /// An entry of the auxiliary vector, by its AT_ number.
    #[must_use]
    pub fn auxiliary(&self, kind: usize) -> Option<usize> {
        self.auxiliary.iter().find(|entry| entry[0] == kind).map(|entry| entry[1])
    }

    /// The value of an environment variable; an empty one counts as none.
    #[must_use]
    pub fn variable(&self, name: &[u8]) -> Option<&'a [u8]> {
        let value = |text: &Text<'a>| text.to_bytes().strip_prefix(name)?.strip_prefix(b"=");
        self.environment.iter().find_map(value).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_by_their_whole_name() {
        let environment = [c"AB=1".into(), c"A=2".into(), c"EMPTY=".into()];
        let start = Start::new(&[], &environment);
        assert_eq!(start.variable(b"A"), Some(&b"2"[..]));
        assert_eq!(start.variable(b"EMPTY"), None);
        assert_eq!(start.variable(b"B"), None);
    }

    #[test]
    fn the_initial_stack_is_read() {
        let address = |text: &'static CStr| text.as_ptr() as usize;
        let stack = [2, address(c"exec"), address(c"python"), 0, address(c"A=1"), 0, 33, 0x7000, 0, 0];
        // SAFETY: laid out as the kernel does.
        let start = unsafe { Start::from_stack(stack.as_ptr()) };
        assert_eq!(start.arguments().len(), 2);
        assert_eq!(start.arguments()[1].to_bytes(), b"python");
        assert_eq!(start.variable(b"A"), Some(&b"1"[..]));
        assert_eq!((start.auxiliary(33), start.auxiliary(6)), (Some(0x7000), None));
    }
}
