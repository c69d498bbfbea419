//! What a text refers to: the paths that its expressions read, as far as they can be told without values.

use super::{ExprError, ROOTS, jmes, template};
use jmespath::ast::Ast;
use serde_json::Value;
use std::ops::Range;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    Member(String),
    /// An element of a list, by index or for each.
    Element,
}

/// One path that an expression reads, from a root (or, in an `expect`, from the answer).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The first member: a root's name, or the answer's member.
    pub root: String,
    /// What follows the root, as far as it is static.
    pub path: Vec<Segment>,
    /// It stands inside `[?...]` or behind a projection as a bare name that is also a root's: almost
    /// always meant as the root, but read from the element.
    pub hidden_root: bool,
    /// Byte range of its head within the text given.
    pub span: Range<usize>,
}

impl Reference {
    /// The member names of the path, up to the first element of a list.
    pub fn members(&self) -> Vec<&str> {
        let names = self.path.iter().map_while(|segment| match segment {
            Segment::Member(name) => Some(name.as_str()),
            Segment::Element => None,
        });
        names.collect()
    }

    /// As it would be written: `stages.invite.invite.Handshake.Id`.
    pub fn text(&self) -> String {
        let mut text = self.root.clone();
        for segment in &self.path {
            match segment {
                Segment::Member(name) if is_plain(name) => text.push_str(&format!(".{name}")),
                Segment::Member(name) => text.push_str(&format!(".\"{name}\"")),
                Segment::Element => text.push_str("[]"),
            }
        }
        text
    }
}

/// What every `${...}` of a template refers to.
pub fn references(text: &str) -> Result<Vec<Reference>, ExprError> {
    let mut found = Vec::new();
    for part in template::parts(text)? {
        if let template::Part::Expression { source, span } = part {
            found.extend(plain(source, span.start)?);
        }
    }
    Ok(found)
}

/// What a plain JMESPath expression refers to (no `${...}`).
pub fn plain_references(expression: &str) -> Result<Vec<Reference>, ExprError> {
    plain(expression, 0)
}

/// What an `expect` refers to: first the answer's members, then what its `${...}` name.
pub fn expect_references(text: &str) -> Result<(Vec<Reference>, Vec<Reference>), ExprError> {
    let mut expression = String::new();
    let mut scope = Vec::new();
    for part in template::expect_parts(text)? {
        match part {
            template::Part::Text { text, span } => {
                expression.push_str(&text);
                // `$${` became shorter by one; keep the offsets of what follows.
                (text.len()..span.len()).for_each(|_| expression.push(' '));
            }
            template::Part::Expression { source, span } => {
                scope.extend(plain(source, span.start)?);
                // A literal of the same length, so that offsets stay.
                expression.push_str("`0`");
                (0..source.len()).for_each(|_| expression.push(' '));
            }
        }
    }
    Ok((plain(&expression, 0)?, scope))
}

/// Whether everything that `text` refers to stands in `scope`, down to the member of its root (for
/// `stages`: the step). Members further down may be missing: AWS leaves out what is empty.
pub(super) fn all_known(text: &str, scope: &Value) -> bool {
    let Ok(found) = references(text) else { return false };
    found.iter().all(|reference| {
        let depth = if reference.root == "stages" { 3 } else { 1 };
        let mut at = scope.get(&reference.root);
        for segment in reference.path.iter().take(depth) {
            at = match (at, segment) {
                (Some(Value::Object(members)), Segment::Member(name)) => members.get(name),
                (other, _) => return other.is_some_and(|value| !value.is_null()),
            };
        }
        at.is_some_and(|value| !value.is_null())
    })
}

fn plain(expression: &str, offset: usize) -> Result<Vec<Reference>, ExprError> {
    let ast = jmes::parse(expression, offset)?;
    let mut walk = Walk { expression, offset, found: Vec::new() };
    let whole = walk.node(&ast, &Base::Scope);
    walk.keep(whole);
    Ok(walk.found.into_iter().map(|path| path.reference).collect())
}

/// What the names of a node are read from.
#[derive(Clone)]
enum Base {
    /// The scope itself: a name is a root.
    Scope,
    /// A value at a known path, reached by a dot.
    At(Path),
    /// An element at a known path, inside `[?...]` or `&...`.
    Element(Path),
    /// A value that can't be told statically.
    Unknown,
}

#[derive(Clone)]
struct Path {
    reference: Reference,
    /// How many lists projections have put around what lies at the path.
    lists: usize,
}

