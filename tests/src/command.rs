//! Runs the `edgevision` command as a user does.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

/// The `edgevision` command.
#[must_use]
pub fn edgevision() -> Command {
    Command::new(program("edgevision"))
}

/// Where a program is that this workspace builds.
///
/// # Panics
/// When it has not been built: `cargo build --workspace` first (`make test` does).
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap_or_else(|error| panic!("where is this test? {error}"));
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.push(name);
    assert!(path.exists(), "{} is not built; run cargo build --workspace", path.display());
    path
}

/// A folder of its own for a test, with a config in it.
pub struct Job {
    /// Gone when the job is dropped.
    pub folder: tempfile::TempDir,
    config: PathBuf,
}

impl Job {
    /// Writes the config into a fresh folder; `$OUT` in it becomes that folder.
    ///
    /// # Panics
    /// When the folder cannot be made.
    #[must_use]
    pub fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("temporary folder: {error}"));
        let path = folder.path().join("job.yaml");
        let text = config.replace("$OUT", &folder.path().to_string_lossy());
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { folder, config: path }
    }

    /// A file in the job's folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command over the job's config, ready for more arguments.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = edgevision();
        command.current_dir(self.folder.path()).arg("--config").arg(&self.config);
        command
    }

    /// Runs the command to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command()
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("edgevision does not start: {error}"))
    }
}

impl Job {
    /// Starts the command and leaves it running.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(&self) -> Running {
        self.start_with(&[])
    }

    /// The same with environment variables.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_with(&self, environment: &[(&str, &str)]) -> Running {
        let mut command = self.command();
        command.envs(environment.iter().copied());
        Running::of(command)
    }
}

/// A command that is running; killed when dropped.
pub struct Running(Option<Child>);

impl Running {
    /// Starts a command.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn of(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(Some(command.spawn().unwrap_or_else(|error| panic!("edgevision does not start: {error}"))))
    }

    /// Presses Ctrl-C and waits for the end.
    ///
    /// # Panics
    /// When the command has ended before, or its output cannot be read.
    #[must_use]
    pub fn interrupt(mut self) -> Output {
        let child = self.0.take().unwrap_or_else(|| panic!("the command has ended"));
        signal(&child, libc::SIGINT);
        child.wait_with_output().unwrap_or_else(|error| panic!("no output: {error}"))
    }

    /// Sends a signal.
    pub fn signal(&self, number: i32) {
        if let Some(child) = &self.0 {
            signal(child, number);
        }
    }

    /// True once the command has ended.
    pub fn ended(&mut self) -> bool {
        self.0.as_mut().is_none_or(|child| child.try_wait().is_ok_and(|status| status.is_some()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ended_already = child.kill();
            let _status = child.wait();
        }
    }
}

/// Sends a signal to a child that has not been waited for.
pub(crate) fn signal(child: &Child, number: i32) {
    let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
    // SAFETY: kill() takes two integers; the child has not been waited for, so the number is still its own.
    unsafe { libc::kill(pid, number) };
}

/// Processor seconds of all children that have ended, user and system.
#[must_use]
pub fn children() -> f64 {
    // SAFETY: rusage is plain data for which zero is a value, and getrusage only writes to it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    #[expect(clippy::cast_precision_loss, reason = "seconds of a benchmark")]
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// A path as it is written into YAML.
#[must_use]
pub fn yaml(path: &Path) -> String {
    serde_json::to_string(&path.to_string_lossy()).unwrap_or_default()
}

/// Standard error as text.
#[must_use]
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
