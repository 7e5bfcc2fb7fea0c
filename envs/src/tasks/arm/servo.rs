//! End-effector control: displacements of the gripper become joint targets by differential inverse
//! kinematics, `dq = J^T (J J^T + l^2 I)^-1 e` (damped least squares; Wampler 1986, Nakamura and
//! Hanafusa 1986).

use super::{
    posture::{JOINTS, Jacobian, TASK},
    spatial::Vec3,
};

/// The damping `l`, metres or radians per radian: bounds joint motion near singular postures.
const DAMPING: f32 = 0.02;

/// Joint displacements that move the gripper by `wanted` (metres, then radians) and, as far as that
/// leaves freedom, follow `preferred`, radians.
pub(super) fn joint_displacement(
    jacobian: &Jacobian,
    wanted: (Vec3, Vec3),
    preferred: &[f32; JOINTS],
) -> [f32; JOINTS] {
    let (linear, angular) = wanted;
    let mut error = [linear[0], linear[1], linear[2], angular[0], angular[1], angular[2]];
    let mut normal = [[0.0; TASK]; TASK];
    for (column, preferred) in jacobian.iter().zip(preferred) {
        for row in 0..TASK {
            error[row] -= column[row] * preferred;
            for other in 0..TASK {
                normal[row][other] += column[row] * column[other];
            }
        }
    }
    (0..TASK).for_each(|row| normal[row][row] += DAMPING * DAMPING);
    let multiplier = solve(normal, error);
    let mut displacement = *preferred;
    for (joint, column) in displacement.iter_mut().zip(jacobian) {
        *joint += column.iter().zip(&multiplier).map(|(a, b)| a * b).sum::<f32>();
    }
    displacement
}

/// Solves `matrix x = right` for a symmetric positive definite matrix, by Cholesky factors.
fn solve(mut matrix: [[f32; TASK]; TASK], mut right: [f32; TASK]) -> [f32; TASK] {
    for row in 0..TASK {
        for column in 0..=row {
            let known: f32 = (0..column).map(|k| matrix[row][k] * matrix[column][k]).sum();
            let rest = matrix[row][column] - known;
            matrix[row][column] = if row == column { rest.sqrt() } else { rest / matrix[column][column] };
        }
    }
    for row in 0..TASK {
        let known: f32 = (0..row).map(|k| matrix[row][k] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    for row in (0..TASK).rev() {
        let known: f32 = (row + 1..TASK).map(|k| matrix[k][row] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seven columns of well-spread numbers.
    fn jacobian() -> Jacobian {
        std::array::from_fn(|j| std::array::from_fn(|i| ((j * TASK + i) as f32 * 0.7).sin()))
    }

    fn moved(jacobian: &Jacobian, displacement: &[f32; JOINTS]) -> [f32; TASK] {
        std::array::from_fn(|row| jacobian.iter().zip(displacement).map(|(column, q)| column[row] * q).sum())
    }

    #[test]
    fn the_gripper_moves_as_wanted_and_the_rest_is_as_preferred() {
        let jacobian = jacobian();
        // Of a motion that the preferred posture gives already, nothing is left to add.
        let preferred = [0.01, -0.02, 0.03, 0.0, 0.01, -0.01, 0.02];
        let [x, y, z, a, b, c] = moved(&jacobian, &preferred);
        let same = joint_displacement(&jacobian, ([x, y, z], [a, b, c]), &preferred);
        assert!(same.iter().zip(&preferred).all(|(a, b)| (a - b).abs() < 1e-6), "{same:?}");
    }

    #[test]
    fn the_normal_equations_are_solved() {
        let mut matrix = [[0.0; TASK]; TASK];
        for column in &jacobian() {
            for row in 0..TASK {
                (0..TASK).for_each(|other| matrix[row][other] += column[row] * column[other]);
            }
        }
        (0..TASK).for_each(|row| matrix[row][row] += 1.0);
        let right = [1.0, -2.0, 0.5, 0.0, 3.0, -1.0];
        let x = solve(matrix, right);
        for row in 0..TASK {
            let product: f32 = (0..TASK).map(|k| matrix[row][k] * x[k]).sum();
            assert!((product - right[row]).abs() < 1e-4, "{row}: {product}");
        }
    }
}
