//! Glowplug's code archive, in the layer as `glowplug layer` writes it.

use anyhow::Result;

use super::archive::{self, Kind};
use super::{Prepared, Variant};
use crate::suite::package::Package;
use crate::suite::workplace::Workplace;

/// From a code archive, with the extension.
pub struct CodeExtension;

impl Variant for CodeExtension {
    fn name(&self) -> &'static str {
        "code+extension"
    }

    fn title(&self) -> &'static str {
        "Glowplug, modules from the code archive, with the extension reading ahead"
    }

    fn prepare(&self, place: &Workplace, package: &Package) -> Result<Prepared> {
        archive::prepare(place, package, Kind::Code, true)
    }
}
