//! Actuators, joint limits, contacts and health of the robots.

use std::sync::Arc;

use telos_sim::{Camera, GeomId, Health, Model, Shape, World, assets};

fn world(name: &str) -> World {
    let (name, xml) = assets::ALL.into_iter().find(|(other, _)| *other == name).expect("it is an asset");
    World::new(Arc::new(Model::from_mjcf_str(name, xml).expect("the assets load")))
}

fn world_of(body: &str, rest: &str) -> World {
    let xml = format!(
        "<mujoco><option timestep='0.005'/><worldbody><geom name='floor' type='plane' size='1 1 1'/>
         {body}</worldbody>{rest}</mujoco>"
    );
    World::new(Arc::new(Model::from_mjcf_str("test", &xml).expect("it loads")))
}

#[test]
fn worlds_move_between_threads() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<World>();
    is_sync::<Model>();
}

#[test]
fn controls_are_clamped_to_their_range() {
    let mut held = world("cartpole");
    let mut excessive = world("cartpole");
    held.set_ctrl(&[1.0]);
    excessive.set_ctrl(&[1e30]);
    let force = excessive.model().actuator("force").unwrap();
    assert_eq!(excessive.ctrl()[force], excessive.model().ctrl_range(force)[1]);
    (0..50).for_each(|_| held.step());
    (0..50).for_each(|_| excessive.step());
    assert!(telos_checkpoint::to_bytes(&held) == telos_checkpoint::to_bytes(&excessive));
    excessive.set_ctrl(&[f32::NAN]);
    assert_eq!(excessive.ctrl(), [0.0]);
}

#[test]
fn a_motor_accelerates_as_newton_says() {
    let slide = "<body><joint name='j' type='slide' axis='1 0 0'/><geom size='0.1' mass='2' contype='0' conaffinity='0'/></body>";
    for (motor, force) in [
        ("<motor joint='j' gear='3'/>", 6.0),
        ("<motor joint='j' gear='-3' ctrlrange='-1 1'/>", -3.0),
        ("<motor joint='j' gear='3' forcerange='-0.5 0.5'/>", 1.5),
        ("<motor joint='j' gear='-3' forcerange='-0.5 0.7'/>", -2.1),
        ("<motor joint='j' gear='0'/>", 0.0),
    ] {
        let mut world = world_of(slide, &format!("<actuator>{motor}</actuator>"));
        let joint = world.model().joint("j").unwrap();
        world.set_ctrl(&[2.0]);
        (0..100).for_each(|_| world.step());
        let expected = force / 2.0 * 0.5;
        let speed = world.joint_velocity(joint);
        assert!((speed - expected).abs() < 1e-4, "{motor}: {speed} m/s, not {expected}");
    }
}

#[test]
fn a_position_servo_comes_to_its_target() {
    let hinge = "<body pos='0 0 1'><joint name='j' axis='0 1 0' ref='30' springref='30'/>
                 <geom type='capsule' fromto='0 0 0 0.3 0 0' size='0.03' contype='0' conaffinity='0'/></body>";
    let mut world = world_of(hinge, "<actuator><position joint='j' kp='400' kv='20'/></actuator>");
    let joint = world.model().joint("j").unwrap();
    assert!((world.joint_position(joint) - 30f32.to_radians()).abs() < 1e-6);
    world.set_ctrl(&[1.0]);
    (0..400).for_each(|_| world.step());
    let sag = 1.0 - world.joint_position(joint);
    assert!(sag.abs() < 0.02, "gravity bends it a little: {sag} rad");
}

#[test]
fn passive_springs_act_without_any_control() {
    let mut world = world_of(
        "<body><joint name='j' type='slide' axis='1 0 0' stiffness='8' springref='0.2' damping='8'/>
         <geom size='0.1' mass='2' contype='0' conaffinity='0'/></body>",
        "",
    );
    (0..2000).for_each(|_| world.step());
    let joint = world.model().joint("j").unwrap();
    assert!((world.joint_position(joint) - 0.2).abs() < 1e-3);
}

/// How far any joint is beyond its limits.
fn excess(world: &World) -> f32 {
    let model = world.model();
    let beyond = model.joints().filter_map(|joint| {
        let [low, high] = model.joint_range(joint)?;
        let position = world.joint_position(joint);
        Some((low - position).max(position - high))
    });
    beyond.fold(0.0, f32::max)
}

#[test]
fn joint_limits_hold_against_full_torque() {
    for (name, _) in assets::ALL {
        for torque in [1.0, -1.0] {
            let mut world = world(name);
            world.set_ctrl(&vec![torque; world.model().actuator_count()]);
            for step in 0..600 {
                world.step();
                let excess = excess(&world);
                // A robot that is thrown onto its stops passes them for a moment: by up to 0.30 rad in
                // MuJoCo too. Then the stops must carry the motors and the robot's weight.
                let bound = if step < 500 { 0.3 } else { 0.08 };
                assert!(excess < bound, "{name}: {excess} beyond a limit at step {step}");
            }
            assert_eq!(world.health(), Health::Sound);
        }
    }
}

#[test]
fn the_floor_carries_the_weight() {
    let mut world = world("cheetah");
    (0..400).for_each(|_| world.step());
    let model = world.model().clone();
    let weight = model.total_mass() * 9.81;
    let floor = model.geom("floor").unwrap();
    let others: f32 =
        model.geoms().filter(|geom| *geom != floor).map(|geom| world.contact_force(geom)[2]).sum();
    assert!((others / weight - 1.0).abs() < 0.02, "{others} N of {weight} N");
    assert!((world.contact_force(floor)[2] / weight + 1.0).abs() < 0.02);
    let touching: Vec<&str> =
        model.geoms().filter(|geom| world.touches(*geom)).map(|geom| model.geom_name(geom)).collect();
    assert_eq!(touching, ["floor", "hind_foot", "fore_foot"]);
}

