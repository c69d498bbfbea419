//! Writes values as canonical JSON straight from their types, without a tree of values in between.
//! A type that has no place in lines and objects (floats, bytes, tuples) has no text, nor has what breaks the form's
//! rules for keys and depth, nor a key of an object that needs an escape: [`super::json::canonical`] says why, or
//! writes it.

use super::json::{Form, is_line_key, is_safe, write_string};
use serde::ser::{self, Impossible, Serialize};
use std::fmt;

/// The canonical text with at most `depth` containers around its innermost value; none where there is none.
pub(super) fn text_of(value: &impl Serialize, form: Form, depth: usize) -> Option<String> {
    let mut out = String::new();
    value.serialize(Writer { out: &mut out, form, depth }).ok()?;
    Some(out)
}

/// Whether [`text_of`] gives this text.
pub(super) fn is_text_of(value: &impl Serialize, text: &str, form: Form, depth: usize) -> bool {
    let mut out = String::with_capacity(text.len());
    value.serialize(Writer { out: &mut out, form, depth }).is_ok() && out == text
}

/// Whether a key stands as it is between its quotes.
fn is_key(key: &str, form: Form) -> bool {
    match form {
        Form::Line => is_line_key(key),
        Form::Object => key.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\'),
    }
}

/// Something has no canonical text.
#[derive(Debug)]
pub(super) struct NoText;

impl fmt::Display for NoText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it has no canonical text")
    }
}

impl std::error::Error for NoText {}

impl ser::Error for NoText {
    fn custom<T: fmt::Display>(_: T) -> NoText {
        NoText
    }
}

type Written = Result<(), NoText>;

struct Writer<'a> {
    out: &'a mut String,
    form: Form,
    /// How many containers may still be opened.
    depth: usize,
}

impl Writer<'_> {
    fn inside(&self) -> Result<usize, NoText> {
        self.depth.checked_sub(1).ok_or(NoText)
    }

    fn integer(self, number: Option<i64>) -> Written {
        let number = number.filter(|number| is_safe(*number)).ok_or(NoText)?;
        fmt::Write::write_fmt(self.out, format_args!("{number}")).map_err(|_| NoText)
    }
}

/// Leaves out what has no canonical text.
macro_rules! refused {
    ($($method:ident($of:ty)),* $(,)?) => {
        $(fn $method(self, _: $of) -> Written { Err(NoText) })*
    };
}

impl<'a> ser::Serializer for Writer<'a> {
    type Ok = ();
    type Error = NoText;
    type SerializeSeq = List<'a>;
    type SerializeTuple = Impossible<(), NoText>;
    type SerializeTupleStruct = Impossible<(), NoText>;
    type SerializeTupleVariant = Impossible<(), NoText>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = Impossible<(), NoText>;

    refused! { serialize_f32(f32), serialize_f64(f64), serialize_bytes(&[u8]), serialize_i128(i128), serialize_u128(u128) }

