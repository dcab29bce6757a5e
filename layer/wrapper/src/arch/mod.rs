//! What differs by processor, behind the same names:
//!
//! * `set_thread_pointer`, `enter`: the last two steps of a restore;
//! * `start_thread`, `return_from_signal`: the first and the last step of another thread;
//! * `sign_nothing`: return addresses of the image carry no signature;
//! * `redirect`, `REDIRECTION`, `fallback`: the old vDSO's functions lead to the new one's, or to
//!   plain system calls.

#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "aarch64.rs")]
mod processor;

pub use processor::*;
