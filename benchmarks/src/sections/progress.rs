//! What a person sees on stderr while it runs.

use indicatif::{ProgressBar, ProgressStyle};

/// The progress of one part of the run; gone from the screen when dropped.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Of `steps` steps.
    pub fn new(what: &str, steps: usize) -> Self {
        let bar = ProgressBar::new(steps as u64);
        let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg} ({eta} left)");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_prefix(what.to_owned());
        Self { bar }
    }

    /// Says what is being done now.
    pub fn doing(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// One step is done.
    pub fn step(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
