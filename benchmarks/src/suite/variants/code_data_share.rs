//! `code-data-share` 0.1.0 from PyPI: code objects in a mapped heap, CPython up to 3.12.
//!
//! Used as its description on PyPI says: trace the imported modules to a list, dump an image from the
//! list, share it by environment variables. It does not check sources for staleness.

use anyhow::{Context as _, Result};

use super::{Prepared, Variant};
use crate::suite::package::Package;
use crate::suite::workplace::Workplace;

/// Fails unless the image is in use.
const IN_USE: &str =
    "import sys, cds; assert sys.meta_path[0] is cds.CDSFinder and cds.CDSFinder.shared_module";

/// Python sharing an image of `code-data-share`.
pub struct CodeDataShare;

impl Variant for CodeDataShare {
    fn name(&self) -> &'static str {
        "code-data-share"
    }

    fn title(&self) -> &'static str {
        "code-data-share 0.1.0: code objects in a mapped heap"
    }

    fn available(&self, place: &Workplace) -> Result<(), String> {
        place.code_data_share().map(drop)
    }

    fn prepare(&self, place: &Workplace, package: &Package) -> Result<Prepared> {
        let python = place.code_data_share().map_err(anyhow::Error::msg)?;
        let folder = package.fresh(self.name())?;
        let (list, image) = (folder.join("modules.lst"), folder.join("modules.img"));
        let plain = package.command(place, &python);
        let mut trace = plain.clone();
        trace.set("PYCDSMODE", "TRACE").set("PYCDSLIST", &list);
        // What the function imports, and what the runtime does.
        let program = format!("import awslambdaric.bootstrap, {}", package.function.module());
        trace.argument("-c").argument(program).output().context("tracing")?;
        let mut dump = plain.clone();
        dump.argument("-c").argument("import sys, cds.dump; cds.dump.run_dump(*sys.argv[1:])");
        dump.argument(&list).argument(&image).output().context("dumping")?;
        let mut share = plain;
        share.set("PYCDSMODE", "SHARE").set("PYCDSARCHIVE", &image);
        share.argument("-c").argument(IN_USE).output().context("the image is not used")?;

        let mut prepared = Prepared::plain(place, package.root.clone())?;
        prepared.launch.python = python;
        let variables = [("PYCDSMODE", "SHARE".to_owned()), ("PYCDSARCHIVE", image.display().to_string())];
        prepared.launch.environment.extend(variables.map(|(name, value)| (name.to_owned(), value)));
        prepared.sizes.insert("archive".to_owned(), image.metadata()?.len());
        Ok(prepared)
    }
}
