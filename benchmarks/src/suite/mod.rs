//! The suite: what a cold start costs from exec to first response, started in many ways.
//!
//! A [`plan`] says what is started. Each function becomes a [`package`], each variant of it is made
//! ready by a file of [`variants`]; [`measuring`] has them start in turns under a file of
//! [`conditions`], each start an [`invocation`] of the local Lambda sandbox.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::machine::Machine;
use crate::results::{self, Described, Entry, Function, Results, Source};

mod arguments;
mod conditions;
mod functions;
mod invocation;
mod live;
mod measuring;
mod noise;
mod package;
mod plan;
mod tree;
mod variants;
mod workplace;

pub use arguments::Arguments;
use conditions::Condition;
pub use invocation::rung;
use measuring::{Contestant, Measuring};
pub use noise::BUSY;
use package::Package;
use plan::Plan;
use variants::{Prepared, Variant};
use workplace::Workplace;

/// The variant that the others are held against.
pub const REFERENCE: &str = "plain";

/// What there is, for `list`.
pub fn list() -> String {
    let mut text = "functions\n".to_owned();
    for name in functions::NAMES {
        text += &format!("  {name}\n");
    }
    text += "variants\n";
    for variant in variants::ALL {
        text += &format!("  {:<16} {}\n", variant.name(), variant.title());
    }
    text += "conditions\n";
    for condition in conditions::ALL {
        text += &format!("  {:<16} {}\n", condition.name(), condition.title());
    }
    text
}

