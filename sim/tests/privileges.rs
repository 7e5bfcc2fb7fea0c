//! What a simulator can do to one world and nothing else can: wrenches, contact masks, other dynamics.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use telos_checkpoint::{from_bytes, to_bytes};
use telos_sim::{Health, Model, Role, World, assets};

const STEP: f32 = 0.005;

/// A ball of 2 kg and 0.1 m above the floor, and a cart with a motor beside it.
fn yard() -> Arc<Model> {
    let xml = format!(
        "<mujoco><option timestep='{STEP}'/><worldbody>
         <geom name='floor' type='plane' size='9 9 1'/>
         <geom name='shelf' type='box' size='0.2 0.2 0.2' pos='0 2 0.2'/>
         <body name='ball' pos='0 0 0.1'><freejoint/><geom name='ball' type='sphere' size='0.1' mass='2'/></body>
         <body name='cart' pos='3 0 1'>
           <joint name='rail' type='slide' axis='1 0 0' range='-1 1' limited='true' damping='2'/>
           <geom name='cart' type='box' size='0.1 0.1 0.1' mass='4'/>
         </body></worldbody>
         <actuator><motor name='motor' joint='rail' gear='10' ctrlrange='-1 1'/></actuator></mujoco>"
    );
    Arc::new(Model::from_mjcf_str("yard", &xml).unwrap())
}

fn run(world: &mut World, steps: usize) {
    (0..steps).for_each(|_| world.step());
}

#[test]
fn a_wrench_acts_for_one_step_and_adds_up() {
    let model = yard();
    let ball = model.body("ball").unwrap();
    let mut world = World::new(model);
    world.set_body_pose(ball, [0.0, 0.0, 5.0], [0.0, 0.0, 0.0, 1.0]);
    world.apply_wrench(ball, [40.0, 0.0, 0.0], [0.0, 0.0, 0.3]);
    world.apply_wrench(ball, [0.0, 20.0, 0.0], [0.0, 0.0, 0.1]);
    let inertia = 0.4 * 2.0 * 0.1 * 0.1;
    for steps in [1, 3] {
        run(&mut world, steps);
        let [x, y, _] = world.body_linear_velocity(ball);
        assert!((x - 40.0 / 2.0 * STEP).abs() < 1e-5 && (y - 20.0 / 2.0 * STEP).abs() < 1e-5, "{x} {y}");
        let spin = world.body_angular_velocity(ball)[2];
        assert!((spin / (0.4 / inertia * STEP) - 1.0).abs() < 1e-3, "{spin}");
    }
    world.apply_wrench(ball, [0.0; 3], [f32::NAN, 0.0, 0.0]);
    run(&mut world, 2);
    assert_eq!(world.health(), Health::NotFinite);
}

#[test]
fn a_masked_pair_passes_through_until_it_is_enabled_again() {
    let model = yard();
    let (ball, floor) = (model.geom("ball").unwrap(), model.geom("floor").unwrap());
    let body = model.body("ball").unwrap();
    let mut world = World::new(model.clone());
    run(&mut world, 20);
    assert_eq!(world.touching().collect::<Vec<_>>().len(), 1, "the ball rests on the floor");
    world.set_contact(floor, ball, false);
    assert!(!world.contact_enabled(ball, floor));
    let snapshot = to_bytes(&world);
    run(&mut world, 100);
    assert!(world.body_position(body)[2] < -0.5, "it falls through: {:?}", world.body_position(body));
    assert_eq!(world.touching().count(), 0);

    let mut restored = World::new(model.clone());
    from_bytes(&mut restored, &snapshot).unwrap();
    run(&mut restored, 100);
    assert_eq!(to_bytes(&restored), to_bytes(&world));

    world.reset();
    run(&mut world, 100);
    assert!(world.body_position(body)[2] < -0.5, "the mask outlives the reset");
    world.reset();
    world.set_body_contact(body, model.body("world").unwrap(), true);
    run(&mut world, 100);
    assert!((world.body_position(body)[2] - 0.1).abs() < 0.01, "it rests again");
}

#[test]
fn a_mask_of_other_geoms_changes_nothing() {
    let model = yard();
    let [ball, cart, floor, shelf] = ["ball", "cart", "floor", "shelf"].map(|name| model.geom(name).unwrap());
    let (mut plain, mut masked) = (World::new(model.clone()), World::new(model));
    masked.set_contact(ball, cart, false);
    masked.set_contact(floor, shelf, false);
    for world in [&mut plain, &mut masked] {
        world.set_ctrl(&[0.3]);
        run(world, 300);
    }
    let rail = plain.model().joint("rail").unwrap();
    let body = plain.model().body("ball").unwrap();
    assert_eq!(plain.joint_position(rail), masked.joint_position(rail));
    assert_eq!(plain.body_position(body), masked.body_position(body));
}

#[test]
fn mass_damping_and_motors_follow_their_factors() {
    let model = yard();
    let (rail, cart) = (model.joint("rail").unwrap(), model.body("cart").unwrap());
    // Speed of the cart after one step under full control: F dt / (m + d dt), implicit in the damping.
    let speed = |mass: f32, damping: f32, motor: f32| {
        let mut world = World::new(model.clone());
        world.set_mass_scale(cart, mass);
        world.set_damping_scale(rail, damping);
        world.set_motor_scale(0, motor);
        world.reset();
        world.set_ctrl(&[1.0]);
        run(&mut world, 20);
        world.joint_velocity(rail)
    };
    let expected = |mass: f32, damping: f32, motor: f32| {
        let (mass, damping, force) = (4.0 * mass, 2.0 * damping, 10.0 * motor);
        force / damping * (1.0 - (-damping * 20.0 * STEP / mass).exp())
    };
    for (mass, damping, motor) in [(1.0, 1.0, 1.0), (2.0, 1.0, 1.0), (1.0, 5.0, 1.0), (1.0, 1.0, 0.5)] {
        let (found, expected) = (speed(mass, damping, motor), expected(mass, damping, motor));
        assert!((found / expected - 1.0).abs() < 0.02, "{mass} {damping} {motor}: {found}, not {expected}");
    }
}

