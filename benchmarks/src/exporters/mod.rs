//! What results are written as: one file and one line in the list for each form.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::results::Results;

mod html;
mod json;
mod markdown;
mod view;

pub use markdown::headline;

/// All exporters.
const ALL: &[&dyn Exporter] = &[&json::Json, &markdown::Markdown, &html::Html];

/// A form of the results.
pub trait Exporter {
    /// The file it is written to.
    fn file(&self) -> &'static str;

    /// The whole text.
    ///
    /// # Errors
    /// When the results cannot be put into this form.
    fn export(&self, results: &Results) -> Result<String>;
}

/// Writes all forms into a folder; returns the files.
///
/// # Errors
/// When one cannot be written.
pub fn write(results: &Results, folder: &Path) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let write = |exporter: &&dyn Exporter| {
        let file = folder.join(exporter.file());
        std::fs::write(&file, exporter.export(results)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file)
    };
    ALL.iter().map(write).collect()
}

/// What a person reads in the terminal at the end.
pub fn terminal(results: &Results) -> String {
    markdown::body(results)
}
