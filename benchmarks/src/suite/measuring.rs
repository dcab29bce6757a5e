//! The starts of one function under one condition: in turns, in random order, each answer checked.

use std::cell::RefCell;
use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use rand::rngs::StdRng;
use serde_json::Value;

use super::conditions::{Applied, Condition};
use super::invocation::{self, Start};
use super::live::Live;
use super::package::Package;
use super::variants::Prepared;
use super::workplace::{Workplace, last_line};
use crate::results::measure::{self, Measure};
use crate::results::{Entry, Series};
use crate::schedule;

/// Starts that are not counted, so that files are in the page cache and clocks are up.
const WARM_UPS: usize = 1;
/// Starts of each variant that are measured for what the runtime uses, not for time.
const RESOURCE_RUNS: usize = 3;

/// What all functions and conditions have in common.
pub struct Measuring<'a> {
    /// Folders and programs.
    pub place: &'a Workplace,
    /// Runs of each variant.
    pub runs: usize,
    /// Whether any answer but an error is right.
    pub any_response: bool,
    /// What a person sees.
    pub live: Live,
    /// Why memory sizes were not enforced, if that happened.
    pub memory_not_enforced: RefCell<Option<String>>,
}

/// A variant of a function: its name, and how it starts.
pub struct Contestant<'a> {
    /// Name of the variant.
    pub name: &'static str,
    /// Whether its process lives outside of the sandbox.
    pub outside: bool,
    /// How it starts.
    pub prepared: &'a Prepared,
}

/// One contestant's way through the rounds.
struct Lane<'a> {
    contestant: &'a Contestant<'a>,
    timed: Applied,
    /// What went wrong first.
    void: Option<String>,
    samples: BTreeMap<&'static str, (Measure, Vec<f64>)>,
    rung: Option<&'static str>,
}

