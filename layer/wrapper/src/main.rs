//! The wrapper's executable: entry point and what the compiler asks of a program without a C
//! library. Everything else is in the library.

#![no_std]
#![no_main]
// The memory functions below must not be compiled into calls of themselves.
#![no_builtins]

mod entry;
mod memory;

use glowplug_wrapper::process::Start;

/// Called by `entry::_start` with the stack pointer that the kernel gave.
///
/// # Safety
/// `stack` is the address of argc, followed by argv and the environment (System V ABI, "Process
/// Initialization").
unsafe extern "C" fn begin(stack: *const usize) -> ! {
    // SAFETY: the same contract.
    let start = unsafe { Start::from_stack(stack) };
    glowplug_wrapper::run(&start)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    glowplug_wrapper::system::write_error(b"glowplug: the wrapper failed: this is a bug\n");
    glowplug_wrapper::system::exit(glowplug_wrapper::CANNOT_EXECUTE)
}

/// Named by the tables that `core` is compiled with; nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
