//! Wrong robot files end in an error that names file, line and element, never in a panic.

use proptest::prelude::*;
use telos_sim::{Model, SimError, World, assets};

fn error(xml: &str) -> String {
    Model::from_mjcf_str("robot.xml", xml).err().expect("this file must be refused").to_string()
}

/// The second line of a robot of three lines is `line`.
fn error_of(line: &str) -> String {
    error(&format!(
        "<mujoco><worldbody><body><joint name='j'/><geom size='1'/>\n{line}\n</body></worldbody></mujoco>"
    ))
}

#[test]
fn errors_name_the_place_the_cause_and_the_way_out() {
    for (line, expected) in [
        ("<goem size='1'/>", "robot.xml:2: <goem>: this element is not supported"),
        (
            "<geom size='1' frictoin='1'/>",
            "robot.xml:2: <geom>: attribute `frictoin` is not supported; this element takes: name",
        ),
        ("<geom size='1o'/>", "robot.xml:2: <geom>: size=\"1o\": expected 1 to 3 finite numbers"),
        ("<geom size='nan'/>", "robot.xml:2: <geom>: size=\"nan\""),
        ("<geom size='1' pos='0 0'/>", "robot.xml:2: <geom>: pos=\"0 0\": expected 3 finite numbers"),
        ("<geom size='-1'/>", "robot.xml:2: <geom>: size needs a positive number 1"),
        ("<geom type='capsule' size='1'/>", "robot.xml:2: <geom>: size needs a positive number 2"),
        ("<geom type='sdf'/>", "robot.xml:2: <geom>: type=\"sdf\": expected one of sphere, capsule"),
        ("<geom type='mesh'/>", "robot.xml:2: <geom>: mesh is missing"),
        ("<geom type='mesh' mesh='m'/>", "robot.xml:2: <geom>: mesh=\"m\": there is no such mesh"),
        ("<geom type='box' mesh='m'/>", "robot.xml:2: <geom>: a box is not fitted to a mesh"),
        (
            "<geom type='hfield' hfield='h'/>",
            "robot.xml:2: <geom>: hfield=\"h\": there is no such height field",
        ),
        ("<geom size='1' shellinertia='true'/>", "robot.xml:2: <geom>: shellinertia is not supported"),
        (
            "<geom class='leg' size='1'/>",
            "robot.xml:2: <geom>: class `leg` is not defined in any <default>; defined: none",
        ),
        (
            "<geom type='capsule' size='1' fromto='0 0 1 0 0 1'/>",
            "robot.xml:2: <geom>: fromto: the direction must not be zero",
        ),
        ("<geom size='1' condim='2'/>", "robot.xml:2: <geom>: condim must be 1, 3, 4 or 6"),
        ("<geom size='1' contype='-1'/>", "robot.xml:2: <geom>: contype=\"-1\": expected a whole number"),
        (
            "<joint name='j' axis='1 0 0'/>",
            "robot.xml:2: <joint>: there are two joints named `j`; rename one",
        ),
        (
            "<joint type='ball' range='0 1'/>",
            "robot.xml:2: <joint>: a range of a ball joint is not supported",
        ),
        ("<joint type='ball' stiffness='1'/>", "robot.xml:2: <joint>: springs of ball and free joints"),
        ("<joint actuatorfrcrange='0 1'/>", "robot.xml:2: <joint>: actuatorfrcrange is not supported"),
        ("<joint range='1 -1'/>", "robot.xml:2: <joint>: range: the lower bound must be below the upper one"),
        ("<joint limited='true'/>", "robot.xml:2: <joint>: limited=\"true\" needs range"),
        ("<joint axis='0 0 0'/>", "robot.xml:2: <joint>: axis: the direction must not be zero"),
        ("<joint damping='-1'/>", "robot.xml:2: <joint>: damping must not be negative"),
        ("<freejoint/>", "robot.xml:2: <freejoint>: a free joint must be the only joint"),
        ("<inertial mass='1'/>", "robot.xml:2: <inertial>: diaginertia or fullinertia is missing"),
        ("<inertial diaginertia='1 1 1'/>", "robot.xml:2: <inertial>: mass is missing"),
        (
            "<inertial mass='1' fullinertia='1 1 1 2 0 0'/>",
            "robot.xml:2: <inertial>: fullinertia must be positive definite",
        ),
        ("<body quat='0 0 0 0'/>", "robot.xml:2: <body>: quat must be a rotation"),
        (
            "<body euler='0 0 1' quat='1 0 0 0'/>",
            "robot.xml:2: <body>: give only one of quat, euler, axisangle, xyaxes, zaxis",
        ),
        ("<body mocap='true'/>", "robot.xml:2: <body>: a mocap body must be a child of the world"),
        ("<body><joint/></body>", "body `body2` (line 2) has joints but no mass"),
        ("<frame axis='1'/>", "robot.xml:2: <frame>: attribute `axis` is not supported"),
        ("<body gravcomp='1'/>", "robot.xml:2: <body>: gravcomp is not supported"),
        ("<composite type='cable'/>", "robot.xml:2: <composite>: composites are not expanded"),
        ("<flexcomp name='f'/>", "robot.xml:2: <flexcomp>: soft bodies are not simulated"),
        ("<plugin plugin='p'/>", "robot.xml:2: <plugin>: plugins cannot be loaded"),
        ("<replicate count='2'/>", "robot.xml:2: <replicate>: replicas are not expanded"),
        ("<motor joint='j'/>", "robot.xml:2: <motor>: this element cannot stand here"),
    ] {
        let message = error_of(line);
        assert!(message.contains(expected), "{line}\n  gives {message}\n  not {expected}");
    }
}

