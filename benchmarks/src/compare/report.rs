//! What changed, for people and for programs.

use std::fmt::Write as _;

use anyhow::Result;
use comfy_table::{CellAlignment, presets};
use serde_json::json;

use super::change::{Change, Verdict};

/// A table, and what follows from it.
pub fn text(changes: &[Change], late: &[&Change], threshold: Option<f64>, notes: &[String]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "function",
        "condition",
        "variant",
        "before [ms]",
        "after [ms]",
        "change",
        "95 % interval",
        "verdict",
    ]);
    for column in table.column_iter_mut().skip(3).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for change in changes {
        table.add_row([
            change.function.clone(),
            change.condition.clone(),
            change.variant.clone(),
            format!("{:.1}", change.medians[0]),
            format!("{:.1}", change.medians[1]),
            percent(change.ratio.value),
            format!("{} to {}", percent(change.ratio.low), percent(change.ratio.high)),
            name(change.verdict).to_owned(),
        ]);
    }
    let mut text = format!("{table}\n\n");
    for note in notes {
        let _ = writeln!(text, "note: {note}");
    }
    if changes.iter().any(|change| change.beside_reference) {
        text +=
            "Changes are those of times beside plain's of the same round; plain's own is the machine's.\n";
    }
    let counted = |verdict: Verdict| changes.iter().filter(|change| change.verdict == verdict).count();
    let _ = writeln!(
        text,
        "{} faster, {} slower, {} no difference",
        counted(Verdict::Faster),
        counted(Verdict::Slower),
        counted(Verdict::NoDifference)
    );
    if let Some(threshold) = threshold {
        let _ = writeln!(text, "slower by more than {threshold} %: {}", late.len());
    }
    text
}

/// Everything as JSON.
pub fn json(changes: &[Change], late: &[&Change]) -> Result<String> {
    Ok(serde_json::to_string_pretty(&json!({ "changes": changes, "over_threshold": late }))?)
}

fn percent(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

const fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::NoDifference => "no difference",
        Verdict::Machine => "(the machine)",
    }
}
