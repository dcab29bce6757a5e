//! `code-data-share` 0.1.0 from PyPI: code objects in a mapped heap, CPython up to 3.12.
//!
//! Used as its description on PyPI says: trace the imported modules to a list, dump an image from the
//! list, share it by environment variables. It does not check sources for staleness.

use anyhow::{Context as _, Result};

use super::{Launch, Variant};
use crate::sections::bench::Bench;
use crate::sections::interpreter::Interpreter;
use crate::sections::workload::Workload;

/// Fails unless the image is in use.
const IN_USE: &str =
    "import sys, cds; assert sys.meta_path[0] is cds.CDSFinder and cds.CDSFinder.shared_module";

/// Python sharing an image of `code-data-share`.
pub struct CodeDataShare;

impl Variant for CodeDataShare {
    fn name(&self) -> &'static str {
        super::CODE_DATA_SHARE
    }

    fn exists_for(&self, interpreter: &Interpreter) -> bool {
        interpreter.with_code_data_share.is_some()
    }

    fn prepare(&self, bench: &Bench, interpreter: &Interpreter, workload: &Workload) -> Result<Launch> {
        let python = interpreter.with_code_data_share.as_deref().context("no environment with it")?;
        let folder = bench.folder(interpreter, &[workload.name, "code-data-share"])?;
        let (list, image) = (folder.join("modules.lst"), folder.join("modules.img"));
        for old in [&list, &image] {
            if old.exists() {
                std::fs::remove_file(old)?;
            }
        }
        // The first run writes what `.pyc` files are missing: what the image lacks comes from those.
        let plain = bench.command(python);
        let mut trace = plain.clone();
        trace.set("PYCDSMODE", "TRACE").set("PYCDSLIST", &list);
        trace.argument("-c").argument(workload.program()).output().context("tracing")?;
        let mut dump = plain.clone();
        dump.argument("-c").argument("import sys, cds.dump; cds.dump.run_dump(*sys.argv[1:])");
        dump.argument(&list).argument(&image).output().context("dumping")?;

        let mut share = plain;
        share.set("PYCDSMODE", "SHARE").set("PYCDSARCHIVE", &image);
        let launch = Launch { python: share, image: Some(image) };
        launch.run(IN_USE, &[]).output().context("the image is not used")?;
        Ok(launch)
    }
}
