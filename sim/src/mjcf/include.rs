//! `<include>`: the children of another file's root take the element's place.

use std::path::Path;

use super::read;
use crate::{
    SimError,
    xml::{Approximations, Files, Node},
};

/// Replaces every `<include>` under `node`. As in MuJoCo, paths start at the folder of the main file
/// and no file is included twice, so that includes cannot form a cycle.
pub(super) fn expand(node: Node, files: &mut Files) -> Result<Node, SimError> {
    expand_into(node, files, &mut Vec::new())
}

fn expand_into(mut node: Node, files: &mut Files, seen: &mut Vec<String>) -> Result<Node, SimError> {
    let children = std::mem::take(&mut node.children);
    for child in children {
        if child.tag != "include" {
            node.children.push(expand_into(child, files, seen)?);
            continue;
        }
        let element = read(&child, "include", &mut Approximations::default())?;
        if !child.children.is_empty() {
            return Err(child.error("an include must be empty"));
        }
        let file = element.required("file")?;
        let path = files.locate(Path::new(file)).map_err(|reason| child.error(reason))?;
        let text = files.read_text(&path).map_err(|reason| child.error(reason))?;
        let name = path.display().to_string();
        if seen.contains(&name) {
            return Err(child.error(format!("`{file}` is included twice")));
        }
        let root = Node::parse(&name, &text)?;
        seen.push(name);
        if !matches!(root.tag.as_str(), "mujoco" | "mujocoinclude") {
            return Err(root.error("the root element must be <mujoco> or <mujocoinclude>"));
        }
        read(&root, &root.tag, &mut Approximations::default())?;
        node.children.extend(expand_into(root, files, seen)?.children);
    }
    Ok(node)
}