#[test]
fn a_link_inside_a_fixed_base_is_refused() {
    let arm = |height: f32| {
        format!(
            "<mujoco><worldbody><body name='base'><geom type='box' size='.1 .1 .1'/>
             <body name='link' pos='0 0 {height}'><joint axis='1 0 0'/><geom size='.08'/></body></body>
             </worldbody></mujoco>"
        )
    };
    let reason = error(&arm(0.15));
    assert!(reason.contains("body `link` (line 2) stands inside `base` (line 1)"), "{reason}");
    assert!(Model::from_mjcf_str("robot.xml", &arm(0.175)).is_ok(), "5 mm are a contact");
}

#[test]
fn errors_outside_bodies_too() {
    for (xml, expected) in [
        ("<mujoco>\n<worldbody>", "robot.xml:2: not well-formed XML"),
        ("", "robot.xml:1: not well-formed XML"),
        ("<robot/>", "robot.xml:1: <robot>"),
        ("<mujoco>\n<option timestep='0'/></mujoco>", "robot.xml:2: <option>: timestep must lie between"),
        ("<mujoco>\n<option density='-1'/></mujoco>", "robot.xml:2: <option>: density must not be negative"),
        (
            "<mujoco><option viscosity='1'/><worldbody>\n<geom size='1' fluidshape='ellipsoid'/></worldbody></mujoco>",
            "robot.xml:2: <geom>: fluidshape=\"ellipsoid\" is not simulated",
        ),
        (
            "<mujoco>\n<option><flag filterparent='disable'/></option></mujoco>",
            "robot.xml:2: <flag>: filterparent",
        ),
        (
            "<mujoco>\n<option><flag override='enable'/></option></mujoco>",
            "robot.xml:2: <flag>: override=\"enable\" is not supported",
        ),
        (
            "<mujoco>\n<option><flag sensr='disable'/></option></mujoco>",
            "robot.xml:2: <flag>: attribute `sensr` is not supported",
        ),
        (
            "<mujoco>\n<compiler coordinate='global'/></mujoco>",
            "robot.xml:2: <compiler>: coordinate=\"global\"",
        ),
        (
            "<mujoco>\n<include file='a.xml'/></mujoco>",
            "robot.xml:2: <include>: the model was given as text, so `a.xml` cannot be found",
        ),
        ("<mujoco>\n<tendon><fixed/></tendon></mujoco>", "robot.xml:2: <fixed>: a fixed tendon needs"),
        (
            "<mujoco>\n<tendon><spatial limited='true'/></tendon></mujoco>",
            "robot.xml:2: <spatial>: tendons through",
        ),
        (
            "<mujoco>\n<asset><mesh file='a.stl'/></asset></mujoco>",
            "robot.xml:2: <mesh>: the model was given",
        ),
        (
            "<mujoco>\n<asset><mesh name='m'/></asset></mujoco>",
            "robot.xml:2: <mesh>: file or vertex is missing",
        ),
        (
            "<mujoco>\n<asset><mesh name='m' vertex='0 0 0 1 0 0 0 1 0 1 1 0'/></asset></mujoco>",
            "robot.xml:2: <mesh>: the mesh encloses no volume",
        ),
        (
            "<mujoco>\n<asset><hfield name='h' file='h.png' size='1 1 1 1'/></asset></mujoco>",
            "robot.xml:2: <hfield>: height fields with data are not supported",
        ),
        (
            "<mujoco>\n<actuator><motor site='s'/></actuator></mujoco>",
            "robot.xml:2: <motor>: transmission through `site` is not simulated",
        ),
        (
            "<mujoco>\n<actuator><motor/></actuator></mujoco>",
            "robot.xml:2: <motor>: joint or tendon is missing",
        ),
        (
            "<mujoco>\n<actuator><muscle joint='j'/></actuator></mujoco>",
            "robot.xml:2: <muscle>: muscles are not",
        ),
        (
            "<mujoco>\n<actuator><adhesion body='b'/></actuator></mujoco>",
            "robot.xml:2: <adhesion>: adhesion is",
        ),
        ("<mujoco>\n<equality><weld body1='b'/></equality></mujoco>", "robot.xml:2: <weld>: closed chains"),
        (
            "<mujoco>\n<contact><pair geom1='g'/></contact></mujoco>",
            "robot.xml:2: <pair>: explicit contact pairs",
        ),
        ("<mujoco>\n<extension><plugin/></extension></mujoco>", "robot.xml:2: <extension>: plugins cannot"),
        (
            "<mujoco><default><position kp='3'/></default><worldbody><body><joint name='j'/><geom size='1'/></body></worldbody><actuator>\n<velocity joint='j'/></actuator></mujoco>",
            "robot.xml:2: <velocity>: it would inherit kp from <position>",
        ),
        (
            "<mujoco>\n<actuator><motor joint='x'/></actuator></mujoco>",
            "robot.xml:2: <motor>: joint=\"x\": there is no such joint",
        ),
        (
            "<mujoco>\n<contact><exclude body1='a' body2='b'/></contact></mujoco>",
            "robot.xml:2: <exclude>: body1=\"a\"",
        ),
        (
            "<mujoco>\n<default><default/></default></mujoco>",
            "robot.xml:2: <default>: a nested default needs a class",
        ),
        (
            "<mujoco><default>\n<geom dampng='1'/></default></mujoco>",
            "robot.xml:2: <geom>: attribute `dampng`",
        ),
        ("<mujoco><worldbody>\n<joint/></worldbody></mujoco>", "robot.xml:2: <joint>: the world cannot move"),
    ] {
        let message = error(xml);
        assert!(message.contains(expected), "{xml}\n  gives {message}\n  not {expected}");
    }
}

