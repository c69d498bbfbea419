//! JMESPath with Countersign's functions, and with limits that keep any text harmless: the library
//! recurses per operator and adds slice steps without a check.

use super::{ExprError, needs};
use crate::base::{Time, duration};
use jmespath::ast::Ast;
use jmespath::functions::{ArgumentType, CustomFunction, Signature};
use jmespath::{Context, ErrorReason, JmespathError, Rcvar, Runtime, Variable};
use serde_json::{Map, Value};
use std::ops::Range;

/// Operators and brackets that one expression may have: each may cost a level of recursion.
const MAX_OPERATORS: usize = 250;
/// Slice steps beyond this could overflow in the library.
const MAX_STEP: i32 = 1_000_000;

/// Every function: name, fewest and most arguments.
const FUNCTIONS: &[(&str, usize, usize)] = &[
    ("abs", 1, 1),
    ("avg", 1, 1),
    ("ceil", 1, 1),
    ("contains", 2, 2),
    ("document", 1, 1),
    ("ends_with", 2, 2),
    ("find", 3, 3),
    ("floor", 1, 1),
    ("join", 2, 2),
    ("json", 1, 1),
    ("keys", 1, 1),
    ("length", 1, 1),
    ("map", 2, 2),
    ("max", 1, 1),
    ("max_by", 2, 2),
    ("merge", 1, usize::MAX),
    ("min", 1, 1),
    ("min_by", 2, 2),
    ("not_null", 1, usize::MAX),
    ("older_than", 2, 2),
    ("reverse", 1, 1),
    ("sort", 1, 1),
    ("sort_by", 2, 2),
    ("starts_with", 2, 2),
    ("sum", 1, 1),
    ("to_array", 1, 1),
    ("to_number", 1, 1),
    ("to_string", 1, 1),
    ("type", 1, 1),
    ("values", 1, 1),
];

/// Evaluates `expression` over `data`.
pub(super) fn evaluate(expression: &str, data: &Value, now: Time) -> Result<Value, ExprError> {
    let ast = parse(expression, 0)?;
    if let Some(value) = needs::plain(&ast, data) {
        return Ok(value.clone());
    }
    let data = needs::part(&ast, data);
    let runtime = if needs::calls(&ast) { runtime(now) } else { Runtime::new() };
    let failed = |error: JmespathError| ExprError::Value {
        expression: expression.to_owned(),
        message: format!("failed: {}", reason(&error)),
    };
    let found = jmespath::interpret(&data, &ast, &mut Context::new(expression, &runtime)).map_err(failed)?;
    to_json(&found).ok_or_else(|| ExprError::Value {
        expression: expression.to_owned(),
        message: "gave an expression (`&...`) instead of a value".to_owned(),
    })
}

/// The expression's tree, its functions checked; error spans start at `offset`.
pub(super) fn parse(expression: &str, offset: usize) -> Result<Ast, ExprError> {
    let whole = offset..offset + expression.len();
    if expression.trim().is_empty() {
        return Err(syntax("the expression is empty".to_owned(), whole));
    }
    if operators(expression) > MAX_OPERATORS {
        return Err(syntax(format!("the expression has more than {MAX_OPERATORS} operators"), whole));
    }
    let ast = jmespath::parse(expression).map_err(|error| {
        let mut at = error.offset.min(expression.len());
        while !expression.is_char_boundary(at) {
            at -= 1;
        }
        syntax(format!("not an expression: {}", reason(&error)), offset + at..offset + expression.len())
    })?;
    check(&ast, offset)?;
    Ok(ast)
}

/// A JMESPath literal that stands for `value`.
pub(super) fn literal(value: &Value) -> String {
    // Back quotes occur only inside JSON strings, where their escape means the same.
    format!("`{}`", value.to_string().replace('`', "\\u0060"))
}

/// What a value is, in words that fit behind "gave".
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text `{}`", crate::base::escape::cut(text, 60)),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "a table".to_owned(),
    }
}

fn syntax(message: String, span: Range<usize>) -> ExprError {
    ExprError::Syntax { message, span }
}

fn operators(expression: &str) -> usize {
    let mut count = 0;
    let mut quote: Option<char> = None;
    let mut chars = expression.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => {
                chars.next();
            }
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(c),
            (None, '.' | '[' | '(' | '{' | '!' | '&' | '|' | '=' | '<' | '>' | '*' | ',') => count += 1,
            (None, _) => {}
        }
    }
    count
}

/// The library's words, without its drawing of the place.
fn reason(error: &JmespathError) -> String {
    match &error.reason {
        ErrorReason::Parse(text) => {
            let text = text.replace("Unexpected nud token -- found Eof", "it ends too early");
            text.replace("Unexpected nud token -- found", "unexpected").replace(" -- found", ", found")
        }
        ErrorReason::Runtime(error) => error.to_string(),
    }
}

/// Refuses unknown functions, wrong argument counts and slice steps that the library can't do.
fn check(ast: &Ast, base: usize) -> Result<(), ExprError> {
    match ast {
        Ast::Function { name, args, offset } => check_function(name, args, base + offset)?,
        Ast::Slice { step, offset, .. } if step.abs() > MAX_STEP || *step == 0 => {
            return Err(syntax(format!("a slice can't have the step {step}"), base + offset..base + offset + 1));
        }
        _ => {}
    }
    children(ast).into_iter().try_for_each(|child| check(child, base))
}

