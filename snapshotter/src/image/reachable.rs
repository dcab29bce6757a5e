//! Which functions of a library's code stay, of those that may be left out: what code leads to that stays itself.
//!
//! Code is not disassembled, as data may stand in it: wherever bytes would be those of an instruction that leads to a
//! function's beginning, they count as one. Nothing leads into the middle of a function from outside: compilers do
//! not do that, and code by hand names such a place, which whoever makes [`Code`] has to keep.

use std::ops::Range;

/// A function that may be left out: where it lies in the code, and whether it stays.
struct Kernel {
    range: Range<usize>,
    stays: bool,
}

/// A library's code, and which of its functions stay.
pub struct Code<'a> {
    text: &'a [u8],
    /// By address; what overlaps is one.
    kernels: Vec<Kernel>,
    /// Whether a kernel begins at a byte.
    begins: Vec<bool>,
}

impl<'a> Code<'a> {
    /// Of some code, and where in it the functions are that may be left out.
    pub fn new(text: &'a [u8], mut ranges: Vec<Range<usize>>) -> Self {
        let mut begins = vec![false; text.len()];
        ranges.iter().for_each(|range| begins[range.start] = true);
        ranges.sort_by_key(|range| range.start);
        let mut kernels: Vec<Kernel> = Vec::new();
        for range in ranges {
            match kernels.last_mut() {
                Some(last) if range.start < last.range.end => last.range.end = last.range.end.max(range.end),
                _ => kernels.push(Kernel { range, stays: false }),
            }
        }
        Self { text, kernels, begins }
    }

    /// Keeps what overlaps with a range.
    pub fn keep(&mut self, range: Range<usize>) {
        let first = self.kernels.partition_point(|kernel| kernel.range.end <= range.start);
        for kernel in self.kernels[first..].iter_mut().take_while(|kernel| kernel.range.start < range.end) {
            kernel.stays = true;
        }
    }

    /// Keeps what a place is in.
    pub fn keep_at(&mut self, at: usize) {
        self.keep(at..at.saturating_add(1));
    }

    /// Keeps what the code that stays leads to.
    pub fn follow(&mut self) {
        let ends = self.kernels.iter().map(|kernel| kernel.range.end);
        let starts = self.kernels.iter().map(|kernel| kernel.range.start);
        let between = std::iter::once(0).chain(ends).zip(starts.chain([self.text.len()]));
        let mut unread: Vec<Range<usize>> = between.map(|(start, end)| start..end).collect();
        unread.extend(self.kernels.iter().filter(|kernel| kernel.stays).map(|kernel| kernel.range.clone()));
        while let Some(range) = unread.pop() {
            let code = &self.text[range.clone()];
            let mut follow = |target: usize| {
                let target = target.wrapping_add(range.start);
                if self.begins.get(target) == Some(&true) {
                    let number = self.kernels.partition_point(|kernel| kernel.range.end <= target);
                    let kernel = &mut self.kernels[number];
                    if !std::mem::replace(&mut kernel.stays, true) {
                        unread.push(kernel.range.clone());
                    }
                }
            };
            (0..code.len()).for_each(|at| targets(code, at, &mut follow));
        }
    }

    /// Where that is which does not stay, with the padding in between.
    pub fn unreachable(&self) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for kernel in self.kernels.iter().filter(|kernel| !kernel.stays) {
            match found.last_mut() {
                Some(last) if is_padding(&self.text[last.end..kernel.range.start]) => {
                    last.end = kernel.range.end
                }
                _ => found.push(kernel.range.clone()),
            }
        }
        found
    }
}

/// Says where the bytes at a place would lead if a distance followed them in an instruction: if they were a jump's or a
/// call's, or the ModRM byte of one that names memory by its distance, behind which a constant may follow (Intel's
/// Software Developer's Manual, volume 2, chapter 2 and the tables of opcodes). Distances count from the end.
fn targets(code: &[u8], at: usize, mut found: impl FnMut(usize)) {
    let byte = code[at];
    let before = at.checked_sub(1).map_or(0, |before| code[before]);
    let constants: &[usize] = match (before, byte) {
        (_, 0xe8 | 0xe9) | (0x0f, 0x80..=0x8f) | (0xc7, 0xf8) => &[0],
        _ if byte & 0b1100_0111 == 0b101 => &[0, 1, 2, 4],
        _ => &[],
    };
    if !constants.is_empty()
        && let Some(distance) = code.get(at + 1..at + 5).and_then(|bytes| bytes.try_into().ok())
    {
        let next = (at + 5).wrapping_add_signed(i32::from_le_bytes(distance) as isize);
        constants.iter().for_each(|constant| found(next.wrapping_add(*constant)));
    }
    if matches!(byte, 0x70..=0x7f | 0xe0..=0xe3 | 0xeb)
        && let Some(distance) = code.get(at + 1)
    {
        found((at + 2).wrapping_add_signed(isize::from(distance.cast_signed())));
    }
}

