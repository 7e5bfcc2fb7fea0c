//! `<asset>`: meshes and height fields.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rapier3d::math::{Pose, Vector};

use super::{Import, ignored_or_refused, orientation::quaternion, read};
use crate::{
    Mesh, Shape, SimError,
    mesh::{self, Enclosed},
    xml::{Element, Files, Node},
};

#[derive(Default)]
pub(super) struct Assets<'a> {
    meshes: BTreeMap<String, (Mesh, Enclosed)>,
    height_fields: BTreeMap<&'a str, HeightField>,
}

/// Half extents in x and y, and depth of the base, metres.
struct HeightField {
    half: [f32; 2],
    base: f32,
}

impl<'a> Import<'a> {
    /// Reads one `<asset>` section.
    pub(super) fn read_assets(&mut self, node: &'a Node, files: &mut Files) -> Result<(), SimError> {
        read(node, "asset", &mut self.approximations)?;
        for child in &node.children {
            match child.tag.as_str() {
                "mesh" => {
                    let mut element = read(child, "mesh", &mut self.approximations)?;
                    self.defaults.apply(&mut element, "mesh", None)?;
                    let (name, mesh) = self.read_mesh(&element, files)?;
                    if self.assets.meshes.insert(name.clone(), mesh).is_some() {
                        return Err(element.error(format!("there are two meshes named `{name}`; rename one")));
                    }
                }
                "hfield" => self.read_hfield_asset(child)?,
                _ => ignored_or_refused(child)?,
            }
        }
        Ok(())
    }

    fn read_mesh(
        &self,
        element: &Element<'_>,
        files: &mut Files,
    ) -> Result<(String, (Mesh, Enclosed)), SimError> {
        let mesh = match element.text("file") {
            Some(file) => {
                let path = files.locate(&self.mesh_path(file)).map_err(|reason| element.error(reason))?;
                let bytes = files.read(&path).map_err(|reason| element.error(reason))?;
                mesh::read(&path, &bytes).map_err(|reason| element.error(reason))?
            }
            None => inline(element)?,
        };
        let stem = || element.text("file").and_then(|file| Path::new(file).file_stem()?.to_str());
        let name = element.text("name").or_else(stem);
        let name = name.ok_or_else(|| element.error("name is missing"))?.to_owned();
        let enclosed = match element.choice("inertia", &["legacy", "exact", "convex", "shell"])? {
            "legacy" => Enclosed::Absolute,
            "exact" => Enclosed::Signed,
            "convex" => Enclosed::Hull,
            _ => return Err(element.error("inertia=\"shell\" is not supported; give the body an <inertial>")),
        };
        let scale = element.numbers::<3>("scale")?.unwrap_or([1.0; 3]);
        let origin = element.vector("refpos", Vector::ZERO)?;
        let turn = quaternion(element, "refquat")?.unwrap_or_default().inverse();
        let place = |vertex: [f32; 3]| {
            (turn * (Vector::from_array(vertex) - origin) * Vector::from_array(scale)).to_array()
        };
        let file = element.text("file").map_or_else(String::new, |file| format!("{file}: "));
        let mesh = mesh
            .map(place, scale.iter().product::<f32>() < 0.0)
            .map_err(|reason| element.error(format!("{file}{reason}")))?;
        let volume = mesh.solid(enclosed).mass();
        if volume.is_nan() || volume <= 0.0 {
            return Err(element.error(format!("{file}the mesh encloses no volume")));
        }
        Ok((name, (mesh, enclosed)))
    }

    fn mesh_path(&self, file: &str) -> PathBuf {
        let file = Path::new(file);
        let file = match file.file_name() {
            Some(name) if self.settings.strip_path => Path::new(name),
            _ => file,
        };
        Path::new(self.settings.mesh_folder.unwrap_or("")).join(file)
    }

    fn read_hfield_asset(&mut self, node: &'a Node) -> Result<(), SimError> {
        let element = read(node, "hfield", &mut self.approximations)?;
        if element.text("file").is_some() || element.text("elevation").is_some() {
            return Err(element.error("height fields with data are not supported; use boxes or meshes"));
        }
        let name = element.required("name")?;
        let size = element.numbers::<4>("size")?.filter(|size| size.iter().all(|number| *number > 0.0));
        let [x, y, _, base] = size.ok_or_else(|| element.error("size needs four positive numbers"))?;
        self.assets.height_fields.insert(name, HeightField { half: [x, y], base });
        self.approximations.add(
            element.file,
            element.line,
            "<hfield> without data",
            "a flat box; MuJoCo leaves the heights to the program",
        );
        Ok(())
    }

    /// A height field without data is flat: a box whose upper side is the geom's plane z = 0. Gives
    /// the box and the pose of its centre.
    pub(super) fn read_height_field(&self, element: &Element<'_>) -> Result<(Shape, Pose), SimError> {
        let name = element.required("hfield")?;
        let field = self.assets.height_fields.get(name);
        let HeightField { half: [x, y], base } = *field
            .ok_or_else(|| element.error(format!("hfield=\"{name}\": there is no such height field")))?;
        Ok((Shape::Box([x, y, 0.5 * base]), Pose::from_translation(Vector::new(0.0, 0.0, -0.5 * base))))
    }
}

impl Assets<'_> {
    pub(super) fn mesh(&self, element: &Element<'_>) -> Result<(Mesh, Enclosed), SimError> {
        let name = element.required("mesh")?;
        let found = self.meshes.get(name).cloned();
        found.ok_or_else(|| element.error(format!("mesh=\"{name}\": there is no such mesh in <asset>")))
    }
}

/// A mesh whose vertices stand in the model. Without faces it is the convex hull of its vertices.
fn inline(element: &Element<'_>) -> Result<Mesh, SimError> {
    let vertices = element.list("vertex")?.ok_or_else(|| element.error("file or vertex is missing"))?;
    if !vertices.len().is_multiple_of(3) {
        return Err(element.error("vertex: the count of numbers must be a multiple of 3"));
    }
    let vertices: Vec<[f32; 3]> = vertices.chunks_exact(3).map(|v| [v[0], v[1], v[2]]).collect();
    let mesh = match element.list("face")? {
        None => Mesh::hull_of(vertices),
        Some(faces) if faces.len().is_multiple_of(3) && faces.iter().all(|index| *index >= 0.0) => {
            let triangles = faces.chunks_exact(3).map(|f| [f[0] as u32, f[1] as u32, f[2] as u32]);
            Mesh::new(vertices, triangles.collect())
        }
        Some(_) => Err("face: expected triples of vertex numbers, from 0".into()),
    };
    mesh.map_err(|reason| element.error(reason))
}
