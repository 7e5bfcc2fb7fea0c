//! Mutates robot and mesh files and imports them, until the time is up: an importer may refuse, but it
//! must not panic, and what it loads must step without a panic. Says how many files loaded, how many
//! were refused, and the slowest; an input that panics is written out and ends the program.
//!
//! ```sh
//! cargo run --release -p telos-sim --example fuzz_import -- --seconds 900 --seed 1
//! ```

#![allow(clippy::print_stdout, reason = "the output is the purpose of this program")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_sim::{Model, World, assets};

/// Everything an importer knows, in small: mutations of it reach the rare elements too.
const MJCF: &str = include_str!("../tests/files/everything.xml");
const URDF: &str = include_str!("../tests/files/everything.urdf");
const OBJ: &str = include_str!("../tests/files/wedge.obj");
const STL: &str = include_str!("../tests/files/wedge.stl");
/// What the files with everything refer to.
const COMPANIONS: [(&str, &str); 3] =
    [("wedge.obj", OBJ), ("wedge.stl", STL), ("part.xml", include_str!("../tests/files/part.xml"))];

/// Words that make trouble where a number, a name or a tag is expected.
const WORDS: [&[u8]; 16] = [
    b"nan",
    b"inf",
    b"-1",
    b"0",
    b"1e38",
    b"1e-38",
    b"99999999",
    b"\"",
    b"<",
    b"/>",
    b"",
    b" ",
    b"&lt;",
    b"world",
    b"free",
    b"ball",
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str, default: u64| {
        let place = arguments.iter().position(|argument| argument == name);
        place
            .and_then(|place| arguments.get(place + 1))
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    };
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(option("--seed", 1));
    let end = Instant::now() + Duration::from_secs(option("--seconds", 60));
    let folder = std::env::temp_dir().join(format!("telos-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder of temporary files can be written to");
    for (name, text) in COMPANIONS {
        std::fs::write(folder.join(name), text).expect("the folder of temporary files can be written to");
    }
    let sources = sources();
    let (mut loaded, mut refused, mut slowest) = (0u64, 0u64, Duration::ZERO);
    while Instant::now() < end {
        let (name, source) = &sources[rng.random_range(0..sources.len())];
        let mut bytes = source.clone();
        for _ in 0..rng.random_range(1..6) {
            mutate(&mut bytes, &mut rng);
        }
        let file = folder.join(name);
        std::fs::write(&file, &bytes).expect("the folder of temporary files can be written to");
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| import(&file)));
        let took = start.elapsed();
        if took > slowest {
            slowest = took;
            std::fs::copy(&file, folder.join(format!("slowest-{name}"))).ok();
        }
        match outcome {
            Ok(true) => loaded += 1,
            Ok(false) => refused += 1,
            Err(_) => {
                println!("panic: {}", file.display());
                std::process::exit(1);
            }
        }
    }
    println!("{} files: {loaded} loaded, {refused} refused, the slowest in {slowest:?}", loaded + refused);
    std::fs::remove_dir_all(&folder).ok();
}

fn sources() -> Vec<(String, Vec<u8>)> {
    let mut sources: Vec<(String, Vec<u8>)> =
        assets::ALL.iter().map(|(name, xml)| (format!("{name}.xml"), xml.as_bytes().to_vec())).collect();
    // Half of the work goes to the files that hold everything.
    for copy in 0..sources.len() / 2 {
        sources.push((format!("everything{copy}.xml"), MJCF.as_bytes().to_vec()));
        sources.push((format!("everything{copy}.urdf"), URDF.as_bytes().to_vec()));
    }
    sources.push(("mesh.obj".into(), OBJ.as_bytes().to_vec()));
    sources.push(("mesh.stl".into(), STL.as_bytes().to_vec()));
    sources.push(("binary.stl".into(), binary_stl()));
    sources.push(("mesh.msh".into(), msh()));
    sources
}

/// Imports a robot, or a robot made of a mesh, and steps it. Gives whether it loaded.
fn import(file: &Path) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    let model = match extension {
        "xml" | "urdf" => Model::from_file(file),
        _ => {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("");
            let robot = format!(
                "<mujoco><asset><mesh name='m' file='{name}'/></asset><worldbody><body><freejoint/>\
                 <geom type='mesh' mesh='m'/></body><geom type='plane'/></worldbody></mujoco>"
            );
            let main = file.with_extension("mesh.xml");
            std::fs::write(&main, robot).expect("the folder of temporary files can be written to");
            Model::from_mjcf_file(&main)
        }
    };
    let Ok(model) = model else { return false };
    let model = Arc::new(model);
    let mut world = World::new(model.clone());
    for ctrl in [0.0, 1.0, -1e9] {
        world.set_ctrl(&vec![ctrl; model.actuator_count()]);
        world.step();
        world.health();
    }
    true
}

/// One edit: of a byte, of a word, or of a line.
fn mutate(bytes: &mut Vec<u8>, rng: &mut Xoshiro256PlusPlus) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.random_range(0..bytes.len());
    let word = || {
        let separates = |byte: &u8| byte.is_ascii_whitespace() || b"\"'<>=/".contains(byte);
        let start = bytes[..at].iter().rposition(separates).map_or(0, |place| place + 1);
        let end = bytes[at..].iter().position(separates).map_or(bytes.len(), |place| at + place);
        start..end.max(start)
    };
    let line = |at: usize| {
        let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        let end =
            bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |place| at + place + 1);
        start..end
    };
    match rng.random_range(0..8) {
        0 => bytes[at] = rng.random(),
        1 => bytes[at] ^= 1 << rng.random_range(0..8),
        2 => bytes.truncate(at),
        3 | 4 => {
            let range = word();
            bytes.splice(range, WORDS[rng.random_range(0..WORDS.len())].iter().copied());
        }
        5 => {
            let range = line(at);
            bytes.drain(range);
        }
        6 => {
            let copied = bytes[line(at)].to_vec();
            let to = line(rng.random_range(0..bytes.len())).start;
            bytes.splice(to..to, copied);
        }
        _ => {
            let (from, to) = (word(), rng.random_range(0..bytes.len()));
            let copied = bytes[from].to_vec();
            let end = (to + copied.len()).min(bytes.len());
            bytes.splice(to..end, copied);
        }
    }
}

/// A tetrahedron.
const CORNERS: [[f32; 3]; 4] = [[0.0; 3], [0.3, 0.0, 0.0], [0.0, 0.3, 0.0], [0.0, 0.0, 0.3]];
const FACES: [[u32; 3]; 4] = [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]];

fn binary_stl() -> Vec<u8> {
    let mut bytes = vec![0; 80];
    bytes.extend(4u32.to_le_bytes());
    for face in FACES {
        bytes.extend([0; 12]);
        let corners = face.into_iter().flat_map(|index| CORNERS[index as usize]);
        bytes.extend(corners.flat_map(f32::to_le_bytes));
        bytes.extend([0; 2]);
    }
    bytes
}

fn msh() -> Vec<u8> {
    let mut bytes: Vec<u8> = [4u32, 0, 0, 4].into_iter().flat_map(u32::to_le_bytes).collect();
    bytes.extend(CORNERS.into_iter().flatten().flat_map(f32::to_le_bytes));
    bytes.extend(FACES.into_iter().flatten().flat_map(u32::to_le_bytes));
    bytes
}
