//! The reading thread: find, submit what is hot, read on in plan order, verify, report.

use std::collections::VecDeque;
use std::fs::File;
use std::rc::Rc;
use std::time::Instant;

use glowplug_archive::plan::{Base, Plan, PlanRecord, Planned, plan_flags};

use crate::archives;
use crate::budget::Budget;
use crate::places::{Place, Places};
use crate::reading::{Reader, only_what_is_asked, submit};
use crate::report::Report;
use crate::settings::Settings;
use crate::stop::{Reason, Stop};
use crate::verification::Verifier;

/// Does all of it. What is wrong is logged.
pub fn run(settings: &Settings, stop: &Stop, begun: Instant) {
    let (found, faults) = archives::find(settings);
    for fault in faults {
        settings.log.warn(&format!("{fault}; nothing of it is read ahead"));
    }
    if found.is_empty() {
        return;
    }
    let Some(reader) = Reader::new() else {
        settings.log.warn("nothing is read ahead: no memory");
        return;
    };
    let budget = Budget::new(settings, begun);
    let mut prefetch = Prefetch { settings, stop, reader, budget, report: empty_report(&found) };
    prefetch.submit_hot(&found);
    let outcome = found.iter().try_for_each(|archive| prefetch.follow(archive));
    let Prefetch { reader, mut report, .. } = prefetch;
    (report.counts, report.residency_known) = reader.counts();
    report.stopped = outcome.err().unwrap_or(Reason::Done);
    report.time = begun.elapsed();
    settings.log.info("prefetch", &report.fields());
}

fn empty_report(archives: &[Planned]) -> Report {
    let name =
        |archive: &Planned| archive.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let planned = |archive: &Planned| archive.plan().records().iter().map(|r| r.length).sum::<u64>();
    Report {
        archives: archives.iter().map(name).collect(),
        files: 0,
        missing: 0,
        different: 0,
        planned: archives.iter().map(planned).sum(),
        counts: Default::default(),
        residency_known: true,
        verified: 0,
        faults: Vec::new(),
        time: Default::default(),
        stopped: Reason::Done,
    }
}

/// The file of the record before, which the next one is of, more often than not.
struct Current<'a> {
    base: Base,
    origin: &'a str,
    path: &'a str,
    file: Option<Rc<File>>,
}

/// A range of the archive that has been given to the reader.
struct Unverified {
    offset: u64,
    length: u64,
    /// The reader's mark behind it.
    mark: u64,
}

struct Prefetch<'a> {
    settings: &'a Settings,
    stop: &'a Stop,
    reader: Reader,
    budget: Budget,
    report: Report,
}

impl Prefetch<'_> {
    /// Has the disk begin with what is needed first, before anything is waited for.
    fn submit_hot(&self, archives: &[Planned]) {
        for archive in archives {
            let hot = |r: &&PlanRecord| r.flags & plan_flags::HOT != 0 && r.base == Base::Archive as u16;
            for record in archive.plan().records().iter().filter(hot) {
                if self.stop.requested().is_some() || self.budget.is_late() {
                    return;
                }
                submit(archive.file(), record.offset, record.length);
            }
        }
    }

    /// Reads along one archive's plan.
    fn follow(&mut self, archive: &Planned) -> Result<(), Reason> {
        let plan = archive.plan();
        let mut verifier = Verifier::new(archive);
        let outcome = self.read_all(archive, plan, &mut verifier);
        let verified = verifier.found();
        self.report.verified += verified.bytes;
        let name = archive.path().display();
        self.report.faults.extend(verified.faults.iter().map(|fault| format!("{name}: {fault}")));
        outcome
    }

    fn read_all(
        &mut self,
        archive: &Planned,
        plan: Plan<'_>,
        verifier: &mut Verifier<'_>,
    ) -> Result<(), Reason> {
        let mut places = Places::new(self.settings, archives::library(archive));
        let own = archive.file().try_clone().ok().map(Rc::new);
        let mut own_seen = false;
        let mut current: Option<Current<'_>> = None;
        // Ranges of the archive that are being read, to be verified when they have been.
        let mut unverified = VecDeque::new();
        for record in plan.records() {
            let (base, origin, path) = (plan.base(record), plan.origin(record), plan.path(record));
            let file = if base == Base::Archive {
                self.report.files += u64::from(!std::mem::replace(&mut own_seen, true));
                own.clone()
            } else {
                match &current {
                    Some(c) if (c.base, c.origin, c.path) == (base, origin, path) => c.file.clone(),
                    _ => {
                        let file = self.open(&mut places, plan, record);
                        current = Some(Current { base, origin, path, file: file.clone() });
                        file
                    }
                }
            };
            let Some(file) = file else { continue };
            let (stop, budget) = (self.stop, &mut self.budget);
            let is_verified = base == Base::Archive;
            self.reader.add(&file, record.offset, record.length, is_verified, |bytes| {
                stop.requested().map_or(Ok(()), Err)?;
                budget.take(bytes)
            })?;
            if base == Base::Archive {
                let (offset, length) = (record.offset, record.length);
                unverified.push_back(Unverified { offset, length, mark: self.reader.mark() });
            }
            self.verify(&mut unverified, verifier)?;
        }
        let (stop, budget) = (self.stop, &self.budget);
        self.reader.finish(|| {
            stop.requested().map_or(Ok(()), Err)?;
            if budget.is_late() { Err(Reason::Time) } else { Ok(()) }
        })?;
        self.verify(&mut unverified, verifier)
    }

    fn open<'p>(&mut self, places: &mut Places<'p>, plan: Plan<'p>, record: &PlanRecord) -> Option<Rc<File>> {
        match places.open(plan, record) {
            Place::Found(file) => {
                only_what_is_asked(&file);
                self.report.files += 1;
                Some(Rc::new(file))
            }
            Place::Missing => {
                self.report.missing += 1;
                None
            }
            Place::Different => {
                self.report.different += 1;
                None
            }
        }
    }

    /// Verifies ranges that have been read, while the disk is busy with those after them.
    fn verify(&self, ranges: &mut VecDeque<Unverified>, verifier: &mut Verifier<'_>) -> Result<(), Reason> {
        while let Some(range) = ranges.pop_front_if(|range| self.reader.has_finished(range.mark)) {
            let go_on = || self.stop.requested().is_none() && !self.budget.is_late();
            verifier.check(range.offset, range.length, go_on);
        }
        self.stop.requested().map_or(Ok(()), Err)
    }
}
