//! Stops the other threads of this process where they wait in the kernel, and lets them go on.
//!
//! A process image needs of each thread where it is and what the kernel holds for it. No ptrace: a thread is sent a
//! signal, and its [`handler`] notes that and sleeps. What the thread is to go on with is then in memory, on its own
//! stack: the signal frame ([`frame`]), as rt_sigreturn(2) takes it. Nothing but the kernel
//! can say which threads there are ([`tasks`]); what is noted of them is in [`slots`].
//!
//! Threads are not to notice: a system call that the signal ended is put back to its beginning ([`restart`]). What would be
//! otherwise in another process: absolute times ([`deadlines`]), the owners of [`locks`]. What cannot be is a [`Refusal`].
//!
//! While threads are stopped, any of them may hold the allocator's lock: nothing here allocates then, and neither may
//! who called [`park`], until the [`Parked`] is dropped or released.

pub mod deadlines;
pub mod frame;
mod gate;
mod handler;
pub mod locks;
mod park;
mod refusal;
pub mod restart;
mod slots;
pub mod tasks;

pub use handler::second_base;
pub use park::{NotParked, Parked, Thread, park};
pub use refusal::Refusal;
