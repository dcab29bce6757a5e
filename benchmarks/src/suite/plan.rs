//! Which variants of which functions are started under which conditions.

use anyhow::{Result, bail};

use super::arguments::Arguments;
use super::conditions::{self, Condition};
use super::functions;
use super::variants::{self, Variant};

/// Functions that are measured where not all are: small, middling, large.
const FEW: &[&str] = &["bare-json", "boto3", "large"];
/// Functions of `--quick`.
const QUICK: &[&str] = &["bare-json", "boto3"];
/// Variants of all functions: the rungs, and the least that an initialised process costs. The others tell much the
/// same for every function, and each takes as long.
const OF_ALL: &[&str] = &["plain", "code", "image", "fork"];
/// Variants where not all are started: what one would deploy.
const MAIN: &[&str] = &["plain", "code", "code+extension", "image", "image+extension"];
/// What `--quick` starts besides.
const QUICK_BESIDES: &[&str] = &["stale", "fork"];
/// Variants that are started only if they are named.
const ON_DEMAND: &[&str] = &["injected"];
/// Conditions that are measured with the function `boto3` only, unless asked for.
const ONE_FUNCTION: &[&str] = &["slow-storage", "memory-512"];
const THE_FUNCTION: &str = "boto3";

/// What was asked for.
pub struct Plan<'a> {
    arguments: &'a Arguments,
}

impl<'a> Plan<'a> {
    /// Of the command line.
    ///
    /// # Errors
    /// When a variant or condition of that name does not exist.
    pub fn new(arguments: &'a Arguments) -> Result<Self> {
        let variants: Vec<_> = variants::ALL.iter().map(|v| v.name()).collect();
        let conditions: Vec<_> = conditions::ALL.iter().map(|c| c.name()).collect();
        known("variant", &arguments.variant, &variants)?;
        known("condition", &arguments.condition, &conditions)?;
        Ok(Self { arguments })
    }

    /// The shipped functions to measure if none is named.
    pub const fn functions(&self) -> &'static [&'static str] {
        if self.arguments.quick { QUICK } else { functions::NAMES }
    }

    /// Whether there is anything to be done under a condition.
    pub fn condition(&self, condition: &dyn Condition) -> bool {
        let name = condition.name();
        if !self.arguments.condition.is_empty() {
            return self.arguments.condition.iter().any(|asked| asked == name);
        }
        self.arguments.all
            || matches!(name, "warm" | "cold")
            || (!self.arguments.quick && ONE_FUNCTION.contains(&name))
    }

    /// Whether a variant is started at all.
    pub fn variant(&self, variant: &dyn Variant) -> bool {
        let name = variant.name();
        if !self.arguments.variant.is_empty() {
            return self.arguments.variant.iter().any(|asked| asked == name);
        }
        let few = self.arguments.quick && !MAIN.contains(&name) && !QUICK_BESIDES.contains(&name);
        !few && !ON_DEMAND.contains(&name)
    }

    /// Whether a variant of a function is started under a condition.
    pub fn start(&self, function: &str, condition: &dyn Condition, variant: &dyn Variant) -> bool {
        if !self.condition(condition) || !self.variant(variant) {
            return false;
        }
        if variant.outside() && condition.name() != "warm" {
            return false;
        }
        let Arguments { all, variant: variants, condition: conditions, function: own, .. } = self.arguments;
        let shipped = own.is_empty();
        let asked = (!variants.is_empty(), !conditions.is_empty());
        if *all {
            return true;
        }
        let variant_fits = match condition.name() {
            _ if asked.0 => true,
            "warm" => !shipped || FEW.contains(&function) || OF_ALL.contains(&variant.name()),
            _ => MAIN.contains(&variant.name()),
        };
        let function_fits = match condition.name() {
            _ if asked.1 => true,
            "warm" => true,
            "cold" => {
                !shipped || (FEW.contains(&function) && (!self.arguments.quick || function == THE_FUNCTION))
            }
            _ => shipped && function == THE_FUNCTION,
        };
        variant_fits && function_fits
    }
}

fn known(what: &str, asked: &[String], names: &[&str]) -> Result<()> {
    match asked.iter().find(|name| !names.contains(&name.as_str())) {
        Some(name) => bail!("no {what} {name:?}; there are {}", names.join(", ")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(Debug, clap::Parser)]
    struct Whole {
        #[command(flatten)]
        arguments: Arguments,
    }

    /// The starts of one round, as FUNCTION/CONDITION/VARIANT.
    fn starts(words: &[&str], functions: &[&str]) -> Vec<String> {
        let whole = Whole::parse_from([&["run"], words].concat());
        let plan = Plan::new(&whole.arguments).unwrap();
        let mut found = Vec::new();
        for function in functions {
            for condition in conditions::ALL {
                let wanted = variants::ALL.iter().filter(|v| plan.start(function, *condition, **v));
                found.extend(wanted.map(|v| format!("{function}/{}/{}", condition.name(), v.name())));
            }
        }
        found
    }

    #[test]
    fn by_default_every_function_is_started_warm_and_some_cold() {
        let found = starts(&[], functions::NAMES);
        let has = |start: &str| found.iter().any(|found| found == start);
        assert!(functions::NAMES.iter().all(|name| has(&format!("{name}/warm/code"))));
        assert!(has("boto3/cold/image+extension") && !has("numpy/cold/plain") && !has("boto3/cold/fork"));
        assert!(
            has("boto3/memory-512/plain") && !has("boto3/memory-128/plain") && !has("large/memory-512/plain")
        );
        assert!(has("large/warm/stale") && !has("numpy/warm/stale"));
        // On two cores at rest a start takes half a second on the average, the sandbox's own time included, and one
        // from storage, with its rehearsal, a second. Packaging and archives take five minutes more.
        let seconds = |start: &String| if start.contains("/warm/") { 0.5 } else { 1.0 };
        assert!(found.iter().map(seconds).sum::<f64>() * 24.0 < 25.0 * 60.0, "{}", found.len());
        assert!(!has("boto3/warm/injected") && has("boto3/warm/criu"));
    }

    #[test]
    fn what_is_asked_for_is_exactly_what_is_started() {
        let words = ["--variant", "plain", "--variant", "stale", "--condition", "memory-128"];
        assert_eq!(starts(&words, &["numpy"]), ["numpy/memory-128/plain", "numpy/memory-128/stale"]);
    }

    #[test]
    fn a_function_of_the_users_is_started_every_way_but_under_no_special_conditions() {
        let found = starts(&["-f", "mine"], &["mine"]);
        assert!(found.contains(&"mine/warm/zipimport".to_owned()));
        assert!(found.contains(&"mine/cold/code".to_owned()));
        assert!(!found.iter().any(|start| start.contains("memory")));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let whole = Whole::parse_from(["run", "--variant", "faster"]);
        let error = Plan::new(&whole.arguments).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("no variant \"faster\"; there are plain, stale"), "{error}");
    }
}
