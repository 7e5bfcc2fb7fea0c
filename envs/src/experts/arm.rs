//! Experts of the arm tasks: each heads for one of a few places, chosen by where things are.

use super::Expert;
use crate::tasks::arm::{ARM, GRIPPER, STRIDE};

type Vec3 = [f32; 3];

/// Places of the observation that all arm tasks share.
const VELOCITY: usize = GRIPPER + 3;
const OPENING: usize = ARM - 1;
/// How far the arm lags behind its targets, seconds.
const DELAY: f32 = 0.05;
/// Gripper commands.
const OPEN: f32 = -1.0;
const CLOSED: f32 = 1.0;
/// Width of the gripper on the block, metres, with slack.
const ON_BLOCK: f32 = 0.044;

fn point(obs: &[f32], at: usize) -> Vec3 {
    [obs[at], obs[at + 1], obs[at + 2]]
}

/// Distance in the plane of the table.
fn across(a: Vec3, b: Vec3) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Moves the gripper to `target` as fast as it goes, on a straight line.
fn head_for(obs: &[f32], target: Vec3, grip: f32, action: &mut [f32]) {
    let (gripper, velocity) = (point(obs, GRIPPER), point(obs, VELOCITY));
    // The arm follows its targets with a delay; what is under way already needs no command.
    let ahead: Vec3 = std::array::from_fn(|axis| gripper[axis] + DELAY * velocity[axis]);
    let way: Vec3 = std::array::from_fn(|axis| (target[axis] - ahead[axis]) / STRIDE);
    let longest = way.iter().fold(1.0f32, |longest, component| longest.max(component.abs()));
    for (action, component) in action.iter_mut().zip(way) {
        *action = component / longest;
    }
    action[3] = grip;
}

/// Moves to a place near the table from above: sideways only above `clearance`.
fn descend_on(obs: &[f32], target: Vec3, clearance: f32, grip: f32, action: &mut [f32]) {
    let gripper = point(obs, GRIPPER);
    let off = across(gripper, target);
    let above = [target[0], target[1], clearance];
    if off < 0.01 {
        head_for(obs, target, grip, action);
    } else if gripper[2] < clearance - 0.03 && off > 0.02 {
        head_for(obs, [gripper[0], gripper[1], clearance], grip, action);
    } else {
        head_for(obs, above, grip, action);
    }
}

/// Heads for the goal.
pub(super) struct Reach;

impl Expert for Reach {
    fn act(&self, obs: &[f32], action: &mut [f32]) {
        head_for(obs, point(obs, ARM), CLOSED, action);
    }
}

/// Grasps the block, then brings it to a place.
fn carry(obs: &[f32], place: Vec3, action: &mut [f32]) {
    let (gripper, block) = (point(obs, GRIPPER), point(obs, ARM));
    let around = across(gripper, block) < 0.015 && (gripper[2] - block[2]).abs() < 0.012;
    if !around {
        descend_on(obs, block, block[2] + 0.07, OPEN, action);
    } else if obs[OPENING] > ON_BLOCK {
        head_for(obs, gripper, CLOSED, action);
    } else {
        // The block hangs where it was grasped, not exactly at the centre of the gripper.
        let target = std::array::from_fn(|axis| gripper[axis] + place[axis] - block[axis]);
        head_for(obs, target, CLOSED, action);
    }
}

/// Grasps the block and lifts it.
pub(super) struct Lift;

impl Expert for Lift {
    fn act(&self, obs: &[f32], action: &mut [f32]) {
        let [x, y, _] = point(obs, ARM);
        carry(obs, [x, y, 0.16], action);
    }
}

/// Grasps the block and carries it to the goal.
pub(super) struct PickPlace;

impl Expert for PickPlace {
    fn act(&self, obs: &[f32], action: &mut [f32]) {
        carry(obs, point(obs, ARM + 13), action);
    }
}

/// Goes behind the block, seen from the goal, and pushes.
pub(super) struct Push;

impl Expert for Push {
    fn act(&self, obs: &[f32], action: &mut [f32]) {
        let (gripper, block, goal) = (point(obs, GRIPPER), point(obs, ARM), point(obs, ARM + 13));
        let left = across(block, goal);
        let ahead = [(goal[0] - block[0]) / left.max(1e-6), (goal[1] - block[1]) / left.max(1e-6)];
        let offset = [gripper[0] - block[0], gripper[1] - block[1]];
        let behind = -(offset[0] * ahead[0] + offset[1] * ahead[1]);
        let beside = offset[0] * ahead[1] - offset[1] * ahead[0];
        if left < 0.015 {
            head_for(obs, gripper, CLOSED, action);
        } else if gripper[2] < 0.04 && behind > 0.02 && beside.abs() < 0.012 {
            // Through the block's centre: what is beside the line is corrected on the way.
            let stride = left.min(0.03);
            let target =
                [block[0] + ahead[0] * (stride - 0.035), block[1] + ahead[1] * (stride - 0.035), 0.025];
            head_for(obs, target, CLOSED, action);
        } else {
            let start = [block[0] - 0.065 * ahead[0], block[1] - 0.065 * ahead[1], 0.025];
            descend_on(obs, start, 0.09, CLOSED, action);
        }
    }
}

/// Hooks the closed fingers behind the handle and pulls.
pub(super) struct DrawerOpen;

impl Expert for DrawerOpen {
    fn act(&self, obs: &[f32], action: &mut [f32]) {
        let (gripper, handle) = (point(obs, GRIPPER), point(obs, ARM));
        let behind = gripper[0] - handle[0];
        let hooked = gripper[2] < handle[2] + 0.015 && (0.008..0.05).contains(&behind);
        if hooked {
            head_for(obs, [handle[0] - 0.05, handle[1], handle[2]], CLOSED, action);
        } else {
            descend_on(obs, [handle[0] + 0.027, handle[1], handle[2]], handle[2] + 0.09, CLOSED, action);
        }
    }
}

/// How far the button is pressed, metres.
const PRESS: f32 = 0.025;

/// Comes down on the button and stays.
pub(super) struct ButtonPress;

impl Expert for ButtonPress {
    fn act(&self, obs: &[f32], action: &mut [f32]) {
        let (button, travel) = (point(obs, ARM), obs[ARM + 3]);
        // Fingertips on the cap leave the gripper 3.5 cm above the button's centre.
        let target = [button[0], button[1], button[2] + travel - PRESS + 0.035];
        descend_on(obs, target, 0.16, CLOSED, action);
    }
}