impl Measuring<'_> {
    /// Measures; one entry for each contestant. `expected` is the right answer, once it is known.
    ///
    /// # Errors
    /// When the condition cannot be prepared. What fails in a variant is in its entry.
    pub fn measure(
        &self,
        package: &Package,
        condition: &dyn Condition,
        contestants: &[Contestant],
        expected: &mut Option<Vec<Value>>,
        random: &mut StdRng,
    ) -> Result<Vec<Entry>> {
        let mut lanes = Vec::new();
        for contestant in contestants {
            let timed = condition.apply(self.place, &contestant.prepared.launch)?;
            lanes.push(Lane { contestant, timed, void: None, samples: BTreeMap::new(), rung: None });
        }
        let names: Vec<_> = lanes.iter().map(|lane| lane.contestant.name).collect();
        self.live.begin(&package.function.name, condition.name(), &names);
        let warming = (0..WARM_UPS * lanes.len()).map(|number| (number % contestants.len(), false));
        let counted =
            schedule::interleaved(self.runs, lanes.len(), random).into_iter().map(|number| (number, true));
        for (number, counts) in warming.chain(counted) {
            let lane = &mut lanes[number];
            if lane.void.is_none() {
                self.live.doing(lane.contestant.name);
                match self.start(package, lane, expected) {
                    Ok(start) if counts => lane.add(&start),
                    Ok(_) => {}
                    Err(error) => lane.void = Some(format!("{error:#}")),
                }
                self.live.show(number, lane.samples(measure::START), lane.void.as_deref());
            }
            self.live.step(condition.reads_storage());
        }
        self.resources(package, condition, &mut lanes, expected)?;
        self.live.end();
        Ok(lanes.into_iter().map(|lane| lane.entry(package, condition)).collect())
    }

    /// Starts whose runtimes are measured for memory, faults and reads.
    fn resources(
        &self,
        package: &Package,
        condition: &dyn Condition,
        lanes: &mut [Lane],
        expected: &mut Option<Vec<Value>>,
    ) -> Result<()> {
        for lane in lanes.iter_mut().filter(|lane| lane.void.is_none() && !lane.contestant.outside) {
            let layer = package.fresh("resources")?;
            let launch = lane.contestant.prepared.launch.with_resources(self.place, &layer)?;
            let applied = condition.apply(self.place, &launch)?;
            for _ in 0..RESOURCE_RUNS.min(self.runs) {
                self.live.doing(lane.contestant.name);
                let used = self.once(package, &applied, launch.rung, expected).and_then(|start| {
                    start
                        .resources
                        .ok_or_else(|| anyhow::anyhow!("the runtime's use of resources was not reported"))
                });
                match used {
                    Ok(used) => {
                        let values = [used.peak_rss, used.minor_faults, used.major_faults, used.read];
                        for (measure, value) in measure::RESOURCES.into_iter().zip(values) {
                            lane.push(measure, value);
                        }
                    }
                    Err(error) => lane.void = Some(format!("measured for resources: {error:#}")),
                }
                self.live.step(condition.reads_storage());
            }
        }
        Ok(())
    }

    fn start(&self, package: &Package, lane: &mut Lane, expected: &mut Option<Vec<Value>>) -> Result<Start> {
        let start = self.once(package, &lane.timed, lane.contestant.prepared.launch.rung, expected)?;
        lane.rung = start.rung;
        Ok(start)
    }

    fn once(
        &self,
        package: &Package,
        applied: &Applied,
        rung: Option<&str>,
        expected: &mut Option<Vec<Value>>,
    ) -> Result<Start> {
        let command = applied.launch.command(self.place, package, &applied.options);
        let outcome = applied.limited(command)?.run()?;
        if outcome.output.is_empty() {
            bail!("glowplug invoke failed ({}): {}", outcome.status, last_line(&outcome.errors));
        }
        let start = invocation::read(&outcome.output)?;
        if let Some(why) = &start.memory_not_enforced {
            self.memory_not_enforced.borrow_mut().get_or_insert_with(|| why.clone());
        }
        if let Some(share) = &applied.limit {
            share.took_effect()?;
        }
        ensure!(
            start.rung == rung,
            "the start used the rung {:?} where {:?} was to be measured: {}",
            start.rung.unwrap_or("plain"),
            rung.unwrap_or("plain"),
            start.said
        );
        let right = expected.get_or_insert_with(|| start.responses.clone());
        ensure!(
            self.any_response || *right == start.responses,
            "answered {} where {} is right",
            Value::from(start.responses),
            Value::from(right.clone())
        );
        Ok(start)
    }
}

impl Lane<'_> {
    fn add(&mut self, start: &Start) {
        for (measure, value) in start.times() {
            self.push(measure, value);
        }
    }

    fn push(&mut self, measure: Measure, value: f64) {
        self.samples.entry(measure.name).or_insert_with(|| (measure, Vec::new())).1.push(value);
    }

    fn samples(&self, measure: Measure) -> &[f64] {
        self.samples.get(measure.name).map_or(&[], |(_, samples)| samples)
    }

    fn entry(self, package: &Package, condition: &dyn Condition) -> Entry {
        let series: Vec<Series> =
            self.samples.into_values().map(|(measure, samples)| measure.series(samples)).collect();
        let rung = if self.contestant.outside { None } else { Some(self.rung.unwrap_or("plain").to_owned()) };
        Entry {
            function: package.function.name.clone(),
            variant: self.contestant.name.to_owned(),
            condition: condition.name().to_owned(),
            rung: rung.filter(|_| self.void.is_none()),
            sizes: self.contestant.prepared.sizes.clone(),
            series: if self.void.is_some() { Vec::new() } else { series },
            void: self.void,
        }
    }
}

/// How many starts `contestants` variants take under a condition, the slow ones counted more than once.
pub fn steps(runs: usize, contestants: usize, reads_storage: bool) -> usize {
    (runs + WARM_UPS + RESOURCE_RUNS.min(runs)) * contestants * super::live::weight(reads_storage)
}
