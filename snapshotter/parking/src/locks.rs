//! Locks of the C library as they lie in memory: glibc's `struct __pthread_mutex_s` and `struct __pthread_rwlock_arch_t`
//! (bits/struct_mutex.h, bits/struct_rwlock.h), on x86-64 and 64-bit ARM the same from 2.26 to 2.42.

/// Where a mutex has its owner, in bytes.
pub const OWNER: usize = 8;
/// Where a read-write lock has the thread that writes.
pub const WRITER: usize = 24;
/// Bytes of the longer one.
pub const LENGTH: usize = 56;

/// What a lock is to a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The C library compares the owner's number with the caller's.
    Compared,
    /// The kernel knows the lock, by the owner's number: it is priority-inheriting.
    ByKernel,
}

// Kinds of mutexes and flags on them (nptl/pthreadP.h).
const TYPE: u32 = 3;
const RECURSIVE: u32 = 1;
const ERROR_CHECKING: u32 = 2;
const ROBUST: u32 = 16;
const INHERITING: u32 = 32;
const KNOWN: u32 = TYPE | ROBUST | INHERITING | 64 | 128 | 256 | 512;
/// Set in the lock's word when threads wait (linux/futex.h).
const WAITERS: u32 = 1 << 31;
/// More threads than can use one lock.
const MANY: u32 = 1 << 16;

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|n| n.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// Whether a mutex that thread `tid` holds begins with these bytes ([`LENGTH`] of them).
///
/// Of normal and adaptive mutexes nobody looks at the owner, so they are none. Robust ones are in a list of their owner's.
pub fn mutex(bytes: &[u8], tid: u32) -> Option<Held> {
    let [lock, count, owner, users, kind] = [0, 4, OWNER, 12, 16].map(|at| number(bytes, at));
    if owner != tid || kind & !KNOWN != 0 || !(1..MANY).contains(&users) || count >= MANY {
        return None;
    }
    if kind & ROBUST != 0 {
        return None;
    }
    if kind & INHERITING != 0 {
        return (lock & !WAITERS == tid).then_some(Held::ByKernel);
    }
    let as_held = match kind & TYPE {
        RECURSIVE => count >= 1,
        ERROR_CHECKING => count == 0,
        _ => return None,
    };
    // Spins and elision, the list of robust ones: not used.
    let unused = bytes.get(20..40).is_some_and(|rest| rest.iter().all(|byte| *byte == 0));
    (as_held && unused && (1..=2).contains(&lock)).then_some(Held::Compared)
}

/// Whether these bytes may be a mutex that compares owners and that somebody holds: who waits for it has its own number at hand.
pub fn is_waited_for(bytes: &[u8]) -> bool {
    let [lock, owner, users, kind] = [0, OWNER, 12, 16].map(|at| number(bytes, at));
    let compares = kind & !KNOWN == 0 && [RECURSIVE, ERROR_CHECKING].contains(&(kind & TYPE));
    compares && kind & (ROBUST | INHERITING) == 0 && lock <= 2 && owner != 0 && users < MANY
}

