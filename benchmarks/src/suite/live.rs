//! What a person sees while it runs: progress, time left, and a table that fills.

use std::cell::RefCell;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::statistics;

/// How much longer than others starts take that rehearse and read from storage.
pub const fn weight(reads_storage: bool) -> usize {
    if reads_storage { 4 } else { 1 }
}

/// The screen.
pub struct Live {
    whole: MultiProgress,
    bar: ProgressBar,
    lines: RefCell<Vec<(ProgressBar, &'static str)>>,
    reference: RefCell<Option<f64>>,
}

impl Live {
    /// For so many steps.
    pub fn new(steps: usize) -> Self {
        let whole = MultiProgress::new();
        let bar = whole.add(ProgressBar::new(steps as u64));
        let template = "[{bar:30}] {percent}% {elapsed} ({eta} left) {prefix}: {msg}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        Self { whole, bar, lines: RefCell::default(), reference: RefCell::default() }
    }

    /// A line for those who do not see the screen, and a note of what is being prepared.
    pub fn say(&self, text: &str) {
        if self.bar.is_hidden() {
            eprintln!("{text}");
        } else {
            self.bar.set_prefix(text.to_owned());
            self.bar.set_message(String::new());
            self.bar.tick();
        }
    }

    /// A table for one function under one condition.
    pub fn begin(&self, function: &str, condition: &str, variants: &[&'static str]) {
        self.say(&format!("{function}, {condition}"));
        let line = |name: &'static str| {
            let line = self.whole.add(ProgressBar::new_spinner());
            line.set_style(
                ProgressStyle::with_template("  {msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            line.set_message(name);
            (line, name)
        };
        *self.lines.borrow_mut() = variants.iter().map(|name| line(name)).collect();
        *self.reference.borrow_mut() = None;
    }

    /// Which variant is being started.
    pub fn doing(&self, variant: &'static str) {
        self.bar.set_message(variant);
    }

    /// What one variant has so far.
    pub fn show(&self, number: usize, samples: &[f64], void: Option<&str>) {
        let lines = self.lines.borrow();
        let Some((line, name)) = lines.get(number) else { return };
        if let Some(why) = void {
            line.set_message(format!("{name:<16} void: {}", why.lines().next().unwrap_or_default()));
            return;
        }
        if samples.is_empty() {
            return;
        }
        let median = statistics::median(samples);
        if number == 0 {
            *self.reference.borrow_mut() = Some(median);
        }
        let ratio =
            self.reference.borrow().map_or_else(String::new, |first| format!("{:>6.2}x", first / median));
        let p90 = statistics::quantile(samples, 0.9);
        line.set_message(format!(
            "{name:<16} {:>3} runs {median:>8.1} ms  p90 {p90:>8.1} {ratio}",
            samples.len()
        ));
    }

    /// One start is done.
    pub fn step(&self, reads_storage: bool) {
        self.bar.inc(weight(reads_storage) as u64);
    }

    /// Takes the table away.
    pub fn end(&self) {
        for (line, _) in self.lines.borrow_mut().drain(..) {
            line.finish_and_clear();
            self.whole.remove(&line);
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
