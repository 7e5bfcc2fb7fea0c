//! Friction acts on planar robots as Coulomb says. Rapier alone gives them the same motion under
//! every coefficient, because nothing can move out of the plane.

use std::sync::Arc;

use telos_sim::{Health, Model, World, assets};

/// Distance that the cheetah shuffles in four seconds under a fixed control law.
fn shuffle(friction: f32) -> f32 {
    let xml = assets::CHEETAH
        .replace("friction=\"0.4\"", "friction=\"0\"")
        .replace("friction=\"0.7\"", &format!("friction=\"{friction}\""));
    let model = Arc::new(Model::from_mjcf_str("cheetah", &xml).expect("it loads"));
    let root = model.joint("root_x").expect("the cheetah has a root");
    let mut world = World::new(model.clone());
    for step in 0..400 {
        let phase = std::f32::consts::TAU * 3.0 * step as f32 * model.timestep();
        let ctrl: Vec<f32> = (0..6).map(|actuator| 0.4 * (phase + actuator as f32).sin()).collect();
        world.set_ctrl(&ctrl);
        world.step();
    }
    assert_eq!(world.health(), Health::Sound);
    world.joint_position(root)
}

#[test]
fn a_gait_travels_with_friction_and_slips_without() {
    let [none, little, much] = [0.0, 0.4, 1.0].map(shuffle);
    // MuJoCo at a tenth of the step: -0.02, -1.4 at 0.55, and -0.57 m at 1.
    assert!(none.abs() < 0.2, "without friction nothing pushes it: {none} m");
    assert!((-3.0..-1.0).contains(&little), "{little} m");
    assert!((-0.8..-0.4).contains(&much), "{much} m");
}

/// Distance that a block slides on the floor in the `way` it is thrown, on these joints.
fn slide(joints: &str, way: [f32; 2], friction: f32, speed: f32) -> f32 {
    let xml = format!(
        "<mujoco><option timestep='0.005'/><worldbody>
         <geom name='floor' type='plane' size='9 9 1' friction='0'/>
         <body name='block' pos='0 0 0.1'>{joints}
         <geom name='block' type='box' size='0.2 0.2 0.1' density='300' friction='{friction}'/></body>
         </worldbody></mujoco>"
    );
    let model = Arc::new(Model::from_mjcf_str("block", &xml).expect("it loads"));
    let block = model.body("block").expect("it has a block");
    let mut world = World::new(model.clone());
    (0..20).for_each(|_| world.step());
    let force = speed * model.total_mass() / model.timestep();
    world.apply_wrench(block, [force * way[0], force * way[1], 0.0], [0.0; 3]);
    let start = world.body_position(block);
    (0..300).for_each(|_| world.step());
    let end = world.body_position(block);
    (end[0] - start[0]) * way[0] + (end[1] - start[1]) * way[1]
}

/// Along coordinate axes, with a tilted plane, which needs the stiff slide, and without any plane.
#[test]
fn a_sliding_block_stops_where_coulomb_says() {
    let planar = |x: f32, y: f32| {
        format!(
            "<joint type='slide' axis='{x} {y} 0'/><joint type='slide' axis='0 0 1'/>
             <joint axis='{} {x} 0'/>",
            -y
        )
    };
    let free = "<freejoint/>".to_owned();
    let ways = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.6, 0.8]];
    let cases = ways.map(|way| (planar(way[0], way[1]), way)).into_iter().chain([(free, [1.0, 0.0])]);
    for (joints, way) in cases {
        for friction in [0.2, 0.4, 0.8] {
            let speed = 1.5;
            let expected = speed * speed / (2.0 * friction * 9.81);
            let distance = slide(&joints, way, friction, speed);
            assert!(
                (distance / expected - 1.0).abs() < 0.1,
                "{joints} {friction}: {distance} of {expected} m"
            );
        }
        let distance = slide(&joints, way, 0.0, 1.5);
        assert!((distance / (1.5 * 1.5) - 1.0).abs() < 0.02, "{joints}: {distance} m in 1.5 s at 1.5 m/s");
    }
}
