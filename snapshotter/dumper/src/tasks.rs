//! What other threads of this process are doing, while none of them can run Python code.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use pyo3::prelude::*;

/// How often it is looked at those that run, which may be on their way to wait for the interpreter's lock.
const LOOKS: usize = 10;
const PAUSE: Duration = Duration::from_millis(1);
/// What proc(5) has for a thread that runs.
const RUNNING: &str = "running";

/// The system calls that some threads are in, each as `/proc/self/task/ID/syscall` has it (proc(5)): `running`, or
/// numbers; nothing of a thread that has ended. Takes at most 10 ms.
///
/// The interpreter's lock is held meanwhile: threads that run Python code are seen to wait for it, where Python's own
/// reading of a file lets them go on.
#[pyfunction]
pub fn calls_of(tasks: Vec<u32>) -> Vec<String> {
    let call = |task: &u32| fs::read_to_string(format!("/proc/self/task/{task}/syscall")).unwrap_or_default();
    let mut calls: Vec<String> = tasks.iter().map(call).collect();
    for _ in 1..LOOKS {
        if !calls.iter().any(|call| call.starts_with(RUNNING)) {
            break;
        }
        sleep(PAUSE);
        for (task, found) in tasks.iter().zip(&mut calls).filter(|(_, found)| found.starts_with(RUNNING)) {
            *found = call(task);
        }
    }
    calls
}
