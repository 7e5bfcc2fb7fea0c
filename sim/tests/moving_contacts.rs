//! Contacts follow the bodies: a body that has slid past a corner does not press on it any more.

use std::sync::Arc;

use telos_sim::{Model, World, assets};

/// Distance of a point in the frame of the T from its two rectangles, metres.
fn distance([x, y]: [f32; 2]) -> f32 {
    let to = |centre: f32, half: [f32; 2]| {
        let outside = [x.abs() - half[0], (y - centre).abs() - half[1]];
        outside[0].max(0.0).hypot(outside[1].max(0.0)) + outside[0].max(outside[1]).min(0.0)
    };
    to(0.025_714_3, [0.06, 0.015]).min(to(-0.034_285_7, [0.015, 0.045]))
}

#[test]
fn the_pusher_moves_the_block_only_where_it_touches_it() {
    let model = Arc::new(Model::from_mjcf_str("push_t", assets::PUSH_T).unwrap());
    let names = ["block_x", "block_y", "block_turn", "pusher_x", "pusher_y"];
    let joints = names.map(|name| model.joint(name).unwrap());
    let mut touched = 0;
    for (turn, direction) in (0..6).flat_map(|turn| (0..8).map(move |direction| (turn, direction))) {
        let (turn, direction) = (turn as f32, std::f32::consts::FRAC_PI_4 * direction as f32);
        // The way of the pusher leads from outside to the block's centre, past its corners.
        let start = [0.05 + 0.13 * direction.cos(), -0.03 + 0.13 * direction.sin()];
        let mut world = World::new(Arc::clone(&model));
        for (joint, position) in joints.iter().zip([0.05, -0.03, turn, start[0], start[1]]) {
            world.set_joint_position(*joint, position);
        }
        world.forward();
        for step in 0..400 {
            let t = step as f32 / 400.0;
            world.set_ctrl(&[start[0] + t * (0.05 - start[0]), start[1] + t * (-0.03 - start[1])]);
            world.step();
            let [x, y, angle, pusher_x, pusher_y] = joints.map(|joint| world.joint_position(joint));
            if (x - 0.05).hypot(y + 0.03) > 3e-4 || (angle - turn).abs() > 3e-3 {
                let ((sin, cos), x, y) = (angle.sin_cos(), pusher_x - x, pusher_y - y);
                let gap = distance([cos * x + sin * y, cos * y - sin * x]) - 0.015;
                assert!(gap.abs() < 1e-3, "turned by {turn}, from {direction}: moved at a gap of {gap} m");
                touched += 1;
                break;
            }
        }
    }
    assert_eq!(touched, 48);
}
