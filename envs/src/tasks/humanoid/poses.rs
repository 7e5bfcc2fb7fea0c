//! Poses of the humanoid: what makes a state a kneel, a stand with raised arms, splits or a lotus seat.
//!
//! Each pose is a few graded conditions. Its predicate holds where all are met in full, its gold
//! reward is their product.

use telos_sim::World;

use super::{
    super::{Sigmoid, Tolerance},
    Figure,
};

/// At least `bound`; worth a fifth at a distance of `margin`.
const fn at_least(bound: f32, margin: f32) -> Tolerance {
    Tolerance::at_least(bound).margin(margin, Sigmoid::Linear, 0.2)
}

/// At most `bound`; worth a fifth at a distance of `margin`.
const fn at_most(bound: f32, margin: f32) -> Tolerance {
    Tolerance::new(f32::NEG_INFINITY, bound).margin(margin, Sigmoid::Linear, 0.2)
}

const UPRIGHT: Tolerance = at_least(0.85, 0.85);

fn least([right, left]: [f32; 2]) -> f32 {
    right.min(left)
}

fn greatest([right, left]: [f32; 2]) -> f32 {
    right.max(left)
}

/// A pose that a task asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pose {
    /// On both knees, shanks on the floor behind them, hips above them, torso upright.
    Kneeling,
    /// Standing with both hands above the head.
    ArmsRaised,
    /// Sitting with straight legs that point in opposite directions.
    Splits,
    /// Sitting cross-legged: knees wide apart, folded, ankles close together.
    Lotus,
}

impl Pose {
    /// Names of the conditions.
    pub const fn conditions(self) -> &'static [&'static str] {
        match self {
            Self::Kneeling => &["upright", "knees_down", "shanks_back", "hips_raised"],
            Self::ArmsRaised => &["upright", "standing", "hands_raised"],
            Self::Splits => &["upright", "pelvis_low", "legs_apart", "knees_straight"],
            Self::Lotus => &["upright", "pelvis_low", "knees_apart", "legs_folded", "ankles_together"],
        }
    }

    /// Writes how far each condition is met, in [0, 1].
    ///
    /// # Panics
    /// When `grades` does not have one place per condition.
    pub fn grade(self, figure: &Figure, world: &World, grades: &mut [f32]) {
        let upright = UPRIGHT.of(figure.upright(world));
        match self {
            Self::Kneeling => grades.copy_from_slice(&[
                upright,
                at_most(0.12, 0.4).of(greatest(figure.knee_heights(world))),
                at_least(0.8, 0.9).of(least(figure.shanks_back(world))),
                at_least(0.2, 0.1).of(figure.pelvis_height(world)),
            ]),
            Self::ArmsRaised => {
                let above = least(figure.hand_heights(world)) - figure.head_height(world);
                grades.copy_from_slice(&[
                    upright,
                    at_least(1.3, 0.6).of(figure.head_height(world)),
                    at_least(0.1, 0.9).of(above),
                ]);
            }
            Self::Splits => grades.copy_from_slice(&[
                upright,
                at_most(0.25, 0.65).of(figure.pelvis_height(world)),
                at_least(2.5, 2.3).of(figure.between_legs(world)),
                at_most(0.4, 1.2).of(greatest(figure.knee_bends(world))),
            ]),
            Self::Lotus => grades.copy_from_slice(&[
                upright,
                at_most(0.25, 0.65).of(figure.pelvis_height(world)),
                at_least(0.5, 0.4).of(figure.between_knees(world)),
                at_least(1.75, 1.75).of(least(figure.knee_bends(world))),
                at_most(0.35, 0.5).of(figure.between_ankles(world)),
            ]),
        }
    }

    /// Whether all conditions are met in full.
    pub fn holds(self, figure: &Figure, world: &World) -> bool {
        let mut grades = [1.0; 5];
        self.grade(figure, world, &mut grades[..self.conditions().len()]);
        grades == [1.0; 5]
    }
}

/// Whether the humanoid kneels: torso upright, both knees on the floor with the shanks lying behind
/// them, the pelvis at least on the heels.
pub fn kneeling(figure: &Figure, world: &World) -> bool {
    Pose::Kneeling.holds(figure, world)
}

/// Whether the humanoid stands upright with both hands above its head.
pub fn arms_raised(figure: &Figure, world: &World) -> bool {
    Pose::ArmsRaised.holds(figure, world)
}

/// Whether the humanoid does the splits, sideways or lengthwise: torso upright, pelvis near the floor,
/// straight legs at 143 degrees or more.
pub fn splits(figure: &Figure, world: &World) -> bool {
    Pose::Splits.holds(figure, world)
}

/// Whether the humanoid sits in a lotus: torso upright, pelvis on the floor, knees apart and bent by
/// 100 degrees or more, ankles together.
pub fn lotus(figure: &Figure, world: &World) -> bool {
    Pose::Lotus.holds(figure, world)
}

#[cfg(test)]
mod tests {
    use std::f32::consts::FRAC_PI_2;

    use super::{
        super::postures::{self, ARMS_RAISED, KNEELING, LOTUS, POSED, Posture, SPLITS, STANDING, facing},
        *,
    };

    type Predicate = fn(&Figure, &World) -> bool;

    const PREDICATES: [(Pose, Predicate); 4] = [
        (Pose::Kneeling, kneeling),
        (Pose::ArmsRaised, arms_raised),
        (Pose::Splits, splits),
        (Pose::Lotus, lotus),
    ];

