//! Lists of modules as files that a person can edit.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::failure::Usage;
use crate::recording::Recording;

/// The list for a recording: one `name<TAB>path` a line, comments with `#`.
pub fn format(recording: &Recording, target: &str) -> String {
    let mut text = format!(
        "# Modules that {target} imports, in the order of their first use.\n\
         # Take lines out or add names, then: glowplug snapshot ... --modules THIS-FILE\n\
         # What follows the name (a tab, the file) is for the reader only.\n"
    );
    let mut list = |modules: &[crate::recording::Module]| {
        for module in modules {
            let _ = writeln!(text, "{}\t{}", module.name, module.path);
        }
    };
    list(&recording.modules);
    list(&recording.extensions);
    for module in &recording.left_out {
        let _ = writeln!(text, "# left out: {}: {}", module.name, module.reason);
    }
    text
}

/// Reads a list: the names.
pub fn read(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("--modules: cannot read {}", path.display()))?;
    parse(&text).with_context(|| format!("--modules {}", path.display()))
}

fn parse(text: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let name = line.split(['\t', '#']).next().unwrap_or_default().trim();
        if name.is_empty() {
            continue;
        }
        if name.contains(char::is_whitespace) || name.split('.').any(str::is_empty) {
            return Err(Usage(format!("line {number}: {name:?} is not a module's name")).into());
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_before_a_tab_or_a_comment() {
        let names = parse("# head\n\na.b\t/x/a b.py\nc # why\n").expect("well-formed");
        assert_eq!(names, ["a.b", "c"]);
    }

    #[test]
    fn what_is_not_a_name_is_an_error_with_its_line() {
        let error = parse("a\nb..c").expect_err("an empty part");
        assert!(error.to_string().contains("line 2"));
    }
}
