//! The process image's records ([`crate::writer::add_image`] puts an image into an archive).

pub use glowplug_records::cpu::{Baseline, features};
pub use glowplug_records::image::*;
pub use glowplug_records::threads::*;
