//! The functions on memory that compiled code calls, as C defines them.

/// One unaligned `T` from one place to the other.
///
/// # Safety
/// Both are valid for a `T` at that offset.
unsafe fn copy_one<T>(to: *mut u8, from: *const u8, at: usize) {
    // SAFETY: the caller's word.
    unsafe { to.add(at).cast::<T>().write_unaligned(from.add(at).cast::<T>().read_unaligned()) };
}

/// The first and the last `T` of `count` bytes, which may have bytes in common: all of them where there are at most two.
///
/// # Safety
/// Both are valid for `count` bytes, which a `T` is not longer than.
unsafe fn copy_ends<T>(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: the caller's word.
    unsafe {
        copy_one::<T>(to, from, 0);
        copy_one::<T>(to, from, count - size_of::<T>());
    }
}

/// # Safety
/// As C's `memcpy`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: both are valid for `count` bytes.
    unsafe {
        match count {
            0 => {}
            1 => copy_one::<u8>(to, from, 0),
            2..=3 => copy_ends::<u16>(to, from, count),
            4..=7 => copy_ends::<u32>(to, from, count),
            8..=15 => copy_ends::<u64>(to, from, count),
            _ => {
                let mut at = 0;
                while at + 16 <= count {
                    copy_one::<u128>(to, from, at);
                    at += 16;
                }
                copy_one::<u128>(to, from, count - 16);
            }
        }
    }
    to
}

/// # Safety
/// As C's `memmove`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    if to.cast_const() <= from {
        let mut at = 0;
        while at < count {
            // SAFETY: both are valid for `count` bytes; copied upwards, a byte is read before it is written over.
            unsafe { *to.add(at) = *from.add(at) };
            at += 1;
        }
        return to;
    }
    let mut at = count;
    while at > 0 {
        at -= 1;
        // SAFETY: both are valid for `count` bytes.
        unsafe { *to.add(at) = *from.add(at) };
    }
    to
}

/// # Safety
/// As C's `memset`.
#[unsafe(no_mangle)]
#[expect(clippy::cast_possible_truncation, reason = "C says so")]
unsafe extern "C" fn memset(to: *mut u8, value: i32, count: usize) -> *mut u8 {
    let mut at = 0;
    while at < count {
        // SAFETY: valid for `count` bytes.
        unsafe { *to.add(at) = value as u8 };
        at += 1;
    }
    to
}

/// # Safety
/// As C's `memcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    let mut at = 0;
    while at < count {
        // SAFETY: both are valid for `count` bytes.
        let (a, b) = unsafe { (*left.add(at), *right.add(at)) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
        at += 1;
    }
    0
}

/// # Safety
/// As `memcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(left, right, count) }
}

/// # Safety
/// As C's `strlen`.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: there is a zero byte at or after each address that is read.
    while unsafe { *text.add(length) } != 0 {
        length += 1;
    }
    length
}
