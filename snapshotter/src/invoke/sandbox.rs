//! One execution environment from its start to its end, in Lambda's order: extensions, when all
//! have registered the runtime, when all have asked for an event the invocations, then SHUTDOWN.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::control_group::enter;
use super::exec_moment::ExecMoment;
use super::moments;
use super::plan::{Outcome, Plan};
use super::service::Service;
use crate::lambda;

/// Lambda's limit for Init.
const INIT_AT_MOST: Duration = Duration::from_secs(10);
/// What is left for an orderly end.
const END_AT_MOST: Duration = Duration::from_secs(2);

/// Variables of the runtime that extensions do not get ("Lambda Extensions API", Environment
/// variables).
const NOT_FOR_EXTENSIONS: &[&str] = &[
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "PYTHONPATH",
    "_HANDLER",
];

/// Carries a plan out.
pub fn run(plan: &Plan) -> Result<Outcome> {
    // Two threads: the APIs must answer at once also while this side waits.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(live(plan))
}

async fn live(plan: &Plan) -> Result<Outcome> {
    let logs = tempfile::tempdir().context("no folder for logs")?;
    let service = Service::start(plan).await?;
    let environment = environment(plan, &service);
    let mut processes = Processes { extensions: Vec::new(), runtime: None };
    let mut outcome = Outcome::default();
    let lived = go_through(plan, &service, &environment, logs.path(), &mut processes, &mut outcome).await;
    if let Err(error) = lived {
        outcome.trouble = Some(format!("{error:#}"));
    }
    if plan.rehearsal {
        outcome.mapped = processes.mapped();
    }
    outcome.init_error = service.record().init_error.clone();
    let read = |name: &str| {
        String::from_utf8_lossy(&std::fs::read(logs.path().join(name)).unwrap_or_default()).into_owned()
    };
    if let Some((what, at)) = moments::take(&read("function")).1 {
        service.record().mark_at(what, at);
    }
    outcome.timeline = end(service, processes, &mut outcome).await;
    outcome.log = moments::take(&read("function")).0;
    outcome.extension_log = read("extensions");
    Ok(outcome)
}

/// The environment's processes.
struct Processes {
    extensions: Vec<(String, Child)>,
    runtime: Option<Child>,
}

impl Processes {
    /// The files that they have mapped (proc(5), `/proc/pid/maps`).
    fn mapped(&self) -> Vec<PathBuf> {
        let all = self.extensions.iter().map(|(_, child)| child).chain(&self.runtime);
        let mut found = BTreeSet::new();
        for id in all.filter_map(Child::id) {
            let maps = std::fs::read_to_string(format!("/proc/{id}/maps")).unwrap_or_default();
            found.extend(maps.lines().filter_map(|line| line.find('/').map(|at| PathBuf::from(&line[at..]))));
        }
        found.into_iter().filter(|path| path.is_file()).collect()
    }

