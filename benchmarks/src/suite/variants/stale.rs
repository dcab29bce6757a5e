//! Plain Python with the `.pyc` files that packagers ship: they set all times to 1980, the earliest that
//! a zip file can say, so no `.pyc` is that of its source any more, and each is compiled again at every
//! cold start.

use std::fs::File;
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::{Prepared, Variant};
use crate::suite::package::Package;
use crate::suite::tree;
use crate::suite::workplace::Workplace;

/// 1980-01-01T00:00:00Z, in seconds since 1970.
const EARLIEST: u64 = 315_532_800;

/// Stale `.pyc` files.
pub struct Stale;

impl Variant for Stale {
    fn name(&self) -> &'static str {
        "stale"
    }

    fn title(&self) -> &'static str {
        "plain Python with stale .pyc files, as packagers ship them (times of 1980)"
    }

    fn prepare(&self, place: &Workplace, package: &Package) -> Result<Prepared> {
        let root = package.fresh(self.name())?;
        tree::copy(&package.root, &root, &[])?;
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(EARLIEST);
        for file in tree::files(&root)? {
            if !file.is_symlink() {
                File::options().write(true).open(&file)?.set_modified(time)?;
            }
        }
        Prepared::plain(place, root)
    }
}
