//! Imported features that change how a robot moves, against MuJoCo 4.0's numbers or by hand.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::{path::Path, sync::Arc};

use telos_sim::{Model, World};

fn world(xml: &str) -> World {
    World::new(Arc::new(Model::from_mjcf_str("test.xml", xml).unwrap()))
}

fn run(world: &mut World, steps: usize) {
    (0..steps).for_each(|_| world.step());
}

fn joint_state(world: &World) -> (Vec<f32>, Vec<f32>) {
    let joints = || world.model().joints();
    (
        joints().map(|joint| world.joint_position(joint)).collect(),
        joints().map(|joint| world.joint_velocity(joint)).collect(),
    )
}

#[track_caller]
fn assert_close(actual: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(actual.len(), expected.len());
    for (a, b) in actual.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance, "{actual:?} is not {expected:?}");
    }
}

#[test]
fn a_file_with_everything_has_mujocos_mass_and_poses() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/everything.xml");
    let model = Arc::new(Model::from_mjcf_file(&file).unwrap());
    assert_close(&[model.total_mass()], &[17.58637], 1e-4);
    let mut world = World::new(model.clone());
    assert_close(&world.com(), &[0.3871595, 1.7681535, 1.141242], 1e-4);
    assert_close(&world.body_position(model.body("hand").unwrap()), &[0.0, 0.5, 1.3], 1e-5);
    assert!(model.approximations().iter().any(|remark| remark.contains("condim above 3")));
    world.set_ctrl(&vec![0.5; model.actuator_count()]);
    run(&mut world, 500);
    assert_eq!(world.health(), telos_sim::Health::Sound);
}

#[test]
fn meshes_enclose_their_volume_in_every_format() {
    // Half of a box of 0.2 x 0.4 x 0.6 m, at 1000 kg/m³.
    for file in ["wedge.obj", "wedge.stl"] {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(file);
        std::fs::copy(source, folder.path().join(file)).unwrap();
        let main = folder.path().join("robot.xml");
        let xml = format!(
            "<mujoco><asset><mesh name='m' file='{file}'/></asset><worldbody><body><freejoint/>\
             <geom type='mesh' mesh='m'/></body></worldbody></mujoco>"
        );
        std::fs::write(&main, xml).unwrap();
        let model = Arc::new(Model::from_mjcf_file(&main).unwrap());
        assert_close(&[model.total_mass()], &[24.0], 1e-3);
        // The centroid of a triangle is at a third of its legs.
        assert_close(&World::new(model).com(), &[0.2 / 3.0, 0.4 / 3.0, 0.3], 1e-5);
    }
}

#[test]
fn ellipsoids_weigh_what_ellipsoids_weigh() {
    let world = world(
        "<mujoco><worldbody><body><freejoint/><geom type='ellipsoid' size='.1 .2 .3' density='500'/></body>\
         </worldbody></mujoco>",
    );
    assert_close(&[world.model().total_mass()], &[4.0 / 3.0 * std::f32::consts::PI * 0.006 * 500.0], 1e-3);
}

#[test]
fn a_fluid_slows_a_chain_as_in_mujoco() {
    let mut world = world(
        r#"<mujoco><option timestep="0.005" density="1000" viscosity="5" gravity="0 0 0" wind="0 0.5 0"/>
        <default><geom contype="0" conaffinity="0"/></default><worldbody>
        <body pos="0 0 1"><joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 0 1"/>
          <joint axis="0 1 0"/><geom type="box" size="0.3 0.1 0.05"/>
          <body pos="0.4 0 0"><joint axis="0 1 0" pos="-0.1 0 0"/><geom type="box" size="0.2 0.04 0.03"/></body>
        </body></worldbody></mujoco>"#,
    );
    let joints: Vec<_> = world.model().joints().collect();
    for (joint, velocity) in joints.into_iter().zip([2.0, 1.0, 3.0, -4.0]) {
        world.set_joint_velocity(joint, velocity);
    }
    world.forward();
    run(&mut world, 100);
    let (positions, velocities) = joint_state(&world);
    assert_close(&positions, &[0.5222, 0.1309, 0.7125, -1.3698], 0.01);
    assert_close(&velocities, &[0.5155, -0.0038, 0.7026, -2.0454], 0.01);
}

