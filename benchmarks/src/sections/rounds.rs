//! Running contestants in turns.

use anyhow::{Result, ensure};

use crate::process::{Command, Outcome};
use crate::schedule;
use crate::sections::bench::Bench;
use crate::sections::progress::Progress;

/// Runs that are not counted, so that files are in the page cache and clocks are up.
pub const WARM_UPS: usize = 2;

/// What is run again and again for one variant.
pub struct Job<T> {
    /// Name of the variant.
    pub variant: &'static str,
    /// The process.
    pub command: Command,
    /// Takes the measurement from a process that succeeded; an error makes the variant void.
    pub read: fn(&Outcome, &str) -> Result<T>,
    /// Second argument of `read`: what is expected.
    pub expected: String,
}

/// What all runs of one variant gave.
pub struct Taken<T> {
    /// Name of the variant.
    pub variant: &'static str,
    /// A measurement for each run, in the order of the runs; or what went wrong first.
    pub measurements: Result<Vec<T>, String>,
}

/// Runs all jobs in turns as often as the options say, each time after `before`.
///
/// # Errors
/// When `before` fails. What fails in a job makes that job void, and the others go on.
pub fn run<T>(
    bench: &Bench,
    title: &str,
    jobs: &[Job<T>],
    warm_ups: usize,
    before: &dyn Fn() -> Result<()>,
) -> Result<Vec<Taken<T>>> {
    let mut order = bench.random(|random| schedule::interleaved(bench.runs, jobs.len(), random));
    let mut taken: Vec<Result<Vec<T>, String>> = jobs.iter().map(|_| Ok(Vec::new())).collect();
    let mut uncounted = warm_ups * jobs.len();
    let warming: Vec<usize> = (0..uncounted).map(|n| n % jobs.len()).collect();
    order.splice(0..0, warming);

    let progress = Progress::new(title, order.len());
    for number in order {
        let job = &jobs[number];
        progress.doing(job.variant);
        if let Ok(measurements) = &mut taken[number] {
            before()?;
            match once(job) {
                Ok(_) if uncounted > 0 => {}
                Ok(measurement) => measurements.push(measurement),
                Err(error) => taken[number] = Err(format!("{error:#}")),
            }
        }
        uncounted = uncounted.saturating_sub(1);
        progress.step();
    }
    let named = jobs.iter().zip(taken);
    Ok(named.map(|(job, measurements)| Taken { variant: job.variant, measurements }).collect())
}

fn once<T>(job: &Job<T>) -> Result<T> {
    let outcome = job.command.run()?;
    ensure!(outcome.status.success(), "{}: {}", outcome.status, last_lines(&outcome.errors));
    (job.read)(&outcome, &job.expected)
}

/// The end of what a process said: of a traceback, the error.
fn last_lines(errors: &str) -> String {
    let lines: Vec<&str> = errors.trim_end().lines().collect();
    lines[lines.len().saturating_sub(3)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_traceback_the_end_is_shown() {
        assert_eq!(last_lines("Traceback:\n a\n b\n  c\nValueError: 1\n\n"), " b |   c | ValueError: 1");
        assert_eq!(last_lines(""), "");
    }
}
