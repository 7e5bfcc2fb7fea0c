//! URDF, ROS's robot format: links that joints connect to a tree. The root link is fixed to the world.
//! What the importer honours, approximates and refuses stands in `sim/IMPORT.md`.

mod geometry;
mod joint;
mod link;
mod schema;
mod transmission;

use std::{collections::BTreeMap, path::Path};

use rapier3d::math::{Pose, Rotation, Vector};

use self::joint::Connection;
use crate::{
    SimError,
    description::{BodyDescription, Description},
    xml::{Approximations, Element, Files, Node},
};

/// What all parts of the importer share.
struct Import<'a> {
    files: Files,
    /// Where packages lie; `None` to look around the file.
    packages: Option<&'a Path>,
    colors: BTreeMap<&'a str, [f32; 4]>,
    approximations: Approximations,
    description: Description,
}

/// Reads a model. `name` is what errors call the file; `path` is where it lies, if it is one.
/// `packages` is the folder in which `package://` names are looked up.
pub(crate) fn parse(
    name: &str,
    path: Option<&Path>,
    packages: Option<&Path>,
    xml: &str,
) -> Result<Description, SimError> {
    let root = Node::parse(name, xml)?;
    let mut import = Import {
        files: Files::beside(path, xml),
        packages,
        colors: BTreeMap::new(),
        approximations: Approximations::default(),
        description: Description::empty(),
    };
    if root.tag != "robot" {
        return Err(root.error("the root element must be <robot>"));
    }
    read(&root, "robot", &mut import.approximations)?;
    for child in &root.children {
        match child.tag.as_str() {
            "link" | "joint" | "transmission" => {}
            "material" => import.read_color(child)?,
            _ => import.ignored_or_refused(child)?,
        }
    }
    import.read_tree(&root)?;
    import.read_motors(&root)?;
    let Import { files, approximations, mut description, .. } = import;
    description.approximations = approximations.into_remarks();
    description.fingerprint = files.fingerprint();
    Ok(description)
}

/// Checks an element against the rule named `key`: its tag, or `parent/tag`.
fn read<'a>(node: &'a Node, key: &str, approximations: &mut Approximations) -> Result<Element<'a>, SimError> {
    match schema::rule(key) {
        Some(rule) => Element::read(node, rule, approximations),
        None => Err(node.error("this element is not supported; remove it")),
    }
}

impl<'a> Import<'a> {
    /// Skips an element that says nothing about motion and refuses any other.
    fn ignored_or_refused(&mut self, node: &Node) -> Result<(), SimError> {
        let ignored = schema::IGNORED_ELEMENTS.iter().find(|(tag, _)| *tag == node.tag);
        match ignored {
            Some((_, None)) => Ok(()),
            Some((_, Some(how))) => {
                self.approximations.add(&node.file, node.line, &format!("<{}>", node.tag), how);
                Ok(())
            }
            None if schema::rule(&node.tag).is_some() => Err(node.error("this element cannot stand here")),
            None => Err(node.error("this element is not supported; remove it")),
        }
    }

    /// Refuses children other than these.
    fn check_children(&mut self, node: &Node, known: &[&str]) -> Result<(), SimError> {
        for child in node.children.iter().filter(|child| !known.contains(&child.tag.as_str())) {
            self.ignored_or_refused(child)?;
        }
        Ok(())
    }

    /// `<origin>` of an element; rotations are roll, pitch and yaw about fixed axes.
    fn origin(&mut self, node: &'a Node) -> Result<Pose, SimError> {
        let Some(origin) = node.only("origin")? else { return Ok(Pose::IDENTITY) };
        let element = read(origin, "origin", &mut self.approximations)?;
        let [roll, pitch, yaw] = element.numbers::<3>("rpy")?.unwrap_or_default();
        let rotation = Rotation::from_rotation_z(yaw)
            * Rotation::from_rotation_y(pitch)
            * Rotation::from_rotation_x(roll);
        Ok(Pose::from_parts(element.vector("xyz", Vector::ZERO)?, rotation))
    }

    /// Places the links, parents before children, from the root.
    fn read_tree(&mut self, root: &'a Node) -> Result<(), SimError> {
        let mut links: BTreeMap<&str, &Node> = BTreeMap::new();
        for node in root.all("link") {
            let element = read(node, "link", &mut self.approximations)?;
            let name = element.required("name")?;
            if links.insert(name, node).is_some() {
                return Err(element.error(format!("there are two links named `{name}`; rename one")));
            }
        }
        let mut connections: Vec<Connection<'a>> = Vec::new();
        for node in root.all("joint") {
            let connection = self.read_connection(node)?;
            let element = &connection.element;
            for name in [connection.parent, connection.child] {
                if !links.contains_key(name) {
                    return Err(element.error(format!("there is no link named `{name}`")));
                }
            }
            for other in &connections {
                if other.name == connection.name {
                    let name = connection.name;
                    return Err(element.error(format!("there are two joints named `{name}`; rename one")));
                }
                if other.child == connection.child {
                    return Err(element.error(format!(
                        "link `{}` hangs on `{}` already; links form a tree",
                        other.child, other.name
                    )));
                }
            }
            connections.push(connection);
        }
        let is_root = |name: &&str| connections.iter().all(|connection| connection.child != *name);
        let mut roots = root.all("link").filter_map(|node| {
            let name = node.attributes.iter().find(|attribute| attribute.name == "name")?;
            Some((node, name.value.as_str())).filter(|(_, name)| is_root(name))
        });
        let Some((node, name)) = roots.next() else {
            return Err(root.error("there is no root link, one that is no joint's child"));
        };
        if let Some((other, other_name)) = roots.next() {
            return Err(other.error(format!(
                "links `{name}` and `{other_name}` are both roots; connect them with a joint"
            )));
        }
        let mut world = BodyDescription::world(node.line);
        world.name = "world".into();
        self.description.bodies.push(world);
        // A root named `world` is the world.
        let index = if name == "world" { 0 } else { self.add_body(name, 0, Pose::IDENTITY, node.line) };
        self.read_link(node, index)?;
        self.read_children(name, index, &connections, &links)?;
        let placed = self.description.bodies.len() - usize::from(name != "world");
        if placed < links.len() {
            return Err(root.error("some joints form a loop that the root link is not part of"));
        }
        Ok(())
    }

    fn add_body(&mut self, name: &str, parent: usize, pose: Pose, line: u32) -> usize {
        let body = BodyDescription { name: name.into(), parent, pose, ..BodyDescription::world(line) };
        self.description.bodies.push(body);
        self.description.bodies.len() - 1
    }

    /// Reads everything that hangs on the root, nearest first.
    fn read_children(
        &mut self,
        root: &'a str,
        index: usize,
        connections: &[Connection<'a>],
        links: &BTreeMap<&str, &'a Node>,
    ) -> Result<(), SimError> {
        let mut open = std::collections::VecDeque::from([(root, index)]);
        while let Some((parent, parent_index)) = open.pop_front() {
            for connection in connections.iter().filter(|connection| connection.parent == parent) {
                let node = links[connection.child];
                let index = self.add_body(connection.child, parent_index, connection.pose, node.line);
                self.description.bodies[index].joints = self.joints_of(connection, parent_index)?;
                // Neighbours overlap where they meet.
                self.description.excluded.push((parent_index, index));
                self.read_link(node, index)?;
                open.push_back((connection.child, index));
            }
        }
        for connection in connections {
            self.read_mimic(connection)?;
        }
        Ok(())
    }
}