fn check_function(name: &str, args: &[Ast], paren: usize) -> Result<(), ExprError> {
    let span = paren.saturating_sub(name.len())..paren;
    let Some((_, least, most)) = FUNCTIONS.iter().find(|(known, _, _)| *known == name) else {
        let near = FUNCTIONS
            .iter()
            .map(|(known, _, _)| *known)
            .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
        let hint = near.filter(|near| strsim::jaro_winkler(near, name) > 0.8);
        let hint = hint.map_or(String::new(), |near| format!(" (did you mean `{near}`?)"));
        return Err(syntax(format!("there is no function `{name}`{hint}"), span));
    };
    if args.len() < *least || args.len() > *most {
        let wants = if *most == usize::MAX { format!("at least {least}") } else { least.to_string() };
        return Err(syntax(format!("`{name}` takes {wants} argument(s), not {}", args.len()), span));
    }
    if let ("older_than", Some(Ast::Literal { value, .. })) = (name, args.get(1))
        && let Some(text) = value.as_string()
        && let Err(message) = duration::parse(text)
    {
        return Err(syntax(message, span));
    }
    Ok(())
}

/// The direct children of a node.
pub(super) fn children(ast: &Ast) -> Vec<&Ast> {
    match ast {
        Ast::Comparison { lhs, rhs, .. }
        | Ast::Projection { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::Subexpr { lhs, rhs, .. } => vec![lhs, rhs],
        Ast::Condition { predicate, then, .. } => vec![predicate, then],
        Ast::Expref { ast, .. } => vec![ast],
        Ast::Flatten { node, .. } | Ast::Not { node, .. } | Ast::ObjectValues { node, .. } => vec![node],
        Ast::Function { args, .. } => args.iter().collect(),
        Ast::MultiList { elements, .. } => elements.iter().collect(),
        Ast::MultiHash { elements, .. } => elements.iter().map(|pair| &pair.value).collect(),
        Ast::Identity { .. } | Ast::Field { .. } | Ast::Index { .. } | Ast::Literal { .. } | Ast::Slice { .. } => {
            Vec::new()
        }
    }
}

fn runtime(now: Time) -> Runtime {
    let mut runtime = Runtime::new();
    runtime.register_builtin_functions();
    let find = |args: &[Rcvar], _: &mut Context<'_>| Ok(find(args));
    let signature = vec![ArgumentType::Array, ArgumentType::String, ArgumentType::Any];
    runtime.register_function("find", Box::new(CustomFunction::new(Signature::new(signature, None), Box::new(find))));
    let older = move |args: &[Rcvar], ctx: &mut Context<'_>| older_than(args, ctx, now);
    let signature = vec![ArgumentType::String, ArgumentType::String];
    let older = CustomFunction::new(Signature::new(signature, None), Box::new(older));
    runtime.register_function("older_than", Box::new(older));
    let json = |args: &[Rcvar], _: &mut Context<'_>| Ok(json(args));
    let json = CustomFunction::new(Signature::new(vec![ArgumentType::Any], None), Box::new(json));
    runtime.register_function("json", Box::new(json));
    let document = |args: &[Rcvar], _: &mut Context<'_>| Ok(document(args));
    let document = CustomFunction::new(Signature::new(vec![ArgumentType::Any], None), Box::new(document));
    runtime.register_function("document", Box::new(document));
    runtime
}

/// The first element of a list whose member has the value, or null.
fn find(args: &[Rcvar]) -> Rcvar {
    let null = || Rcvar::new(Variable::Null);
    let (Some(list), Some(member), Some(value)) = (args.first(), args.get(1), args.get(2)) else { return null() };
    let (Some(list), Some(member)) = (list.as_array(), member.as_string()) else { return null() };
    list.iter().find(|element| element.is_object() && element.get_field(member) == *value).cloned().unwrap_or_else(null)
}

/// Whether a time lies further back than a duration.
fn older_than(args: &[Rcvar], ctx: &mut Context<'_>, now: Time) -> Result<Rcvar, JmespathError> {
    let text = |at: usize| args.get(at).and_then(|arg| arg.as_string()).map_or("", |text| text.as_str());
    let wrong = |message: String| JmespathError::from_ctx(ctx, ErrorReason::Parse(message));
    let time = Time::parse(text(0))
        .ok_or_else(|| wrong(format!("`{}` is not an RFC 3339 time", crate::base::escape::cut(text(0), 60))))?;
    let age = duration::parse(text(1)).map_err(wrong)?;
    Ok(Rcvar::new(Variable::Bool(now.since(time) > age)))
}

/// The JSON text of a value, keys sorted.
fn json(args: &[Rcvar]) -> Rcvar {
    let value = args.first().and_then(to_json).unwrap_or(Value::Null);
    Rcvar::new(Variable::String(value.to_string()))
}

/// What JSON text says; null where it is none. Other values stay what they are.
fn document(args: &[Rcvar]) -> Rcvar {
    let Some(given) = args.first() else { return Rcvar::new(Variable::Null) };
    match given.as_string() {
        Some(text) => Rcvar::new(Variable::from_json(text).unwrap_or(Variable::Null)),
        None => Rcvar::clone(given),
    }
}

/// None if an expression reference is anywhere inside.
fn to_json(value: &Rcvar) -> Option<Value> {
    Some(match value.as_ref() {
        Variable::Null => Value::Null,
        Variable::String(text) => Value::String(text.clone()),
        Variable::Bool(flag) => Value::Bool(*flag),
        Variable::Number(number) => Value::Number(number.clone()),
        Variable::Array(items) => Value::Array(items.iter().map(to_json).collect::<Option<Vec<Value>>>()?),
        Variable::Object(members) => {
            let mut out = Map::new();
            for (name, member) in members {
                out.insert(name.clone(), to_json(member)?);
            }
            Value::Object(out)
        }
        Variable::Expref(_) => return None,
    })
}
