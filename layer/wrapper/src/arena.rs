//! Memory for the rewritten command line: taken from the kernel once, given out piece by piece.

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::process::Text;
use crate::system;

/// More than paths and arguments come to; pages that are not touched cost nothing.
const ROOM: usize = 1 << 20;

/// Memory that is never given back: the process is replaced or ends.
pub struct Arena<'a> {
    next: NonNull<u8>,
    left: usize,
    lifetime: PhantomData<&'a mut [u8]>,
}

impl<'a> Arena<'a> {
    /// Room for the rewritten form of a command of `count` arguments. `None` without memory.
    #[must_use]
    pub fn for_arguments(count: usize) -> Option<Self> {
        let left = count.checked_mul(2 * size_of::<Text<'_>>())?.checked_add(ROOM)?;
        Some(Self { next: system::map_memory(left)?, left, lifetime: PhantomData })
    }

    /// `count` zero bytes, aligned for pointers.
    fn take(&mut self, count: usize) -> Option<NonNull<u8>> {
        let count = count.checked_next_multiple_of(align_of::<Text<'_>>())?;
        self.left = self.left.checked_sub(count)?;
        let taken = self.next;
        // SAFETY: `left` bytes from `next` on are this arena's, so the sum stays inside the mapping
        // or at its end.
        self.next = unsafe { taken.add(count) };
        Some(taken)
    }

    /// The parts, one after the other, as one text. They must not contain zero bytes.
    pub fn join(&mut self, parts: &[&[u8]]) -> Option<Text<'a>> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let start = self.take(length + 1)?;
        // SAFETY: `take` gave that many bytes, which nobody else has.
        let room = unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), length + 1) };
        let mut at = 0;
        for part in parts {
            room[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        // SAFETY: the bytes live as long as the arena's memory, and the last is zero, as fresh
        // memory is.
        Some(unsafe { Text::new(start.cast()) })
    }

    /// An empty list for up to `capacity` texts.
    pub fn list(&mut self, capacity: usize) -> Option<List<'a>> {
        // One more, which stays null: what execve(2) ends its lists with.
        let bytes = capacity.checked_add(1)?.checked_mul(size_of::<Option<Text<'_>>>())?;
        let start = self.take(bytes)?.cast::<Option<Text<'a>>>();
        // SAFETY: aligned and large enough, nobody else's, and zero bytes are `None`s.
        let entries = unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), capacity + 1) };
        Some(List { entries, length: 0 })
    }
}

/// A list of texts with a null after the last one.
pub struct List<'a> {
    entries: &'a mut [Option<Text<'a>>],
    length: usize,
}

impl<'a> List<'a> {
    /// Appends; `None` if the list is full.
    pub fn push(&mut self, text: Text<'a>) -> Option<()> {
        if self.length + 1 == self.entries.len() {
            return None;
        }
        self.entries[self.length] = Some(text);
        self.length += 1;
        Some(())
    }

    /// Appends all; `None` if the list gets full.
    pub fn extend(&mut self, texts: &[Text<'a>]) -> Option<()> {
        texts.iter().try_for_each(|text| self.push(*text))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The texts.
    #[must_use]
    pub fn texts(&self) -> &[Text<'a>] {
        // SAFETY: the first `length` entries are `Some`, which has the layout of what it holds: a
        // `Text` is a `NonNull`.
        unsafe { core::slice::from_raw_parts(self.entries.as_ptr().cast(), self.length) }
    }

    /// Puts the texts from number `from` on into the order of their bytes.
    pub fn sort_from(&mut self, from: usize) {
        let key = |text: &Option<Text<'a>>| text.map_or(&b""[..], Text::to_bytes);
        self.entries[from..self.length].sort_unstable_by(|a, b| key(a).cmp(key(b)));
    }

    /// For execve(2).
    #[must_use]
    pub const fn as_ptr(&self) -> *const Option<Text<'a>> {
        self.entries.as_ptr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_become_one_text() {
        let mut arena = Arena::for_arguments(1).expect("memory");
        let text = arena.join(&[b"/opt", b"/", b"glowplug"]).expect("room");
        assert_eq!(text.to_bytes(), b"/opt/glowplug");
    }

    #[test]
    fn a_full_list_takes_no_more() {
        let mut arena = Arena::for_arguments(1).expect("memory");
        let text = arena.join(&[b"a"]).expect("room");
        let mut list = arena.list(1).expect("room");
        assert!(list.push(text).is_some());
        assert!(list.push(text).is_none());
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let mut arena = Arena::for_arguments(1).expect("memory");
        assert!(arena.list(usize::MAX).is_none());
        assert!(arena.join(&[&[b'a'; ROOM], &[b'a'; ROOM]]).is_none());
    }
}
