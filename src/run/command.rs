//! Steps that run a program: an argv, never a shell; its own process group; killed at its time limit; what it
//! prints is redacted before it is kept.

use super::desk::{Desk, Landing};
use super::perform::{blank, problem};
use crate::base::StepId;
use crate::catalogue::Class;
use crate::engine::next::{Draft, Perform, Stop, StopKind};
use crate::engine::port::{Clock, Fault, Store};
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
    fn run(&self, program: Program) -> Pin<Box<dyn Future<Output = Result<Ran, Fault>> + '_>>;
}

/// The operating system.
pub struct RealPrograms;

impl Programs for RealPrograms {
    fn run(&self, program: Program) -> Pin<Box<dyn Future<Output = Result<Ran, Fault>> + '_>> {
        Box::pin(spawn(program))
    }
}

impl<S: Store, K: Clock, O: Operator> Desk<'_, S, K, O> {
    /// What a program did that changes something, as an outcome.
    pub(super) fn ran(&self, perform: &Perform, seq: u64, ran: &Result<Ran, Fault>, took_ms: u64) -> Landing {
        let mut outcome = blank(&perform.id, perform.attempt, seq, took_ms);
        let mut output = None;
        match (ran, self.run.plan.step(&perform.id)) {
            (Ok(ran), Some(step)) => {
                let (result, fault) = judge(step, ran);
                outcome.result = result;
                outcome.error = fault.as_ref().map(problem);
                output = Some(json!({"stdout": ran.stdout, "exit": ran.exit}));
            }
            (Ok(_), None) => outcome.result = Ended::InDoubt,
            (Err(fault), _) => {
                outcome.result = if fault.class == Class::Retry { Ended::NotDone } else { Ended::Failed };
                outcome.error = Some(problem(fault));
            }
        }
        let mut draft = Draft::new(outcome).by(&perform.performer);
        draft.output = output;
        Landing::of(vec![draft])
    }

    /// A command that changes nothing: no intent, one outcome.
    pub(super) fn look_ran(&self, id: &StepId, ran: &Result<Ran, Fault>, took_ms: u64) -> Landing {
        let failed = |why: &str| Landing::stop(Stop::of(StopKind::Failed, id.to_string(), why));
        let ran = match ran {
            Ok(ran) => ran,
            Err(fault) => return failed(&fault.message),
        };
        let Some(step) = self.run.plan.step(id) else { return failed("there is no such step") };
        let mut outcome = blank(id, self.run.step(id).attempt, 0, took_ms);
        let (result, fault) = judge(step, ran);
        outcome.intended = None;
        outcome.result = if result == Ended::Done { Ended::Done } else { Ended::Failed };
        outcome.error = fault.as_ref().map(problem);
        let output = json!({"stdout": ran.stdout, "exit": ran.exit});
        Landing::of(vec![Draft::new(outcome).giving(output)])
    }

    /// The program of a step: its argv, its own variables and those of its session, the lock, the pinned files.
    pub(super) fn program(
        &self,
        id: &StepId,
        operation: &Value,
        session: Vec<(String, String)>,
    ) -> Result<Program, Fault> {
        let empty = Map::new();
        let own = operation.get("env").and_then(Value::as_object).unwrap_or(&empty);
        let own = own.iter().map(|(name, value)| (name.clone(), text(value)));
        let argv: Vec<String> =
            operation.get("argv").and_then(Value::as_array).into_iter().flatten().map(text).collect();
        let files = self.pinned(&argv)?;
        Ok(Program {
            step: id.clone(),
            argv,
            environment: own.chain(session).collect(),
            within_ms: operation.get("within").and_then(Value::as_i64).filter(|ms| *ms > 0).unwrap_or(600_000),
            lock: self.lock.and_then(|lock| lock.try_clone().ok()),
            files,
        })
    }

    /// All pinned files, where the program or an argument is one of them: what runs are the bytes that were
    /// approved, not what lies in the folder by now.
    fn pinned(&self, argv: &[String]) -> Result<Vec<(String, Vec<u8>)>, Fault> {
        let files = &self.run.plan.files;
        if !argv.iter().any(|word| files.values().any(|file| plain(&file.path) == plain(word))) {
            return Ok(Vec::new());
        }
        let read = |file: &PinnedFile| {
            let bytes = self.store.object(&file.sha256).ok().flatten();
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
