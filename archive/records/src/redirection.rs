//! Code that makes a function lead to another one; of this architecture.

/// Bytes of it.
#[cfg(target_arch = "x86_64")]
pub const LENGTH: usize = 12;
/// Bytes of it.
#[cfg(target_arch = "aarch64")]
pub const LENGTH: usize = 16;

/// What a processor may have to find first where it was led by an address: `endbr64`.
#[cfg(target_arch = "x86_64")]
pub const LANDING: &[u8] = &[0xf3, 0x0f, 0x1e, 0xfa];
/// What a processor may have to find first where it was led by an address: `bti c`.
#[cfg(target_arch = "aarch64")]
pub const LANDING: &[u8] = &[0x5f, 0x24, 0x03, 0xd5];

/// `mov rax, target; jmp rax`: no argument of a function is in that register.
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn to(target: u64) -> [u8; LENGTH] {
    let mut code = [0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0];
    code[2..10].copy_from_slice(&target.to_le_bytes());
    code
}

/// `ldr x16, target; br x16`.
#[cfg(target_arch = "aarch64")]
#[must_use]
pub fn to(target: u64) -> [u8; LENGTH] {
    let mut code = [0x50, 0, 0, 0x58, 0, 0x02, 0x1f, 0xd6, 0, 0, 0, 0, 0, 0, 0, 0];
    code[8..].copy_from_slice(&target.to_le_bytes());
    code
}
