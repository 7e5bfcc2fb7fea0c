//! Expert of `push-t`: one push at a time, each the one that brings the block closest to its goal.
//!
//! Sliding is viscous and the pusher has no friction, so a push at a point of the outline moves the
//! block with a constant twist in its own frame: along the inward normal `n`, and turning by the
//! lever `l` of the normal over the squared radius of gyration `g`. Per metre of the pusher's way
//! the block moves by `n / (1 + l^2 / g^2)` and turns by `l / (g^2 + l^2)`.

use super::Expert;
use crate::tasks::push_t::{
    GOAL, PUSHER, REACH,
    shape::{self, BAR, Pose, STEM},
};

/// Radius of gyration of the T, metres, squared: its moment of inertia over its mass.
const GYRATION: f32 = 0.001_933;
/// How many metres one radian of error counts.
const RADIAN: f32 = 0.06;
/// Coverage of the goal from which on the block is left alone; 0.95 solves the task.
const DONE: f32 = 0.955;
/// A push at another place must leave this much less error, as a share, to be preferred to the one
/// under way; and a share more per metre of the way there.
const CHANGE: f32 = 0.2;
const TRAVEL: f32 = 1.0;
/// Places per side of the outline at which to push, and their least distance from its ends, metres.
const PLACES: usize = 9;
const MARGIN: f32 = 0.003;
/// The longest push, metres.
const LONGEST: f32 = 0.15;
/// Distance from the outline at which the pusher moves to its place, and beyond which it has left
/// the place where it pushes, metres.
const CLEAR: f32 = 0.008;
/// A pusher this close to its place touches the block; before, it aims at the place this well, metres.
const TOUCHING: f32 = 0.001;
const AIM: f32 = 0.002;
/// Cosine of the angle between a push and the side that it is meant for.
const FACING: f32 = 0.95;
/// The circle around the block on which nothing is in the pusher's way, metres.
const AROUND: f32 = 0.108;
/// The longest way per step, metres, without contact; and the pusher's lead over the block while it
/// pushes, per metre that remains.
const STRIDE: f32 = 0.04;
const LEAD: f32 = 1.6;
const LONGEST_LEAD: f32 = 0.06;

/// One side of the outline: its ends, as far as the pusher can touch it, and the inward normal.
type Side = ([f32; 2], [f32; 2], [f32; 2]);

/// The sides of the T in its own frame.
fn sides() -> [Side; 8] {
    let (wide, narrow) = (BAR.half[0], STEM.half[0]);
    let (top, under) = (BAR.centre[1] + BAR.half[1], BAR.centre[1] - BAR.half[1]);
    let foot = STEM.centre[1] - STEM.half[1];
    // The inner corners keep the pusher away.
    let (beside, below) = (narrow + PUSHER + CLEAR, under - PUSHER - CLEAR);
    [
        ([-wide, top], [wide, top], [0.0, -1.0]),
        ([wide, under], [wide, top], [-1.0, 0.0]),
        ([-wide, under], [-wide, top], [1.0, 0.0]),
        ([beside, under], [wide, under], [0.0, 1.0]),
        ([-wide, under], [-beside, under], [0.0, 1.0]),
        ([narrow, foot], [narrow, below], [-1.0, 0.0]),
        ([-narrow, foot], [-narrow, below], [1.0, 0.0]),
        ([-narrow, foot], [narrow, foot], [0.0, 1.0]),
    ]
}

/// A push: where the pusher's centre is at the first touch, its direction, and how far it goes.
#[derive(Clone, Copy)]
struct Push {
    touch: [f32; 2],
    normal: [f32; 2],
    length: f32,
}

fn norm([x, y]: [f32; 2]) -> f32 {
    x.hypot(y)
}

fn between(a: [f32; 2], b: [f32; 2]) -> f32 {
    norm([a[0] - b[0], a[1] - b[1]])
}

/// The point at `t` metres from `from` in a direction.
fn along(from: [f32; 2], direction: [f32; 2], t: f32) -> [f32; 2] {
    [from[0] + t * direction[0], from[1] + t * direction[1]]
}

/// Distance of a pose from the goal, metres.
fn error(block: &Pose) -> f32 {
    let turn = (block.angle - GOAL.angle).sin().atan2((block.angle - GOAL.angle).cos());
    between(block.position, GOAL.position).hypot(RADIAN * turn)
}

/// The pose after the pusher has moved by `length` metres in a push with this normal and lever.
fn pushed(block: &Pose, normal: [f32; 2], lever: f32, length: f32) -> Pose {
    let share = GYRATION / (GYRATION + lever * lever);
    let turn = length * lever / (GYRATION + lever * lever);
    // A constant twist moves along an arc: the chord is at half the turn.
    let chord = length * share * if turn.abs() < 1e-4 { 1.0 } else { (turn / 2.0).sin() / (turn / 2.0) };
    let halfway = Pose { position: block.position, angle: block.angle + turn / 2.0 };
    Pose { position: halfway.apply([chord * normal[0], chord * normal[1]]), angle: block.angle + turn }
}

/// The best length of a push, and the error that it leaves.
fn best_length(block: &Pose, normal: [f32; 2], lever: f32) -> (f32, f32) {
    let after = |length: f32| error(&pushed(block, normal, lever, length));
    const STEPS: usize = 15;
    let step = LONGEST / STEPS as f32;
    let coarse = (0..=STEPS).map(|i| i as f32 * step).min_by(|a, b| after(*a).total_cmp(&after(*b)));
    let mut length = coarse.unwrap_or(0.0);
    // The error is nearly a parabola in between: halve the interval on the better side.
    let mut width = step / 2.0;
    for _ in 0..9 {
        let options = [(length - width).max(0.0), length, length + width];
        length = options.into_iter().min_by(|a, b| after(*a).total_cmp(&after(*b))).unwrap_or(length);
        width /= 2.0;
    }
    (length, after(length))
}

