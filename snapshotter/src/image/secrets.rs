//! Secrets in the image: those of the machine that makes it must not be there; those that the function was given are
//! told.

use std::fs;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::Order;
use super::found::{self, Obstacle};
use super::surroundings::{PLACEHOLDER, Surroundings};
use crate::recording;

/// Looks for the values of environment variables in the archive: of this process's own that are likely secrets, and
/// of those that the user gave the function.
///
/// # Errors
/// Where one of this process's own is in it.
pub fn look_for(order: &Order<'_>, surroundings: &Surroundings) -> Result<Vec<Obstacle>> {
    let given = order.target.environment.pairs().iter().filter(|(_, value)| value != PLACEHOLDER);
    let given: Vec<&(String, String)> = given.collect();
    let names: Vec<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
    let own = std::env::vars().filter(|(name, _)| !names.contains(&name.as_str()));
    // What the function gets of this process's environment anyhow is no secret.
    let own: Vec<(String, String)> = own.filter(|(name, _)| !surroundings.has(name)).collect();
    let (folder, result) = (order.scripts, order.scripts.join("secrets.json"));
    let spec = folder.join("secrets-spec.json");
    let text = json!({ "archive": order.archive, "given": given, "own": own }).to_string();
    fs::write(&spec, text).with_context(|| format!("cannot write {}", spec.display()))?;
    let mut command = std::process::Command::new(&order.target.python.executable);
    command.args(["-I", "-S", "-B"]).args([&folder.join("secret_scan.py"), &spec, &result]);
    let output = command.output().context("cannot look for secrets")?;
    // The values are not to lie about for longer than that.
    fs::remove_file(&spec).with_context(|| format!("cannot remove {}", spec.display()))?;
    recording::check(output.status, "secrets could not be looked for")?;
    let found: Found = found::read(folder, "secrets.json")?;
    if !found.own.is_empty() {
        bail!(
            "the image would hold what looks like secrets of this machine: the values of {}; nothing was written. If the \
             function may have them, give them to it with --env",
            found.own.join(", ")
        );
    }
    let tell = |name: &String| Obstacle {
        kind: "secret".to_owned(),
        what: format!("the image holds the value of {name}, which the function was given"),
        module: None,
        file: None,
        line: None,
        library: None,
        remedy: "read it in the handler, or from a parameter store".to_owned(),
    };
    Ok(found.given.iter().map(tell).collect())
}

#[derive(serde::Deserialize)]
struct Found {
    own: Vec<String>,
    given: Vec<String>,
}
