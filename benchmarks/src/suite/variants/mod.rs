//! The ways to start a function: one file and one line in the list for each.

use std::any::Any;
use std::collections::BTreeMap;

use anyhow::Result;

use super::invocation::Launch;
use super::package::Package;
use super::workplace::Workplace;

pub use archive::Kind;

mod archive;
mod code;
mod code_data_share;
mod code_extension;
mod criu;
mod fork;
mod image;
mod image_extension;
mod injected;
mod plain;
mod source;
mod stale;
mod warm_process;
mod zipimport;

/// All variants, in the order of the report; the first is what the others are held against.
pub const ALL: &[&dyn Variant] = &[
    &plain::Plain,
    &stale::Stale,
    &source::Source,
    &zipimport::Zipimport,
    &code_data_share::CodeDataShare,
    &code::Code,
    &code_extension::CodeExtension,
    &image::Image,
    &image_extension::ImageExtension,
    &criu::Criu,
    &fork::Fork,
    &injected::Injected,
];

/// A way to start a function.
pub trait Variant {
    /// Name in options, tables and results.
    fn name(&self) -> &'static str;

    /// What it is, in a line.
    fn title(&self) -> &'static str;

    /// Says why there is no such variant on this machine or with this Python, if there is none.
    ///
    /// # Errors
    /// The reason.
    fn available(&self, _: &Workplace) -> Result<(), String> {
        Ok(())
    }

    /// Makes all that a start needs.
    ///
    /// # Errors
    /// When it cannot be made. The variant is void then.
    fn prepare(&self, place: &Workplace, package: &Package) -> Result<Prepared>;

    /// Whether starts are of a process that lives outside of the sandbox: what the sandbox limits or
    /// evicts, and what is measured of the runtime, is not about it then.
    fn outside(&self) -> bool {
        false
    }
}

/// A variant that is ready to start.
pub struct Prepared {
    /// How.
    pub launch: Launch,
    /// Sizes in bytes, by name.
    pub sizes: BTreeMap<String, u64>,
    /// What has to live as long as there are starts.
    pub held: Option<Box<dyn Any>>,
}

impl Prepared {
    /// Without a layer, on the plain runtime.
    ///
    /// # Errors
    /// When the directory cannot be weighed.
    pub fn plain(place: &Workplace, root: std::path::PathBuf) -> Result<Self> {
        let sizes = BTreeMap::from([("function".to_owned(), super::tree::bytes(&root)?)]);
        let launch = Launch {
            root,
            layer: None,
            python: place.runtime(),
            environment: Vec::new(),
            rung: None,
            privileged: false,
        };
        Ok(Self { launch, sizes, held: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_the_first_is_what_others_are_held_against() {
        let mut names: Vec<_> = ALL.iter().map(|v| v.name()).collect();
        assert_eq!(names[0], crate::suite::REFERENCE);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
