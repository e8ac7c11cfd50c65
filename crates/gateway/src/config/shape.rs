//! What settings there are, told by the settings themselves: serde hands the names of a struct's fields to whatever reads it.
//!
//! So a list of names is kept nowhere, and a setting that has no value by default is known as well. It reads no value and decides nothing.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

/// What a place in the configuration holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A table of settings.
    Table(BTreeMap<&'static str, Shape>),
    /// A list, and what each element of it holds.
    List(Box<Shape>),
    /// A text.
    Text,
    /// A number, a truth value, or anything else that TOML writes without quotes.
    Plain,
}

impl Shape {
    /// The shape of `T`.
    pub(super) fn of<T: for<'de> Deserialize<'de>>() -> Self {
        shape_at::<T>(&mut Vec::new())
    }

    /// All places below this one, as dotted paths; the elements of a list are named by the list.
    pub(super) fn paths(&self) -> Vec<String> {
        match self {
            Self::Table(fields) => fields
                .iter()
                .flat_map(|(name, shape)| {
                    let below = shape.paths().into_iter().map(move |path| format!("{name}.{path}"));
                    std::iter::once((*name).to_owned()).chain(below)
                })
                .collect(),
            Self::List(element) => element.paths(),
            Self::Text | Self::Plain => Vec::new(),
        }
    }
}

/// One step on the way to a place.
#[derive(Clone, Copy)]
enum Step {
    Field(&'static str),
    Element,
}

/// What one look at a place tells.
enum Found {
    Fields(&'static [&'static str]),
    List,
    Text,
    Plain,
}

fn shape_at<T: for<'de> Deserialize<'de>>(path: &mut Vec<Step>) -> Shape {
    let found = Cell::new(None);
    // It always ends with `Seen`: a look yields no value.
    let _: Result<T, Seen> = T::deserialize(Look { path, found: &found });
    match found.into_inner() {
        Some(Found::Fields(names)) => {
            let fields = names.iter().map(|name| {
                path.push(Step::Field(name));
                let shape = shape_at::<T>(path);
                path.pop();
                (*name, shape)
            });
            Shape::Table(fields.collect())
        }
        Some(Found::List) => {
            path.push(Step::Element);
            let element = shape_at::<T>(path);
            path.pop();
            Shape::List(Box::new(element))
        }
        Some(Found::Text) => Shape::Text,
        Some(Found::Plain) | None => Shape::Plain,
    }
}

/// Ends a look.
#[derive(Debug)]
struct Seen;

impl fmt::Display for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("seen")
    }
}

impl std::error::Error for Seen {}

impl de::Error for Seen {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Goes down a path and notes what is asked for at its end.
#[derive(Clone, Copy)]
struct Look<'a> {
    path: &'a [Step],
    found: &'a Cell<Option<Found>>,
}

impl Look<'_> {
    fn see<V>(self, found: Found) -> Result<V, Seen> {
        self.found.set(Some(found));
        Err(Seen)
    }
}

impl<'de> Deserializer<'de> for Look<'_> {
    type Error = Seen;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Seen> {
        match self.path {
            [Step::Field(name), path @ ..] => visitor.visit_map(Into {
                name: Some(name),
                look: Look { path, ..self },
            }),
            _ => self.see(Found::Fields(fields)),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Seen> {
        match self.path {
            [Step::Element, path @ ..] => visitor.visit_seq(Into {
                name: None,
                look: Look { path, ..self },
            }),
            _ => self.see(Found::List),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Seen> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Seen> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_str<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Seen> {
        self.see(Found::Text)
    }

    fn deserialize_string<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Seen> {
        self.see(Found::Text)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Seen> {
        self.see(Found::Text)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Seen> {
        self.see(Found::Plain)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct map
        identifier ignored_any
    }
}

/// One step down: into the field `name`, or into an element.
struct Into<'a> {
    name: Option<&'static str>,
    look: Look<'a>,
}

impl<'de> MapAccess<'de> for Into<'_> {
    type Error = Seen;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Seen> {
        let name: Option<StrDeserializer<'_, Seen>> = self.name.take().map(IntoDeserializer::into_deserializer);
        name.map(|name| seed.deserialize(name)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Seen> {
        seed.deserialize(self.look)
    }
}

impl<'de> SeqAccess<'de> for Into<'_> {
    type Error = Seen;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Seen> {
        seed.deserialize(self.look).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::path::PathBuf;

    use super::*;

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape is looked at")]
    struct Outer {
        inner: Inner,
        names: Vec<String>,
    }

    #[derive(Deserialize)]
    #[serde(default, deny_unknown_fields)]
    #[allow(dead_code, reason = "only its shape is looked at")]
    #[derive(Default)]
    struct Inner {
        address: Option<SocketAddr>,
        data: PathBuf,
        retries: Option<u32>,
        friends: Vec<Friend>,
        format: super::super::LogFormat,
    }

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape is looked at")]
    struct Friend {
        name: String,
    }

    #[test]
    fn every_field_is_found_also_one_without_a_value_and_those_in_lists() {
        let friend = Shape::Table(BTreeMap::from([("name", Shape::Text)]));
        let inner = Shape::Table(BTreeMap::from([
            ("address", Shape::Text),
            ("data", Shape::Text),
            ("retries", Shape::Plain),
            ("friends", Shape::List(Box::new(friend))),
            ("format", Shape::Text),
        ]));
        let names = Shape::List(Box::new(Shape::Text));
        let outer = Shape::of::<Outer>();
        assert_eq!(
            outer,
            Shape::Table(BTreeMap::from([("inner", inner), ("names", names)]))
        );
        assert!(outer.paths().contains(&"inner.friends.name".to_owned()));
        assert!(outer.paths().contains(&"inner.retries".to_owned()));
    }
}
