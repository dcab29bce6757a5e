//! `report.md`: the tables, for pull requests and terminals.

use std::fmt::Write as _;

use anyhow::Result;

use super::Exporter;
use super::view::{self, Group, Row, figure, megabytes};
use crate::results::{Results, Source};
use crate::suite::{BUSY, REFERENCE};

/// Markdown.
pub struct Markdown;

impl Exporter for Markdown {
    fn file(&self) -> &'static str {
        "report.md"
    }

    fn export(&self, results: &Results) -> Result<String> {
        Ok(format!("# Cold starts\n\n{}", body(results)))
    }
}

/// The report below its heading.
pub fn body(results: &Results) -> String {
    let mut text = String::new();
    for line in about(results) {
        let _ = writeln!(text, "{line}  ");
    }
    for group in view::groups(results) {
        let _ = writeln!(text, "\n## {}, {}\n", group.function, group.condition);
        let _ = writeln!(text, "{}; {}.\n", group.function_title, group.condition_title);
        text += &times(&group);
        text += &resources(&group);
        for (variant, why) in &group.void {
            let _ = writeln!(text, "* void: {variant}: {}", one_line(why));
        }
    }
    for condition in &results.conditions {
        let means = view::means(results, &condition.name);
        if means.iter().any(|(_, _, functions)| *functions > 1) {
            let _ = writeln!(
                text,
                "\n## All functions, {}\n\n| variant | times faster than {REFERENCE}, geometric mean | functions |\n|---|---:|---:|",
                condition.name
            );
            for (variant, mean, functions) in means {
                let _ = writeln!(text, "| {variant} | {} | {functions} |", view::ratio(&mean));
            }
        }
    }
    let missing: Vec<_> = results
        .variants
        .iter()
        .chain(&results.conditions)
        .filter_map(|d| Some((&d.name, d.not_available.as_ref()?)))
        .collect();
    if !missing.is_empty() {
        text += "\n## Not available\n\n";
        for (name, why) in missing {
            let _ = writeln!(text, "* {name}: not available: {}", one_line(why));
        }
    }
    if !results.warnings.is_empty() || results.malformed.is_some() {
        text += "\n## Warnings\n\n";
        for warning in &results.warnings {
            let _ = writeln!(text, "* {warning}");
        }
        if let Some(malformed) = &results.malformed {
            let _ =
                writeln!(text, "* {} lines of the logs could not be understood, such as:", malformed.lines);
            for example in &malformed.examples {
                let _ = writeln!(text, "  * `{}`", example.replace('`', "'"));
            }
        }
    }
    text
}

/// Variants of the table in the README: the rungs.
const HEADLINE: &[&str] = &[REFERENCE, "code", "image"];

/// The table of the README: a row for each function, a column for each rung.
pub fn headline(results: &Results, condition: &str) -> String {
    let groups: Vec<Group> = view::groups(results).into_iter().filter(|g| g.condition == condition).collect();
    let shown: Vec<&str> = results
        .variants
        .iter()
        .map(|v| v.name.as_str())
        .filter(|name| {
            HEADLINE.contains(name) && groups.iter().any(|g| g.rows.iter().any(|r| r.variant == *name))
        })
        .collect();
    let mut text = String::new();
    let _ = writeln!(text, "| function | {} |\n|---|{}", shown.join(" | "), "---:|".repeat(shown.len()));
    for group in &groups {
        let cell = |name: &&str| {
            let row = group.rows.iter().find(|row| row.variant == **name);
            row.map_or_else(String::new, |row| match &row.ratio {
                Some(ratio) => format!("{} ms ({:.2}x)", figure(row.start.median.value), ratio.value),
                None => format!("{} ms", figure(row.start.median.value)),
            })
        };
        let cells: Vec<String> = shown.iter().map(cell).collect();
        let _ = writeln!(text, "| {} | {} |", group.function, cells.join(" | "));
    }
    let python = results.versions.get("python").map_or("", String::as_str);
    let glowplug = results.versions.get("glowplug").map_or("", String::as_str);
    let runs = groups.iter().flat_map(|g| &g.rows).map(|row| row.start.runs).min().unwrap_or(0);
    let _ = writeln!(
        text,
        "\nExec to first response in the local Lambda sandbox, medians of {runs} starts or more, and how many times faster \
         than plain Python with good `.pyc` files; {condition}. CPython {python}, Glowplug {glowplug}, {}, {}.",
        view::machine(results).unwrap_or_default(),
        results.began.split('T').next().unwrap_or_default()
    );
    for warning in results.warnings.iter().filter(|warning| warning.starts_with(BUSY)) {
        let _ = writeln!(text, "**{warning}**");
    }
    text
}

