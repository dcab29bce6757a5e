//! Plain Python with sources only, as some packagers ship functions to save space.

use anyhow::Result;

use super::{Prepared, Variant};
use crate::suite::package::Package;
use crate::suite::tree;
use crate::suite::workplace::Workplace;

/// No `.pyc` files.
pub struct Source;

impl Variant for Source {
    fn name(&self) -> &'static str {
        "source"
    }

    fn title(&self) -> &'static str {
        "plain Python with sources only (no .pyc files)"
    }

    fn prepare(&self, place: &Workplace, package: &Package) -> Result<Prepared> {
        let root = package.fresh(self.name())?;
        tree::copy(&package.root, &root, &["__pycache__"])?;
        Prepared::plain(place, root)
    }
}