    /// Whether the predicate holds when the torso faces left by `yaw` and pitches forward by `pitch`.
    fn holds(predicate: Predicate, posture: Posture<'_>, yaw: f32, pitch: f32) -> bool {
        let (figure, world) = postures::humanoid(posture, facing(yaw, pitch));
        predicate(&figure, &world)
    }

    #[test]
    fn every_predicate_holds_in_its_own_pose_alone_wherever_it_faces() {
        for (pose, posture) in POSED {
            for (asked, predicate) in PREDICATES {
                for yaw in [0.0, 2.0, -1.0] {
                    let expected = asked == pose;
                    assert_eq!(
                        holds(predicate, posture, yaw, 0.0),
                        expected,
                        "{asked:?} in {pose:?} at {yaw}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_predicate_holds_standing_or_fallen() {
        for (asked, predicate) in PREDICATES {
            assert!(!holds(predicate, STANDING, 0.0, 0.0), "{asked:?} standing");
            for (pose, posture) in POSED {
                for pitch in [FRAC_PI_2, -FRAC_PI_2] {
                    assert!(!holds(predicate, posture, 0.0, pitch), "{asked:?} in {pose:?}, fallen");
                }
            }
        }
    }

    #[test]
    fn a_kneel_needs_both_knees_and_the_shanks_behind() {
        // On the right knee, the left foot ahead.
        const HALF: Posture<'static> =
            &[("left_hip_flexion", -90.0), ("left_knee", 90.0), ("right_knee", 95.0), ("right_ankle", 50.0)];
        // The knees deep, but on the soles.
        const SQUAT: Posture<'static> = &[("hip_flexion", -120.0), ("knee", 150.0), ("ankle", -30.0)];
        assert!(!holds(kneeling, HALF, 0.0, 0.0));
        assert!(!holds(kneeling, SQUAT, 0.0, 0.0));
        // Sitting back towards the heels is a kneel too, bowing to the floor is not.
        const ON_HEELS: Posture<'static> = &[("hip_flexion", -55.0), ("knee", 150.0), ("ankle", 50.0)];
        assert!(holds(kneeling, ON_HEELS, 0.0, 0.0));
        assert!(!holds(kneeling, KNEELING, 0.0, 1.2));
    }

    #[test]
    fn raised_arms_are_two_and_belong_to_someone_who_stands() {
        assert!(!holds(arms_raised, &[("right_shoulder_flexion", -175.0)], 0.0, 0.0));
        assert!(!holds(arms_raised, &[("shoulder_flexion", -90.0)], 0.0, 0.0));
        const KNEELS: Posture<'static> =
            &[("shoulder_flexion", -175.0), ("hip_flexion", -22.0), ("knee", 120.0), ("ankle", 50.0)];
        assert!(!holds(arms_raised, KNEELS, 0.0, 0.0));
        assert!(holds(kneeling, KNEELS, 0.0, 0.0), "arms are free in a kneel");
        assert!(holds(arms_raised, ARMS_RAISED, 0.0, 0.3), "a small lean is allowed");
    }

    #[test]
    fn splits_need_straight_legs_far_apart() {
        const BENT: Posture<'static> = &[("hip_flexion", -90.0), ("hip_abduction", 76.0), ("knee", 60.0)];
        const STRADDLE: Posture<'static> = &[("hip_flexion", -90.0), ("hip_abduction", 55.0)];
        assert!(!holds(splits, BENT, 0.0, 0.0));
        assert!(!holds(splits, STRADDLE, 0.0, 0.0));
        // Lengthwise: one leg ahead, the other behind.
        const FRONT: Posture<'static> = &[
            ("right_hip_flexion", -130.0),
            ("left_hip_flexion", 50.0),
            ("left_hip_rotation", 80.0),
            ("waist_bend", 30.0),
        ];
        assert!(holds(splits, FRONT, 0.0, 0.17));
        assert!(holds(splits, SPLITS, 0.5, 0.2));
    }

    #[test]
    fn a_lotus_needs_crossed_legs_on_the_floor() {
        const LONG_SIT: Posture<'static> = &[("hip_flexion", -90.0)];
        // Folded legs side by side.
        const HUDDLE: Posture<'static> = &[("hip_flexion", -125.0), ("knee", 150.0)];
        assert!(!holds(lotus, LONG_SIT, 0.0, 0.0));
        assert!(!holds(lotus, HUDDLE, 0.0, 0.0));
        let (figure, mut world) = postures::humanoid(LOTUS, facing(0.0, 0.0));
        let torso = world.model().body("torso").unwrap();
        let [x, y, z] = world.body_position(torso);
        world.set_body_pose(torso, [x, y, z + 0.5], facing(0.0, 0.0));
        world.forward();
        assert!(!lotus(&figure, &world), "nobody floats");
    }

    #[test]
    fn grades_rise_on_the_way_from_standing() {
        for (pose, posture) in POSED {
            let product = |share: f32| {
                let part: Vec<_> = posture.iter().map(|(name, angle)| (*name, share * angle)).collect();
                let (figure, world) = postures::humanoid(&part, facing(0.0, 0.0));
                let mut grades = [1.0; 5];
                pose.grade(&figure, &world, &mut grades[..pose.conditions().len()]);
                grades.iter().product::<f32>()
            };
            let way: Vec<f32> = [0.0, 0.25, 0.5, 0.75, 1.0].map(product).to_vec();
            assert!(way.is_sorted() && way[0] < 0.5 && way[4] == 1.0, "{pose:?}: {way:?}");
        }
    }
}
