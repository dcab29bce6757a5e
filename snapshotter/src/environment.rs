//! The target's environment: this process's, without `GLOWPLUG_*`, and what the user sets.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::failure::Usage;

/// Variables that the user sets for the target, in order; later ones win.
#[derive(Debug, Default)]
pub struct Environment {
    set: Vec<(String, String)>,
}

impl Environment {
    /// Of `--env-file` and `--env`.
    pub fn new(file: Option<&Path>, pairs: &[String]) -> Result<Self> {
        let mut set = Vec::new();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("--env-file: cannot read {}", path.display()))?;
            set = parse_file(&text).with_context(|| format!("--env-file {}", path.display()))?;
        }
        for pair in pairs {
            let (key, value) = pair
                .split_once('=')
                .filter(|(key, _)| !key.is_empty())
                .ok_or_else(|| Usage(format!("--env {pair}: not KEY=VALUE")))?;
            set.push((key.to_owned(), value.to_owned()));
        }
        Ok(Self { set })
    }

    /// Sets what neither the user nor this process's environment has.
    pub fn set_default(&mut self, name: &str, value: &str) {
        if std::env::var_os(name).is_none() && !self.set.iter().any(|(known, _)| known == name) {
            self.set.insert(0, (name.to_owned(), value.to_owned()));
        }
    }

    /// The value that the user has set.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.set.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The variables, in order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.set
    }

    /// Gives a process this environment. No archive is active in it.
    pub fn apply(&self, command: &mut Command) {
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("GLOWPLUG_") {
                command.env_remove(key);
            }
        }
        command.envs(self.set.iter().map(|(key, value)| (key, value)));
    }
}

/// Reads lines of `KEY=VALUE`: blank lines and comments are skipped, `export` before the key is
/// allowed, values may stand in single quotes (as they are) or double quotes (with escapes).
fn parse_file(text: &str) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
            .filter(|(key, _)| !key.is_empty() && !key.contains(char::is_whitespace))
            .with_context(|| format!("line {number}: not KEY=VALUE"))?;
        let value = parse_value(value).with_context(|| format!("line {number}: a quote is not closed"))?;
        found.push((key.to_owned(), value));
    }
    Ok(found)
}

/// A value without its quotes and without a comment after it; `None` where a quote is not closed.
fn parse_value(text: &str) -> Option<String> {
    if let Some(quoted) = text.strip_prefix('\'') {
        return quoted.split_once('\'').map(|(value, _)| value.to_owned());
    }
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(" #").unwrap_or(text.len());
        return Some(text[..end].trim_end().to_owned());
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some(value),
            '\\' => value.push(match characters.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                other => other,
            }),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, String)> {
        parse_file(text).expect("the file is well-formed")
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn blank_lines_and_comments_are_skipped() {
        assert_eq!(parsed("\n# note\n  A=1  # why\n\n"), [pair("A", "1")]);
    }

    #[test]
    fn export_before_a_key_is_allowed() {
        assert_eq!(parsed("export A=b c"), [pair("A", "b c")]);
    }

    #[test]
    fn single_quotes_keep_everything_between_them() {
        assert_eq!(parsed(r"A='x # \n'"), [pair("A", r"x # \n")]);
    }

    #[test]
    fn double_quotes_understand_escapes() {
        assert_eq!(parsed(r#"A="x\n\"y\" # z""#), [pair("A", "x\n\"y\" # z")]);
    }

    #[test]
    fn a_value_may_be_empty_and_may_contain_equals_signs() {
        assert_eq!(parsed("A=\nB=c=d#e"), [pair("A", ""), pair("B", "c=d#e")]);
    }

    #[test]
    fn an_unclosed_quote_is_an_error_with_its_line() {
        let error = parse_file("A=1\nB='x").expect_err("the quote is open");
        assert!(format!("{error:#}").contains("line 2"));
    }

    #[test]
    fn a_line_without_an_equals_sign_is_an_error_with_its_line() {
        let error = parse_file("A").expect_err("no value");
        assert!(format!("{error:#}").contains("line 1"));
    }

    #[test]
    fn a_pair_given_as_an_argument_needs_a_key() {
        assert!(Environment::new(None, &["=x".to_owned()]).is_err());
    }
}
