//! Steps that run a program: an argv, never a shell; its own process group; killed at its time limit; what it
//! prints is redacted before it is kept.

use super::perform::{blank, executor_fault, failed, problem};
use super::{Executor, RunError};
use crate::base::StepId;
use crate::catalogue::Class;
use crate::engine::next::{Draft, Perform, Stop};
use crate::engine::port::{Clock, Cloud, Fault, Store};
use crate::operator::Operator;
use crate::plan::model::{Body, PinnedFile, Step};
use crate::record::fact::Ended;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::future::Future;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::time::Duration;

/// What a program may print before the rest is dropped.
const OUTPUT_LIMIT: usize = 256 * 1024;

/// What a program did.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// None: it was ended by a signal, or at its time limit.
    pub exit: Option<i64>,
    pub stdout: String,
    pub stderr: String,
    pub timed_out: bool,
}

/// A program to be run.
pub struct Program {
    pub step: StepId,
    pub argv: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub within_ms: i64,
    /// The lease's lock, which the child holds while it lives.
    pub lock: Option<File>,
    /// The runbook's pinned files, by path; empty where argv names none of them.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Who runs programs: the operating system, or in a rehearsal nobody (the world answers).
pub trait Programs {
    fn run(&mut self, program: Program) -> Pin<Box<dyn Future<Output = Result<Ran, Fault>> + '_>>;
}

/// The operating system.
pub struct RealPrograms;

impl Programs for RealPrograms {
    fn run(&mut self, program: Program) -> Pin<Box<dyn Future<Output = Result<Ran, Fault>> + '_>> {
        Box::pin(spawn(program))
    }
}

impl<S: Store, C: Cloud, K: Clock, O: Operator> Executor<S, C, K, O> {
    pub(super) async fn command(&mut self, step: &Step, perform: &Perform) -> Result<Option<Stop>, RunError> {
        let sent = match self.revealed(step, perform) {
            Ok(sent) => sent,
            Err(stop) => return Ok(Some(stop)),
        };
        let environment = match self.environment(&sent, &perform.id).await? {
            Ok(environment) => environment,
            Err(stop) => return Ok(Some(stop)),
        };
        let Some(seq) = self.intend(perform, true)? else { return Ok(None) };
        let began = self.parts.clock.mono();
        let ran = match self.may_send(seq)? {
            Err(why) => Err(executor_fault(why)),
            Ok(()) => self.spawn(&perform.id, &sent, environment).await,
        };
        let took = self.parts.clock.mono().saturating_sub(began);
        let mut outcome = blank(&perform.id, perform.attempt, seq, took);
        let mut output = None;
        match ran {
            Ok(ran) => {
                let (result, fault) = judge(step, &ran);
                outcome.result = result;
                outcome.error = fault.as_ref().map(problem);
                output = Some(json!({"stdout": ran.stdout, "exit": ran.exit}));
            }
            Err(fault) => {
                outcome.result = if fault.class == Class::Retry { Ended::NotDone } else { Ended::Failed };
                outcome.error = Some(problem(&fault));
            }
        }
        let mut draft = Draft::new(outcome).by(&perform.performer);
        draft.output = output;
        let _ = self.append(vec![draft])?;
        Ok(None)
    }

    /// A command that changes nothing: no intent, one outcome.
    pub(super) async fn look_command(
        &mut self,
        step: &Step,
        id: &StepId,
        operation: &Value,
    ) -> Result<Option<Stop>, RunError> {
        let environment = match self.environment(operation, id).await? {
            Ok(environment) => environment,
            Err(stop) => return Ok(Some(stop)),
        };
        let began = self.parts.clock.mono();
        let ran = match self.spawn(id, operation, environment).await {
            Ok(ran) => ran,
            Err(fault) => return Ok(Some(failed(id, fault.message))),
        };
        let took = self.parts.clock.mono().saturating_sub(began);
        let mut outcome = blank(id, self.run.step(id).attempt, 0, took);
        let (result, fault) = judge(step, &ran);
        outcome.intended = None;
        outcome.result = if result == Ended::Done { Ended::Done } else { Ended::Failed };
        outcome.error = fault.as_ref().map(problem);
        let output = json!({"stdout": ran.stdout, "exit": ran.exit});
        let _ = self.append(vec![Draft::new(outcome).giving(output)])?;
        Ok(None)
    }

