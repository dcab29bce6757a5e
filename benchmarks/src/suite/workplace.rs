//! Where the suite works: folders, the `glowplug` command, the environments of the runtime.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::arguments::Arguments;
use super::tree;
use crate::process::Command;

/// What the runtime's environment holds.
const RUNTIME: &str = include_str!("../../runtime/requirements.txt");
/// What `code-data-share`'s environment holds besides.
const CODE_DATA_SHARE: &str = include_str!("../../runtime/code-data-share.txt");
/// Prints versions.
const VERSIONS: &str = include_str!("../sections/probes/versions.py");

/// What a function's initialisation may read of Lambda's environment; set for snapshots as the
/// sandbox sets it for starts.
pub const LAMBDA: &[(&str, &str)] = &[
    ("AWS_ACCESS_KEY_ID", "ASIASNAPSHOT"),
    ("AWS_ACCOUNT_ID", "123456789012"),
    ("AWS_DEFAULT_REGION", "eu-central-1"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("AWS_LAMBDA_FUNCTION_NAME", "function"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_SECRET_ACCESS_KEY", "not-a-secret"),
    ("AWS_SESSION_TOKEN", "not-a-token"),
];

/// The versions of an interpreter and of what is installed for it.
#[derive(Debug, Clone, Deserialize)]
pub struct Versions {
    /// The interpreter's.
    pub python: String,
    /// The compiler it was built by.
    pub compiler: String,
    /// Its C library.
    pub libc: String,
    /// Of packages, by name.
    pub packages: std::collections::BTreeMap<String, String>,
}

/// One run's folders and programs.
pub struct Workplace {
    /// The `glowplug` command.
    pub glowplug: PathBuf,
    /// The `criu` program, if there is one.
    pub criu: Option<PathBuf>,
    /// Whether starts happen in a mount namespace of their own, as `/var/task` and `/opt`.
    pub isolated: bool,
    /// Why not, where they do not.
    pub not_isolated: Option<String>,
    /// Options that the `glowplug snapshot` command offers, as its help prints them.
    pub snapshot_help: String,
    /// Versions of the interpreter and the runtime client.
    pub versions: Versions,
    folder: PathBuf,
    runtime: PathBuf,
    python: PathBuf,
    pip: Vec<PathBuf>,
    code_data_share: OnceCell<Result<PathBuf, String>>,
    /// Held as long as this lives: two runs at once would disturb each other, and share the folder.
    _lock: File,
}

impl Workplace {
    /// Finds the programs and makes the runtime's environment.
    ///
    /// # Errors
    /// When a program is missing, or what the runtime needs cannot be installed.
    pub fn new(arguments: &Arguments) -> Result<Self> {
        let home = match &arguments.work {
            Some(folder) => folder.clone(),
            None => cache_folder()?.join("glowplug-bench"),
        };
        fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
        let home = home.canonicalize()?;
        let lock = File::create(home.join("lock"))?;
        lock.try_lock().with_context(|| format!("another run is using {}: wait for it", home.display()))?;
        let glowplug = glowplug(arguments.glowplug.as_deref())?;
        let python = python(arguments.runtime.as_deref().or(arguments.python.as_deref()))?;
        let version = command(&python, &home).argument("-VV").output()?;
        let folder = home.join(label(&version, &python));
        fs::create_dir_all(&folder)?;
        let not_isolated = isolation(&home)?;
        let own = || folder.join("runtime/bin/python");
        let runtime = arguments.runtime.as_ref().map_or_else(own, |_| python.clone());
        let mut place = Self {
            snapshot_help: command(&glowplug, &home).argument("snapshot").argument("--help").output()?,
            glowplug,
            criu: criu(arguments.criu.as_deref()),
            isolated: not_isolated.is_none(),
            not_isolated,
            versions: Versions {
                python: String::new(),
                compiler: String::new(),
                libc: String::new(),
                packages: std::collections::BTreeMap::new(),
            },
            pip: pips(arguments.pip.as_deref(), &python),
            python,
            runtime,
            folder,
            code_data_share: OnceCell::new(),
            _lock: lock,
        };
        if arguments.runtime.is_none() {
            place.environment("runtime", &[RUNTIME])?;
        }
        place.versions = place.versions_of(&place.runtime())?;
        Ok(place)
    }

    /// The folder that everything of this interpreter is in.
    pub fn home(&self) -> &Path {
        &self.folder
    }

    /// The Python of the runtime's environment.
    pub fn runtime(&self) -> PathBuf {
        self.runtime.clone()
    }

    /// The Python of the environment that has `code-data-share` too; made when first asked for.
    ///
    /// # Errors
    /// When it cannot be installed for this Python.
    pub fn code_data_share(&self) -> Result<PathBuf, String> {
        let make = || {
            self.environment("code-data-share", &[RUNTIME, CODE_DATA_SHARE])
                .map_err(|e| last_line(&format!("{e:#}")))?;
            Ok(self.folder.join("code-data-share/bin/python"))
        };
        self.code_data_share.get_or_init(make).clone()
    }

    /// A folder of the suite's; it exists.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self, parts: &[&str]) -> Result<PathBuf> {
        let mut folder = self.folder.clone();
        folder.extend(parts);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    /// A command in the suite's own folder, with an environment that has nothing of the caller's.
    pub fn command(&self, program: &Path) -> Command {
        command(program, &self.folder)
    }

    /// The Python that has pip, and installs packages for the interpreter.
    ///
    /// # Errors
    /// When no pip is found, or it fails.
    pub fn install(&self, python: &Path, arguments: &[&OsStr]) -> Result<()> {
        let mut why = Vec::new();
        for pip in &self.pip {
            let program = if pip.file_name() == Some(OsStr::new("pip")) { vec![] } else { vec!["-m", "pip"] };
            let mut asked = self.command(pip);
            for word in &program {
                asked.argument(word);
            }
            if let Err(error) = asked.argument("--version").output() {
                why.push(last_line(&format!("{error:#}")));
                continue;
            }
            let mut install = self.command(pip);
            for word in &program {
                install.argument(word);
            }
            install.argument("--python").argument(python);
            for option in ["install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"] {
                install.argument(option);
            }
            for name in
                ["HOME", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
            {
                install.inherit(name);
            }
            for (name, value) in std::env::vars_os() {
                if name.to_string_lossy().starts_with("PIP_")
                    || name.to_string_lossy().ends_with("_CA_BUNDLE")
                {
                    install.set(name, value);
                }
            }
            for argument in arguments {
                install.argument(argument);
            }
            return install.output().map(drop);
        }
        bail!("no pip to install packages with (name one with --pip): {}", why.join("; "))
    }

    /// Asks an interpreter for its versions.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn versions_of(&self, python: &Path) -> Result<Versions> {
        let text = self.command(python).argument("-c").argument(VERSIONS).output()?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Makes a virtual environment with these requirements, unless it is there.
    fn environment(&self, name: &str, requirements: &[&str]) -> Result<()> {
        let folder = self.folder.join(name);
        let (stamp, wanted) = (folder.join("requirements.txt"), requirements.concat());
        if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        tree::remove(&folder)?;
        let mut make = self.command(&self.python);
        make.argument("-m").argument("venv").argument("--without-pip").argument(&folder).output()?;
        let list = self.folder.join(format!("{name}.txt"));
        fs::write(&list, &wanted)?;
        let python = folder.join("bin/python");
        self.install(&python, &[OsStr::new("--no-deps"), OsStr::new("--requirement"), list.as_os_str()])?;
        Ok(fs::write(stamp, wanted)?)
    }
}

/// A command without anything of the caller's environment.
fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program, folder);
    command
        .set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .set("LANG", "C.UTF-8");
    command.set("HOME", folder);
    command
}

fn cache_folder() -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or_else(home).context("no HOME: say with --work where to keep packages and archives")
}