    /// Waits until one of them ends, which none should; says which.
    async fn ended(&mut self) -> (String, ExitStatus) {
        loop {
            for (name, child) in &mut self.extensions {
                if let Ok(Some(status)) = child.try_wait() {
                    return (format!("extension {name}"), status);
                }
            }
            if let Some(Ok(Some(status))) = self.runtime.as_mut().map(Child::try_wait) {
                return ("the runtime".to_owned(), status);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

async fn go_through(
    plan: &Plan,
    service: &Service,
    environment: &HashMap<String, String>,
    logs: &Path,
    processes: &mut Processes,
    outcome: &mut Outcome,
) -> Result<()> {
    let files = plan.layer.as_deref().map(extensions).transpose()?.unwrap_or_default();
    for file in &files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (child, at) =
            start(&mut Command::new(file), environment, NOT_FOR_EXTENSIONS, plan, &logs.join("extensions"))?;
        service.record().mark_at(format!("extension {name} is executed"), at);
        processes.extensions.push((name, child));
    }
    let count = files.len();
    let registered = service.until(|record| (record.registered() >= count).then_some(()));
    in_time(registered, processes, INIT_AT_MOST, "registering the extensions").await?;

    let mut command = match environment.get("AWS_LAMBDA_EXEC_WRAPPER") {
        Some(wrapper) => {
            let mut command = Command::new(wrapper);
            command.arg(&plan.python);
            command
        }
        None => Command::new(&plan.python),
    };
    command.args(["-m", "awslambdaric", &plan.handler]);
    let (runtime, at) = start(&mut command, environment, &[], plan, &logs.join("function"))?;
    service.record().mark_at("runtime is executed", at);
    processes.runtime = Some(runtime);

    let ready = service.until(|record| {
        let ready = record.runtime_asked >= 1 && record.asked(1) >= count;
        (ready || record.init_error.is_some()).then_some(())
    });
    in_time(ready, processes, INIT_AT_MOST, "Init").await?;
    if service.record().init_error.is_some() {
        // The runtime ends by itself after that.
        if let Some(runtime) = &mut processes.runtime
            && let Ok(ended) = timeout(END_AT_MOST, runtime.wait()).await
        {
            outcome.runtime_exit = Some(ended?.to_string());
        }
        return Ok(());
    }
    service.record().mark("Init is over");
    let limit = Duration::from_secs(plan.timeout);
    for (number, event) in (1..).zip(&plan.events) {
        let id = service.send(event.clone()).await?;
        let answer = in_time(service.answer(&id), processes, limit, "the invocation").await?;
        outcome.invocations.push(answer);
        let idle = service.until(|record| {
            (record.runtime_asked > number && record.asked(number + 1) >= count).then_some(())
        });
        let _ = timeout(END_AT_MOST, idle).await;
    }
    Ok(())
}

/// What `wanted` gives, unless a process ends or the time is up before.
async fn in_time<T>(
    wanted: impl Future<Output = T>,
    processes: &mut Processes,
    limit: Duration,
    what: &str,
) -> Result<T> {
    tokio::select! {
        biased;
        found = wanted => Ok(found),
        (who, status) = processes.ended() => Err(anyhow!("{who} ended during {what}: {status}")),
        () = tokio::time::sleep(limit) => Err(anyhow!("{what} took longer than {} s", limit.as_secs())),
    }
}

/// SIGTERM for the runtime, SHUTDOWN for the extensions, and an end for what is left.
async fn end(service: Service, mut processes: Processes, outcome: &mut Outcome) -> Vec<super::plan::Moment> {
    if let Some(runtime) = &mut processes.runtime {
        if let Ok(Some(status)) = runtime.try_wait() {
            outcome.runtime_exit.get_or_insert(status.to_string());
        } else if let Some(id) = runtime.id().and_then(|id| i32::try_from(id).ok()) {
            // SAFETY: a child that was not waited for, so the number is still its.
            unsafe { libc::kill(id, libc::SIGTERM) };
        }
    }
    let timeline = service.shut_down().await;
    let all = processes.extensions.into_iter().map(|(_, child)| child).chain(processes.runtime);
    for mut child in all {
        // Lambda gives a moment after SHUTDOWN was fetched, then kills.
        if timeout(Duration::from_millis(300), child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    }
    timeline
}

/// The programs in the layer's `extensions`, sorted.
fn extensions(layer: &Path) -> Result<Vec<PathBuf>> {
    let folder = layer.join("extensions");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let about = path.metadata()?;
        if about.is_file() && about.permissions().mode() & 0o111 != 0 {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Starts a process; says when it was executed.
fn start(
    command: &mut Command,
    environment: &HashMap<String, String>,
    without: &[&str],
    plan: &Plan,
    log: &Path,
) -> Result<(Child, Instant)> {
    let moment = ExecMoment::new().context("no pipe")?;
    let log = File::options().create(true).append(true).open(log).context("cannot write a log")?;
    command
        .env_clear()
        .envs(environment.iter().filter(|(name, _)| !without.contains(&name.as_str())))
        .current_dir(&plan.task)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true);
    // SAFETY: between fork and exec only write(2), fcntl(2) and clock_gettime(2) are called.
    unsafe { command.pre_exec(enter(plan.doors.clone())).pre_exec(moment.note()) };
    let child = command
        .spawn()
        .with_context(|| format!("cannot run {}", Path::new(command.as_std().get_program()).display()))?;
    Ok((child, moment.read()))
}

/// The environment of a managed Python runtime ("Using Lambda environment variables").
fn environment(plan: &Plan, service: &Service) -> HashMap<String, String> {
    let mut found = service.environment();
    let layer = plan.layer.as_deref().unwrap_or(Path::new("/opt"));
    found.extend(lambda::environment(&plan.task, layer, &plan.minor));
    let mut set = |name: &str, value: String| drop(found.insert(name.to_owned(), value));
    set("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE".to_owned());
    set("AWS_SECRET_ACCESS_KEY", "not-a-secret".to_owned());
    set("AWS_SESSION_TOKEN", "not-a-token".to_owned());
    set("AWS_EC2_METADATA_DISABLED", "true".to_owned());
    let (layer, task) = (layer.display(), plan.task.display());
    if let Some(folder) = &plan.layer {
        let wrapper = folder.join("glowplug/exec");
        if wrapper.is_file() {
            set("AWS_LAMBDA_EXEC_WRAPPER", wrapper.display().to_string());
        }
        if folder != Path::new("/opt") {
            set("GLOWPLUG_OPT", layer.to_string());
            set("GLOWPLUG_TASK_ROOT", task.to_string());
        }
    }
    found.extend(plan.environment.iter().cloned());
    found.retain(|_, value| !value.is_empty());
    found
}
