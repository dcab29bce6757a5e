//! Glowplug's process image, in a layer without the extension.

use anyhow::Result;

use super::archive::{self, Kind};
use super::{Prepared, Variant};
use crate::suite::package::Package;
use crate::suite::workplace::Workplace;

/// From a process image.
pub struct Image;

impl Variant for Image {
    fn name(&self) -> &'static str {
        "image"
    }

    fn title(&self) -> &'static str {
        "Glowplug, restored from the process image"
    }

    fn available(&self, place: &Workplace) -> Result<(), String> {
        archive::images(place)
    }

    fn prepare(&self, place: &Workplace, package: &Package) -> Result<Prepared> {
        archive::prepare(place, package, Kind::Image, false)
    }
}
