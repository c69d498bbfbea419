//! What of its data an expression can look at. The library wants data in a form of its own, a scope holds every
//! account of a run, and a list of AWS's hundreds of records: only what is named is copied into that form, once.

use super::jmes::children;
use jmespath::ast::Ast;
use jmespath::{Rcvar, Variable};
use serde_json::Value;
use std::collections::BTreeMap;

/// The part of a value that may be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Needs {
    All,
    /// Only these members; nothing at all where there are none.
    Members(BTreeMap<String, Needs>),
    /// Of each element of a list. What is no list is kept whole.
    Each(Box<Needs>),
}

/// The data, without the members that the expression can't look at, as the library wants it.
pub(super) fn part(ast: &Ast, data: &Value) -> Rcvar {
    cut(data, &needs(ast))
}

/// The value behind a plain path of members (`item.id`), without any copy of the rest; none for all else.
pub(super) fn plain<'a>(ast: &Ast, data: &'a Value) -> Option<&'a Value> {
    let path = path(ast)?;
    Some(path.into_iter().fold(data, |value, name| value.get(name).unwrap_or(&Value::Null)))
}

/// Whether a function is called anywhere.
pub(super) fn calls(ast: &Ast) -> bool {
    matches!(ast, Ast::Function { .. }) || children(ast).into_iter().any(calls)
}

fn path(ast: &Ast) -> Option<Vec<&str>> {
    match ast {
        Ast::Field { name, .. } => Some(vec![name]),
        Ast::Subexpr { lhs, rhs, .. } => {
            let mut names = path(lhs)?;
            names.extend(path(rhs)?);
            Some(names)
        }
        _ => None,
    }
}

fn needs(ast: &Ast) -> Needs {
    match ast {
        Ast::Identity { .. } => Needs::All,
        Ast::Field { name, .. } => under(&[name], Needs::All),
        Ast::Subexpr { lhs, rhs, .. } => match path(lhs) {
            Some(names) => under(&names, needs(rhs)),
            None => needs(lhs),
        },
        // Their right sides see elements of what the left sides give.
        Ast::Projection { lhs, rhs, .. } => match path(lhs) {
            Some(names) => under(&names, Needs::Each(Box::new(needs(rhs)))),
            None => needs(lhs),
        },
        Ast::Expref { .. } | Ast::Literal { .. } => Needs::Members(BTreeMap::new()),
        // Of the data itself: where in a list it is, nobody knows without all of it.
        Ast::Index { .. } | Ast::Slice { .. } => Needs::All,
        _ => children(ast).into_iter().map(needs).fold(Needs::Members(BTreeMap::new()), both),
    }
}

fn under(names: &[&str], needs: Needs) -> Needs {
    names.iter().rev().fold(needs, |needs, name| Needs::Members([((*name).to_owned(), needs)].into()))
}

fn both(one: Needs, other: Needs) -> Needs {
    match (one, other) {
        (Needs::Members(mut one), Needs::Members(other)) => {
            for (name, needs) in other {
                let together = match one.remove(&name) {
                    Some(known) => both(known, needs),
                    None => needs,
                };
                one.insert(name, together);
            }
            Needs::Members(one)
        }
        (Needs::Each(one), Needs::Each(other)) => Needs::Each(Box::new(both(*one, *other))),
        _ => Needs::All,
    }
}

