//! The Python environments that set-up made: `target/venvs.json`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// What the name of an environment with `code-data-share` ends with.
const WITH_CODE_DATA_SHARE: &str = "-cds";

/// One Python with the packages installed, and its twin with `code-data-share`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// Name of the environment, such as `3.12` or `3.11-debian`.
    pub label: String,
    /// The environment's Python; the Glowplug wheel is installed beside it.
    pub python: PathBuf,
    /// Python of the environment that has `code-data-share` instead, where there is one.
    pub with_code_data_share: Option<PathBuf>,
}

impl Interpreter {
    /// A command that is installed in the environment.
    pub fn installed(&self, command: &str) -> PathBuf {
        self.python.with_file_name(command)
    }
}

/// One entry of `venvs.json`.
#[derive(Debug, Deserialize)]
struct Environment {
    label: String,
    executable: PathBuf,
    cds: bool,
}

/// The interpreters with these labels.
///
/// # Errors
/// When set-up has not run, or there is no such label.
pub fn chosen(target: &Path, labels: &[String]) -> Result<Vec<Interpreter>> {
    let file = target.join("venvs.json");
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}: `make setup` writes it", file.display()))?;
    parse(&text, labels).with_context(|| file.display().to_string())
}

fn parse(text: &str, labels: &[String]) -> Result<Vec<Interpreter>> {
    let environments: Vec<Environment> = serde_json::from_str(text)?;
    let executable = |label: &str, cds: bool| {
        environments.iter().find(|e| e.label == label && e.cds == cds).map(|e| e.executable.clone())
    };
    let mut interpreters = Vec::new();
    for label in labels {
        let Some(python) = executable(label, false) else {
            let known: Vec<_> = environments.iter().filter(|e| !e.cds).map(|e| e.label.as_str()).collect();
            bail!("no environment {label:?}; there are {}", known.join(", "));
        };
        let with_code_data_share = executable(&format!("{label}{WITH_CODE_DATA_SHARE}"), true);
        interpreters.push(Interpreter { label: label.clone(), python, with_code_data_share });
    }
    Ok(interpreters)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VENVS: &str = r#"[
        {"minor": "3.12", "label": "3.12", "executable": "/v/3.12/bin/python", "cds": false},
        {"minor": "3.12", "label": "3.12-cds", "executable": "/v/3.12-cds/bin/python", "cds": true},
        {"minor": "3.13", "label": "3.13", "executable": "/v/3.13/bin/python", "cds": false}]"#;

    #[test]
    fn an_interpreter_knows_its_twin_with_code_data_share() {
        let found = parse(VENVS, &["3.13".into(), "3.12".into()]).unwrap();
        assert_eq!(found[0].with_code_data_share, None);
        assert_eq!(found[1].with_code_data_share, Some("/v/3.12-cds/bin/python".into()));
        assert_eq!(found[1].installed("glowplug"), Path::new("/v/3.12/bin/glowplug"));
    }

    #[test]
    fn an_unknown_label_is_answered_with_the_known_ones() {
        let error = parse(VENVS, &["2.7".into()]).unwrap_err().to_string();
        assert_eq!(error, r#"no environment "2.7"; there are 3.12, 3.13"#);
        assert!(parse(VENVS, &["3.12-cds".into()]).is_err());
    }
}
