//! `<geometry>`: primitives, and meshes in files or packages.

use std::path::{Path, PathBuf};

use super::{Import, read};
use crate::{
    Mesh, Shape, SimError, mesh,
    mesh::Enclosed,
    xml::{Element, Node},
};

/// Formats that are read; others are skipped where a mesh is only seen.
const MESHES: [&str; 3] = ["stl", "obj", "msh"];

impl<'a> Import<'a> {
    /// The shape in a `<geometry>`; `None` for a mesh that cannot be read and is only seen.
    pub(super) fn shape(&mut self, node: &'a Node, collides: bool) -> Result<Option<Shape>, SimError> {
        read(node, "geometry", &mut self.approximations)?;
        let [child] = &node.children[..] else {
            return Err(node.error("expected one of <box>, <cylinder>, <capsule>, <sphere>, <mesh>"));
        };
        let element = read(child, &child.tag, &mut self.approximations)?;
        let positive = |name: &str| {
            let number = element.number(name, 0.0)?;
            let wrong = || element.error(format!("{name} must be a positive number"));
            if number > 0.0 { Ok(number) } else { Err(wrong()) }
        };
        let shape = match element.tag {
            "box" => {
                let size = element.numbers::<3>("size")?.filter(|size| size.iter().all(|side| *side > 0.0));
                let size = size.ok_or_else(|| element.error("size must be three positive numbers"))?;
                Shape::Box(size.map(|side| 0.5 * side))
            }
            "cylinder" => Shape::Cylinder(positive("radius")?, 0.5 * positive("length")?),
            "capsule" => Shape::Capsule(positive("radius")?, 0.5 * positive("length")?),
            "sphere" => Shape::Sphere(positive("radius")?),
            "mesh" => return Ok(self.mesh(&element, collides)?.map(Shape::Mesh)),
            _ => return Err(child.error("this element cannot stand here")),
        };
        Ok(Some(shape))
    }

    fn mesh(&mut self, element: &Element<'_>, collides: bool) -> Result<Option<Mesh>, SimError> {
        let name = element.required("filename")?;
        let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or("");
        if !collides && !MESHES.contains(&extension.to_ascii_lowercase().as_str()) {
            let how = "only STL, OBJ and MSH can be drawn";
            self.approximations.add(element.file, element.line, "<mesh> that is only seen", how);
            return Ok(None);
        }
        let scale = element.numbers::<3>("scale")?.unwrap_or([1.0; 3]);
        let path = self.mesh_path(name).map_err(|reason| element.error(reason))?;
        let bytes = self.files.read(&path).map_err(|reason| element.error(reason))?;
        let mesh = mesh::read(&path, &bytes).and_then(|mesh| {
            let stretch = |[x, y, z]: [f32; 3]| [x * scale[0], y * scale[1], z * scale[2]];
            let mesh = mesh.map(stretch, scale.iter().product::<f32>() < 0.0)?;
            let flat = collides && mesh.solid(Enclosed::Hull).mass() <= 0.0;
            if flat { Err(format!("{}: the mesh is flat", path.display())) } else { Ok(mesh) }
        });
        mesh.map(Some).map_err(|reason| element.error(reason))
    }

    /// `package://name/path` lies in the folder of packages, or else in the folder `name` that the file
    /// is in or that a folder above the file contains. Other paths start at the file.
    fn mesh_path(&self, name: &str) -> Result<PathBuf, String> {
        let Some(inside) = name.strip_prefix("package://") else {
            return self.files.locate(Path::new(name.strip_prefix("file://").unwrap_or(name)));
        };
        if let Some(packages) = self.packages {
            return Ok(packages.join(inside));
        }
        let (package, rest) = inside.split_once('/').unwrap_or((inside, ""));
        let beside = self.files.locate(Path::new(rest))?;
        let folder = self.files.locate(Path::new("."))?;
        let folder = folder.canonicalize().unwrap_or(folder);
        for above in folder.ancestors() {
            if above.file_name().is_some_and(|name| name == package) {
                return Ok(above.join(rest));
            }
            if above.join(package).is_dir() {
                return Ok(above.join(inside));
            }
        }
        Ok(beside)
    }
}