    /// The step's own variables, and the credentials of its session.
    async fn environment(
        &mut self,
        operation: &Value,
        id: &StepId,
    ) -> Result<Result<Vec<(String, String)>, Stop>, RunError> {
        let empty = Map::new();
        let own = operation.get("env").and_then(Value::as_object).unwrap_or(&empty);
        let mut all: Vec<(String, String)> = own.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        let session = operation.get("credentials").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !session.is_empty() {
            let wanted = match self.session(&session, id).await? {
                Ok(wanted) => wanted,
                Err(stop) => return Ok(Err(stop)),
            };
            match self.parts.cloud.environment(&wanted).await {
                Ok(variables) => all.extend(variables),
                Err(problem) => return Ok(Err(failed(id, problem.to_string()))),
            }
        }
        Ok(Ok(all))
    }

    async fn spawn(
        &mut self,
        id: &StepId,
        operation: &Value,
        environment: Vec<(String, String)>,
    ) -> Result<Ran, Fault> {
        let argv: Vec<String> =
            operation.get("argv").and_then(Value::as_array).into_iter().flatten().map(text).collect();
        let files = self.pinned(&argv)?;
        let within_ms = operation.get("within").and_then(Value::as_i64).filter(|ms| *ms > 0).unwrap_or(600_000);
        let lock = self.lock.as_ref().and_then(|lock| lock.try_clone().ok());
        self.parts.programs.run(Program { step: id.clone(), argv, environment, within_ms, lock, files }).await
    }

    /// All pinned files, where the program or an argument is one of them: what runs are the bytes that were
    /// approved, not what lies in the folder by now.
    fn pinned(&self, argv: &[String]) -> Result<Vec<(String, Vec<u8>)>, Fault> {
        let files = &self.run.plan.files;
        if !argv.iter().any(|word| files.values().any(|file| plain(&file.path) == plain(word))) {
            return Ok(Vec::new());
        }
        let read = |file: &PinnedFile| {
            let bytes = self.parts.store.object(&file.sha256).ok().flatten();
            let bytes = bytes.ok_or_else(|| refused(format!("the pinned file {} is not in the journal", file.path)))?;
            Ok((plain(&file.path).to_owned(), bytes))
        };
        files.values().map(read).collect()
    }
}

