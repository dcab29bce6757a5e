//! Glowplug's code archive, in a layer without the extension.

use anyhow::Result;

use super::archive::{self, Kind};
use super::{Prepared, Variant};
use crate::suite::package::Package;
use crate::suite::workplace::Workplace;

/// From a code archive.
pub struct Code;

impl Variant for Code {
    fn name(&self) -> &'static str {
        "code"
    }

    fn title(&self) -> &'static str {
        "Glowplug, modules from the code archive"
    }

    fn prepare(&self, place: &Workplace, package: &Package) -> Result<Prepared> {
        archive::prepare(place, package, Kind::Code, false)
    }
}