#[test]
fn a_ball_falls_as_its_gravity_says() {
    let model = yard();
    let ball = model.body("ball").unwrap();
    let fall = |world: &mut World| {
        world.set_body_pose(ball, [0.0, 0.0, 5.0], [0.0, 0.0, 0.0, 1.0]);
        run(world, 20);
        5.0 - world.body_position(ball)[2]
    };
    let mut world = World::new(model.clone());
    let nominal = fall(&mut world);
    for factor in [0.0, 0.5, 3.0] {
        world.set_gravity_scale(factor);
        world.reset();
        let mut restored = World::new(model.clone());
        from_bytes(&mut restored, &to_bytes(&world)).unwrap();
        let found = fall(&mut world);
        assert!((found - factor * nominal).abs() < 1e-4, "{factor}: {found} m, not {}", factor * nominal);
        assert_eq!(fall(&mut restored), found, "the factor is part of the state");
    }
    world.restore_dynamics();
    world.reset();
    assert_eq!(fall(&mut world), nominal);
}

#[test]
fn a_ball_with_little_friction_slips() {
    let model = yard();
    let ball = model.body("ball").unwrap();
    let spin = |factor: f32| {
        let mut world = World::new(model.clone());
        model.geoms().for_each(|geom| world.set_friction_scale(geom, factor));
        world.reset();
        world.apply_wrench(ball, [400.0, 0.0, 0.0], [0.0; 3]);
        run(&mut world, 20);
        world.body_angular_velocity(ball)[1]
    };
    let (nominal, slippery) = (spin(1.0), spin(0.01));
    assert!(nominal > 3.0 && slippery < 0.1 * nominal, "{nominal} {slippery}");
}

#[test]
fn factors_of_one_are_exact_and_others_are_part_of_the_state() {
    let model = Arc::new(Model::from_mjcf_str("walker", assets::WALKER).unwrap());
    let drive = |world: &mut World| {
        for step in 0..100 {
            let ctrl: Vec<f32> = (0..6).map(|i| (0.2 * step as f32 + i as f32).sin()).collect();
            world.set_ctrl(&ctrl);
            world.step();
        }
        model.joints().map(|joint| world.joint_position(joint)).collect::<Vec<_>>()
    };
    let nominal = drive(&mut World::new(model.clone()));
    let mut world = World::new(model.clone());
    world.scale_dynamics(1.3, 0.6, 1.5, 0.8);
    let scaled = drive(&mut world);
    assert_ne!(scaled, nominal);
    let snapshot = to_bytes(&world);
    let mut restored = World::new(model.clone());
    from_bytes(&mut restored, &snapshot).unwrap();
    let mut copied = World::new(model.clone());
    copied.copy_from(&world);
    let later = drive(&mut world);
    assert!(drive(&mut restored) == later && drive(&mut copied) == later);
    restored.reset();
    assert_eq!(drive(&mut restored), scaled, "factors outlive a reset");
    restored.restore_dynamics();
    restored.reset();
    assert_eq!(drive(&mut restored), nominal);
}

#[test]
fn limits_and_roles_are_seen() {
    let model = yard();
    let rail = model.joint("rail").unwrap();
    let mut world = World::new(model.clone());
    assert!(!world.at_limit(rail));
    world.set_ctrl(&[1.0]);
    run(&mut world, 400);
    assert!(world.at_limit(rail), "{}", world.joint_position(rail));
    let role = |name| model.role(model.body(name).unwrap());
    assert_eq!((role("world"), role("ball")), (Role::Scene, Role::Object));
    assert!(matches!(role("cart"), Role::Robot(_)));
    assert!(model.is_ground(model.geom("floor").unwrap()) && !model.is_ground(model.geom("shelf").unwrap()));
}

#[test]
fn contacts_bear_the_weight_of_what_rests_and_lie_below_it() {
    let model = yard();
    let (ball, floor) = (model.geom("ball").unwrap(), model.geom("floor").unwrap());
    let mut world = World::new(model.clone());
    run(&mut world, 400);
    let contacts: Vec<_> = world.contacts().filter(|contact| contact.geoms.contains(&ball)).collect();
    assert!(!contacts.is_empty() && contacts.iter().all(|contact| contact.geoms.contains(&floor)));
    // The force is that on the second geom of a pair.
    let lift = |contact: &telos_sim::Contact| {
        if contact.geoms[1] == ball { contact.force[2] } else { -contact.force[2] }
    };
    let weight: f32 = contacts.iter().map(lift).sum();
    assert!((weight - 2.0 * 9.81).abs() < 0.5, "{weight} N");
    let below = world.geom_position(ball);
    for contact in &contacts {
        let [x, y, z] = contact.position;
        assert!((x - below[0]).hypot(y - below[1]) < 0.01 && z.abs() < 0.01, "{:?}", contact.position);
    }
    let body = model.body("ball").unwrap();
    assert!((world.body_center_of_mass(body)[2] - below[2]).abs() < 1e-5);
}

#[test]
fn a_motor_s_force_is_that_of_its_joint() {
    let model = yard();
    let rail = model.joint("rail").unwrap();
    let mut world = World::new(model);
    world.set_ctrl(&[0.5]);
    world.step();
    assert!((world.joint_force(rail) - 5.0).abs() < 1e-3, "{}", world.joint_force(rail));
}
