//! The state of the viewer, without window, pictures or keys: what these show and change.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use telos::{sim::Scene, video::Recorder};

use crate::{
    Options, ViewerError,
    clock::Clock,
    drag::{self, Grip, Hit, turned},
    rig::Rig,
    similarity::Similarity,
    stage::{Stage, open},
};

/// Seconds between two looks of the vision-language model.
const LOOK_EVERY: f32 = 1.0;

/// What is drawn beside the robots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlays {
    /// Where the robots have been, coloured by learned reward.
    pub trails: bool,
    /// Where things press on each other, and how hard.
    pub contacts: bool,
    /// Forces of joints, and of what pulls at a body.
    pub forces: bool,
    /// What a generative policy proposes.
    pub fan: bool,
    /// The panels.
    pub panels: bool,
    /// The list of keys.
    pub help: bool,
}

/// Something to be read by whoever sits before the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// In words.
    pub text: String,
    /// Whether something went wrong.
    pub is_error: bool,
}

/// Everything that the window shows.
pub struct Viewer {
    /// What is on stage; `None` where the input could not be shown.
    pub stage: Option<Stage>,
    /// Time.
    pub clock: Clock,
    /// The camera.
    pub rig: Rig,
    /// What is drawn beside the robots.
    pub overlays: Overlays,
    /// The last message.
    pub notice: Option<Notice>,
    /// A vision-language model, where one was named.
    pub similarity: Option<Similarity>,
    /// Where pictures and films go.
    pub out: PathBuf,
    /// The exit code of the program, as far as is known.
    pub exit_code: i32,
    scene: Scene,
    exhibits: Vec<Range<usize>>,
    film: Option<(PathBuf, Recorder)>,
    since_look: f32,
    /// Of the whole session.
    steps: u64,
    /// The first number that no picture of this session has; pictures are written a few frames later.
    next_picture: u32,
}

impl Viewer {
    /// What the options name.
    ///
    /// # Errors
    /// When it cannot be shown.
    pub fn open(options: &Options) -> Result<Self, ViewerError> {
        let mut viewer = Self::new(Some(open(options)?), options);
        viewer.similarity = Some(Similarity::open(options.clip.as_deref(), &options.sentence)?);
        viewer.refresh();
        Ok(viewer)
    }

    /// An empty stage with the reason why.
    pub fn with_error(error: &ViewerError, options: &Options) -> Self {
        let mut viewer = Self::new(None, options);
        viewer.exit_code = error.exit_code();
        viewer.notice = Some(Notice { text: error.to_string(), is_error: true });
        viewer
    }

    fn new(stage: Option<Stage>, options: &Options) -> Self {
        let rig = Rig::default();
        let panels = !options.bare;
        Self {
            stage,
            clock: Clock::new(options.paused),
            scene: Scene { geoms: Vec::new(), camera: rig.camera() },
            rig,
            overlays: Overlays {
                trails: true,
                contacts: false,
                forces: true,
                fan: true,
                panels,
                help: false,
            },
            notice: None,
            similarity: None,
            out: options.out.clone(),
            exit_code: 0,
            exhibits: Vec::new(),
            film: None,
            since_look: LOOK_EVERY,
            steps: 0,
            next_picture: 0,
        }
    }

    /// Everything on stage, from the present camera: what the renderer on the processor would draw, too.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// Steps since the beginning.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Lets `seconds` pass.
    pub fn advance(&mut self, seconds: f32) {
        if let Err(error) = self.try_advance(seconds) {
            self.clock.paused = true;
            self.report(&error);
        }
        self.refresh();
        self.since_look += seconds;
        if self.since_look >= LOOK_EVERY {
            self.since_look = 0.0;
            let looked = self.similarity.as_mut().map_or(Ok(()), |similarity| similarity.look(&self.scene));
            self.say(looked);
        }
    }

    fn try_advance(&mut self, seconds: f32) -> Result<(), ViewerError> {
        let Some(stage) = &mut self.stage else { return Ok(()) };
        let due = self.clock.steps(seconds, stage.dt());
        for _ in 0..due {
            if let Some(stage) = &mut self.stage {
                stage.step()?;
            }
            self.steps += 1;
            self.refresh();
            if let Some((_, recorder)) = &mut self.film {
                recorder.record_scene(&self.scene)?;
            }
        }
        match &mut self.stage {
            Some(Stage::Live(live)) => {
                if let Some(news) = live.follow()? {
                    self.tell(news);
                }
                let fan = self.overlays.fan;
                if let (true, true, Some(Stage::Live(live))) = (fan, due > 0, &mut self.stage) {
                    live.troupes_mut().iter_mut().try_for_each(crate::stage::Troupe::imagine)?;
                }
            }
            Some(Stage::Labelling(labelling)) => labelling.look()?,
            _ => {}
        }
        Ok(())
    }