/// Whether a read-write lock that thread `tid` writes under begins with these bytes ([`LENGTH`] of them).
pub fn writing(bytes: &[u8], tid: u32) -> bool {
    // nptl/pthread_rwlock_common.c: PTHREAD_RWLOCK_WRPHASE and _WRLOCKED.
    const PHASE_AND_LOCK: u32 = 3;
    let [readers, writers, phase, queue, third, fourth, writer, shared, elision, _, low, high, flags] =
        [0, 4, 8, 12, 16, 20, WRITER, 28, 32, 36, 40, 44, 48].map(|at| number(bytes, at));
    writer == tid
        && readers & PHASE_AND_LOCK == PHASE_AND_LOCK
        && readers < MANY
        && writers < MANY
        && phase & 1 == 1
        && phase <= 3
        && queue <= 3
        && [third, fourth, elision, low, high] == [0; 5]
        && shared <= 1
        && flags <= 2
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn own() -> u32 {
        // SAFETY: no memory is involved.
        unsafe { libc::syscall(libc::SYS_gettid) as u32 }
    }

    /// The bytes of a mutex of some type and protocol, held by this thread.
    fn held(kind: i32, inheriting: bool) -> Box<[u8; LENGTH]> {
        let mut bytes = Box::new([0_u64; LENGTH / 8]);
        let mutex = bytes.as_mut_ptr().cast::<libc::pthread_mutex_t>();
        // SAFETY: initialised and locked where it lies; it is there for good.
        unsafe {
            let mut attributes: libc::pthread_mutexattr_t = core::mem::zeroed();
            libc::pthread_mutexattr_init(&raw mut attributes);
            libc::pthread_mutexattr_settype(&raw mut attributes, kind);
            if inheriting {
                libc::pthread_mutexattr_setprotocol(&raw mut attributes, libc::PTHREAD_PRIO_INHERIT);
            }
            assert_eq!(libc::pthread_mutex_init(mutex, &raw const attributes), 0);
            assert_eq!(libc::pthread_mutex_lock(mutex), 0);
            let bytes = Box::leak(bytes);
            Box::new(*bytes.as_ptr().cast::<[u8; LENGTH]>())
        }
    }

    #[test]
    fn held_recursive_and_error_checking_mutexes_are_known() {
        for kind in [libc::PTHREAD_MUTEX_RECURSIVE, libc::PTHREAD_MUTEX_ERRORCHECK] {
            assert_eq!(mutex(&*held(kind, false), own()), Some(Held::Compared));
        }
    }

    #[test]
    fn the_owner_of_a_normal_mutex_is_nobodys_concern() {
        assert_eq!(mutex(&*held(libc::PTHREAD_MUTEX_NORMAL, false), own()), None);
    }

    #[test]
    fn a_priority_inheriting_mutex_is_the_kernels() {
        for kind in [libc::PTHREAD_MUTEX_NORMAL, libc::PTHREAD_MUTEX_RECURSIVE] {
            assert_eq!(mutex(&*held(kind, true), own()), Some(Held::ByKernel));
        }
    }

    #[test]
    fn a_mutex_of_another_thread_or_of_nobody_is_not_taken_for_ones_own() {
        let bytes = held(libc::PTHREAD_MUTEX_RECURSIVE, false);
        assert_eq!(mutex(&*bytes, own() + 1), None);
        let mut free = *bytes;
        free[..16].fill(0);
        assert_eq!(mutex(&free, own()), None);
        assert_eq!(mutex(&free, 0), None);
    }

    #[test]
    fn who_writes_under_a_read_write_lock_is_known_and_who_reads_is_not() {
        let bytes = |lock: unsafe extern "C" fn(*mut libc::pthread_rwlock_t) -> i32| {
            let mut lock_bytes = Box::new([0_u64; LENGTH / 8]);
            let at = lock_bytes.as_mut_ptr().cast();
            // SAFETY: zeros are a fresh lock; it is there for good.
            assert_eq!(unsafe { lock(at) }, 0);
            // SAFETY: that many bytes.
            unsafe { *Box::leak(lock_bytes).as_ptr().cast::<[u8; LENGTH]>() }
        };
        assert!(writing(&bytes(libc::pthread_rwlock_wrlock), own()));
        assert!(!writing(&bytes(libc::pthread_rwlock_rdlock), own()));
        assert!(!writing(&bytes(libc::pthread_rwlock_wrlock), own() + 1));
    }

    #[test]
    fn a_mutex_that_others_wait_for_is_known_too() {
        let lock = Box::leak(Box::new([0_u64; LENGTH / 8])).as_mut_ptr() as usize;
        let at = lock as *mut libc::pthread_mutex_t;
        // SAFETY: as in `held`.
        unsafe {
            let mut attributes: libc::pthread_mutexattr_t = core::mem::zeroed();
            libc::pthread_mutexattr_init(&raw mut attributes);
            libc::pthread_mutexattr_settype(&raw mut attributes, libc::PTHREAD_MUTEX_RECURSIVE);
            libc::pthread_mutex_init(at, &raw const attributes);
            libc::pthread_mutex_lock(at);
        }
        let (begun, has_begun) = mpsc::channel();
        let waiter = std::thread::spawn(move || {
            begun.send(()).expect("is heard");
            // SAFETY: an initialised mutex.
            unsafe { libc::pthread_mutex_lock(lock as *mut libc::pthread_mutex_t) }
        });
        has_begun.recv().expect("begins");
        std::thread::sleep(std::time::Duration::from_millis(20));
        // SAFETY: that many bytes, which nobody writes to while the other thread waits.
        let bytes = unsafe { *(at as *const [u8; LENGTH]) };
        assert_eq!(mutex(&bytes, own()), Some(Held::Compared));
        // SAFETY: an initialised mutex, of this thread.
        unsafe { libc::pthread_mutex_unlock(at) };
        assert_eq!(waiter.join().expect("ends"), 0);
    }
}
