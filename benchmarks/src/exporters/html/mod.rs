//! `report.html`: one file without scripts or anything from elsewhere, with pictures.

use anyhow::Result;
use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde_json::json;

use super::Exporter;
use super::view::{self, figure, megabytes, ratio};
use crate::results::measure::{CLOUD, PHASES, RESOURCES};
use crate::results::{Results, Source};
use crate::statistics::Estimate;

mod picture;

const PAGE: &str = include_str!("report.html");
const PICTURES: &str = include_str!("pictures.html");
const STYLE: &str = include_str!("style.css");

/// HTML.
pub struct Html;

impl Exporter for Html {
    fn file(&self) -> &'static str {
        "report.html"
    }

    fn export(&self, results: &Results) -> Result<String> {
        let mut environment = Environment::new();
        // The names end with `.html`, so what is put in is escaped.
        environment.add_template("report.html", PAGE)?;
        environment.add_template("pictures.html", PICTURES)?;
        environment.add_filter("figure", figure);
        environment.add_filter("megabytes", megabytes);
        environment
            .add_filter("ratio", |value: f64, low: f64, high: f64| ratio(&Estimate { value, low, high }));
        environment.add_filter("percent", |value: f64| format!("{:.3}%", value * 100.0));
        let entries: Vec<_> = view::groups(results)
            .into_iter()
            .enumerate()
            .map(|(number, group)| json!({ "number": number, "pictures": picture::of(&group), "group": group }))
            .collect();
        let mut means = Vec::new();
        for condition in &results.conditions {
            let rows: Vec<_> = view::means(results, &condition.name)
                .into_iter()
                .map(|(variant, mean, count)| json!({ "variant": variant, "mean": mean, "functions": count }))
                .collect();
            if results.functions.len() > 1 && !rows.is_empty() {
                means.push(json!({ "condition": condition.name, "rows": rows }));
            }
        }
        let measures: Vec<_> = RESOURCES
            .iter()
            .chain(&CLOUD)
            .map(|measure| json!({ "name": measure.name, "title": measure.title, "unit": measure.unit }))
            .collect();
        // The samples are in the groups.
        let about = Results { entries: Vec::new(), ..results.clone() };
        let page = environment.get_template("report.html")?.render(Value::from(Serde(json!({
            "style": STYLE,
            "cloud": results.source == Source::Cloud,
            "machine": view::machine(results),
            "phases": PHASES.map(|phase| phase.title),
            "results": about,
            "groups": entries,
            "means": means,
            "measures": measures,
        }))))?;
        Ok(page + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::samples;

    #[test]
    fn the_page_has_a_bar_for_each_variant_and_escapes_what_it_shows() {
        let page = Html.export(&samples::results(&[20.0, 21.0], &[10.0, 11.0])).unwrap();
        assert_eq!(page.matches("class=\"bar\"").count(), 2);
        assert!(page.contains("data-variant=\"code\" data-value=\"10.5\""), "{page}");
        assert!(page.contains("code &lt;title&gt;") && !page.contains("<title>boto3"));
    }

    #[test]
    fn the_page_takes_nothing_from_elsewhere() {
        let page = Html.export(&samples::results(&[20.0], &[10.0])).unwrap();
        for what in ["http://", "https://", "<script", "<link", "url(", "@import"] {
            assert!(!page.contains(what), "{what}");
        }
    }
}