/// Measures.
///
/// # Errors
/// When the suite itself cannot go on; what fails in a variant is in the results.
pub fn run(arguments: &Arguments) -> Result<Results> {
    let (begun, began) = (Instant::now(), now());
    let machine = Machine::here();
    let plan = Plan::new(arguments)?;
    let place = Workplace::new(arguments)?;
    let functions = functions::chosen(arguments, plan.functions(), &place.folder(&["shipped"])?)?;
    let seed = arguments.seed.unwrap_or_else(seed_from_clock);
    let mut random = StdRng::seed_from_u64(seed);
    let offered = Offered::new(&plan, &place);
    let wanted =
        |function: &functions::Function, condition: &'static dyn Condition| -> Vec<&'static dyn Variant> {
            offered.variants().filter(|variant| plan.start(&function.name, condition, *variant)).collect()
        };
    let steps = functions.iter().flat_map(|function| {
        offered
            .conditions()
            .map(move |condition| (wanted(function, condition).len(), condition.reads_storage()))
    });
    let steps = steps.map(|(count, storage)| measuring::steps(arguments.runs(), count, storage)).sum();
    ensure!(steps > 0, "nothing to measure: what was asked for is not available here\n{}", offered.missing());

    let measuring = Measuring {
        place: &place,
        runs: arguments.runs(),
        any_response: arguments.any_response,
        live: live::Live::new(steps),
        memory_not_enforced: None.into(),
    };
    let mut results = Results {
        format: results::FORMAT.to_owned(),
        version: results::VERSION,
        source: Source::Local,
        began,
        seconds: 0.0,
        seed,
        machine: Some(machine),
        versions: versions(&place)?,
        functions: Vec::new(),
        variants: offered.variants.iter().map(|(v, why)| described(v.name(), v.title(), why)).collect(),
        conditions: offered.conditions.iter().map(|(c, why)| described(c.name(), &c.title(), why)).collect(),
        entries: Vec::new(),
        warnings: Vec::new(),
        malformed: None,
    };
    if let Some(why) = &place.not_isolated {
        results
            .warnings
            .push(format!("Starts were not isolated ({why}): files lie elsewhere than on Lambda."));
    }
    for function in &functions {
        measuring.live.say(&format!("{}: packaging", function.name));
        let package = Package::build(&place, function)?;
        results.functions.push(Function {
            name: function.name.clone(),
            title: function.title.clone(),
            packages: package.versions(&place)?,
        });
        let mut prepared: Vec<(&'static dyn Variant, Result<Prepared, String>)> = Vec::new();
        for variant in offered.variants() {
            if offered.conditions().any(|condition| plan.start(&function.name, condition, variant)) {
                measuring.live.say(&format!("{}: preparing {}", function.name, variant.name()));
                prepared
                    .push((variant, variant.prepare(&place, &package).map_err(|error| format!("{error:#}"))));
            }
        }
        let mut expected = None;
        for condition in offered.conditions() {
            let starting: Vec<_> =
                prepared.iter().filter(|(v, _)| plan.start(&function.name, condition, *v)).collect();
            let mut contestants = Vec::new();
            for (variant, ready) in starting {
                match ready {
                    Ok(ready) => contestants.push(Contestant {
                        name: variant.name(),
                        outside: variant.outside(),
                        prepared: ready,
                    }),
                    Err(why) => results.entries.push(void(function, variant.name(), condition.name(), why)),
                }
            }
            if !contestants.is_empty() {
                let entries =
                    measuring.measure(&package, condition, &contestants, &mut expected, &mut random)?;
                results.entries.extend(entries);
            }
        }
    }
    results.seconds = begun.elapsed().as_secs_f64();
    if let Some(why) = measuring.memory_not_enforced.take() {
        results.warnings.push(format!("Memory sizes were told to the functions, but not enforced: {why}."));
    }
    results.warnings.extend(too_large(&results.entries));
    results.warnings.extend(noise::warnings(&results));
    Ok(results)
}

/// What was asked for, with the reason where it cannot be had.
struct Offered {
    variants: Vec<(&'static dyn Variant, Option<String>)>,
    conditions: Vec<(&'static dyn Condition, Option<String>)>,
}

impl Offered {
    fn new(plan: &Plan, place: &Workplace) -> Self {
        let variants = variants::ALL.iter().filter(|variant| plan.variant(**variant));
        let conditions = conditions::ALL.iter().filter(|condition| plan.condition(**condition));
        Self {
            variants: variants.map(|variant| (*variant, variant.available(place).err())).collect(),
            conditions: conditions.map(|condition| (*condition, condition.available(place).err())).collect(),
        }
    }

    fn variants(&self) -> impl Iterator<Item = &'static dyn Variant> {
        self.variants.iter().filter(|(_, why)| why.is_none()).map(|(variant, _)| *variant)
    }

    fn conditions(&self) -> impl Iterator<Item = &'static dyn Condition> {
        self.conditions.iter().filter(|(_, why)| why.is_none()).map(|(condition, _)| *condition)
    }

    fn missing(&self) -> String {
        let variants = self.variants.iter().map(|(variant, why)| (variant.name(), why));
        let all = variants.chain(self.conditions.iter().map(|(condition, why)| (condition.name(), why)));
        let lines: Vec<_> =
            all.filter_map(|(name, why)| Some(format!("  {name}: {}", why.as_ref()?))).collect();
        lines.join("\n")
    }
}

/// Functions that with their layer are larger than Lambda takes ("Lambda quotas", unzipped).
fn too_large(entries: &[Entry]) -> Vec<String> {
    const LIMIT: u64 = 250 << 20;
    let size = |entry: &Entry, name: &str| entry.sizes.get(name).copied().unwrap_or(0);
    let large = |entry: &&Entry| size(entry, "function") + size(entry, "layer") > LIMIT;
    let names: BTreeSet<_> =
        entries.iter().filter(large).map(|entry| format!("{} {}", entry.function, entry.variant)).collect();
    let line = |name: &String| {
        format!("{name}: function and layer together are more than the 250 MB that Lambda takes.")
    };
    names.iter().map(line).collect()
}

fn described(name: &str, title: &str, why: &Option<String>) -> Described {
    Described { name: name.to_owned(), title: title.to_owned(), not_available: why.clone() }
}

fn void(function: &functions::Function, variant: &str, condition: &str, why: &str) -> Entry {
    Entry {
        function: function.name.clone(),
        variant: variant.to_owned(),
        condition: condition.to_owned(),
        void: Some(why.to_owned()),
        rung: None,
        sizes: BTreeMap::new(),
        series: Vec::new(),
    }
}

fn versions(place: &Workplace) -> Result<BTreeMap<String, String>> {
    let said = place.command(&place.glowplug).argument("--version").output()?;
    let glowplug = said.trim().trim_start_matches("glowplug ").to_owned();
    let mut found = BTreeMap::from([
        ("glowplug".to_owned(), glowplug),
        ("glowplug-bench".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("python".to_owned(), place.versions.python.clone()),
        ("python's compiler".to_owned(), place.versions.compiler.clone()),
        ("libc".to_owned(), place.versions.libc.clone()),
    ]);
    found.extend(place.versions.packages.iter().map(|(name, version)| (name.clone(), version.clone())));
    Ok(found)
}

/// Now, in UTC.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn seed_from_clock() -> u64 {
    // Micro-seconds: short enough to be typed again.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |d| u64::from(d.subsec_micros()) + 1)
}
