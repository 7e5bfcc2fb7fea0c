//! A restored or reset world continues bit for bit like the one it stands for.

use std::sync::Arc;

use telos_sim::{Health, Model, World, assets};

fn drive(world: &mut World, from: usize, steps: usize) {
    let mut ctrl = vec![0.0; world.model().actuator_count()];
    for step in from..from + steps {
        for (actuator, value) in ctrl.iter_mut().enumerate() {
            *value = (0.15 * step as f32 + 1.7 * actuator as f32).sin();
        }
        world.set_ctrl(&ctrl);
        world.step();
    }
}

fn model(name: &str, xml: &str) -> Arc<Model> {
    Arc::new(Model::from_mjcf_str(name, xml).expect("the assets load"))
}

#[test]
fn a_snapshot_in_the_middle_of_contact_continues_bit_for_bit() {
    for (name, xml) in assets::ALL {
        let model = model(name, xml);
        let mut original = World::new(model.clone());
        // Long enough for the walkers to have fallen onto the floor.
        drive(&mut original, 0, 250);
        let snapshot = telos_checkpoint::to_bytes(&original);
        let mut restored = World::new(model.clone());
        drive(&mut restored, 77, 33);
        telos_checkpoint::from_bytes(&mut restored, &snapshot).unwrap();
        let mut copied = World::new(model);
        copied.copy_from(&original);
        assert_eq!(telos_checkpoint::to_bytes(&restored), snapshot, "{name}: restored");
        for from in [250, 280, 400] {
            drive(&mut original, from, 60);
            let expected = telos_checkpoint::to_bytes(&original);
            for (kind, world) in [("restored", &mut restored), ("copied", &mut copied)] {
                drive(world, from, 60);
                assert!(telos_checkpoint::to_bytes(world) == expected, "{name}: {kind} world at {from}");
            }
        }
        assert_eq!(original.health(), Health::Sound);
    }
}

#[test]
fn a_reset_world_is_a_fresh_world() {
    for (name, xml) in assets::ALL {
        let model = model(name, xml);
        let mut fresh = World::new(model.clone());
        let mut used = World::new(model.clone());
        drive(&mut used, 0, 300);
        used.reset();
        assert!(telos_checkpoint::to_bytes(&used) == telos_checkpoint::to_bytes(&fresh), "{name}: at once");
        for world in [&mut fresh, &mut used] {
            for (index, joint) in model.joints().enumerate() {
                world.set_joint_position(joint, world.joint_position(joint) + 0.01 * index as f32);
                world.set_joint_velocity(joint, 0.1 - 0.02 * index as f32);
            }
            world.forward();
            drive(world, 0, 300);
        }
        assert!(telos_checkpoint::to_bytes(&used) == telos_checkpoint::to_bytes(&fresh), "{name}: later");
        assert_ne!(fresh.joint_position(model.joints().next().unwrap()), 0.0);
    }
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let model = model("hopper", assets::HOPPER);
    let mut world = World::new(model.clone());
    drive(&mut world, 0, 20);
    let snapshot = telos_checkpoint::to_bytes(&world);
    let mut other = World::new(model);
    for keep in (0..snapshot.len()).step_by(997) {
        assert!(telos_checkpoint::from_bytes(&mut other, &snapshot[..keep]).is_err(), "{keep} bytes");
    }
    let mut another = World::new(self::model("walker", assets::WALKER));
    let error = telos_checkpoint::from_bytes(&mut another, &snapshot).unwrap_err().to_string();
    assert!(error.contains("another robot, or of another version of `walker`"), "{error}");
}