#[test]
fn a_filtered_actuator_on_an_elastic_tendon_moves_two_bodies_as_in_mujoco() {
    let mut world = world(
        r#"<mujoco><option timestep="0.002"/><default><geom contype="0" conaffinity="0"/></default><worldbody>
        <body><joint name="a" type="slide" axis="1 0 0"/><geom size=".1" mass="2"/></body>
        <body><joint name="b" type="slide" axis="1 0 0" ref="0.1"/><geom size=".1" mass="3"/></body></worldbody>
        <tendon><fixed name="t" stiffness="30" damping="2" springlength="0.2">
          <joint joint="a" coef="1"/><joint joint="b" coef="-2"/></fixed></tendon>
        <actuator><general tendon="t" dyntype="filter" dynprm="0.1" gainprm="3" biastype="affine"
          biasprm="1 -5 -1" gear="2" forcerange="-4 4"/></actuator></mujoco>"#,
    );
    world.set_ctrl(&[2.0]);
    run(&mut world, 200);
    let (positions, velocities) = joint_state(&world);
    assert_close(&positions, &[0.1721, -0.1295], 1e-3);
    assert_close(&velocities, &[0.0941, -0.1255], 5e-3);
}

#[test]
fn a_spring_given_by_its_oscillation_swings_as_in_mujoco() {
    let mut world = world(
        r#"<mujoco><option timestep="0.002"/><worldbody><body>
        <joint axis="0 1 0" springdamper="0.1 0.5" armature="0.01"/>
        <geom type="box" size=".2 .05 .05" pos=".2 0 0" mass="1"/>
        <body pos=".4 0 0"><joint axis="0 1 0" damping="0.2"/><geom size=".05" pos=".1 0 0" mass=".5"/></body>
        </body></worldbody></mujoco>"#,
    );
    run(&mut world, 100);
    assert_close(&joint_state(&world).0, &[0.1691, 0.3111], 2e-3);
}

#[test]
fn a_pendulum_on_a_ball_joint_swings_like_one_on_a_hinge() {
    let tip = |joint: &str| {
        let mut world = world(&format!(
            "<mujoco><option timestep='0.002'/><worldbody><body><joint {joint} damping='0.01'/>\
             <geom type='box' size='.2 .03 .02' pos='.2 0 0' mass='1'/><body name='tip' pos='.4 0 0'/></body>\
             </worldbody></mujoco>"
        ));
        let body = world.model().body("tip").unwrap();
        run(&mut world, 200);
        world.body_position(body)
    };
    assert_close(&tip("type='ball'"), &tip("axis='0 1 0'"), 5e-3);
}

#[test]
fn an_equality_holds_two_joints_in_proportion() {
    let mut world = world(
        "<mujoco><option timestep='0.002'/><default><geom contype='0' conaffinity='0'/></default><worldbody>\
         <body><joint name='a' type='slide' axis='1 0 0'/><geom size='.1' mass='1'/></body>\
         <body><joint name='b' type='slide' axis='1 0 0'/><geom size='.1' mass='1'/></body></worldbody>\
         <equality><joint joint1='a' joint2='b' polycoef='0 2 0 0 0'/></equality>\
         <actuator><motor joint='b'/></actuator></mujoco>",
    );
    world.set_ctrl(&[5.0]);
    run(&mut world, 500);
    // The mass that b feels is 1 + 2² * 1, so that b moves 5/5 * 1²/2 = 0.5 m in a second.
    assert_close(&joint_state(&world).0, &[1.0, 0.5], 0.01);
}

#[test]
fn flags_switch_off_what_they_name() {
    let fall = |flag: &str| {
        let mut world = world(&format!(
            "<mujoco><option><flag {flag}/></option><worldbody><geom type='plane'/>\
             <body pos='0 0 0.5'><joint name='z' type='slide' axis='0 0 1' range='-.1 1'/><geom size='.1'/></body>\
             </worldbody></mujoco>"
        ));
        run(&mut world, 500);
        joint_state(&world).0[0]
    };
    assert_close(&[fall("gravity='disable'")], &[0.0], 1e-6);
    assert_close(&[fall("energy='enable'")], &[-0.1], 0.01);
    assert_close(&[fall("limit='disable'")], &[-0.4], 0.01);
    // One second of free fall.
    assert_close(&[fall("constraint='disable'")], &[-4.905], 0.02);
}
