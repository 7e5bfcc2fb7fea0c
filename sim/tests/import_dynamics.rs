//! Imported features that change how a robot moves, against numbers from MuJoCo 4.0 or by hand.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use telos_sim::{Model, World};

fn world(xml: &str) -> World {
    World::new(Arc::new(Model::from_mjcf_str("test.xml", xml).unwrap()))
}

#[test]
fn dbg() {
    let xml = r#"<mujoco><option timestep="0.005" density="1000" viscosity="5" gravity="0 0 0" wind="0 0.5 0"/><worldbody>
<body name="a" pos="0 0 1"><joint name="x" type="slide" axis="1 0 0"/><joint name="z" type="slide" axis="0 0 1"/><joint name="r" axis="0 1 0"/><geom type="box" size="0.3 0.1 0.05" contype="0" conaffinity="0"/>
<body name="b" pos="0.4 0 0"><joint name="k" axis="0 1 0" pos="-0.1 0 0"/><geom type="box" size="0.2 0.04 0.03" contype="0" conaffinity="0"/></body></body></worldbody></mujoco>"#;
    let mut w = world(xml);
    let joints: Vec<_> = w.model().clone().joints().collect();
    for (joint, v) in joints.iter().zip([2.0, 1.0, 3.0, -4.0]) {
        w.set_joint_velocity(*joint, v);
    }
    w.forward();
    for _ in 0..100 {
        w.step();
    }
    eprintln!(
        "{:?} {:?}",
        joints.iter().map(|j| w.joint_position(*j)).collect::<Vec<_>>(),
        joints.iter().map(|j| w.joint_velocity(*j)).collect::<Vec<_>>()
    );
    let mut w = world(
        r#"<mujoco><option timestep="0.005" density="1000" viscosity="5" gravity="0 0 0" wind="0 0.5 0"/><worldbody>
<body name="a"><freejoint/><geom type="box" size="0.3 0.1 0.05" pos="0.1 0 0" contype="0" conaffinity="0"/></body></worldbody></mujoco>"#,
    );
    let a = w.model().body("a").unwrap();
    w.set_body_velocity(a, [1.0, 2.0, 3.0], [1.0, -2.0, 1.0]);
    w.forward();
    for _ in 0..100 {
        w.step();
    }
    eprintln!(
        "{:?} {:?} {:?} {:?}",
        w.body_position(a),
        w.body_orientation(a),
        w.body_linear_velocity(a),
        w.body_angular_velocity(a)
    );
}