    fn serialize_bool(self, is: bool) -> Written {
        self.out.push_str(if is { "true" } else { "false" });
        Ok(())
    }
    fn serialize_i8(self, number: i8) -> Written {
        self.integer(Some(number.into()))
    }
    fn serialize_i16(self, number: i16) -> Written {
        self.integer(Some(number.into()))
    }
    fn serialize_i32(self, number: i32) -> Written {
        self.integer(Some(number.into()))
    }
    fn serialize_i64(self, number: i64) -> Written {
        self.integer(Some(number))
    }
    fn serialize_u8(self, number: u8) -> Written {
        self.integer(Some(number.into()))
    }
    fn serialize_u16(self, number: u16) -> Written {
        self.integer(Some(number.into()))
    }
    fn serialize_u32(self, number: u32) -> Written {
        self.integer(Some(number.into()))
    }
    fn serialize_u64(self, number: u64) -> Written {
        self.integer(i64::try_from(number).ok())
    }
    fn serialize_char(self, c: char) -> Written {
        self.serialize_str(c.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(self, text: &str) -> Written {
        write_string(text, self.out);
        Ok(())
    }
    fn serialize_none(self) -> Written {
        self.serialize_unit()
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Written {
        self.out.push_str("null");
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.serialize_unit()
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Written {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(self, _: &str, _: u32, variant: &str, value: &T) -> Written {
        let mut one = Members::new(self.inside()?, self.form, self.out);
        one.member(variant, value)?;
        one.finish()
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a>, NoText> {
        let depth = self.inside()?;
        self.out.push('[');
        Ok(List { out: self.out, form: self.form, depth, first: true })
    }
    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, NoText> {
        Err(NoText)
    }
    fn serialize_tuple_struct(self, _: &str, _: usize) -> Result<Self::SerializeTupleStruct, NoText> {
        Err(NoText)
    }
    fn serialize_tuple_variant(self, _: &str, _: u32, _: &str, _: usize) -> Result<Self::SerializeTuple, NoText> {
        Err(NoText)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>, NoText> {
        Ok(Members::new(self.inside()?, self.form, self.out))
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'a>, NoText> {
        Ok(Members::new(self.inside()?, self.form, self.out))
    }
    fn serialize_struct_variant(
        self,
        _: &str,
        _: u32,
        _: &str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, NoText> {
        Err(NoText)
    }
}

struct List<'a> {
    out: &'a mut String,
    form: Form,
    depth: usize,
    first: bool,
}

impl ser::SerializeSeq for List<'_> {
    type Ok = ();
    type Error = NoText;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
        value.serialize(Writer { out: &mut *self.out, form: self.form, depth: self.depth })
    }

    fn end(self) -> Written {
        self.out.push(']');
        Ok(())
    }
}

/// Members in the order in which they come, put in order at the end.
struct Members<'a> {
    out: &'a mut String,
    form: Form,
    depth: usize,
    start: usize,
    /// Where `"key":value` stands, and how long the key is.
    found: Vec<(usize, usize, usize)>,
    sorted: bool,
    /// Of a map: the key whose value comes next.
    key: String,
}

impl<'a> Members<'a> {
    fn new(depth: usize, form: Form, out: &'a mut String) -> Members<'a> {
        let start = out.len();
        Members { out, form, depth, start, found: Vec::with_capacity(8), sorted: true, key: String::new() }
    }

    fn member<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Written {
        if !is_key(key, self.form) {
            return Err(NoText);
        }
        self.out.push(if self.found.is_empty() { '{' } else { ',' });
        let from = self.out.len();
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
        self.sorted &= self.found.last().is_none_or(|last| key_of(self.out, last) < key);
        value.serialize(Writer { out: &mut *self.out, form: self.form, depth: self.depth })?;
        self.found.push((from, self.out.len(), key.len()));
        Ok(())
    }

    fn finish(mut self) -> Written {
        if self.found.is_empty() {
            self.out.push('{');
        }
        if !self.sorted {
            let out = &*self.out;
            self.found.sort_unstable_by_key(|member| key_of(out, member));
            if self.found.windows(2).any(|two| key_of(out, &two[0]) == key_of(out, &two[1])) {
                return Err(NoText);
            }
            let mut members = String::with_capacity(out.len() - self.start);
            for (from, to, _) in &self.found {
                members.push(if members.is_empty() { '{' } else { ',' });
                members.push_str(out.get(*from..*to).ok_or(NoText)?);
            }
            self.out.truncate(self.start);
            self.out.push_str(&members);
        }
        self.out.push('}');
        Ok(())
    }
}

/// The key of a member that was written.
fn key_of<'a>(out: &'a str, (from, _, length): &(usize, usize, usize)) -> &'a str {
    out.get(from + 1..from + 1 + length).unwrap_or_default()
}

impl ser::SerializeStruct for Members<'_> {
    type Ok = ();
    type Error = NoText;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Written {
        self.member(key, value)
    }

    fn end(self) -> Written {
        self.finish()
    }
}

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = NoText;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        let mut text = String::new();
        key.serialize(Writer { out: &mut text, form: self.form, depth: 0 })?;
        // Keys that are written here have no escapes: what else stands in this text is refused with the member.
        let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).ok_or(NoText)?;
        self.key = key.to_owned();
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        let key = std::mem::take(&mut self.key);
        self.member(&key, value)
    }

    fn end(self) -> Written {
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::{MAX_OBJECT_DEPTH, canonical, object_bytes, object_bytes_of};
    use super::*;
    use proptest::prelude::*;
    use serde::Serialize;
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        OneWay,
        Another(Vec<u64>),
    }

    #[derive(Serialize)]
    struct Inner {
        zeta: Option<String>,
        alpha: Vec<u64>,
    }

    #[derive(Serialize)]
    struct Outer {
        text: String,
        kind: Kind,
        inner: Inner,
        counts: BTreeMap<String, i64>,
        flag: bool,
        empty: BTreeMap<String, i64>,
        none: Option<u32>,
    }

    #[test]
    fn what_has_no_canonical_text_gets_none() {
        assert_eq!(text_of(&1.5f64, Form::Line, 8), None);
        assert_eq!(text_of(&u64::MAX, Form::Line, 8), None);
        assert_eq!(text_of(&(1, 2), Form::Line, 8), None);
        for key in ["", "A", "a\"b", "a b", &"a".repeat(65)] {
            assert_eq!(text_of(&BTreeMap::from([(key, 1)]), Form::Line, 8), None, "{key}");
        }
        assert_eq!(text_of(&vec![vec![1]], Form::Line, 2).as_deref(), Some("[[1]]"));
        assert_eq!(text_of(&vec![vec![1]], Form::Line, 1), None);
    }

    /// What the quick way does not write, the long way does or refuses: the bytes are the same.
    #[test]
    fn objects_have_one_text_whichever_way_it_is_written() {
        let nested = |depth: usize| (0..depth).fold(serde_json::Value::Null, |inner, _| serde_json::json!([inner]));
        for value in [
            serde_json::json!({"B": 1, "a b": [true, null], "": "\u{1}", "\u{e9}": {"Z": -3, "A": 9_007_199_254_740_991i64}}),
            serde_json::json!({"a\"b": 1, "a": 2, "\n": 3}),
            serde_json::json!({"x": 1.5, "y": 9_007_199_254_740_992i64, "z": u64::MAX}),
            nested(MAX_OBJECT_DEPTH),
            nested(MAX_OBJECT_DEPTH + 1),
        ] {
            assert_eq!(object_bytes_of(&value), object_bytes(&value), "{value}");
        }
        assert!(text_of(&nested(MAX_OBJECT_DEPTH), Form::Object, MAX_OBJECT_DEPTH).is_some());
        assert!(text_of(&serde_json::json!({"a b": 1}), Form::Object, 8).is_some());
        assert!(text_of(&serde_json::json!({"a\"b": 1}), Form::Object, 8).is_none());
    }

    proptest! {
        #[test]
        fn it_writes_what_the_long_way_writes(
            text in any::<String>(), zeta in any::<Option<String>>(), alpha in prop::collection::vec(0u64..9, 0..3),
            counts in prop::collection::btree_map("[a-zA-Z_\"é]{1,4}", -9i64..9, 0..5), flag in any::<bool>(),
        ) {
            let kind = if flag { Kind::OneWay } else { Kind::Another(alpha.clone()) };
            let empty = BTreeMap::new();
            let value = Outer { text, kind, inner: Inner { zeta, alpha }, counts, flag, empty, none: None };
            let tree = serde_json::to_value(&value).unwrap();
            prop_assert_eq!(text_of(&value, Form::Line, 8), canonical(&tree, Form::Line).ok());
            prop_assert_eq!(object_bytes_of(&value).unwrap(), object_bytes(&tree).unwrap());
        }
    }
}
