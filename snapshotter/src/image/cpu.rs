//! The processors that an image is for.

use clap::ValueEnum;
use glowplug_archive::image::{Baseline, Cpu, features};

/// `--cpu-baseline`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CpuBaseline {
    /// Processors from about 2010 on.
    #[value(name = "x86-64-v2")]
    V2,
    /// Processors with AVX2, from about 2013 on: what Lambda has.
    #[value(name = "x86-64-v3")]
    V3,
    /// Processors with all that this one has.
    Native,
}

/// Names of glibc's tunable glibc.cpu.hwcaps (glibc manual, "Hardware Capability Tunables") for what is beyond
/// the baseline. RTM: string functions that use it fail elsewhere. XSAVEC: the dynamic linker's.
const GLIBC_V3: &str = "-AVX512F,-AVX512VL,-AVX512BW,-AVX512CD,-AVX512DQ,-AVX512ER,-AVX512PF,-AVX512_VBMI,\
    -AVX512_VBMI2,-AVX512_VNNI,-AVX512_BITALG,-AVX512_IFMA,-AVX512_VPOPCNTDQ,-AVX_VNNI,-RTM,-XSAVEC,-MOVDIR64B";
/// And beyond x86-64-v2. AVX_Fast_Unaligned_Load: what memmove(3) is chosen by. XSAVE: the dynamic linker's.
const GLIBC_V2: &str =
    ",-AVX,-AVX2,-FMA,-FMA4,-BMI1,-BMI2,-LZCNT,-MOVBE,-F16C,-AVX_Fast_Unaligned_Load,-XSAVE,-OSXSAVE";

/// What numpy chooses by (numpy documentation, "CPU build options").
const NUMPY_V3: &str = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR";
const NUMPY_V2: &str = " AVX F16C FMA3 AVX2";

/// OPENSSL_ia32cap (OpenSSL manual): what to take away of CPUID 1 (ECX, EDX) and 7.0 (ECX, EBX), the higher half first,
/// and all of what later versions look at beyond that. Of leaf 7: AVX-512, SHA, ADX, RDSEED; GFNI, VAES, VPCLMULQDQ.
const OPENSSL_V3: &str = ":~0x00005f42f02f0000:0";
/// Also of leaf 1 FMA, XOP, MOVBE, AVX and F16C, of leaf 7 BMI1, AVX2 and BMI2.
const OPENSSL_V2: &str = "~0x3040180000000000:~0x00005f42f02f0128:0";

/// The variable by which OpenBLAS is told the core (its `driver/others/dynamic.c`).
pub const CORE: &str = "OPENBLAS_CORETYPE";

impl CpuBaseline {
    /// What processors have to have.
    pub fn needed(self) -> Cpu {
        let auxiliary = [libc::AT_HWCAP, libc::AT_HWCAP2].map(|kind| {
            // SAFETY: no memory is involved.
            unsafe { libc::getauxval(kind) }
        });
        self.baseline().of(features(auxiliary))
    }

    const fn baseline(self) -> Baseline {
        if cfg!(target_arch = "aarch64") {
            return Baseline::Native;
        }
        match self {
            Self::V2 => Baseline::X86V2,
            Self::V3 => Baseline::X86V3,
            Self::Native => Baseline::Native,
        }
    }

    /// Cores that OpenBLAS may be told to calculate for, the best first; none where it is to choose by itself.
    pub fn cores(self) -> &'static [&'static str] {
        match self.baseline() {
            Baseline::Native => &[],
            Baseline::X86V3 => &["Haswell", "Sandybridge", "Nehalem"],
            Baseline::X86V2 => &["Nehalem"],
        }
    }

    /// Environment variables that keep libraries from using more, while the image is made. `core` is one of [`Self::cores`].
    pub fn variables(self, core: &str) -> Vec<(&'static str, String)> {
        let (glibc, numpy, openssl, arrow) = match self.baseline() {
            Baseline::Native => return Vec::new(),
            Baseline::X86V3 => (GLIBC_V3.to_owned(), NUMPY_V3.to_owned(), OPENSSL_V3, "AVX2"),
            Baseline::X86V2 => {
                (GLIBC_V3.to_owned() + GLIBC_V2, NUMPY_V3.to_owned() + NUMPY_V2, OPENSSL_V2, "SSE4_2")
            }
        };
        vec![
            ("GLIBC_TUNABLES", format!("glibc.cpu.hwcaps={glibc}")),
            ("NPY_DISABLE_CPU_FEATURES", numpy),
            (CORE, core.to_owned()),
            ("OPENSSL_ia32cap", openssl.to_owned()),
            ("ARROW_USER_SIMD_LEVEL", arrow.to_owned()),
        ]
    }
}
