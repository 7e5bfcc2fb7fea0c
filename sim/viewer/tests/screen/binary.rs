//! The program itself: pictures without a window, a window under X, and messages for what cannot be shown.

use std::{
    fs::{File, read_to_string},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{material, screen::read};

fn viewer() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_telos-viewer"));
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").stderr(Stdio::piped());
    command
}

fn refused(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = viewer().args(arguments).output().unwrap();
    let message = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{message}");
    assert!(!message.contains("panicked"), "{message}");
    message
}

#[test]
fn frames_are_drawn_without_a_window() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("pictures");
    let arguments = ["walker-walk", "--headless", "--frames", "6", "--size", "320x200", "--out"];
    let Output { status, stderr, .. } = viewer().args(arguments).arg(&out).output().unwrap();
    assert!(status.success(), "{status}: {}", String::from_utf8_lossy(&stderr));
    let pictures = std::fs::read_dir(&out).unwrap().count();
    assert_eq!(pictures, 6);
    // The first ones may lack what needs a shader that is still being read.
    let last = read(&out.join("frame-0005.png"));
    assert_eq!((last.width(), last.height()), (320, 200));
    assert!(last.rgb().iter().any(|level| *level != last.rgb()[0]), "there is something in it");
}

#[test]
fn what_cannot_be_shown_is_exit_code_2_and_a_message() {
    let scratch = tempfile::tempdir().unwrap();
    assert!(refused(&["walker-wlak", "--headless"]).contains("did you mean `walker-walk`"));
    assert!(refused(&["walker-walk"]).contains("--headless"), "without a display");
    let data = material::dataset(scratch.path(), "reacher");
    let manifest = data.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    // A trajectory of another robot.
    std::fs::write(&manifest, text.replace("\"reacher\"", "\"cheetah-run\"")).unwrap();
    assert!(refused(&[&data.display().to_string(), "--headless"]).contains("another robot or task"));
    std::fs::write(&manifest, text.replace("\"format\": 1", "\"format\": 9")).unwrap();
    assert!(refused(&[&data.display().to_string(), "--headless"]).contains("use its version"));
    let run = material::asking_run(scratch.path(), 1);
    assert!(refused(&[&run.display().to_string(), "--headless"]).contains("no checkpoint yet"));
    let manifest = run.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"format\": ", "\"format\": 99")).unwrap();
    refused(&[&run.display().to_string(), "--headless"]);
    // A driver that is not there.
    let Output { status, stderr, .. } = viewer()
        .args(["reacher", "--headless"])
        .env("VK_DRIVER_FILES", "/nowhere.json")
        .env("VK_ICD_FILENAMES", "/nowhere.json")
        .output()
        .unwrap();
    let message = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{message}");
    assert!(message.contains("mesa-vulkan-drivers"), "{message}");
}

/// An X server without a screen, and a program in it.
struct Display {
    name: String,
    server: Child,
    program: Option<Child>,
    log: PathBuf,
}

impl Display {
    /// A server under a number of its own choice. It stays as it is when `xdotool`, at times its only client,
    /// leaves: a server that starts over then drops a program that is just connecting.
    fn start(scratch: &Path) -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-noreset", "-screen", "0", "800x600x24"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed by .ci/install");
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Self { name: format!(":{}", number.trim()), server, program: None, log: scratch.join("stderr.txt") }
    }

    fn wait_for(&mut self, what: &str, mut met: impl FnMut(&Self) -> bool) {
        let started = Instant::now();
        while !met(self) {
            let ended = self.program.as_mut().and_then(|program| program.try_wait().unwrap());
            let hopeless = ended.is_some() || started.elapsed() > Duration::from_secs(600);
            assert!(!hopeless, "{what} did not come ({ended:?}): {}", read_to_string(&self.log).unwrap());
            sleep(Duration::from_millis(100));
        }
    }

    fn open(&mut self, arguments: &[&str], runtime: &Path) {
        let mut command = viewer();
        command.args(arguments).env("DISPLAY", &self.name).env("XDG_RUNTIME_DIR", runtime);
        command.stderr(File::create(&self.log).unwrap());
        self.program = Some(command.spawn().unwrap());
    }

    fn xdotool(&self, arguments: &[&str]) -> bool {
        let mut command = Command::new("xdotool");
        command.args(arguments).env("DISPLAY", &self.name);
        let output = command.output().expect("xdotool is installed by .ci/install");
        output.status.success()
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        for child in self.program.iter_mut().chain([&mut self.server]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn a_window_takes_keys_and_shows_why_something_cannot_be_shown() {
    let scratch = tempfile::tempdir().unwrap();
    let mut display = Display::start(scratch.path());
    let out = scratch.path().display().to_string();
    display.open(&["reacher", "--size", "480x320", "--out", &out], scratch.path());
    let search = ["search", "--name", "telos: reacher"];
    display.wait_for("the window", |display| display.xdotool(&search));
    let picture = scratch.path().join("picture-000.png");
    display.wait_for("a picture", |display| {
        display.xdotool(&["search", "--name", "telos: reacher", "windowfocus", "key", "F12"]);
        sleep(Duration::from_secs(1));
        picture.exists()
    });
    assert_eq!(read(&picture).width(), 480);
    let mut program = display.program.take().unwrap();
    program.kill().unwrap();
    program.wait().unwrap();
    // The message is in a window, too; closing it ends with code 2.
    display.open(&["walker-wlak", "--size", "480x320", "--out", &out], scratch.path());
    let search = ["search", "--name", "telos: walker-wlak"];
    display.wait_for("the window", |display| display.xdotool(&search));
    let mut program = display.program.take().unwrap();
    assert!(program.try_wait().unwrap().is_none(), "it waits to be read");
    program.kill().unwrap();
    program.wait().unwrap();
}
