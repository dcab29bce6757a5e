//! What was found, for people and for programs.

use std::fmt::Write as _;

use anyhow::Result;
use serde::Serialize;

use super::examination::{Examination, Obstacle, Place};
use crate::units;

/// The report as JSON.
pub fn json(label: &str, found: &Examination) -> Result<String> {
    #[derive(Serialize)]
    struct Report<'a> {
        target: &'a str,
        can_be_imaged: bool,
        #[serde(flatten)]
        found: &'a Examination,
    }
    let report = Report { target: label, can_be_imaged: found.can_be_imaged(), found };
    Ok(serde_json::to_string_pretty(&report)?)
}

/// The report as text.
pub fn text(label: &str, found: &Examination) -> String {
    let (fatal, rest): (Vec<&Obstacle>, Vec<&Obstacle>) = found.obstacles.iter().partition(|o| o.fatal);
    let mut text = String::new();
    section(&mut text, "Stands in the way", &fatal);
    section(&mut text, "Worth knowing", &rest);
    if fatal.is_empty() {
        push(&mut text, 0, &format!("{label} can be imaged"));
    } else {
        let things = units::count(fatal.len(), "obstacle");
        push(&mut text, 0, &format!("{label} cannot be imaged: {things} in the way"));
    }
    text
}

fn section(text: &mut String, title: &str, obstacles: &[&Obstacle]) {
    if obstacles.is_empty() {
        return;
    }
    push(text, 0, &format!("{title}:"));
    let (variables, others): (Vec<&Obstacle>, Vec<&Obstacle>) =
        obstacles.iter().partition(|o| is_of_a_package(o));
    for obstacle in others {
        push(text, 1, &format!("{}: {}", obstacle.kind, obstacle.what));
        if let Some(owner) = owner(obstacle) {
            push(text, 2, &format!("by {owner}"));
        }
        if !obstacle.remedy.is_empty() {
            push(text, 2, &format!("remedy: {}", obstacle.remedy));
        }
    }
    for (library, names) in by_library(&variables) {
        push(text, 1, &format!("environment: {library} read {}", names.join(", ")));
        push(text, 2, "a start where they have other values cannot use the image");
    }
    text.push('\n');
}

/// Whether this is a variable that an installed package reads: there are many, and they are listed together.
fn is_of_a_package(obstacle: &Obstacle) -> bool {
    obstacle.kind == "environment" && obstacle.library.is_some() && obstacle.facts.contains_key("name")
}

/// Names of variables by library, in order.
fn by_library<'a>(variables: &[&'a Obstacle]) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for variable in variables {
        let library = variable.library.as_deref().unwrap_or_default();
        let name = variable.facts["name"].as_str().unwrap_or_default();
        match groups.iter_mut().find(|(known, _)| *known == library) {
            Some((_, names)) => names.push(name),
            None => groups.push((library, vec![name])),
        }
    }
    groups
}

/// Who made it, in words: `app (/task/app.py:3)`, and by which statement of the user.
fn owner(obstacle: &Obstacle) -> Option<String> {
    let mut words = place(&obstacle.owner)?;
    if let Some(through) = obstacle.through.as_ref().and_then(place) {
        write!(words, ", through {through}").ok()?;
    }
    Some(words)
}

fn place(place: &Place) -> Option<String> {
    let module = place.module.as_deref().or(place.file.as_deref())?;
    Some(match (&place.file, place.line) {
        (Some(file), Some(line)) => format!("{module} ({file}:{line})"),
        (Some(file), None) if file != module => format!("{module} ({file})"),
        _ => module.to_owned(),
    })
}

fn push(text: &mut String, depth: usize, line: &str) {
    for _ in 0..depth {
        text.push_str("  ");
    }
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examination(obstacles: serde_json::Value) -> Examination {
        let whole = serde_json::json!({"obstacles": obstacles, "descriptors": [], "environment": []});
        serde_json::from_value(whole).expect("as the script writes it")
    }

    fn thread() -> serde_json::Value {
        serde_json::json!({
            "kind": "thread", "what": "a thread is running", "remedy": "stop it", "fatal": true,
            "module": "lib", "file": "/p/lib.py", "line": 5, "library": "lib", "count": 1,
            "through": {"module": "app", "file": "/task/app.py", "line": 2, "library": null},
        })
    }

    #[test]
    fn an_obstacle_is_named_with_owner_and_remedy() {
        let text = text("app.handler", &examination(serde_json::json!([thread()])));
        assert!(text.contains("  thread: a thread is running\n"));
        assert!(text.contains("    by lib (/p/lib.py:5), through app (/task/app.py:2)\n"));
        assert!(text.contains("    remedy: stop it\n"));
        assert!(text.ends_with("app.handler cannot be imaged: 1 obstacle in the way\n"));
    }

    #[test]
    fn variables_of_a_package_are_listed_together() {
        let variable = |name: &str| {
            serde_json::json!({
                "kind": "environment", "what": name, "remedy": "", "fatal": false, "module": "lib.a",
                "file": "/p/lib/a.py", "line": 1, "library": "lib", "through": null, "name": name,
            })
        };
        let found = examination(serde_json::json!([variable("A"), variable("B")]));
        let text = text("app.handler", &found);
        assert!(text.contains("environment: lib read A, B\n"));
        assert!(text.ends_with("app.handler can be imaged\n"));
    }

    #[test]
    fn json_keeps_what_each_kind_has_to_say() {
        let written = json("app.handler", &examination(serde_json::json!([thread()]))).expect("written");
        let read: serde_json::Value = serde_json::from_str(&written).expect("JSON");
        assert_eq!(read["can_be_imaged"], false);
        assert_eq!(read["obstacles"][0]["count"], 1);
        assert_eq!(read["obstacles"][0]["file"], "/p/lib.py");
    }
}