/// Plain values are kept whole, and so is a list of which its members are named: only members are left out.
fn cut(value: &Value, needs: &Needs) -> Rcvar {
    Rcvar::new(match (value, needs) {
        (Value::Object(members), Needs::Members(needs)) => {
            let kept = needs.iter().filter_map(|(name, needs)| Some((name.clone(), cut(members.get(name)?, needs))));
            Variable::Object(kept.collect())
        }
        (Value::Object(members), _) => {
            Variable::Object(members.iter().map(|(name, value)| (name.clone(), cut(value, &Needs::All))).collect())
        }
        (Value::Array(items), Needs::Each(needs)) => {
            Variable::Array(items.iter().map(|item| cut(item, needs)).collect())
        }
        (Value::Array(items), _) => Variable::Array(items.iter().map(|item| cut(item, &Needs::All)).collect()),
        (Value::Null, _) => Variable::Null,
        (Value::Bool(is), _) => Variable::Bool(*is),
        (Value::Number(number), _) => Variable::Number(number.clone()),
        (Value::String(text), _) => Variable::String(text.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use serde_json::json;

    fn scope() -> Value {
        json!({
            "parameters": {"accounts": [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}], "old": "9", "n": 3},
            "item": {"id": "1", "tags": {"x": "y"}},
            "steps": {"invite": {"Id": "h-1", "list": [1, 2, 3]}},
        })
    }

    #[test]
    fn only_what_is_named_is_handed_over() {
        let cut = |text: &str| serde_json::to_value(part(&jmespath::parse(text).unwrap(), &scope())).unwrap();
        assert_eq!(cut("length(parameters.old)"), json!({"parameters": {"old": "9"}}));
        assert_eq!(cut("item.id == parameters.n"), json!({"item": {"id": "1"}, "parameters": {"n": 3}}));
        assert_eq!(cut("`1`"), json!({}));
        assert_eq!(cut("@"), scope());
        assert_eq!(cut("{a: item, b: item.id}"), json!({"item": scope()["item"]}));
        let ids = json!({"parameters": {"accounts": [{"id": "1"}, {"id": "2"}]}});
        assert_eq!(cut("parameters.accounts[?id == '1'].id | [0]"), ids);
        assert_eq!(cut("{a: parameters.accounts[*].id, b: parameters.accounts[?id == '1'].id}"), ids);
        assert_eq!(cut("parameters.accounts[?id == '1']")["parameters"]["accounts"], scope()["parameters"]["accounts"]);
        assert_eq!(cut("[parameters.accounts, parameters.accounts[*].id]")["parameters"]["accounts"][1]["name"], "b");
    }

    /// The library, given everything, is the definition.
    #[test]
    fn with_the_part_it_gives_what_it_gives_with_the_whole() {
        let mut runtime = jmespath::Runtime::new();
        runtime.register_builtin_functions();
        for text in [
            "item.id",
            "item",
            "item.none.x",
            "item.id.x",
            "none",
            "@",
            "*",
            "*.id",
            "@.item.id",
            "keys(@)",
            "keys(item)",
            "parameters.accounts[?id == '2'].name",
            "parameters.accounts[0].id",
            "parameters.accounts[*].{n: name}",
            "parameters.accounts[].id | [0]",
            "parameters.accounts | [1].id",
            "length(parameters.accounts)",
            "[0]",
            "[item.id, steps]",
            "{a: item.tags.x, b: parameters.old}",
            "item.tags.*",
            "parameters.accounts[?id == item.id]",
            "max_by(parameters.accounts, &id).name",
            "sort_by(parameters.accounts, &name)[-1].id",
            "!item.none",
            "item.none || parameters.old",
            "item.id && steps.invite.Id",
            "steps.invite.list[1:]",
            "steps.invite.list[-1]",
            "parameters.n > `2`",
            "item.[id, tags]",
            "item.{a: id, b: @}",
            "steps.*.Id",
            "map(&id, parameters.accounts)",
            "join(',', parameters.accounts[].id)",
            "type(item)",
            "(item).id",
            "\"item\".\"id\"",
            "item | id",
            "item | @",
            "parameters.accounts[?contains(['1'], id)].id",
            "parameters.accounts[?id == '2'].{n: name, all: @}",
            "parameters.accounts[?id].name | [1]",
            "parameters.accounts[*].[id, none]",
            "parameters.accounts[*].id[]",
            "parameters.accounts[].none[].x",
            "length(parameters.accounts[?name == 'a' || id == '2'])",
            "sort_by(parameters.accounts[?id > '0'], &name)[0]",
            "parameters.accounts[?starts_with(name, 'a')] | [0].id",
            "[parameters.accounts[*].id, parameters.accounts[0].name]",
            "item[*].id",
            "item[?id == '1']",
            "parameters.old[*]",
            "steps.invite.list[?@ > `1`]",
            "parameters.*[?id == '1'].name | []",
            "item.tags.x[*]",
            "!parameters.accounts[?id == '9']",
            "not_null(item.none, item.id)",
            "merge(item, {z: `1`})",
        ] {
            let whole = runtime.compile(text).unwrap().search(scope()).unwrap();
            let ast = jmespath::parse(text).unwrap();
            let part = runtime.compile(text).unwrap().search(part(&ast, &scope())).unwrap();
            assert_eq!(part, whole, "{text}");
            let evaluated = crate::expression::search(text, &scope(), Time::default()).unwrap();
            assert_eq!(evaluated, serde_json::to_value(&whole).unwrap(), "{text}");
        }
    }
}
