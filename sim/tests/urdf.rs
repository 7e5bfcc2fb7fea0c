//! URDF: what a file means, and what is refused.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::{path::Path, sync::Arc};

use telos_sim::{Health, Model, World};

fn load() -> Arc<Model> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/everything.urdf");
    Arc::new(Model::from_urdf_file(&file, None).unwrap())
}

#[track_caller]
fn assert_close(actual: &[f32], expected: &[f32]) {
    for (a, b) in actual.iter().zip(expected) {
        assert!((a - b).abs() < 1e-4, "{actual:?} is not {expected:?}");
    }
}

#[test]
fn links_have_the_masses_of_the_file() {
    // 1.5 + 0.5 + 0.2 kg given, a finger of 0.02 x 0.02 x 0.1 m and a ball of 0.02 m as of water.
    let water = 0.04 + 4.0 / 3.0 * std::f32::consts::PI * 8e-6 * 1000.0;
    assert_close(&[load().total_mass()], &[2.2 + water]);
}

#[test]
fn joints_move_links_as_the_file_says() {
    let model = load();
    let mut world = World::new(model.clone());
    for (name, position) in [("shoulder", 0.3), ("elbow", -0.4)] {
        world.set_joint_position(model.joint(name).unwrap(), position);
    }
    world.forward();
    // MuJoCo 4.0's poses for the same file.
    for (name, expected) in [
        ("upper", [0.0, 0.0, 0.1]),
        ("lower", [9.41322e-5, 0.118_208_04, 0.482_134_6]),
        ("finger", [-0.155_548_42, 0.274_975_72, 0.819_327_86]),
        ("thumb", [-0.155_624_5, 0.179_442_1, 0.848_879_9]),
    ] {
        assert_close(&world.body_position(model.body(name).unwrap()), &expected);
    }
}

#[test]
fn motors_follow_efforts_and_transmissions() {
    let model = load();
    let names: Vec<_> = (0..model.actuator_count()).map(|index| model.actuator_name(index)).collect();
    assert_eq!(names, ["shoulder", "elbow", "grip"]);
    assert_eq!(model.ctrl_range(1), [-20.0, 20.0]);
    let geared = r#"<robot name="r"><link name="a"/><link name="b"><inertial><mass value="1"/>
        <inertia ixx="1" ixy="0" ixz="0" iyy="1" iyz="0" izz="1"/></inertial></link>
        <joint name="j" type="continuous"><parent link="a"/><child link="b"/><axis xyz="0 0 1"/>
          <limit effort="12" velocity="1"/></joint>
        <transmission name="t"><type>transmission_interface/SimpleTransmission</type><joint name="j">
          <hardwareInterface>EffortJointInterface</hardwareInterface></joint>
          <actuator name="m"><mechanicalReduction>4</mechanicalReduction></actuator></transmission></robot>"#;
    let model = Arc::new(Model::from_urdf_str("geared", geared).unwrap());
    assert_eq!((model.actuator_name(0), model.ctrl_range(0)), ("m", [-3.0, 3.0]));
    let mut world = World::new(model.clone());
    world.set_ctrl(&[1.0]);
    (0..500).for_each(|_| world.step());
    // 4 N m turn 1 kg m² to 4 rad/s in a second.
    assert!((world.joint_velocity(model.joint("j").unwrap()) - 4.0).abs() < 0.01);
}

#[test]
fn a_follower_follows_and_the_robot_stays_sound() {
    let model = load();
    let mut world = World::new(model.clone());
    world.set_ctrl(&[2.0, -0.5, 1.0]);
    (0..500).for_each(|_| world.step());
    assert_eq!(world.health(), Health::Sound);
    let [grip, follower] = ["grip", "grip2"].map(|name| world.joint_position(model.joint(name).unwrap()));
    assert!((grip - follower).abs() < 2e-3, "{grip} {follower}");
}

#[test]
fn remarks_name_what_is_approximated() {
    let model = load();
    for remark in ["<limit> velocity", "<mesh> that is only seen", "<gazebo>", "<safety_controller>"] {
        let named = model.approximations().iter().any(|line| line.contains(remark));
        assert!(named, "{remark} is not among {:#?}", model.approximations());
    }
}