struct Walk<'a> {
    expression: &'a str,
    offset: usize,
    found: Vec<Path>,
}

impl Walk<'_> {
    /// The path that a node's value lies at, if it is one; what is read on the way goes to `found`.
    fn node(&mut self, ast: &Ast, base: &Base) -> Option<Path> {
        match ast {
            Ast::Identity { .. } => base.path(),
            Ast::Field { name, offset } => self.field(name, *offset, base),
            Ast::Index { .. } => base.path().map(Path::element),
            Ast::Slice { .. } => base.path(),
            Ast::Subexpr { lhs, rhs, .. } => {
                let left = self.node(lhs, base);
                self.node(rhs, &left.map_or(Base::Unknown, Base::At))
            }
            Ast::Projection { lhs, rhs, .. } => self.projection(lhs, rhs, base),
            Ast::Flatten { node, .. } => self.node(node, base).map(Path::flattened),
            Ast::ObjectValues { node, .. } => {
                let inner = self.node(node, base);
                self.keep(inner);
                None
            }
            Ast::Condition { predicate, then, .. } => {
                let element = base.path().map_or(Base::Unknown, Base::Element);
                let inner = self.node(predicate, &element);
                self.keep(inner);
                self.node(then, base)
            }
            Ast::Function { name, args, .. } => self.function(name, args, base),
            other => {
                for child in jmes::children(other) {
                    let inner = self.node(child, base);
                    self.keep(inner);
                }
                None
            }
        }
    }

    fn projection(&mut self, lhs: &Ast, rhs: &Ast, base: &Base) -> Option<Path> {
        let each = self.node(lhs, base).map(Path::element);
        let inner = self.node(rhs, &each.map_or(Base::Unknown, Base::At));
        inner.map(|path| Path { lists: path.lists + 1, ..path })
    }

    /// What some functions return still lies at a path; `&...` arguments are read from a list's elements.
    fn function(&mut self, name: &str, args: &[Ast], base: &Base) -> Option<Path> {
        let mut list = None;
        for arg in args.iter().filter(|arg| !matches!(arg, Ast::Expref { .. })) {
            let path = self.node(arg, base);
            list = list.or_else(|| path.clone());
            self.keep(path);
        }
        let element = list.clone().map_or(Base::Unknown, |path| Base::Element(path.element()));
        for arg in args {
            if let Ast::Expref { ast, .. } = arg {
                let inner = self.node(ast, &element);
                self.keep(inner);
            }
        }
        match name {
            "find" | "max_by" | "min_by" => list.map(Path::element),
            "sort_by" | "sort" | "reverse" => list,
            _ => None,
        }
    }

    fn field(&mut self, name: &str, offset: usize, base: &Base) -> Option<Path> {
        match base {
            Base::Scope => {
                let reference = Reference {
                    root: name.to_owned(),
                    path: Vec::new(),
                    hidden_root: false,
                    span: self.span(name, offset),
                };
                Some(Path { reference, lists: 0 })
            }
            Base::At(path) => path.clone().member(name),
            Base::Element(path) => {
                let mut path = path.clone().member(name)?;
                path.reference.hidden_root = ROOTS.contains(&name);
                path.reference.span = self.span(name, offset);
                Some(path)
            }
            Base::Unknown => None,
        }
    }

    fn keep(&mut self, path: Option<Path>) {
        self.found.extend(path);
    }

    fn span(&self, name: &str, offset: usize) -> Range<usize> {
        let quoted = self.expression.get(offset..).is_some_and(|rest| rest.starts_with('"'));
        let length = if quoted { name.len() + 2 } else { name.len() };
        let end = (offset + length).min(self.expression.len());
        self.offset + offset..self.offset + end
    }
}

impl Base {
    fn path(&self) -> Option<Path> {
        match self {
            Base::At(path) | Base::Element(path) => Some(path.clone()),
            Base::Scope | Base::Unknown => None,
        }
    }
}

impl Path {
    /// None on a list: that has no members.
    fn member(mut self, name: &str) -> Option<Path> {
        self.reference.path.push(Segment::Member(name.to_owned()));
        (self.lists == 0).then_some(self)
    }

    fn element(mut self) -> Path {
        if self.lists > 0 {
            self.lists -= 1;
        } else {
            self.reference.path.push(Segment::Element);
        }
        self
    }

    /// A list of lists becomes one list of their elements.
    fn flattened(mut self) -> Path {
        if self.lists > 0 {
            self.reference.path.push(Segment::Element);
        }
        self
    }
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
