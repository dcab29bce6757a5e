//! A fork of a process in which the function is initialised: nearly the physical limit of starting an
//! initialised process, and no way to start a function on Lambda.

use anyhow::Result;

use super::{Prepared, Variant, warm_process};
use crate::acts;
use crate::suite::package::Package;
use crate::suite::workplace::Workplace;

/// Forks of a warm process.
pub struct Fork;

impl Variant for Fork {
    fn name(&self) -> &'static str {
        "fork"
    }

    fn title(&self) -> &'static str {
        "a fork of the warm process (the limit; not possible on Lambda)"
    }

    fn outside(&self) -> bool {
        true
    }

    fn prepare(&self, place: &Workplace, package: &Package) -> Result<Prepared> {
        let folder = package.fresh(self.name())?;
        let (socket, layer) = (folder.join("socket"), folder.join("layer"));
        let process = warm_process::start(place, package, &folder, "fork", &socket)?;
        acts::place(acts::fork::NAME, &layer)?;
        let mut prepared = Prepared::plain(place, package.root.clone())?;
        prepared.launch.act_as_runtime(place, &layer, acts::fork::NAME);
        let variable = (acts::fork::SOCKET.to_owned(), socket.display().to_string());
        prepared.launch.environment.push(variable);
        prepared.launch.layer = Some(layer);
        prepared.held = Some(Box::new(process));
        Ok(prepared)
    }
}