/// The best push for a pusher at `pusher`, in the frame of the block.
fn best_push(block: &Pose, pusher: [f32; 2]) -> Option<Push> {
    let mut best: Option<(f32, Push)> = None;
    for (from, to, normal) in sides() {
        let (length, side) = (between(from, to), [to[0] - from[0], to[1] - from[1]]);
        let even = (0..PLACES).map(|place| place as f32 / (PLACES - 1) as f32);
        // Where the pusher is already.
        let own = ((pusher[0] - from[0]) * side[0] + (pusher[1] - from[1]) * side[1]) / (length * length);
        for share in even.chain([own]) {
            let share = share.clamp(MARGIN / length, 1.0 - MARGIN / length);
            let contact = along(from, side, share);
            let touch = along(contact, normal, -PUSHER);
            let lever = contact[0] * normal[1] - contact[1] * normal[0];
            let (length, left) = best_length(block, normal, lever);
            let way = between(pusher, touch);
            let change = if way < CLEAR { 0.0 } else { CHANGE };
            let cost = left * (1.0 + change + TRAVEL * way);
            if best.is_none_or(|(lowest, _)| cost < lowest) {
                best = Some((cost, Push { touch, normal, length }));
            }
        }
    }
    best.map(|(_, push)| push)
}

/// Whether the pusher can go straight from `from` to `to`, in the frame of the block.
fn clear(from: [f32; 2], to: [f32; 2]) -> bool {
    (1..=12).all(|i| {
        let t = i as f32 / 12.0;
        let point = [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])];
        shape::distance(point) > PUSHER + 0.6 * CLEAR
    })
}

/// Away from the block, the direction in which the distance to it grows.
fn away(point: [f32; 2]) -> [f32; 2] {
    const STEP: f32 = 1e-3;
    let slope = |axis: usize| {
        let mut ahead = point;
        let mut back = point;
        ahead[axis] += STEP;
        back[axis] -= STEP;
        shape::distance(ahead) - shape::distance(back)
    };
    let slope = [slope(0), slope(1)];
    let length = norm(slope).max(1e-9);
    [slope[0] / length, slope[1] / length]
}

/// The next place of the pusher on its way to the start of a push, in the frame of the block.
fn approach(pusher: [f32; 2], push: &Push) -> [f32; 2] {
    let start = along(push.touch, push.normal, -CLEAR);
    if clear(pusher, start) {
        return start;
    }
    if shape::distance(pusher) < PUSHER + CLEAR {
        return along(pusher, away(pusher), 2.0 * CLEAR);
    }
    // Where the line of the push leaves the circle.
    let along_normal = start[0] * push.normal[0] + start[1] * push.normal[1];
    let inside = (AROUND * AROUND - start[0] * start[0] - start[1] * start[1]).max(0.0);
    let entry = along(start, push.normal, -(along_normal + (along_normal * along_normal + inside).sqrt()));
    if clear(pusher, entry) {
        return entry;
    }
    if norm(pusher) < AROUND - 0.01 {
        return along(pusher, away(pusher), STRIDE / 2.0);
    }
    let (now, then) = (pusher[1].atan2(pusher[0]), entry[1].atan2(entry[0]));
    let turn = (then - now).sin().atan2((then - now).cos());
    let next = now + turn.clamp(-0.4, 0.4);
    [AROUND * next.cos(), AROUND * next.sin()]
}

/// Pushes by the best twist.
pub(super) struct PushT;

impl Expert for PushT {
    fn act(&self, obs: &[f32], action: &mut [f32]) {
        let &[x, y, _, _, block_x, block_y, cos, sin] = obs else { return };
        let block = Pose { position: [block_x, block_y], angle: sin.atan2(cos) };
        let pusher = block.inverse([x, y]);
        let target = match best_push(&block, pusher) {
            Some(push) if shape::coverage(&block, &GOAL) < DONE => {
                let beside = (pusher[0] - push.touch[0]) * push.normal[1]
                    - (pusher[1] - push.touch[1]) * push.normal[0];
                let before = (push.touch[0] - pusher[0]) * push.normal[0]
                    + (push.touch[1] - pusher[1]) * push.normal[1];
                let out = away(pusher);
                let facing = -(out[0] * push.normal[0] + out[1] * push.normal[1]) > FACING;
                let touching = shape::distance(pusher) < PUSHER + TOUCHING;
                let aims = before > 0.0 && before < 2.0 * CLEAR && beside.abs() < AIM;
                if facing && (aims || touching && beside.abs() < CLEAR) {
                    along(push.touch, push.normal, (LEAD * push.length).min(LONGEST_LEAD))
                } else {
                    approach(pusher, &push)
                }
            }
            _ if shape::distance(pusher) < PUSHER + CLEAR => along(pusher, away(pusher), CLEAR),
            _ => pusher,
        };
        let [to_x, to_y] = block.apply(target);
        let way = (to_x - x).hypot(to_y - y);
        let share = (STRIDE / way.max(1e-6)).min(1.0);
        action[0] = ((x + share * (to_x - x)) / REACH).clamp(-1.0, 1.0);
        action[1] = ((y + share * (to_y - y)) / REACH).clamp(-1.0, 1.0);
    }
}
