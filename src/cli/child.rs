//! Other programs, run to their end or to a time limit: an argv, never a shell. What they are for, their callers know.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Of what a program says, this much is kept.
const KEPT: u64 = 1024 * 1024;
/// After its end, what it left in its pipes is waited for no longer than this: a child of its own may hold them open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How a program ended.
pub struct Ended {
    pub good: bool,
    /// `exit code 3`, `ended by a signal`.
    pub how: String,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// Runs it; `input` is its stdin.
///
/// # Errors
/// In words: it did not start, or did not end in time (then it was killed).
pub fn run(mut command: Command, input: &[u8], limit: Duration) -> Result<Ended, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|error| format!("{name} did not start: {error}"))?;
    let (stdout, stderr) = (child.stdout.take().map(listen), child.stderr.take().map(listen));
    if let Some(mut pipe) = child.stdin.take() {
        let input = input.to_vec();
        // A program that does not read its input must not hold us up.
        std::thread::spawn(move || pipe.write_all(&input));
    }
    let began = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|error| format!("{name}: {error}"))? {
            Some(status) => break status,
            None if began.elapsed() >= limit => {
                kill(&mut child);
                return Err(format!("{name} did not end within {} s, and was stopped", limit.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let text = |pipe: Option<mpsc::Receiver<Vec<u8>>>| {
        pipe.and_then(|pipe| pipe.recv_timeout(LAST_WORDS).ok()).unwrap_or_default()
    };
    let how = status.code().map_or_else(|| "ended by a signal".to_owned(), |code| format!("exit code {code}"));
    let stderr = String::from_utf8_lossy(&text(stderr)).trim().to_owned();
    Ok(Ended { good: status.success(), how, stdout: text(stdout), stderr })
}

fn listen(pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut all = Vec::new();
        let _ = pipe.take(KEPT).read_to_end(&mut all);
        let _ = send.send(all);
    });
    receive
}

/// The program with what it started.
fn kill(child: &mut std::process::Child) {
    #[cfg(unix)]
    {
        let mut group = Command::new("/bin/sh");
        group.args(["-c", &format!("kill -KILL -{}", child.id())]);
        let _ = group.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
    let _ = child.kill();
    let _ = child.wait();
}
