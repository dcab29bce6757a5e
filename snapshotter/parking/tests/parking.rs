//! Threads are stopped where they wait, and do not notice.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use glowplug_parking::{NotParked, park};

const PATIENCE: Duration = Duration::from_secs(1);

/// One at a time: all other threads of the process are stopped, those of other tests too.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn tid() -> i32 {
    // SAFETY: no memory is involved.
    i32::try_from(unsafe { libc::syscall(libc::SYS_gettid) }).expect("a thread's number")
}

/// Starts a thread that waits as `wait` does; returns when it is about to. `wait` answers what the call did.
fn waiting<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> (i32, JoinHandle<T>) {
    let number = Arc::new(AtomicI32::new(0));
    let told = number.clone();
    let thread = thread::spawn(move || {
        told.store(tid(), Ordering::Release);
        wait()
    });
    while number.load(Ordering::Acquire) == 0 {
        thread::yield_now();
    }
    thread::sleep(Duration::from_millis(20));
    (number.load(Ordering::Acquire), thread)
}

/// Stops and releases all threads a few times, `wanted` among them.
fn stop_several_times(wanted: i32) {
    for _ in 0..5 {
        let parked = park(PATIENCE, &[]).expect("stops");
        let threads = parked.release();
        assert!(threads.iter().any(|thread| thread.tid == wanted), "{wanted} is not among {threads:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn answer(result: i64) -> Result<i64, i32> {
    if result < 0 { Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)) } else { Ok(result) }
}

#[test]
fn stopped_threads_do_nothing() {
    let _alone = alone();
    let (count, end) = (Arc::new(AtomicI32::new(0)), Arc::new(AtomicBool::new(false)));
    let (counts, ends) = (count.clone(), end.clone());
    let (_, thread) = waiting(move || {
        while !ends.load(Ordering::Relaxed) {
            counts.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_micros(200));
        }
    });
    let parked = park(PATIENCE, &[]).expect("stops");
    let before = count.load(Ordering::Relaxed);
    let until = Instant::now() + Duration::from_millis(20);
    while Instant::now() < until {
        std::hint::spin_loop();
    }
    let after = count.load(Ordering::Relaxed);
    drop(parked);
    assert_eq!(before, after);
    thread::sleep(Duration::from_millis(20));
    assert!(count.load(Ordering::Relaxed) > after);
    end.store(true, Ordering::Relaxed);
    thread.join().expect("ends");
}

#[test]
fn what_is_said_of_a_thread_is_right() {
    let _alone = alone();
    let barrier = Arc::new(Barrier::new(2));
    let waits = barrier.clone();
    let thread = thread::Builder::new().name("by-the-barrier".to_owned());
    let thread = thread.spawn(move || {
        waits.wait();
    });
    thread::sleep(Duration::from_millis(20));
    let threads = park(PATIENCE, &[]).expect("stops").release();
    let found = threads.iter().find(|thread| thread.name == "by-the-barrier").expect("is there");
    // SAFETY: the thread still waits: its control block holds its number, its robust list is empty.
    unsafe {
        assert_eq!(*(found.tid_address as *const i32), found.tid);
        assert_eq!(*(found.robust_list[0] as *const u64), found.robust_list[0]);
        assert_eq!(*(found.tid_word as *const i32), found.tid);
    }
    assert!(found.frame != 0 && found.frame <= found.context && !found.processors.is_empty());
    assert_eq!(found.second_base, 0);
    barrier.wait();
    thread.expect("starts").join().expect("ends");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_base_of_gs_is_seen_and_stays() {
    const ARCH_SET_GS: i32 = 0x1001;
    const ARCH_GET_GS: i32 = 0x1004;
    let _alone = alone();
    let barrier = Arc::new(Barrier::new(2));
    let waits = barrier.clone();
    let (number, thread) = waiting(move || {
        let mut base = 0_u64;
        // SAFETY: nothing of this program uses gs; the kernel writes eight bytes.
        unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_SET_GS, 0x1234_5000_u64) };
        waits.wait();
        // SAFETY: as above.
        unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_GET_GS, &raw mut base) };
        base
    });
    let threads = park(PATIENCE, &[]).expect("stops").release();
    let found = threads.iter().find(|thread| thread.tid == number).expect("is there");
    assert_eq!(found.second_base, 0x1234_5000);
    barrier.wait();
    assert_eq!(thread.join().expect("ends"), 0x1234_5000);
}