#[test]
fn files_and_names_that_do_not_exist() {
    let missing = std::path::Path::new("no/such/robot.xml");
    let error = Model::from_mjcf_file(missing).err().expect("there is no such file");
    assert!(matches!(&error, SimError::Io { path, .. } if path == missing), "{error}");
    let model = Model::from_mjcf_str("hopper", assets::HOPPER).expect("it loads");
    let error = model.joint("kne").expect_err("there is no such joint").to_string();
    assert!(error.starts_with("model `hopper` has no joint named `kne`; it has: root_x, root_z"), "{error}");
}

/// Found by `examples/fuzz_import.rs`: parry's search for the contact of two shapes panicked.
#[test]
fn shapes_beyond_single_floats_are_refused() {
    for line in
        ["<geom type='box' size='0.2 1e38 0.03'/>", "<geom size='1e-20'/>", "<geom size='1' pos='0 1e30 0'/>"]
    {
        // In a fixed body, so that mass is not what is wrong.
        let message = error(&format!("<mujoco><worldbody>\n{line}\n</worldbody></mujoco>"));
        assert!(message.contains("geom `geom0` (line 2) is too flat, too small, too large"), "{message}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    let xml =
        format!("<mujoco><worldbody>{}{}</worldbody></mujoco>", "<body>".repeat(300), "</body>".repeat(300));
    assert!(error(&xml).contains("nested deeper"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// One to four edits at any place of any asset: loads or is refused, and what loads can step.
    #[test]
    fn mutated_robots_never_panic(
        robot in 0..assets::ALL.len(),
        edits in proptest::collection::vec((any::<u32>(), 0usize..12, any::<u32>()), 1..5),
    ) {
        let mut xml = assets::ALL[robot].1.to_owned();
        for (place, kind, source) in edits {
            // The assets are ASCII, but earlier edits need not be.
            let at = |value: u32| {
                let mut at = value as usize % (xml.len() + 1);
                while !xml.is_char_boundary(at) { at -= 1 }
                at
            };
            let (at, from) = (at(place), at(source));
            match kind {
                0 => xml.truncate(at),
                1 => xml.insert(at, '<'),
                2 => xml.insert(at, '"'),
                3 => xml.insert(at, '9'),
                4 => xml.insert(at, '-'),
                5 => xml.insert_str(at, "e38"),
                6 => xml.insert(at, 'é'),
                7 => xml.insert_str(at, "0 "),
                8 if at < from => xml.replace_range(at..from, ""),
                9 => xml.insert_str(at, &xml[from..].chars().take(40).collect::<String>()),
                _ => { if let Some(letter) = xml[at..].chars().next() {
                    xml.replace_range(at..at + letter.len_utf8(), "x");
                } }
            }
        }
        if let Ok(model) = Model::from_mjcf_str("mutated.xml", &xml) {
            let model = std::sync::Arc::new(model);
            let mut world = World::new(model.clone());
            world.set_ctrl(&vec![1.0; model.actuator_count()]);
            (0..3).for_each(|_| world.step());
            world.health();
        }
    }
}
