//! The vDSO: the C library has kept addresses of functions in the old one. There a copy lies, whose
//! functions are made to lead to those of this process's.

use core::ptr::NonNull;

use glowplug_records::header::PAGE;
use glowplug_records::image::VdsoFunction;
use glowplug_records::redirection;

use super::Reason;
use super::calls;
use super::section::Image;
use crate::arch;
use crate::process::{Start, Text};

const AT_SYSINFO_EHDR: usize = 33;
// elf.h.
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const DT_HASH: u64 = 4;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const SYMBOL_BYTES: u64 = 24;
/// More symbols than a vDSO has.
const MOST_SYMBOLS: u64 = 64;

/// Makes the copy's functions lead on.
///
/// # Errors
/// A damaged table; a page that cannot be made executable.
pub fn redirect<'a>(image: &Image<'a>, start: &Start<'_>) -> Result<(), Reason<'a>> {
    let [address, length] = image.header.context.vdso;
    let functions: &[VdsoFunction] = image.records(image.header.vdso)?;
    if length == 0 || functions.is_empty() {
        return Ok(());
    }
    let damaged = Reason::new(b"the image's vDSO is damaged", b"");
    let end = address.checked_add(length).filter(|_| length.is_multiple_of(PAGE as u64)).ok_or(damaged)?;
    // SAFETY: the kernel says that an ELF image is there.
    let current = start.auxiliary(AT_SYSINFO_EHDR).and_then(|at| unsafe { Symbols::new(at as u64) });
    for function in functions {
        if function.address < address || function.address + redirection::LENGTH as u64 > end {
            return Err(damaged);
        }
        let name = image.bytes(function.name)?;
        let target = current.as_ref().and_then(|symbols| symbols.find(name));
        let target = target.unwrap_or_else(|| arch::fallback(name));
        // SAFETY: inside the copy, which the image has mapped writable.
        unsafe { arch::redirect(function.address as *mut u8, target) };
    }
    // SAFETY: nobody refers to it.
    unsafe { calls::protect(address, length, calls::READ | calls::EXECUTE) }
        .map_err(|e| Reason::failed(b"the copy of the vDSO cannot be made executable", e))
}

/// The dynamic symbols of an ELF image in memory.
struct Symbols {
    bias: u64,
    symbols: u64,
    names: u64,
    count: u64,
}

impl Symbols {
    /// # Safety
    /// A sound 64-bit ELF image lies at `base`.
    unsafe fn new(base: u64) -> Option<Self> {
        // SAFETY: the caller's word; places are those of Elf64_Ehdr, Elf64_Phdr and Elf64_Dyn.
        unsafe {
            let word = |at: u64| *(at as *const u64);
            let headers = base + word(base + 32);
            let size = u64::from(*((base + 54) as *const u16));
            let count = u64::from(*((base + 56) as *const u16));
            let (mut bias, mut dynamic) = (base, None);
            for header in (0..count).map(|number| headers + number * size) {
                match *(header as *const u32) {
                    PT_LOAD => bias = base.wrapping_add(word(header + 8)).wrapping_sub(word(header + 16)),
                    PT_DYNAMIC => dynamic = Some(word(header + 16)),
                    _ => {}
                }
            }
            let mut entry = dynamic?.wrapping_add(bias);
            let (mut symbols, mut names, mut hash) = (None, None, None);
            while word(entry) != 0 {
                let value = word(entry + 8).wrapping_add(bias);
                match word(entry) {
                    DT_SYMTAB => symbols = Some(value),
                    DT_STRTAB => names = Some(value),
                    DT_HASH => hash = Some(value),
                    _ => {}
                }
                entry += 16;
            }
            let (symbols, names) = (symbols?, names?);
            let count = match hash {
                Some(hash) => u64::from(*((hash + 4) as *const u32)),
                // Without the table that says it, the names follow the symbols.
                None => names.checked_sub(symbols)? / SYMBOL_BYTES,
            };
            Some(Self { bias, symbols, names, count: count.min(MOST_SYMBOLS) })
        }
    }

    fn find(&self, name: &[u8]) -> Option<u64> {
        (0..self.count).find_map(|number| {
            let symbol = self.symbols + number * SYMBOL_BYTES;
            // SAFETY: `new` has seen that many symbols.
            let (text, section, value) = unsafe {
                (*(symbol as *const u32), *((symbol + 6) as *const u16), *((symbol + 8) as *const u64))
            };
            // SAFETY: names are zero-terminated.
            let text = unsafe { Text::new(NonNull::new((self.names + u64::from(text)) as *mut _)?) };
            (section != 0 && text.to_bytes() == name).then(|| value.wrapping_add(self.bias))
        })
    }
}