#[test]
fn errors_name_the_place_the_cause_and_the_way_out() {
    let joint = |line: &str| {
        format!(
            "<robot name='r'><link name='a'/><link name='b'/><joint name='j' type='revolute'><parent link='a'/>\
             <child link='b'/>\n{line}\n</joint></robot>"
        )
    };
    let link = |line: &str| format!("<robot name='r'><link name='a'>\n{line}\n</link></robot>");
    for (xml, expected) in [
        ("<mujoco/>".to_owned(), "arm.urdf:1: <mujoco>: the root element must be <robot>"),
        ("<robot name='r'/>".to_owned(), "arm.urdf:1: <robot>: there is no root link"),
        ("<robot name='r'>\n<lnk/></robot>".to_owned(), "arm.urdf:2: <lnk>: this element is not supported"),
        (joint(""), "arm.urdf:1: <joint>: <limit> is missing"),
        (joint("<limit lower='1' upper='0'/>"), "arm.urdf:2: <limit>: lower must be below upper"),
        (joint("<axis xyz='0 0 0'/>"), "arm.urdf:2: <axis>: xyz: the direction must not be zero"),
        (joint("<axis xyz='0 0'/>"), "arm.urdf:2: <axis>: xyz=\"0 0\": expected 3 finite numbers"),
        (joint("<parent link='b'/>"), "arm.urdf:2: <parent>: <joint> takes only one <parent>"),
        (joint("<limit lower='0' upper='1' efort='1'/>"), "arm.urdf:2: <limit>: attribute `efort`"),
        (
            joint("<limit lower='0' upper='1'/><mimic joint='k'/>"),
            "arm.urdf:2: <mimic>: `k` is no revolute, continuous or prismatic joint",
        ),
        (joint("<limit lower='0' upper='1'/>"), "body `b` (line 1) has joints but no mass"),
        (link("<collision/>"), "arm.urdf:2: <collision>: <geometry> is missing"),
        (link("<collision><geometry/></collision>"), "arm.urdf:2: <geometry>: expected one of <box>"),
        (
            link("<collision><geometry><sphere radius='0'/></geometry></collision>"),
            "arm.urdf:2: <sphere>: radius must be a positive number",
        ),
        (
            link("<collision><geometry><mesh filename='a.stl'/></geometry></collision>"),
            "arm.urdf:2: <mesh>: the model was given as text",
        ),
        (link("<inertial><mass/></inertial>"), "arm.urdf:2: <mass>: value is missing"),
        (
            "<robot name='r'><link name='a'/>\n<link name='b'/></robot>".to_owned(),
            "arm.urdf:2: <link>: links `a` and `b` are both roots",
        ),
        (
            "<robot name='r'><link name='a'/>\n<joint name='j' type='fixed'><parent link='a'/><child link='c'/></joint></robot>".to_owned(),
            "arm.urdf:2: <joint>: there is no link named `c`",
        ),
    ] {
        let message = Model::from_urdf_str("arm.urdf", &xml).err().expect("it must be refused").to_string();
        assert!(message.contains(expected), "{xml}\n  gives {message}\n  not {expected}");
    }
}

#[test]
fn bad_meshes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("arm.urdf");
    let robot = "<robot name='r'><link name='a'>\n<collision><geometry><mesh filename='part.NAME'/></geometry></collision></link></robot>";
    for (extension, bytes, expected) in [
        ("stl", None, "No such file"),
        ("stl", Some(&b""[..]), "neither a binary nor an ASCII STL"),
        ("stl", Some(b"solid x\nvertex 1 2\nendsolid"), "line 2: expected `vertex x y z`"),
        ("stl", Some(b"solid x\nendsolid"), "the mesh has no triangles"),
        ("obj", Some(b"v 0 0 0\nv nan 0 0\nv 0 1 0\nf 1 2 3"), "a coordinate is not a number"),
        ("obj", Some(b"v 0 0 0\nf 1 2 3"), "line 2: a face needs three or more numbers of earlier vertices"),
        ("obj", Some(b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3"), "flat"),
        ("msh", Some(b"1234"), "an MSH file of"),
        ("dae", Some(b"<COLLADA/>"), "not a mesh format that can be read"),
    ] {
        std::fs::write(&file, robot.replace("NAME", extension)).unwrap();
        let mesh = folder.path().join(format!("part.{extension}"));
        match bytes {
            Some(bytes) => std::fs::write(&mesh, bytes).unwrap(),
            None => assert!(!mesh.exists()),
        }
        let message = Model::from_urdf_file(&file, None).err().expect("it must be refused").to_string();
        let place = format!("arm.urdf:2: <mesh>: {}", mesh.display());
        assert!(message.contains(&place) && message.contains(expected), "{message}\n  not {expected}");
    }
}