/// The interpreter that is asked for, or lies beside this program, or is in PATH.
fn python(asked: Option<&Path>) -> Result<PathBuf> {
    let beside =
        || std::env::current_exe().ok().map(|own| own.with_file_name("python")).filter(|path| path.is_file());
    match asked.map(Path::to_owned).or_else(beside) {
        Some(path) => found(&path),
        None => found(Path::new("python3")),
    }
}

/// The command that is asked for, or lies beside this program, or is in PATH.
fn glowplug(asked: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = asked {
        return path.canonicalize().with_context(|| format!("no command {}", path.display()));
    }
    let beside =
        std::env::current_exe().ok().map(|own| own.with_file_name("glowplug")).filter(|path| path.is_file());
    match beside {
        Some(path) => Ok(path),
        None => found(Path::new("glowplug")).context("name the `glowplug` command with --glowplug"),
    }
}

/// CRIU, where it was said to be, else where distributions and `make install` put it.
fn criu(asked: Option<&Path>) -> Option<PathBuf> {
    const PLACES: [&str; 4] =
        ["/usr/local/sbin/criu", "/usr/sbin/criu", "/usr/local/bin/criu", "/usr/bin/criu"];
    let all = asked.into_iter().chain(PLACES.iter().map(Path::new));
    all.filter_map(|path| path.canonicalize().ok()).find(|path| path.is_file())
}

/// A program by its path, or by its name in PATH. Links are kept: they tell environments apart.
fn found(program: &Path) -> Result<PathBuf> {
    if program.components().count() > 1 {
        return std::path::absolute(program)
            .ok()
            .filter(|path| path.is_file())
            .with_context(|| format!("no program {}", program.display()));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .with_context(|| format!("no program {} in PATH", program.display()))
}

/// Pips to try: the one that was named, the Python's own, that of the system's Python.
fn pips(asked: Option<&Path>, python: &Path) -> Vec<PathBuf> {
    let asked = asked.and_then(|path| found(path).ok());
    asked.into_iter().chain([python.to_owned()]).chain(found(Path::new("python3")).ok()).collect()
}

/// Why bubblewrap cannot isolate here, if it cannot.
fn isolation(folder: &Path) -> Result<Option<String>> {
    let Ok(program) = found(Path::new("bwrap")) else {
        return Ok(Some("bubblewrap (bwrap) is not installed".to_owned()));
    };
    let mut trial = command(&program, folder);
    for word in ["--ro-bind", "/", "/", "--tmpfs", "/tmp", "true"] {
        trial.argument(word);
    }
    let outcome = trial.run()?;
    Ok((!outcome.status.success()).then(|| outcome.errors.trim().to_owned()))
}

/// A name for what belongs to one interpreter: its version, and a number that tells builds apart.
fn label(version: &str, python: &Path) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hash = DefaultHasher::new();
    (version, python).hash(&mut hash);
    let number = version.split_whitespace().nth(1).unwrap_or("python");
    format!("{number}-{:08x}", hash.finish() >> 32)
}

/// The last line of an error: of pip's words, what it comes down to.
pub fn last_line(text: &str) -> String {
    last_lines(text, 1)
}

/// The last lines of an error, in one.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim).collect();
    lines[lines.len().saturating_sub(count)..].join(" | ")
}
