//! Packages in a zip file beside the function, imported by Python's own `zipimport`.

use anyhow::Result;

use super::{Prepared, Variant};
use crate::suite::package::Package;
use crate::suite::tree;
use crate::suite::workplace::Workplace;

/// Moves what can be imported from a zip file into one.
const ZIP: &str = include_str!("zipimport.py");

/// Imports from a zip file.
pub struct Zipimport;

impl Variant for Zipimport {
    fn name(&self) -> &'static str {
        "zipimport"
    }

    fn title(&self) -> &'static str {
        "packages without data and native modules in a zip file, compiled; the others beside it"
    }

    fn prepare(&self, place: &Workplace, package: &Package) -> Result<Prepared> {
        let root = package.fresh(self.name())?;
        tree::copy(&package.root, &root, &[])?;
        let seen = package.seen(place, &root);
        place
            .command(&place.runtime())
            .argument("-c")
            .argument(ZIP)
            .argument(&root)
            .argument(&seen)
            .output()?;
        let mut prepared = Prepared::plain(place, root)?;
        let path = format!("/opt/python:{}/packages.zip", seen.display());
        prepared.launch.environment.push(("PYTHONPATH".to_owned(), path));
        Ok(prepared)
    }
}