    /// Brings the scene and the camera up to the present state.
    pub fn refresh(&mut self) {
        if let Some((scene, exhibits)) = self.stage.as_ref().and_then(Stage::scene) {
            self.rig.see(&scene.camera);
            (self.scene, self.exhibits) = (scene, exhibits);
        }
        self.scene.camera = self.rig.camera();
    }

    /// Takes the body under a point of the picture in hand; whether there is one. See [`drag::pick`].
    pub fn grab(&mut self, across: f32, down: f32, aspect: f32) -> bool {
        let hit = match drag::pick(&self.scene, across, down, aspect) {
            Ok(hit) => hit,
            Err(error) => {
                self.report(&error.into());
                None
            }
        };
        let grip = hit.and_then(|hit| self.grip(hit));
        let Some(Stage::Live(live)) = &mut self.stage else { return false };
        live.grip = grip;
        live.grip.is_some()
    }

    fn grip(&mut self, (geom, point): Hit) -> Option<Grip> {
        let exhibit = self.exhibits.iter().position(|range| range.contains(&geom))?;
        let Some(Stage::Live(live)) = &mut self.stage else { return None };
        let (troupe, player) = live.cast().nth(exhibit)?;
        let place = live.troupes()[troupe].places()[player];
        let world = live.troupes_mut()[troupe].players_mut()[player].world()?;
        let body = world.model().body(&self.scene.geoms[geom].body).ok()?;
        let origin = world.body_position(body);
        let arm = std::array::from_fn(|axis| point[axis] - place[axis] - origin[axis]);
        let local = turned(world.body_orientation(body), arm, true);
        let depth = drag::depth(&self.scene.camera, point);
        Some(Grip { troupe, player, body, local, depth, goal: point, at: point, force: [0.0; 3] })
    }

    /// Moves what is in hand towards a point of the picture.
    pub fn drag(&mut self, across: f32, down: f32, aspect: f32) {
        if let Some(Stage::Live(live)) = &mut self.stage
            && let Some(grip) = &mut live.grip
        {
            grip.aim(&self.scene.camera, across, down, aspect);
        }
    }

    /// Lets go.
    pub fn release(&mut self) {
        if let Some(Stage::Live(live)) = &mut self.stage {
            live.grip = None;
        }
    }

    /// Begins what is shown anew; under the next seed, if asked.
    pub fn reset(&mut self, next_seed: bool) {
        match &mut self.stage {
            Some(Stage::Live(live)) if next_seed => live.reseed(live.seed() + 1),
            Some(Stage::Live(live)) => live.reset(),
            Some(Stage::Recording(recording)) if next_seed => {
                let next = (recording.episode() + 1) % recording.dataset().episodes().len();
                let selected = recording.select(next);
                self.say(selected);
            }
            Some(stage) => stage.seek(0),
            None => {}
        }
        self.refresh();
    }

    /// Whether a film is being recorded.
    pub fn is_filming(&self) -> bool {
        self.film.is_some()
    }

    /// Begins a film (MP4), or ends and writes it.
    pub fn toggle_film(&mut self) {
        let result = match self.film.take() {
            Some((path, recorder)) => recorder.finish().map(|()| format!("{} is written", path.display())),
            None => self.begin_film(),
        };
        match result {
            Ok(text) => self.tell(text),
            Err(error) => self.report(&error.into()),
        }
    }

    fn begin_film(&mut self) -> Result<String, telos::TelosError> {
        let dt = self.stage.as_ref().map_or(0.04, Stage::dt);
        let (_, path) = free_path(&self.out, "film", "mp4", 0);
        let recorder = Recorder::create(&path, dt)?;
        self.film = Some((path, recorder));
        Ok("filming".into())
    }

    /// Where the next picture goes, another place at each call.
    pub fn picture_path(&mut self) -> PathBuf {
        let (number, path) = free_path(&self.out, "picture", "png", self.next_picture);
        self.next_picture = number + 1;
        path
    }

