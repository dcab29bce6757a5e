//! Keeping a process from using io_uring, whose queues cannot be carried.
//!
//! Event loops do without where the kernel has none, as in most sandboxes. libuv has a variable for it
//! (`UV_USE_IO_URING`), but from 1.49 on does not go by it for the ring that each loop has.

use pyo3::prelude::*;

/// <linux/bpf_common.h>: loads a word, jumps if it is equal, returns.
const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
/// Where `struct seccomp_data` has the number of the system call.
const NUMBER: u32 = 0;

/// Has `io_uring_setup` answer from now on that there is no such system call, in this process and its children; whether
/// that worked. A process restored from an image is not under this filter (seccomp(2)).
#[pyfunction]
pub fn without_io_uring() -> bool {
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let no_such_call = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
    // The number is the same for every architecture, so which one it is need not be asked.
    let mut filter = [
        step(LOAD, 0, 0, NUMBER),
        step(JUMP_IF_EQUAL, 0, 1, libc::SYS_io_uring_setup as u32),
        step(RETURN, 0, 0, no_such_call),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the kernel reads the program, which allows everything else. Without new privileges (execve(2)) anybody may
    // set one.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) == 0
    }
}
