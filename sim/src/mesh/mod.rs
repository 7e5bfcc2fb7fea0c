//! Triangle meshes: what is drawn, the convex hull that collides, and the mass of the enclosed volume.

use std::sync::Arc;

use rapier3d::{
    math::{Matrix, Vector},
    parry::{
        mass_properties::MassProperties,
        shape::{ConvexPolyhedron, SharedShape},
    },
};
use serde::{Deserialize, Serialize};

/// A closed surface of triangles in its own frame, metres. Clones share the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Surface", into = "Surface")]
pub struct Mesh {
    surface: Arc<Surface>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Surface {
    vertices: Vec<[f32; 3]>,
    triangles: Vec<[u32; 3]>,
}

impl From<Mesh> for Surface {
    fn from(mesh: Mesh) -> Self {
        Self::clone(&mesh.surface)
    }
}

impl TryFrom<Surface> for Mesh {
    type Error = String;

    fn try_from(surface: Surface) -> Result<Self, String> {
        Self::new(surface.vertices, surface.triangles)
    }
}

/// A robot's mesh needs fewer; more of them are refused before they cost minutes and gigabytes.
const MOST_VERTICES: usize = 1 << 20;

impl Mesh {
    /// A mesh of these vertices, metres, and the triples of their indices that form its triangles,
    /// counter-clockwise when seen from outside.
    ///
    /// # Errors
    /// When there are none or more than a million of them, when a coordinate is not finite or beyond
    /// a million metres, or when an index points to no vertex.
    ///
    /// ```
    /// use telos_sim::Mesh;
    ///
    /// let corners = vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    /// let mesh = Mesh::new(corners.clone(), vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])?;
    /// assert_eq!(mesh.triangles().len(), 4);
    /// let error = Mesh::new(corners, vec![[0, 1, 4]]).unwrap_err();
    /// assert_eq!(error, "a triangle names vertex 5 of 4");
    /// # Ok::<(), String>(())
    /// ```
    pub fn new(vertices: Vec<[f32; 3]>, triangles: Vec<[u32; 3]>) -> Result<Self, String> {
        if triangles.is_empty() {
            return Err("the mesh has no triangles".into());
        }
        if vertices.len() > MOST_VERTICES || triangles.len() > 2 * MOST_VERTICES {
            return Err(format!(
                "the mesh has {} vertices; {MOST_VERTICES} are the most, please simplify it",
                vertices.len()
            ));
        }
        if !vertices.iter().flatten().all(|coordinate| coordinate.abs() < 1e6) {
            return Err("a coordinate is not a number, or beyond a million metres".into());
        }
        let highest = triangles.iter().flatten().max().map_or(0, |index| *index as usize);
        if highest >= vertices.len() {
            return Err(format!("a triangle names vertex {} of {}", highest + 1, vertices.len()));
        }
        Ok(Self { surface: Arc::new(Surface { vertices, triangles }) })
    }

    /// Corners, metres.
    pub fn vertices(&self) -> &[[f32; 3]] {
        &self.surface.vertices
    }

    /// Triples of indices into the vertices, counter-clockwise when seen from outside.
    pub fn triangles(&self) -> &[[u32; 3]] {
        &self.surface.triangles
    }

    /// The convex hull as a rapier shape; `None` for a flat mesh, which has no inside.
    pub(crate) fn hull(&self) -> Option<SharedShape> {
        let points: Vec<Vector> = self.vertices().iter().copied().map(Vector::from_array).collect();
        ConvexPolyhedron::from_convex_hull(&points).map(|hull| SharedShape(Arc::new(hull)))
    }

    /// Mass properties of the enclosed volume at a density of 1 kg/m³: the sum over the tetrahedra
    /// between a point and each triangle. Summed in double precision around the mean of the vertices,
    /// because small parts far from the origin lose everything to cancellation in single floats.
    pub(crate) fn solid(&self) -> MassProperties {
        let vertices: Vec<[f64; 3]> = self.vertices().iter().map(|vertex| vertex.map(f64::from)).collect();
        let mut middle = [0.0; 3];
        for vertex in &vertices {
            (0..3).for_each(|axis| middle[axis] += vertex[axis] / vertices.len() as f64);
        }
        let (mut volume, mut first, mut second) = (0.0, [0.0; 3], [[0.0; 3]; 3]);
        for triangle in self.triangles() {
            let [a, b, c] = triangle.map(|index| {
                let vertex = vertices[index as usize];
                [vertex[0] - middle[0], vertex[1] - middle[1], vertex[2] - middle[2]]
            });
            let part = determinant(a, b, c) / 6.0;
            volume += part;
            let sum = [a[0] + b[0] + c[0], a[1] + b[1] + c[1], a[2] + b[2] + c[2]];
            for row in 0..3 {
                first[row] += part * sum[row] / 4.0;
                for column in 0..3 {
                    let own = a[row] * a[column] + b[row] * b[column] + c[row] * c[column];
                    second[row][column] += part * (own + sum[row] * sum[column]) / 20.0;
                }
            }
        }
        // A surface that was turned inside out encloses the same solid.
        let sign = if volume < 0.0 { -1.0 } else { 1.0 };
        if volume == 0.0 {
            return MassProperties::default();
        }
        let centre = first.map(|moment| moment / volume);
        let about =
            |row: usize, column: usize| sign * (second[row][column] - volume * centre[row] * centre[column]);
        let trace = about(0, 0) + about(1, 1) + about(2, 2);
        let column = |column: usize| {
            let row = |row: usize| (if row == column { trace } else { 0.0 } - about(row, column)) as f32;
            Vector::new(row(0), row(1), row(2))
        };
        let inertia = Matrix::from_cols(column(0), column(1), column(2));
        let com = Vector::from_array([0, 1, 2].map(|axis| (centre[axis] + middle[axis]) as f32));
        MassProperties::with_inertia_matrix(com, (sign * volume) as f32, inertia)
    }
}

fn determinant(a: [f64; 3], b: [f64; 3], c: [f64; 3]) -> f64 {
    a[0] * (b[1] * c[2] - b[2] * c[1])
        + a[1] * (b[2] * c[0] - b[0] * c[2])
        + a[2] * (b[0] * c[1] - b[1] * c[0])
}
