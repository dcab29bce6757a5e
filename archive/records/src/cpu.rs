//! The processor's features, as [`Cpu`] has them.

use crate::image::{CPU_WORDS, Cpu};

/// This processor's features. 64-bit ARM has them from the kernel: `auxiliary` are AT_HWCAP and
/// AT_HWCAP2 of the auxiliary vector (getauxval(3)).
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn features(_auxiliary: [u64; 2]) -> Cpu {
    use core::arch::x86_64::{__cpuid_count, _xgetbv};

    /// # Safety
    /// The processor has XGETBV, and the kernel lets it be used.
    #[target_feature(enable = "xsave")]
    unsafe fn extended_control() -> u64 {
        // SAFETY: the caller's word.
        unsafe { _xgetbv(0) }
    }

    const OSXSAVE: u32 = 1 << 27;
    let highest = __cpuid_count(0, 0).eax;
    let leaf = |number: u32, sub: u32| (number <= highest).then(|| __cpuid_count(number, sub));
    let (mut words, first) = ([0; CPU_WORDS], __cpuid_count(1, 0));
    (words[0], words[1]) = (first.ecx, first.edx);
    if let Some(seventh) = leaf(7, 0) {
        (words[2], words[3], words[4]) = (seventh.ebx, seventh.ecx, seventh.edx);
        words[5] = if seventh.eax >= 1 { __cpuid_count(7, 1).eax } else { 0 };
    }
    let extended = __cpuid_count(0x8000_0000, 0).eax;
    if extended >= 0x8000_0001 {
        let found = __cpuid_count(0x8000_0001, 0);
        (words[6], words[7]) = (found.ecx, found.edx);
    }
    words[8] = leaf(0xD, 1).map_or(0, |found| found.eax);
    if first.ecx & OSXSAVE != 0 {
        // SAFETY: the bit says that the instruction is there.
        let enabled = unsafe { extended_control() };
        (words[9], words[10]) = (enabled as u32, (enabled >> 32) as u32);
    }
    Cpu { words }
}

/// This processor's features. 64-bit ARM has them from the kernel: `auxiliary` are AT_HWCAP and
/// AT_HWCAP2 of the auxiliary vector (getauxval(3)).
#[cfg(target_arch = "aarch64")]
#[must_use]
pub fn features(auxiliary: [u64; 2]) -> Cpu {
    let mut words = [0; CPU_WORDS];
    for (place, value) in [(0, auxiliary[0]), (2, auxiliary[1])] {
        words[place] = value as u32;
        words[place + 1] = (value >> 32) as u32;
    }
    Cpu { words }
}

/// What an image built under a baseline may need of [`Cpu`]; the rest is masked while it is built,
/// or is nothing that programs choose code by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baseline {
    /// x86-64-v2 (System V ABI, "Micro-Architecture Levels"), AES and PCLMULQDQ.
    X86V2,
    /// x86-64-v3, AES and PCLMULQDQ.
    X86V3,
    /// All that this machine has.
    Native,
}

impl Baseline {
    /// The features of `here` that the baseline lets an image use.
    #[must_use]
    pub fn of(self, here: Cpu) -> Cpu {
        // SSE3, PCLMULQDQ, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT, AES | FPU, TSC, CX8, CMOV, MMX, FXSR, SSE, SSE2
        const V2: [u32; 2] = [
            1 | 1 << 1 | 1 << 9 | 1 << 13 | 1 << 19 | 1 << 20 | 1 << 23 | 1 << 25,
            1 | 1 << 4 | 1 << 8 | 1 << 15 | 1 << 23 | 1 << 24 | 1 << 25 | 1 << 26,
        ];
        // FMA, MOVBE, XSAVE, OSXSAVE, AVX, F16C; BMI1, AVX2, BMI2; LAHF, LZCNT; SSE and AVX state
        const V3: u32 = 1 << 12 | 1 << 22 | 1 << 26 | 1 << 27 | 1 << 28 | 1 << 29;
        const V3_SEVENTH: u32 = 1 << 3 | 1 << 5 | 1 << 8;
        let mut allowed = [0; CPU_WORDS];
        match self {
            Self::Native => return here,
            Self::X86V2 => {
                allowed[..2].copy_from_slice(&V2);
                allowed[6] = 1;
            }
            Self::X86V3 => {
                allowed[..3].copy_from_slice(&[V2[0] | V3, V2[1], V3_SEVENTH]);
                allowed[6] = 1 | 1 << 5;
                allowed[9] = 0b111;
            }
        }
        let mut words = here.words;
        for (word, allowed) in words.iter_mut().zip(allowed) {
            *word &= allowed;
        }
        Cpu { words }
    }
}
