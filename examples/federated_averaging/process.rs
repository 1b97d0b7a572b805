//! The processes of a run, all of them this executable.

use crate::breast_cancer::Outcome;
use crate::config::{Report, Task};
use crate::{client, key_holder, server};
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

/// The argument of a process that is not the main one. Its name follows, for those who list processes.
pub(crate) const HIDDEN: &str = "--process";

/// How long a process may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time between two looks whether it has.
const LOOK: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Server,
    KeyHolder,
    Client(u32),
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => out.write_str("server"),
            Self::KeyHolder => out.write_str("key-holder"),
            Self::Client(number) => write!(out, "client-{number}"),
        }
    }
}

/// A running process; it ends with this value.
pub(crate) struct Process {
    child: Child,
    /// As long as this is open the process runs on.
    input: Option<ChildStdin>,
}

impl Process {
    /// Starts a process, which reports to `reports`.
    pub(crate) fn start(name: Name, task: &Task, reports: Sender<(Name, Report)>) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([HIDDEN, &name.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut process = Self { child, input };
        process.tell(&serde_json::to_string(task)?)?;
        let output = BufReader::new(output.ok_or("no output")?);
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // What is not a report is for people.
                match serde_json::from_str(&line) {
                    // The main process may have lost interest.
                    Ok(report) => drop(reports.send((name, report))),
                    Err(_) => println!("{name}: {line}"),
                }
            }
            drop(reports.send((name, Report::Ended)));
        });
        Ok(process)
    }

    /// Writes a line to the process.
    pub(crate) fn tell(&mut self, line: &str) -> Outcome<()> {
        let input = self.input.as_mut().ok_or("the process is to end")?;
        writeln!(input, "{line}")?;
        Ok(input.flush()?)
    }

    /// Waits until the process has ended by itself; whether it ended well.
    pub(crate) fn end(&mut self) -> Outcome<bool> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            thread::sleep(LOOK);
        }
        Ok(false)
    }

    /// The same for a process that runs until it is told to end.
    pub(crate) fn close(&mut self) -> Outcome<bool> {
        self.input = None;
        self.end()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself: nothing is left to do then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process does that is not the main one.
pub(crate) fn run() -> Outcome<()> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let task: Task = serde_json::from_str(&line)?;
    if !matches!(task, Task::Server(_)) {
        // Without the main process there is nothing to do.
        thread::spawn(|| {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            std::process::exit(1);
        });
    }
    match task {
        Task::Server(config) => server::run(&config),
        Task::KeyHolder(config) => key_holder::run(&config),
        Task::Client(task) => client::run(&task),
    }
}
