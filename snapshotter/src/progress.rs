//! What is being done, on a terminal: a line that turns and says the step.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// The line. Nothing is shown where stderr is not a terminal.
pub struct Progress {
    bar: ProgressBar,
    steps: usize,
    step: usize,
}

impl Progress {
    /// For work of `steps` steps.
    pub fn new(steps: usize) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, steps, step: 0 }
    }

    /// The next step begins.
    pub fn begin(&mut self, what: &str) {
        self.step += 1;
        tracing::info!("{what}");
        self.bar.set_message(format!("[{}/{}] {what}", self.step, self.steps));
    }

    /// Writes to stderr without disturbing the line.
    pub fn print(&self, bytes: &[u8]) {
        use std::io::Write as _;
        self.bar.suspend(|| {
            // Where stderr is gone there is nobody to tell.
            let _ = std::io::stderr().write_all(bytes);
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
