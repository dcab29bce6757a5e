//! Events to invoke a handler with: JSON files, and samples of what AWS services send.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::cli::EventArguments;
use crate::failure::Usage;

mod fields;
mod samples;

use samples::Sample;

/// An event and where it is from.
#[derive(Debug, Serialize)]
pub struct Event {
    /// As given on the command line.
    pub name: String,
    /// What the handler receives.
    pub content: serde_json::Value,
}

impl Event {
    /// The event that `--event NAME` means: a JSON file of that name, with or without its suffix,
    /// here or in the function's directory, or else a sample with its fields changed
    /// (`apigw-v2:path=/items/5,method=GET`).
    pub fn read(name: &str, root: Option<&Path>) -> Result<Self> {
        let looked_for = candidates(name, root);
        let content = match looked_for.iter().find(|path| path.is_file()) {
            Some(path) => read_file(path).with_context(|| format!("--event {name}"))?,
            None => match sample(name)? {
                Some(content) => content,
                None => {
                    let list: Vec<String> = looked_for.iter().map(|p| p.display().to_string()).collect();
                    return Err(Usage(format!(
                        "--event {name}: no such file (looked for {}) and no such event ({}); give the path \
                         of a JSON file, or one of those names",
                        list.join(", "),
                        names()
                    ))
                    .into());
                }
            },
        };
        Ok(Self { name: name.to_owned(), content })
    }
}

/// Runs `glowplug event`.
pub fn event(arguments: &EventArguments) -> Result<ExitCode> {
    if let Some(name) = arguments.name.as_deref().filter(|_| !arguments.list) {
        let content =
            sample(name)?.ok_or_else(|| Usage(format!("{name}: no such event; there are {}", names())))?;
        println!("{content:#}");
        return Ok(ExitCode::SUCCESS);
    }
    for sample in samples::ALL {
        println!("{:<16} {}", sample.name, sample.about);
        let short: Vec<&str> = sample.fields.iter().map(|(name, _)| *name).collect();
        if !short.is_empty() {
            println!("{:<16}   {}", "", short.join(", "));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn names() -> String {
    samples::ALL.iter().map(|sample| sample.name).collect::<Vec<_>>().join(", ")
}

/// The sample that `NAME[:FIELD=VALUE,...]` means; `None` for an unknown name.
fn sample(text: &str) -> Result<Option<serde_json::Value>> {
    let (name, changes) = text.split_once(':').unwrap_or((text, ""));
    let Some(sample) = samples::ALL.iter().find(|sample| sample.name == name) else { return Ok(None) };
    filled_in(sample, changes).with_context(|| format!("event {text}")).map(Some)
}

fn filled_in(sample: &Sample, changes: &str) -> Result<serde_json::Value> {
    let mut content = (sample.content)();
    let changes = fields::parse(changes)?;
    let mut paths = Vec::new();
    for (field, value) in &changes {
        paths.extend(fields::change(&mut content, sample.fields, field, value)?);
    }
    // Through the crate's type: it knows which fields there are and what they may hold.
    let typed = (sample.typed)(content)
        .map_err(|error| Usage(format!("these values do not fit a {} event: {error}", sample.name)))?;
    if let Some(path) = paths.iter().find(|path| sample.shows_all && !fields::has(&typed, path)) {
        return Err(Usage(format!("a {} event has no field {path}", sample.name)).into());
    }
    Ok(typed)
}

fn read_file(path: &Path) -> Result<serde_json::Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
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

    fn content(text: &str) -> serde_json::Value {
        sample(text).expect("well-formed").expect("a sample")
    }

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

    #[test]
    fn every_sample_keeps_what_it_says_through_its_type() {
        for sample in samples::ALL {
            let typed = filled_in(sample, "").expect(sample.name);
            if sample.shows_all {
                fields::assert_kept(&(sample.content)(), &typed, sample.name);
            }
        }
    }

    #[test]
    fn every_short_name_can_be_used() {
        for sample in samples::ALL {
            for (field, _) in sample.fields {
                let value = if *field == "method" { "PUT" } else { "5" };
                filled_in(sample, &format!("{field}={value}")).expect(field);
            }
        }
    }

    #[test]
    fn a_short_name_changes_every_place_that_says_so() {
        let event = content("apigw-v2:path=/items/5,method=DELETE,query=a=1&b=2");
        assert_eq!(event["rawPath"], "/items/5");
        assert_eq!(event["requestContext"]["http"]["path"], "/items/5");
        assert_eq!(event["requestContext"]["http"]["method"], "DELETE");
        assert_eq!(event["rawQueryString"], "a=1&b=2");
        assert_eq!(event["queryStringParameters"]["b"], "2");
    }

    #[test]
    fn a_body_may_hold_commas() {
        let event = content(r#"sqs:body={"a": 1, "b": [2, 3]},Records.0.awsRegion=eu-west-1"#);
        assert_eq!(event["Records"][0]["body"], r#"{"a": 1, "b": [2, 3]}"#);
        assert_eq!(event["Records"][0]["awsRegion"], "eu-west-1");
    }

    #[test]
    fn encoded_data_is_given_in_the_clear() {
        assert_eq!(content("kinesis:data=hello")["Records"][0]["kinesis"]["data"], "aGVsbG8=");
    }

    #[test]
    fn encoded_logs_are_padded_as_the_service_does() {
        for message in ["a", "ab", "abc", "abcd"] {
            let event = content(&format!("cloudwatch-logs:message={message}"));
            let data = event["awslogs"]["data"].as_str().expect("text");
            assert_eq!(data.len() % 4, 0, "{data}");
        }
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        for text in ["apigw-v2:pth=/", "s3:Records.0.s3.object.colour=red", "sqs:Records.7.body=x"] {
            let error = sample(text).expect_err(text);
            assert!(error.is::<Usage>(), "{error:#}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused() {
        assert!(sample("s3:size=large").is_err());
    }
}
