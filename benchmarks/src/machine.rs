//! What was measured on. Names of hosts and users are not recorded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Architecture, as Rust names it.
    pub architecture: String,
    /// Model of the processor.
    pub processor: String,
    /// Processors that this process may use.
    pub processors: usize,
    /// Memory in MiB.
    pub memory: u64,
    /// Release of the kernel.
    pub kernel: String,
    /// Load average of the last minute, when the run began.
    pub load: f64,
}

impl Machine {
    /// This machine. What cannot be found out stays empty.
    pub fn here() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            architecture: std::env::consts::ARCH.to_owned(),
            processor: field(&read("/proc/cpuinfo"), "model name").unwrap_or_default(),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            memory: field(&read("/proc/meminfo"), "MemTotal").and_then(|v| kibibytes(&v)).unwrap_or(0) / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: read("/proc/loadavg").split(' ').next().and_then(|v| v.parse().ok()).unwrap_or(0.0),
        }
    }
}

/// The value after `name:` in a file of the kernel's.
fn field(text: &str, name: &str) -> Option<String> {
    let (_, value) = text.lines().filter_map(|l| l.split_once(':')).find(|(n, _)| n.trim() == name)?;
    Some(value.trim().to_owned())
}

fn kibibytes(value: &str) -> Option<u64> {
    value.strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_kernels_files_are_found() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nMemTotal:       24684084 kB\n";
        assert_eq!(field(text, "model name").as_deref(), Some("Some CPU @ 2 GHz"));
        assert_eq!(field(text, "MemTotal").and_then(|v| kibibytes(&v)), Some(24_684_084));
        assert_eq!(field(text, "model"), None);
    }
}
