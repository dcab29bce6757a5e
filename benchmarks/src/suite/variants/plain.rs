//! Plain Python with good `.pyc` files: the best that one gets without any tool.

use anyhow::Result;

use super::{Prepared, Variant};
use crate::suite::package::Package;
use crate::suite::workplace::Workplace;

/// Plain Python.
pub struct Plain;

impl Variant for Plain {
    fn name(&self) -> &'static str {
        crate::suite::REFERENCE
    }

    fn title(&self) -> &'static str {
        "plain Python with good .pyc files"
    }

    fn prepare(&self, place: &Workplace, package: &Package) -> Result<Prepared> {
        Prepared::plain(place, package.root.clone())
    }
}
