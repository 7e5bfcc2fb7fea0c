//! Triangle meshes: what is drawn, the convex hull that collides, and the mass of the enclosed volume.

mod msh;
mod obj;
mod stl;

use std::{path::Path, sync::Arc};

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

    /// The convex hull of some points, metres.
    ///
    /// # Errors
    /// When they are fewer than four, all in one plane, or not finite.
    pub fn hull_of(points: Vec<[f32; 3]>) -> Result<Self, String> {
        // Any triangle will do: only the corners count.
        let hull = Self::new(points, vec![[0; 3]])?.convex_polyhedron();
        let (corners, triangles) = hull.ok_or("the points lie in one plane")?.to_trimesh();
        Self::new(corners.into_iter().map(|corner| corner.to_array()).collect(), triangles)
    }

    /// Moves every vertex. `mirrored` says that the change is a reflection, which turns triangles over.
    pub(crate) fn map(&self, change: impl Fn([f32; 3]) -> [f32; 3], mirrored: bool) -> Result<Self, String> {
        let turn = |[a, b, c]: [u32; 3]| if mirrored { [a, c, b] } else { [a, b, c] };
        Self::new(
            self.vertices().iter().copied().map(change).collect(),
            self.triangles().iter().copied().map(turn).collect(),
        )
    }

    fn convex_polyhedron(&self) -> Option<ConvexPolyhedron> {
        let points: Vec<Vector> = self.vertices().iter().copied().map(Vector::from_array).collect();
        ConvexPolyhedron::from_convex_hull(&points)
    }

    /// The convex hull as a rapier shape; `None` for a flat mesh, which has no inside.
    pub(crate) fn hull(&self) -> Option<SharedShape> {
        self.convex_polyhedron().map(|hull| SharedShape(Arc::new(hull)))
    }

    /// Mass properties of the enclosed volume at a density of 1 kg/m³: the sum over the tetrahedra
    /// between a point and each triangle. Zero mass where nothing is enclosed.
    pub(crate) fn solid(&self, enclosed: Enclosed) -> MassProperties {
        let surface = match enclosed {
            Enclosed::Hull => match Self::hull_of(self.vertices().to_vec()) {
                Ok(hull) => hull,
                Err(_) => return MassProperties::default(),
            },
            _ => self.clone(),
        };
        let triangles: Vec<[[f64; 3]; 3]> = surface
            .triangles()
            .iter()
            .map(|triangle| triangle.map(|index| surface.vertices()[index as usize].map(f64::from)))
            .collect();
        volume_integrals(&triangles, enclosed == Enclosed::Absolute)
    }
}

/// What counts as the inside of a mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Enclosed {
    /// The volume of a closed, consistently turned surface.
    #[default]
    Signed,
    /// As `Signed`, with every tetrahedron counted positive from the middle of the surface: surfaces
    /// with holes or inverted triangles have a volume too, hollows count as full.
    Absolute,
    /// The convex hull.
    Hull,
}

/// Volume, centre and inertia, in double precision and around the middle of the surface, because small
/// parts far from the origin lose everything to cancellation in single floats.
fn volume_integrals(triangles: &[[[f64; 3]; 3]], absolute: bool) -> MassProperties {
    let middle = middle_of(triangles);
    let (mut volume, mut first, mut second) = (0.0, [0.0; 3], [[0.0; 3]; 3]);
    for triangle in triangles {
        let [a, b, c] = triangle.map(|vertex| minus(vertex, middle));
        let part = dot(a, cross(b, c)) / 6.0;
        let part = if absolute { part.abs() } else { part };
        volume += part;
        for row in 0..3 {
            let sum = a[row] + b[row] + c[row];
            first[row] += part * sum / 4.0;
            for column in 0..3 {
                let own = a[row] * a[column] + b[row] * b[column] + c[row] * c[column];
                let other = a[column] + b[column] + c[column];
                second[row][column] += part * (own + sum * other) / 20.0;
            }
        }
    }
    if volume == 0.0 {
        return MassProperties::default();
    }
    // A surface that was turned inside out encloses the same solid.
    let sign = volume.signum();
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

/// Mean of the triangles' centres, weighted by area.
fn middle_of(triangles: &[[[f64; 3]; 3]]) -> [f64; 3] {
    let (mut total, mut sum) = (0.0, [0.0; 3]);
    for [a, b, c] in triangles {
        let normal = cross(minus(*b, *a), minus(*c, *a));
        let area = dot(normal, normal).sqrt();
        total += area;
        (0..3).for_each(|axis| sum[axis] += area * (a[axis] + b[axis] + c[axis]) / 3.0);
    }
    if total > 0.0 { sum.map(|moment| moment / total) } else { [0.0; 3] }
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Reads a mesh file by its extension.
///
/// # Errors
/// The path and what is wrong with the content.
pub(crate) fn read(path: &Path, bytes: &[u8]) -> Result<Mesh, String> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    let mesh = match extension.to_ascii_lowercase().as_str() {
        "stl" => stl::read(bytes),
        "obj" => obj::read(bytes),
        "msh" => msh::read(bytes),
        _ => Err("this is not a mesh format that can be read; convert it to OBJ or STL".into()),
    };
    mesh.map_err(|reason| format!("{}: {reason}", path.display()))
}

/// A mesh from separate triangles: equal corners become one vertex.
fn weld(triangles: &[[[f32; 3]; 3]]) -> Result<Mesh, String> {
    let mut known = std::collections::BTreeMap::new();
    let mut vertices = Vec::new();
    let indices = triangles.iter().map(|triangle| {
        triangle.map(|corner| {
            // Adding zero makes -0.0 and 0.0 one key.
            *known.entry(corner.map(|coordinate| (coordinate + 0.0).to_bits())).or_insert_with(|| {
                vertices.push(corner);
                vertices.len() as u32 - 1
            })
        })
    });
    let indices = indices.collect();
    Mesh::new(vertices, indices)
}