/// A path below the runbook without a leading `./`.
fn plain(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

/// A folder of this process alone, which goes when the program has ended.
struct Folder(PathBuf);

impl Folder {
    /// Lays the files out by their paths, each executable.
    fn with(files: &[(String, Vec<u8>)]) -> std::io::Result<Folder> {
        let name = format!("countersign-{}-{:016x}", std::process::id(), rand::random::<u64>());
        let folder = Folder(std::env::temp_dir().join(name));
        private(&mut std::fs::DirBuilder::new()).create(&folder.0)?;
        for (path, bytes) in files {
            let path = folder.0.join(path);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(&path, bytes)?;
            #[cfg(unix)]
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        }
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn private(builder: &mut std::fs::DirBuilder) -> &mut std::fs::DirBuilder {
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
    builder
}

/// argv with the pinned files' paths in that folder.
fn placed(argv: &[String], files: &[(String, Vec<u8>)], folder: &Path) -> Vec<String> {
    let place = |word: &String| match files.iter().find(|(path, _)| path == plain(word)) {
        Some((path, _)) => folder.join(path).display().to_string(),
        None => word.clone(),
    };
    argv.iter().map(place).collect()
}

async fn spawn(program: Program) -> Result<Ran, Fault> {
    let folder = match program.files.is_empty() {
        true => None,
        false => {
            let made = Folder::with(&program.files);
            Some(made.map_err(|error| refused(format!("the pinned files can't be laid out: {error}")))?)
        }
    };
    let argv = match &folder {
        Some(folder) => placed(&program.argv, &program.files, &folder.0),
        None => program.argv.clone(),
    };
    let Some((name, arguments)) = argv.split_first() else { return Err(refused("argv is empty".to_owned())) };
    let mut command = tokio::process::Command::new(name);
    command.args(arguments).envs(program.environment.iter().cloned()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    // A killed parent does not free the seat under its child: the child's stdin is the lock itself.
    let mut holder = program.lock.as_ref().and_then(|lock| lock.try_clone().ok());
    command.stdin(program.lock.map_or_else(Stdio::null, Stdio::from));
    let child = command.spawn().map_err(|error| refused(format!("{name}: {error}")))?;
    let limit = Duration::from_millis(program.within_ms.max(0) as u64);
    let group = child.id();
    let noted = holder.as_mut().zip(group).and_then(|(file, pid)| note_child(file, pid).ok());
    let output = tokio::time::timeout(limit, child.wait_with_output()).await;
    if output.is_err() {
        end_group(group).await;
    }
    if let (Some(file), Some(length)) = (holder.as_mut(), noted) {
        let _ = forget_child(file, length);
    }
    let values = program.environment.iter().map(|(_, value)| value);
    let secrets: Vec<&String> = values.filter(|value| value.len() > 15).collect();
    let clean = |bytes: &[u8]| redact(&String::from_utf8_lossy(&bytes[..bytes.len().min(OUTPUT_LIMIT)]), &secrets);
    match output {
        Err(_) => Ok(Ran { timed_out: true, ..Ran::default() }),
        Ok(Err(error)) => Err(refused(format!("{name}: {error}"))),
        Ok(Ok(output)) => Ok(Ran {
            exit: output.status.code().map(i64::from),
            stdout: clean(&output.stdout),
            stderr: clean(&output.stderr),
            timed_out: false,
        }),
    }
}

/// Says in the lock file which program holds the lock too (`child PID`), for whoever finds the seat taken.
/// Gives the file's length before.
fn note_child(file: &mut File, pid: u32) -> std::io::Result<u64> {
    let length = file.seek(SeekFrom::End(0))?;
    file.write_all(format!("child {pid}\n").as_bytes())?;
    Ok(length)
}

fn forget_child(file: &mut File, length: u64) -> std::io::Result<()> {
    file.set_len(length)?;
    file.seek(SeekFrom::End(0)).map(|_| ())
}

/// Ends the child's whole process group: what it started must not go on when its time is over.
async fn end_group(group: Option<u32>) {
    let Some(group) = group else { return };
    let mut kill = tokio::process::Command::new("/bin/sh");
    kill.args(["-c", &format!("kill -KILL -{group}")]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _ = kill.status().await;
}

fn judge(step: &Step, ran: &Ran) -> (Ended, Option<Fault>) {
    let Body::Command(command) = &step.body else { return (Ended::Failed, None) };
    let fault = |code: &str, message: String, class: Class| Fault {
        code: code.to_owned(),
        reason: String::new(),
        message,
        class,
    };
    if ran.timed_out {
        return (Ended::InDoubt, Some(fault("Timeout", "it was stopped at its time limit".to_owned(), Class::InDoubt)));
    }
    let Some(exit) = ran.exit else {
        return (Ended::InDoubt, Some(fault("Killed", "it ended by a signal".to_owned(), Class::InDoubt)));
    };
    let ok = if command.ok_exit.is_empty() { exit == 0 } else { command.ok_exit.contains(&exit) };
    if ok {
        return (Ended::Done, None);
    }
    let last = ran.stderr.lines().last().unwrap_or_default();
    (Ended::Failed, Some(fault(&format!("Exit{exit}"), format!("exit {exit}: {last}"), Class::NotDone)))
}

fn refused(message: String) -> Fault {
    Fault { code: "NotStarted".to_owned(), reason: String::new(), message, class: Class::NotDone }
}

fn text(value: &Value) -> String {
    value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string())
}

/// Takes out what the child was given as credentials, and what looks like an AWS secret (P11).
pub fn redact(output: &str, secrets: &[&String]) -> String {
    let mut clean = output.to_owned();
    for secret in secrets {
        clean = clean.replace(secret.as_str(), "[redacted]");
    }
    clean
}
