//! What one run of the suite works with: options made definite, folders, interpreters.

use std::cell::RefCell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::process::Command;
use crate::sections::cli::Arguments;
use crate::sections::interpreter::{self, Interpreter};
use crate::sections::variants::Entry;
use crate::sections::workload;

/// One run of the suite.
pub struct Bench {
    /// What is measured on.
    pub interpreters: Vec<Interpreter>,
    /// Runs of each variant.
    pub runs: usize,
    /// Whether cold means the whole machine's caches, not only the files involved.
    pub drop_caches: bool,
    /// Seed of everything random here.
    pub seed: u64,
    /// Where set-up and build keep what they make.
    pub target: PathBuf,
    folder: PathBuf,
    random: RefCell<StdRng>,
    /// Held as long as this lives: two runs at once would disturb each other, and share the folder.
    _lock: File,
    /// What is run on each interpreter, in the order of `interpreters`.
    entries: Vec<Vec<Entry>>,
}

impl Bench {
    /// Reads what set-up left below `target/` and makes the folders.
    ///
    /// # Errors
    /// When there is no such environment or package, or a folder cannot be made.
    pub fn new(cli: &Arguments) -> Result<Self> {
        let target = cli.target.canonicalize().with_context(|| {
            format!("{}: run `make bench-sections` from the repository's folder", cli.target.display())
        })?;
        let seed = cli.seed.unwrap_or_else(seed_from_clock);
        let interpreters = interpreter::chosen(&target, &cli.python)?;
        let workloads = workload::chosen(&cli.package, cli.quick)?;
        let entries = interpreters.iter().map(|_| workloads.iter().map(|w| Entry::new(w)).collect());
        let bench = Self {
            entries: entries.collect(),
            interpreters,
            runs: cli.runs(),
            drop_caches: cli.drop_caches,
            seed,
            folder: target.join("bench"),
            target: target.clone(),
            random: RefCell::new(StdRng::seed_from_u64(seed)),
            _lock: lock(&target.join("bench"))?,
        };
        make_folder(&bench.home())?;
        Ok(bench)
    }

    /// What is run on one of [`Self::interpreters`].
    pub fn entries(&self, interpreter: &Interpreter) -> &[Entry] {
        let number = self.interpreters.iter().position(|i| i == interpreter);
        number.map_or(&[], |number| &self.entries[number])
    }

    /// The folder for what one variant makes for one workload; it exists.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self, interpreter: &Interpreter, parts: &[&str]) -> Result<PathBuf> {
        let mut folder = self.folder.join(&interpreter.label);
        folder.extend(parts);
        make_folder(&folder)?;
        Ok(folder)
    }

    /// A command with the environment that every measured process has: nothing of the caller's.
    ///
    /// Credentials and region are given as Lambda gives them, so that boto3 does not look for them
    /// on the network; the home and working folder are empty.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program, &self.home());
        for (name, value) in [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("LANG", "C.UTF-8"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "example"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ] {
            command.set(name, value);
        }
        command.set("HOME", self.home());
        command
    }

    /// Draws from the run's one generator.
    pub fn random<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.random.borrow_mut())
    }

    fn home(&self) -> PathBuf {
        self.folder.join("home")
    }
}

fn lock(folder: &Path) -> Result<File> {
    make_folder(folder)?;
    let file = File::create(folder.join("lock"))?;
    file.try_lock().with_context(|| format!("another run is using {}: wait for it", folder.display()))?;
    Ok(file)
}

fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))
}

fn seed_from_clock() -> u64 {
    // Micro-seconds: short enough to be typed again.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |d| u64::from(d.subsec_micros()) + 1)
}