/// Whether it is what assemblers fill up with: nothing but instructions that do nothing (the manual's `NOP`, table
/// "Recommended Multi-Byte Sequence of NOP Instruction"), with any prefixes.
fn is_padding(mut code: &[u8]) -> bool {
    while let Some((first, rest)) = code.split_first() {
        let length = match (*first, rest) {
            (0x66 | 0x2e | 0x90 | 0xcc, _) => 1,
            (0x0f, [0x1f, 0x00, ..]) => 3,
            (0x0f, [0x1f, 0x40, ..]) => 4,
            (0x0f, [0x1f, 0x44, ..]) => 5,
            (0x0f, [0x1f, 0x80, ..]) => 7,
            (0x0f, [0x1f, 0x84, ..]) => 8,
            _ => return false,
        };
        code = code.get(length..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel at 64 and each 64 bytes behind it.
    fn code(text: &[u8]) -> Code<'_> {
        Code::new(text, (64..text.len()).step_by(64).map(|start| start..start + 60).collect())
    }

    fn staying(text: &[u8]) -> Vec<bool> {
        let mut code = code(text);
        code.follow();
        code.kernels.iter().map(|kernel| kernel.stays).collect()
    }

    fn with(instructions: &[(usize, &[u8])]) -> Vec<u8> {
        let mut text = vec![0x90; 256];
        for (at, bytes) in instructions {
            text[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        text
    }

    #[test]
    fn kernels_that_code_leads_to_stay_and_what_they_lead_to() {
        assert_eq!(staying(&with(&[])), [false, false, false]);
        let call: (usize, &[u8]) = (10, &[0xe8, 128 - 15, 0, 0, 0]);
        assert_eq!(staying(&with(&[call])), [false, true, false]);
        let back = (130, &[0x0f, 0x84, 0xb8, 0xff, 0xff, 0xff][..]);
        assert_eq!(staying(&with(&[call, back])), [true, true, false]);
        assert_eq!(staying(&with(&[back])), [false, false, false], "nothing leads to what leads there");
        let load: (usize, &[u8]) = (10, &[0x48, 0x8d, 0x05, 192 - 17, 0, 0, 0]);
        assert_eq!(staying(&with(&[load])), [false, false, true]);
        let compare: (usize, &[u8]) = (10, &[0x83, 0x3d, 64 - 17, 0, 0, 0, 1]);
        assert_eq!(staying(&with(&[compare])), [true, false, false], "a constant is behind the distance");
        let short: (usize, &[u8]) = (20, &[0xeb, 64 - 22]);
        assert_eq!(staying(&with(&[short])), [true, false, false]);
        let middle: (usize, &[u8]) = (10, &[0xe8, 129 - 15, 0, 0, 0]);
        assert_eq!(staying(&with(&[middle])), [false, false, false]);
    }

    #[test]
    fn kernels_that_are_named_otherwise_or_pointed_into_stay() {
        let text = with(&[]);
        let mut code = code(&text);
        code.keep(0..64);
        code.keep(60..65);
        code.keep_at(128 + 59);
        code.keep_at(usize::MAX);
        let stays: Vec<bool> = code.kernels.iter().map(|kernel| kernel.stays).collect();
        assert_eq!(stays, [true, true, false]);
    }

    #[test]
    fn padding_goes_with_the_kernels_around_it_and_nothing_else_does() {
        assert_eq!(code(&with(&[])).unreachable(), vec![64..252]);
        let no_padding: (usize, &[u8]) = (124, &[0x0f, 0x1f, 0x40, 0, 0xc3]);
        assert_eq!(code(&with(&[no_padding])).unreachable(), vec![64..252]);
        assert_eq!(code(&with(&[(127, &[0xc3])])).unreachable(), vec![64..124, 128..252]);
        assert!(is_padding(&[0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0, 0x0f, 0x1f, 0x44, 0, 0]));
        assert!(!is_padding(&[0, 0]));
    }
}
