//! The initialised process checkpointed and restored by CRIU, where it is installed and may do its work.

use anyhow::{Context as _, Result, bail};

use super::{Prepared, Variant, warm_process};
use crate::acts;
use crate::suite::package::Package;
use crate::suite::tree;
use crate::suite::workplace::{Workplace, last_line};

/// Why there is no such variant, mostly.
const NOT_INSTALLED: &str =
    "criu is not installed (version 4; as root, `make bench` in the repository unpacks Debian's)";

/// CRIU.
pub struct Criu;

impl Variant for Criu {
    fn name(&self) -> &'static str {
        "criu"
    }

    fn title(&self) -> &'static str {
        "the warm process checkpointed and restored by CRIU (needs root; not possible on Lambda)"
    }

    fn available(&self, place: &Workplace) -> Result<(), String> {
        let program = place.criu.as_ref().ok_or(NOT_INSTALLED)?;
        let outcome = place
            .command(program)
            .argument("check")
            .run()
            .map_err(|error| format!("criu check: {error:#}"))?;
        if outcome.status.success() {
            return Ok(());
        }
        let said = format!("{}{}", outcome.output, outcome.errors);
        Err(format!("criu check says: {}", last_line(&said)))
    }

    fn outside(&self) -> bool {
        true
    }

    fn prepare(&self, place: &Workplace, package: &Package) -> Result<Prepared> {
        let folder = package.fresh(self.name())?;
        let (images, layer) = (folder.join("images"), folder.join("layer"));
        let environment = folder.join("environment.json");
        std::fs::create_dir(&images)?;
        let process = warm_process::start(place, package, &folder, "wait", &environment)?;
        let (criu, number) = (place.criu.as_ref().context(NOT_INSTALLED)?, process.id().to_string());
        let mut dump = place.command(criu);
        dump.argument("dump").argument("--tree").argument(&number);
        dump.argument("--images-dir").argument(&images).argument("--log-file").argument("dump.log");
        let outcome = dump.run()?;
        // The checkpointed process is gone.
        drop(process);
        if !outcome.status.success() {
            let log = std::fs::read_to_string(images.join("dump.log")).unwrap_or_default();
            bail!("criu dump failed: {}", last_line(&log));
        }
        acts::place(acts::criu::NAME, &layer)?;
        let mut prepared = Prepared::plain(place, package.root.clone())?;
        // Inside, processes have no capabilities.
        prepared.launch.privileged = true;
        prepared.launch.act_as_runtime(place, &layer, acts::criu::NAME);
        prepared.launch.environment.extend([
            (acts::criu::PROGRAM.to_owned(), criu.display().to_string()),
            (acts::criu::IMAGES.to_owned(), images.display().to_string()),
            (acts::criu::ENVIRONMENT.to_owned(), environment.display().to_string()),
            (acts::criu::PROCESS.to_owned(), number),
        ]);
        prepared.sizes.insert("archive".to_owned(), tree::bytes(&images)?);
        prepared.launch.layer = Some(layer);
        prepared.held = Some(Box::new(acts::criu::Knowledge));
        Ok(prepared)
    }
}