/// What was measured, where and with what.
fn about(results: &Results) -> Vec<String> {
    let mut lines = vec![match results.source {
        Source::Local => {
            format!(
                "Measured {} in {:.0} s, in the local Lambda sandbox; seed {}.",
                results.began, results.seconds, results.seed
            )
        }
        Source::Cloud => format!("Read from logs of Lambda {}.", results.began),
    }];
    lines.extend(view::machine(results));
    let named = ["glowplug", "python", "libc", "awslambdaric"];
    let versions: Vec<_> =
        named.iter().filter_map(|name| Some(format!("{name} {}", results.versions.get(*name)?))).collect();
    if !versions.is_empty() {
        lines.push(versions.join(", "));
    }
    lines
}

fn times(group: &Group) -> String {
    let mut text = "| variant | runs | median [ms] | 95 % interval | p90 | p99 | outliers | times faster | second response [ms] |\n\
                    |---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    for row in &group.rows {
        let Row { variant, start, second, .. } = row;
        let ratio = row.ratio.as_ref().map_or_else(String::new, |ratio| {
            let chance = if row.unclear { ", may be chance" } else { "" };
            format!("{}{chance}", view::ratio(ratio))
        });
        let _ = writeln!(
            text,
            "| {variant} | {} | {} | {} to {} | {} | {} | {} | {ratio} | {} |",
            start.runs,
            figure(start.median.value),
            figure(start.median.low),
            figure(start.median.high),
            figure(start.p90),
            figure(start.p99),
            start.outliers.len(),
            second.as_ref().map_or_else(String::new, |second| figure(second.median.value)),
        );
    }
    text
}

/// Memory, faults, reads and sizes, where there are any.
fn resources(group: &Group) -> String {
    let names = |row: &Row| row.medians.keys().cloned().collect::<Vec<_>>();
    let mut columns: Vec<String> = Vec::new();
    let mut sizes: Vec<String> = Vec::new();
    for row in &group.rows {
        for name in names(row) {
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
        for name in row.sizes.keys() {
            if !sizes.contains(name) {
                sizes.push(name.clone());
            }
        }
    }
    if columns.is_empty() && sizes.is_empty() {
        return String::new();
    }
    let headings: Vec<String> = columns
        .iter()
        .map(|name| heading(name))
        .chain(sizes.iter().map(|name| format!("{name}, size")))
        .collect();
    let mut text =
        format!("\n| variant | {} |\n|---|{}\n", headings.join(" | "), "---:|".repeat(headings.len()));
    for row in &group.rows {
        let values =
            columns.iter().map(|name| row.medians.get(name).map_or_else(String::new, |v| figure(*v)));
        let weights =
            sizes.iter().map(|name| row.sizes.get(name).map_or_else(String::new, |v| megabytes(*v)));
        let cells: Vec<String> = values.chain(weights).collect();
        let _ = writeln!(text, "| {} | {} |", row.variant, cells.join(" | "));
    }
    text
}

/// A measure's title with its unit.
fn heading(name: &str) -> String {
    use crate::results::measure::{CLOUD, RESOURCES};
    let found = RESOURCES.iter().chain(&CLOUD).find(|measure| measure.name == name);
    found.map_or_else(
        || name.to_owned(),
        |measure| match measure.unit {
            "" => measure.title.to_owned(),
            unit => format!("{} [{unit}]", measure.title),
        },
    )
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::samples;

    #[test]
    fn the_report_has_figures_intervals_and_what_was_not_available() {
        let mut results = samples::results(&[20.0; 3], &[10.0; 3]);
        results.variants[1].not_available = Some("no\nluck".to_owned());
        let text = Markdown.export(&results).unwrap();
        assert!(
            text.contains("| code | 3 | 10.0 | 10.0 to 10.0 | 10.0 | 10.0 | 0 | 2.00 (2.00 to 2.00) |"),
            "{text}"
        );
        assert!(text.contains("* code: not available: no luck"), "{text}");
    }

    #[test]
    fn the_headline_says_what_was_measured_beside_its_table() {
        let mut results = samples::results(&[20.0; 3], &[10.0; 3]);
        results.versions.insert("python".into(), "3.12.1".into());
        let text = headline(&results, "warm");
        assert!(
            text.starts_with(
                "| function | plain | code |\n|---|---:|---:|\n| boto3 | 20.0 ms | 10.0 ms (2.00x) |"
            ),
            "{text}"
        );
        assert!(
            text.contains("medians of 3 starts or more")
                && text.contains("CPython 3.12.1")
                && text.contains("2026-01-01")
        );
    }
}
