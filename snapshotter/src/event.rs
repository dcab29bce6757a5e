//! Events to invoke a handler with.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::failure::Usage;

/// An event and where it is from.
#[derive(Debug, Serialize)]
pub struct Event {
    /// As given on the command line.
    pub name: String,
    /// What the handler receives.
    pub content: serde_json::Value,
}

impl Event {
    /// Reads the event that `--event NAME` means: a JSON file of that name, with or without its
    /// suffix, here or in the function's directory.
    pub fn read(name: &str, root: Option<&Path>) -> Result<Self> {
        let looked_for = candidates(name, root);
        let Some(path) = looked_for.iter().find(|path| path.is_file()) else {
            let list: Vec<String> = looked_for.iter().map(|p| p.display().to_string()).collect();
            return Err(Usage(format!(
                "--event {name}: no such file (looked for {}); give the path of a JSON file",
                list.join(", ")
            ))
            .into());
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("--event {name}: cannot read {}", path.display()))?;
        let content = serde_json::from_str(&text)
            .with_context(|| format!("--event {name}: {} is not JSON", path.display()))?;
        Ok(Self { name: name.to_owned(), content })
    }
}

fn candidates(name: &str, root: Option<&Path>) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from(name), PathBuf::from(format!("{name}.json"))];
    if let Some(root) = root.filter(|_| Path::new(name).is_relative()) {
        found.extend([root.join(name), root.join(format!("{name}.json"))]);
    }
    found.retain(|path| !name.ends_with(".json") || !path.to_string_lossy().ends_with(".json.json"));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_for_as_a_file_here_and_in_the_root() {
        let found = candidates("order", Some(Path::new("fn")));
        let expected = ["order", "order.json", "fn/order", "fn/order.json"].map(PathBuf::from);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_suffix_is_not_added_twice() {
        assert_eq!(candidates("a.json", None), [PathBuf::from("a.json")]);
    }

    #[test]
    fn a_missing_event_names_the_files_that_were_looked_for() {
        let error = Event::read("no-such-event", None).expect_err("there is no such file");
        assert!(error.to_string().contains("no-such-event.json"));
        assert!(error.is::<Usage>());
    }
}
