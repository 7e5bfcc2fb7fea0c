//! XML as robot files use it: a tree of elements that know their file and line, and a record of what
//! an importer honours only approximately.

mod element;
mod files;

use std::rc::Rc;

use roxmltree::Document;

pub(crate) use self::{
    element::{Attribute, Element, Rule},
    files::{Files, read_main},
};
use crate::SimError;

/// Deeper trees than this are refused, so that a hostile file cannot exhaust the stack.
const DEEPEST: usize = 200;

/// An element with its attributes, children and text; comments are dropped.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) file: Rc<str>,
    pub(crate) tag: String,
    pub(crate) line: u32,
    pub(crate) attributes: Vec<NodeAttribute>,
    pub(crate) children: Vec<Node>,
    /// Before the first child, trimmed.
    pub(crate) text: String,
}

#[derive(Clone, Debug)]
pub(crate) struct NodeAttribute {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) line: u32,
}

impl Node {
    /// Parses a document and returns its root element. `file` is the name that errors give.
    pub(crate) fn parse(file: &str, xml: &str) -> Result<Self, SimError> {
        let wrong = |line: u32, reason: String| SimError::Xml { file: file.into(), line, reason };
        let document = Document::parse(xml).map_err(|error| {
            // A file that was cut off is wrong where it ends, not where its root begins.
            let line = match error {
                roxmltree::Error::UnclosedRootNode => xml.lines().count().max(1) as u32,
                _ => error.pos().row,
            };
            wrong(line, format!("not well-formed XML: {error}"))
        })?;
        let lines = Lines::of(xml);
        let file: Rc<str> = file.into();
        copy(&file, &lines, document.root_element(), 0)
            .map_err(|line| wrong(line, format!("elements are nested deeper than {DEEPEST} levels")))
    }

    /// An error about this element.
    pub(crate) fn error(&self, reason: impl Into<String>) -> SimError {
        SimError::Robot {
            file: self.file.as_ref().into(),
            line: self.line,
            element: self.tag.clone(),
            reason: reason.into(),
        }
    }

    /// The only child with this tag, if any.
    pub(crate) fn only(&self, tag: &str) -> Result<Option<&Self>, SimError> {
        let mut children = self.children.iter().filter(|child| child.tag == tag);
        let first = children.next();
        match children.next() {
            Some(second) => Err(second.error(format!("<{}> takes only one <{tag}>", self.tag))),
            None => Ok(first),
        }
    }

    /// The children with this tag.
    pub(crate) fn all<'n>(&'n self, tag: &'n str) -> impl Iterator<Item = &'n Self> {
        self.children.iter().filter(move |child| child.tag == tag)
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(ends.map(|(at, _)| at + 1).collect())
    }

    /// Line of a byte, from 1.
    fn at(&self, byte: usize) -> u32 {
        self.0.partition_point(|start| *start <= byte) as u32 + 1
    }
}

/// Copies an element; where the tree is too deep, gives the line instead.
fn copy(file: &Rc<str>, lines: &Lines, node: roxmltree::Node<'_, '_>, depth: usize) -> Result<Node, u32> {
    let line = lines.at(node.range().start);
    if depth > DEEPEST {
        return Err(line);
    }
    let attributes = node.attributes().map(|attribute| NodeAttribute {
        name: attribute.name().into(),
        value: attribute.value().into(),
        line: lines.at(attribute.range().start),
    });
    let children = node.children().filter(roxmltree::Node::is_element);
    Ok(Node {
        file: file.clone(),
        tag: node.tag_name().name().into(),
        line,
        attributes: attributes.collect(),
        text: node.text().unwrap_or("").trim().into(),
        children: children.map(|child| copy(file, lines, child, depth + 1)).collect::<Result<_, _>>()?,
    })
}

/// What a file asks for and gets only approximately.
#[derive(Default)]
pub(crate) struct Approximations {
    /// Element, attribute, first place, and how often it occurs.
    remarks: Vec<(String, u32)>,
}

impl Approximations {
    /// Records that something at `place` (`file:line: <element> attribute`) is honoured in another way.
    pub(crate) fn add(&mut self, file: &str, line: u32, subject: &str, how: &str) {
        let remark = format!("{subject}: {how}");
        match self.remarks.iter_mut().find(|(known, _)| known.ends_with(&remark)) {
            Some((_, count)) => *count += 1,
            None => self.remarks.push((format!("{file}:{line}: {remark}"), 1)),
        }
    }

    /// One remark per kind of thing, with the first place and the number of places.
    pub(crate) fn into_remarks(self) -> Vec<String> {
        let places = |(remark, count): (String, u32)| match count {
            1 => remark,
            _ => format!("{remark} ({count} places)"),
        };
        self.remarks.into_iter().map(places).collect()
    }
}
