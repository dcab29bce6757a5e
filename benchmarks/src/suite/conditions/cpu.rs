//! The share of CPU that a memory size comes with, by the quota of a control group.
//!
//! Lambda gives CPU in proportion to memory, one vCPU at 1,769 MB ("Configure Lambda function memory"),
//! and about two during Init whatever the size. The quota is two CPUs when a start begins; an extension
//! of the suite's takes it down to the share when Init is over ([`crate::acts::burst`]).

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::acts::{self, burst};
use crate::process::Command;
use crate::suite::invocation::Launch;
use crate::suite::tree;
use crate::suite::workplace::Workplace;

/// Of cgroup v1, where each controller has its own groups: `glowplug invoke` puts the function's processes
/// into a group of its own for memory, which with v2 would take them out of this one.
const CONTROLLER: &str = "/sys/fs/cgroup/cpu";
/// How often quotas are handed out, in microseconds. What Lambda does is not documented.
const PERIOD: u32 = 20_000;
/// CPUs during Init.
const BURST: u32 = 2;
/// MB for one CPU.
const ONE_CPU: f64 = 1769.0;
/// Number of the descriptor that the extension sets the quota by. Shells can open up to 9.
const DESCRIPTOR: u32 = 9;

/// A control group for one start after another.
pub struct Share {
    group: PathBuf,
    begun: Cell<u64>,
}

impl Share {
    /// The share of CPUs of a memory size.
    pub fn of(megabytes: u32) -> f64 {
        f64::from(megabytes) / ONE_CPU
    }

    /// Says why CPU cannot be limited here, if it cannot.
    pub fn check(_: &Workplace) -> Result<(), String> {
        let group = Path::new(CONTROLLER).join(format!("glowplug-bench-check-{}", std::process::id()));
        if !Path::new(CONTROLLER).join("cpu.cfs_quota_us").is_file()
            && !Path::new(CONTROLLER).join("tasks").is_file()
        {
            return Err("CPU is not limited here: that takes the cpu controller of cgroup v1".to_owned());
        }
        let made = fs::create_dir(&group).and_then(|()| fs::write(group.join("cpu.cfs_quota_us"), "20000"));
        let _ = fs::remove_dir(&group);
        made.map_err(|error| format!("CPU is not limited here: {error}"))
    }

    /// Makes the group, and adds the extension to the start's layer.
    ///
    /// # Errors
    /// When that is not permitted.
    pub fn new(place: &Workplace, megabytes: u32, launch: &mut Launch) -> Result<Self> {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let layer = place.folder(&["burst"])?.join(number.to_string());
        tree::remove(&layer)?;
        if let Some(own) = &launch.layer {
            tree::copy(own, &layer, &[])?;
        }
        acts::place(burst::NAME, &layer.join("extensions"))?;
        launch.layer = Some(layer);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let quota = (Self::of(megabytes) * f64::from(PERIOD)) as u32;
        launch.environment.push((burst::QUOTA.to_owned(), format!("{DESCRIPTOR}:{quota}")));
        let group = Path::new(CONTROLLER).join(format!("glowplug-bench-{}-{number}", std::process::id()));
        fs::create_dir(&group).with_context(|| format!("cannot make {}", group.display()))?;
        let share = Self { group, begun: Cell::new(0) };
        share.set("cpu.cfs_period_us", PERIOD)?;
        Ok(share)
    }

    /// The command, run by a shell that joins the group and opens the quota for the extension.
    ///
    /// # Errors
    /// When the quota cannot be set.
    pub fn limit(&self, command: &Command) -> Result<Command> {
        const JOIN: &str = "echo 0 > \"$0/cgroup.procs\" && exec 9> \"$0/cpu.cfs_quota_us\" && exec \"$@\"";
        self.set("cpu.cfs_quota_us", BURST * PERIOD)?;
        self.begun.set(self.periods());
        let mut shell = command.clone();
        shell.through(Path::new("/bin/sh"), &["-c".as_ref(), JOIN.as_ref(), self.group.as_os_str()]);
        Ok(shell)
    }

    /// Makes sure that the quota of the last start was counted at all.
    ///
    /// # Errors
    /// When no period of it passed in the group: the processes were elsewhere.
    pub fn took_effect(&self) -> Result<()> {
        ensure!(
            self.periods() > self.begun.get(),
            "the CPU quota had no effect: the processes left the control group"
        );
        Ok(())
    }

    fn periods(&self) -> u64 {
        let text = fs::read_to_string(self.group.join("cpu.stat")).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("nr_periods ")?.parse().ok()).unwrap_or(0)
    }

    fn set(&self, file: &str, value: u32) -> Result<()> {
        fs::write(self.group.join(file), value.to_string())
            .with_context(|| format!("{}/{file}", self.group.display()))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.group);
    }
}