#[test]
fn a_wait_for_a_lock_and_a_condition_goes_on() {
    let _alone = alone();
    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let waits = pair.clone();
    let (number, thread) = waiting(move || {
        let (lock, condition) = &*waits;
        let timeout = Duration::from_secs(20);
        let (held, waited) = condition
            .wait_timeout_while(lock.lock().expect("a lock"), timeout, |done| !*done)
            .expect("a lock");
        *held && !waited.timed_out()
    });
    stop_several_times(number);
    *pair.0.lock().expect("a lock") = true;
    pair.1.notify_all();
    assert!(thread.join().expect("ends"));
}

#[test]
fn epoll_wait_never_answers_that_it_was_interrupted() {
    let _alone = alone();
    // SAFETY: new files, and a record that the kernel reads.
    let (poll, event) = unsafe {
        let (poll, event) = (libc::epoll_create1(0), libc::eventfd(0, 0));
        let mut wanted = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 7 };
        assert_eq!(libc::epoll_ctl(poll, libc::EPOLL_CTL_ADD, event, &raw mut wanted), 0);
        (poll, event)
    };
    let (number, thread) = waiting(move || {
        let mut found = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: the kernel writes one record.
        answer(unsafe { libc::epoll_wait(poll, &raw mut found, 1, 20_000) }.into())
    });
    stop_several_times(number);
    // SAFETY: the kernel reads eight bytes.
    unsafe { libc::write(event, 1_u64.to_ne_bytes().as_ptr().cast(), 8) };
    assert_eq!(thread.join().expect("ends"), Ok(1));
}

#[test]
fn sleeps_and_timed_futexes_never_answer_that_they_were_interrupted() {
    let _alone = alone();
    let short = libc::timespec { tv_sec: 0, tv_nsec: 150_000_000 };
    let (number, thread) = waiting(move || {
        // SAFETY: the kernel reads the time.
        answer(unsafe { libc::syscall(libc::SYS_nanosleep, &raw const short, 0) })
    });
    stop_several_times(number);
    assert_eq!(thread.join().expect("ends"), Ok(0));
    // FUTEX_WAIT for a while, through the C library's syscall(), which has the number in no instruction.
    let (number, thread) = waiting(move || {
        let word = 0_u32;
        // SAFETY: the kernel reads the word and the time.
        answer(unsafe { libc::syscall(libc::SYS_futex, &raw const word, 128, 0, &raw const short) })
    });
    stop_several_times(number);
    assert_eq!(thread.join().expect("ends"), Err(libc::ETIMEDOUT));
}

#[test]
fn threads_that_start_meanwhile_are_stopped_too() {
    let _alone = alone();
    let end = Arc::new(AtomicBool::new(false));
    let ends = end.clone();
    let (_, thread) = waiting(move || {
        while !ends.load(Ordering::Relaxed) {
            thread::spawn(|| thread::sleep(Duration::from_millis(2))).join().expect("ends");
        }
    });
    for _ in 0..50 {
        let parked = park(PATIENCE, &[]).expect("stops");
        assert!(parked.count() >= 1);
        drop(parked);
    }
    end.store(true, Ordering::Relaxed);
    thread.join().expect("ends");
}

#[test]
fn a_thread_that_computes_without_a_pause_is_named() {
    let _alone = alone();
    let end = Arc::new(AtomicBool::new(false));
    let ends = end.clone();
    let (number, thread) = waiting(move || {
        while !ends.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    });
    let refused = park(Duration::from_millis(100), &[]).map(|_| ());
    assert_eq!(refused, Err(NotParked::Runs(number)));
    end.store(true, Ordering::Relaxed);
    thread.join().expect("ends");
}

#[test]
fn a_thread_that_takes_no_signal_is_named() {
    let _alone = alone();
    let (number, thread) = waiting(|| {
        let (all, none) = (u64::MAX, 0_u64);
        let pause = libc::timespec { tv_sec: 0, tv_nsec: 500_000_000 };
        // SAFETY: the kernel reads the masks and the time.
        unsafe {
            libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const all, 0, 8);
            libc::syscall(libc::SYS_nanosleep, &raw const pause, 0);
            libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const none, 0, 8);
        }
    });
    let refused = park(PATIENCE, &[]).map(|_| ());
    assert_eq!(refused, Err(NotParked::Deaf(number)));
    thread.join().expect("the signal that comes late does nothing");
    drop(park(PATIENCE, &[]).expect("stops"));
}