/// Falls from a metre and rests at `geom`'s radius if the two may touch.
fn rests_on(attributes: &str, floor: &str) -> bool {
    let xml = format!(
        "<mujoco><option timestep='0.005'/><worldbody><geom type='plane' size='1 1 1' {floor}/>
         <body pos='0 0 1'><freejoint/><geom name='ball' size='0.1' {attributes}/></body></worldbody></mujoco>"
    );
    let mut world = World::new(Arc::new(Model::from_mjcf_str("ball", &xml).expect("it loads")));
    (0..200).for_each(|_| world.step());
    world.com()[2] > 0.0
}

#[test]
fn contact_types_follow_mujocos_rule() {
    assert!(rests_on("", ""));
    assert!(rests_on("contype='1' conaffinity='0'", "contype='0' conaffinity='1'"));
    assert!(rests_on("contype='0' conaffinity='4'", "contype='6' conaffinity='0'"));
    assert!(!rests_on("contype='1' conaffinity='0'", "contype='1' conaffinity='0'"));
    assert!(!rests_on("contype='2' conaffinity='2'", ""));
}

#[test]
fn neighbours_and_excluded_bodies_pass_through_each_other() {
    // Three balls in a chain: 1-2 and 2-3 are neighbours and overlap, 1-3 just touch unless excluded.
    let chain = "<body name='a' pos='0 0 5'><freejoint/><geom size='0.2'/><body name='b' pos='0.1 0 0'>
                 <joint axis='0 1 0'/><geom size='0.2'/><body name='c' pos='0.295 0 0'><joint axis='0 0 1' name='j'/>
                 <joint axis='0 1 0'/><geom size='0.2'/></body></body></body>";
    let push = |rest: &str| {
        let mut world = world_of(chain, rest);
        (0..5).for_each(|_| world.step());
        world.model().geoms().any(|geom: GeomId| world.touches(geom))
    };
    assert!(push(""));
    assert!(!push("<contact><exclude body1='a' body2='c'/></contact>"));
}

#[test]
fn bodies_that_stand_inside_each_other_pass_through_with_a_remark() {
    let chain = |distance: f32| {
        let xml = format!(
            "<mujoco><worldbody><body name='a' pos='0 0 5'><freejoint/><geom size='0.2'/><body name='b' \
             pos='0.1 0 0'><joint axis='0 1 0'/><geom size='0.2'/><body name='c' pos='{distance} 0 0'>\
             <joint axis='0 1 0'/><geom size='0.2'/></body></body></body></worldbody></mujoco>"
        );
        let model = Arc::new(Model::from_mjcf_str("chain", &xml).expect("it loads"));
        let mut world = World::new(model.clone());
        (0..5).for_each(|_| world.step());
        let remarks = model.approximations().iter().filter(|remark| remark.contains("`a` and `c` overlap"));
        (remarks.count(), model.geoms().any(|geom: GeomId| world.touches(geom)))
    };
    assert_eq!(chain(0.1), (1, false));
    assert_eq!(chain(0.295), (0, true));
}

#[test]
fn an_explosion_is_noticed_and_a_reset_heals_it() {
    let mut world = world("walker");
    let torso = world.model().body("torso").unwrap();
    world.apply_wrench(torso, [1e7, 0.0, 0.0], [0.0; 3]);
    world.step();
    assert_eq!(world.health(), Health::Runaway);
    world.reset();
    assert_eq!(world.health(), Health::Sound);
    world.apply_wrench(torso, [f32::NAN, 0.0, 0.0], [0.0; 3]);
    (0..3).for_each(|_| world.step());
    assert_eq!(world.health(), Health::NotFinite);
    world.reset();
    (0..10).for_each(|_| world.step());
    assert_eq!(world.health(), Health::Sound);
}

#[test]
fn a_push_lasts_one_step() {
    let mut world = world_of("<body pos='0 0 1'><freejoint/><geom size='0.1' mass='2'/></body>", "");
    let ball = world.model().body("body1").unwrap();
    world.apply_wrench(ball, [40.0, 0.0, 0.0], [0.0; 3]);
    world.step();
    let speed = world.body_linear_velocity(ball)[0];
    assert!((speed - 40.0 / 2.0 * 0.005).abs() < 1e-5, "{speed}");
    world.step();
    assert!((world.body_linear_velocity(ball)[0] - speed).abs() < 1e-6);
}

#[test]
fn the_scene_shows_placed_bodies() {
    let mut world = world("reacher");
    let target = world.model().body("target").unwrap();
    world.set_body_pose(target, [0.05, -0.1, 0.015], [0.0, 0.0, 0.0, 1.0]);
    let camera = Camera { eye: [0.0, 0.0, 1.0], target: [0.0; 3], fovy: 45.0 };
    let scene = world.scene(&camera);
    let shown = scene.geoms.iter().find(|geom| &*geom.body == "target").unwrap();
    assert_eq!((shown.position, &shown.shape), ([0.05, -0.1, 0.015], &Shape::Sphere(0.02)));
    assert_eq!(scene.geoms.len(), world.model().geoms().len());
    assert!(scene.geoms.iter().any(|geom| geom.shape == Shape::Plane && &*geom.body == "world"));
    world.step();
    assert_eq!(world.body_position(target), [0.05, -0.1, 0.015]);
}
