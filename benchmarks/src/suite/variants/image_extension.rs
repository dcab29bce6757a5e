//! Glowplug's process image, in the layer as `glowplug layer` writes it.

use anyhow::Result;

use super::archive::{self, Kind};
use super::{Prepared, Variant};
use crate::suite::package::Package;
use crate::suite::workplace::Workplace;

/// From a process image, with the extension.
pub struct ImageExtension;

impl Variant for ImageExtension {
    fn name(&self) -> &'static str {
        "image+extension"
    }

    fn title(&self) -> &'static str {
        "Glowplug, restored from the process image, with the extension reading ahead"
    }

    fn available(&self, place: &Workplace) -> Result<(), String> {
        archive::images(place)
    }

    fn prepare(&self, place: &Workplace, package: &Package) -> Result<Prepared> {
        archive::prepare(place, package, Kind::Image, true)
    }
}