    /// Writes what is to be kept; called once, at the end.
    pub fn close(&mut self) {
        if self.film.is_some() {
            self.toggle_film();
        }
        if let Some(Stage::Live(live)) = &mut self.stage
            && let Some(demonstrations) = &mut live.demonstrations
        {
            match demonstrations.finish() {
                Ok(true) => {
                    let text = format!("{} is written", demonstrations.place().display());
                    self.tell(text);
                }
                Ok(false) => {}
                Err(error) => self.report(&error),
            }
        }
    }

    /// Shows a message in the window and on the terminal.
    pub fn tell(&mut self, text: impl Into<String>) {
        let text = text.into();
        tracing::info!("{text}");
        self.notice = Some(Notice { text, is_error: false });
    }

    /// Shows what went wrong in the window and on the terminal.
    pub fn report(&mut self, error: &ViewerError) {
        let text = error.to_string();
        if self.notice.as_ref().is_none_or(|notice| notice.text != text) {
            tracing::error!("{text}");
        }
        self.notice = Some(Notice { text, is_error: true });
    }

    /// [`report`](Self::report)s the error of a result that has one.
    pub fn say(&mut self, result: Result<(), ViewerError>) {
        if let Err(error) = result {
            self.report(&error);
        }
    }
}

/// `name-000.extension` in `directory`, with the first number from `from` on that is free.
fn free_path(directory: &Path, name: &str, extension: &str, from: u32) -> (u32, PathBuf) {
    let path = |number: u32| directory.join(format!("{name}-{number:03}.{extension}"));
    let free = (from..).find(|number| !path(*number).exists()).unwrap_or(from);
    (free, path(free))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn viewer(arguments: &[&str]) -> Viewer {
        Viewer::open(&Options::parse_from([&["telos-viewer"], arguments].concat())).unwrap()
    }

    #[test]
    fn a_body_is_grabbed_pulled_and_let_go() {
        let mut viewer = viewer(&["walker-walk", "--policy", "idle"]);
        let torso = viewer.scene().geoms.iter().find(|geom| &*geom.body == "torso").unwrap().position;
        let mut camera = viewer.scene().camera.clone();
        camera.target = torso;
        viewer.rig.set_mode(crate::rig::Mode::Orbit);
        viewer.rig.look_from(&camera);
        viewer.refresh();
        assert!(viewer.grab(0.5, 0.5, 1.5), "the torso is in the middle");
        viewer.drag(0.5, 0.1, 1.5);
        (0..20).for_each(|_| viewer.advance(0.025));
        let Some(Stage::Live(live)) = &viewer.stage else { panic!("it is live") };
        let grip = live.grip.as_ref().unwrap();
        assert!(grip.force[2] > 1.0 && grip.goal[2] > torso[2], "it is pulled up: {:?}", grip.force);
        viewer.release();
        assert!(!viewer.grab(0.01, 0.01, 1.5), "there is nothing in the sky");
    }

    #[test]
    fn a_film_is_written_by_the_recorder_of_telos() {
        let scratch = tempfile::tempdir().unwrap();
        let mut viewer = viewer(&["reacher", "--out", &scratch.path().display().to_string()]);
        viewer.toggle_film();
        (0..10).for_each(|_| viewer.advance(0.02));
        viewer.toggle_film();
        let film = std::fs::read(scratch.path().join("film-000.mp4")).unwrap();
        assert_eq!(&film[4..8], b"ftyp");
        assert!(viewer.notice.as_ref().is_some_and(|notice| notice.text.contains("film-000.mp4")));
        viewer.out = scratch.path().join("nowhere");
        viewer.toggle_film();
        assert!(viewer.notice.as_ref().is_some_and(|notice| notice.is_error) && !viewer.is_filming());
    }

    #[test]
    fn two_pictures_in_a_row_do_not_share_a_file() {
        let scratch = tempfile::tempdir().unwrap();
        let mut viewer = viewer(&["reacher", "--out", &scratch.path().display().to_string()]);
        std::fs::write(scratch.path().join("picture-001.png"), "of another session").unwrap();
        let names = [0, 1].map(|_| viewer.picture_path().file_name().unwrap().to_owned());
        assert_eq!(names, ["picture-000.png", "picture-002.png"]);
    }

    #[test]
    fn seeds_are_counted_up_and_repeat() {
        let mut viewer = viewer(&["hopper-hop"]);
        let first = viewer.scene().clone();
        (0..5).for_each(|_| viewer.advance(0.02));
        assert_ne!(viewer.scene().geoms, first.geoms);
        viewer.reset(false);
        assert_eq!(viewer.scene().geoms, first.geoms);
        viewer.reset(true);
        assert_ne!(viewer.scene().geoms, first.geoms);
    }
}
