//! The views of a design document.

use rejoin_document::{Object, Value};

use crate::collate::COLLATION_VERSION;
use crate::reduce::{Reduce, UnknownReduce};
use crate::sandbox::{CompileError, MapFunction, SandboxLimits};

/// Most views in one design document.
pub const VIEWS_MAX: usize = 64;
/// Longest name of a view or a design document, in bytes.
pub const NAME_BYTES_MAX: usize = 512;

/// One view.
#[derive(Debug, Clone)]
pub struct View {
    /// Its name.
    pub name: String,
    /// What turns a document into rows.
    pub map: MapFunction,
    /// What a query makes of the rows unless it says otherwise.
    pub reduce: Option<Reduce>,
}

/// The views of one design document, ascending by name. They share an index.
#[derive(Debug, Clone)]
pub struct Design {
    name: String,
    views: Vec<View>,
    signature: Signature,
}

/// Stands for everything on which the rows of a design depend: equal signatures, equal rows. Reduces are no part of it: they are computed from rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; 16]);

/// A document holds no views that could be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DesignError {
    /// The views are written in another language.
    #[error("views in the language `{0}` are not supported; write them in javascript")]
    Language(String),
    /// A member of the document has another shape.
    #[error("`{0}` must be {1}")]
    Shape(String, &'static str),
    /// More than [`VIEWS_MAX`] views.
    #[error("a design document has at most 64 views, this one has {0}")]
    TooManyViews(usize),
    /// A name of more than [`NAME_BYTES_MAX`] bytes.
    #[error("a name has at most 512 bytes, this one has {0}")]
    NameTooLong(usize),
    /// A map function does not compile.
    #[error("Compilation of the map function in the '{view}' view failed: {error}")]
    Compile {
        /// The view.
        view: String,
        /// What is wrong with it.
        error: CompileError,
    },
    /// A reduce is none of the built-in ones.
    #[error(transparent)]
    Reduce(#[from] UnknownReduce),
}

impl DesignError {
    /// CouchDB's name of the error: what stands as `error` in an answer, with the message as its `reason`.
    pub fn couch_name(&self) -> &'static str {
        match self {
            Self::Compile { .. } => "compilation_error",
            _ => "invalid_design_doc",
        }
    }
}

impl Design {
    /// The views of a design document: `views` holds them by name, each with `map` and perhaps `reduce`. `views.lib` is no view. `name` is the
    /// document's id without `_design/`.
    ///
    /// # Errors
    /// [`DesignError`]: what has to be changed in the document.
    pub fn parse(name: &str, document: &Object, limits: SandboxLimits) -> Result<Self, DesignError> {
        check_language(document)?;
        let none = Object::new();
        let definitions = match document.get("views") {
            None => &none,
            Some(views) => views.as_object().ok_or_else(|| shape("views", "an object"))?,
        };
        let definitions = definitions.iter_sorted().filter(|(name, _)| ***name != *"lib");
        let views = definitions.map(|(name, definition)| View::parse(name, definition, limits));
        Self::new(name, views.collect::<Result<_, _>>()?)
    }

    /// One view that no document holds: CouchDB's `_temp_view`, from an object with `map` and perhaps `reduce`. The view is called `temp`. Its
    /// index is like any other: drop it by the design's [name](Self::name) when nobody needs it.
    ///
    /// # Errors
    /// [`DesignError`]: what has to be changed in the object.
    pub fn temporary(definition: &Object, limits: SandboxLimits) -> Result<Self, DesignError> {
        check_language(definition)?;
        let view = View::parse("temp", &Value::Object(definition.clone()), limits)?;
        // Two temporary views at once must not take each other's index away.
        let Signature(signature) = sign(std::slice::from_ref(&view));
        let name: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        Self::new(&format!("\0temp/{name}"), vec![view])
    }

    /// The name, without `_design/`; of a temporary view one that its map function gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The views, ascending by name.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// The place of a view among them.
    pub fn position(&self, view: &str) -> Option<usize> {
        self.views.iter().position(|known| known.name == view)
    }

    /// What the rows depend on.
    pub fn signature(&self) -> Signature {
        self.signature
    }

    fn new(name: &str, views: Vec<View>) -> Result<Self, DesignError> {
        if views.len() > VIEWS_MAX {
            return Err(DesignError::TooManyViews(views.len()));
        }
        let names = std::iter::once(name).chain(views.iter().map(|view| view.name.as_str()));
        if let Some(long) = names.map(str::len).find(|bytes| *bytes > NAME_BYTES_MAX) {
            return Err(DesignError::NameTooLong(long));
        }
        let signature = sign(&views);
        Ok(Self {
            name: name.to_owned(),
            views,
            signature,
        })
    }
}

impl View {
    fn parse(name: &str, definition: &Value, limits: SandboxLimits) -> Result<Self, DesignError> {
        let definition = definition
            .as_object()
            .ok_or_else(|| shape(&format!("views.{name}"), "an object"))?;
        let text = |member: &str| match definition.get(member) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(shape(&format!("views.{name}.{member}"), "a string")),
        };
        let source = text("map")?.ok_or_else(|| shape(&format!("views.{name}.map"), "a string"))?;
        let reduce = text("reduce")?.map(|reduce| reduce.parse()).transpose()?;
        let compiled = MapFunction::compile(source, limits);
        let map = compiled.map_err(|error| DesignError::Compile {
            view: name.to_owned(),
            error,
        })?;
        Ok(Self {
            name: name.to_owned(),
            map,
            reduce,
        })
    }
}

fn check_language(definition: &Object) -> Result<(), DesignError> {
    let language = definition.get("language");
    match language.map(|language| language.as_str().unwrap_or_default()) {
        None | Some("javascript") => Ok(()),
        Some(other) => Err(DesignError::Language(other.chars().take(100).collect())),
    }
}

fn shape(member: &str, expected: &'static str) -> DesignError {
    DesignError::Shape(member.chars().take(NAME_BYTES_MAX).collect(), expected)
}

fn sign(views: &[View]) -> Signature {
    let mut hasher = blake3::Hasher::new();
    // Each part after its length, so that no two lists of parts look alike.
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    part(COLLATION_VERSION.as_bytes());
    for view in views {
        part(view.name.as_bytes());
        part(view.map.source().as_bytes());
    }
    let mut signature = [0; 16];
    signature.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Signature(signature)
}

#[cfg(test)]
mod tests {
    use rejoin_document::parse_stored_value;

    use super::*;

    fn parse(json: &str) -> Result<Design, DesignError> {
        let value = parse_stored_value(json.as_bytes()).unwrap();
        Design::parse("d", value.as_object().unwrap(), SandboxLimits::default())
    }

    const MAP: &str = r#""map":"function(doc){emit(doc._id)}""#;

    #[test]
    fn a_design_holds_its_views_by_name() {
        let design = parse(&format!(
            r#"{{"language":"javascript","views":{{"b":{{{MAP}}},"a":{{{MAP},"reduce":"_sum"}},"lib":{{"x":"1"}}}}}}"#
        ))
        .unwrap();
        assert_eq!(
            design
                .views()
                .iter()
                .map(|view| (view.name.as_str(), view.reduce))
                .collect::<Vec<_>>(),
            [("a", Some(Reduce::Sum)), ("b", None)]
        );
        assert_eq!((design.position("b"), design.position("c")), (Some(1), None));
        assert_eq!(parse("{}").unwrap().views().len(), 0);
    }

    #[test]
    fn the_signature_is_that_of_the_maps() {
        let one = parse(&format!(
            r#"{{"views":{{"b":{{{MAP}}},"a":{{{MAP},"reduce":"_sum"}}}}}}"#
        ))
        .unwrap();
        let other = parse(&format!(r#"{{"views":{{"a":{{{MAP}}},"b":{{{MAP}}}}},"x":1}}"#)).unwrap();
        assert_eq!(
            one.signature(),
            other.signature(),
            "reduces and order are no part of it"
        );
        for changed in [
            r#"{"views":{"a":{"map":"function(doc){emit(1)}"}}}"#,
            &format!(r#"{{"views":{{"c":{{{MAP}}}}}}}"#),
        ] {
            assert_ne!(one.signature(), parse(changed).unwrap().signature());
        }
    }

    #[test]
    fn what_cannot_be_built_is_refused_with_couchdbs_names() {
        for (json, name, reason) in [
            (
                r#"{"views":{"v":{"map":"function(doc) {"}}}"#,
                "compilation_error",
                "Compilation of the map function in the 'v' view failed: SyntaxError",
            ),
            (
                r#"{"views":{"v":{"map":"1"}}}"#,
                "compilation_error",
                "Compilation of the map function in the 'v' view failed: Expression does not eval",
            ),
            (r#"{"views":[]}"#, "invalid_design_doc", "`views` must be an object"),
            (
                r#"{"views":{"v":{}}}"#,
                "invalid_design_doc",
                "`views.v.map` must be a string",
            ),
            (
                r#"{"views":{"v":{"map":1}}}"#,
                "invalid_design_doc",
                "`views.v.map` must be a string",
            ),
            (
                r#"{"language":"erlang"}"#,
                "invalid_design_doc",
                "views in the language `erlang`",
            ),
            (
                &format!(r#"{{"views":{{"v":{{{MAP},"reduce":"function(){{}}"}}}}}}"#),
                "invalid_design_doc",
                "`function(){}` is not a supported reduce",
            ),
            (
                &format!(
                    r#"{{"views":{{{}}}}}"#,
                    (0..65)
                        .map(|i| format!(r#""v{i}":{{{MAP}}}"#))
                        .collect::<Vec<_>>()
                        .join(",")
                ),
                "invalid_design_doc",
                "a design document has at most 64",
            ),
        ] {
            let error = parse(json).unwrap_err();
            assert_eq!(error.couch_name(), name);
            assert!(error.to_string().starts_with(reason), "{error}");
        }
    }

    #[test]
    fn a_temporary_view_is_a_design_of_one() {
        let value = parse_stored_value(format!(r#"{{{MAP},"reduce":"_count"}}"#).as_bytes()).unwrap();
        let design = Design::temporary(value.as_object().unwrap(), SandboxLimits::default()).unwrap();
        assert_eq!(
            (design.position("temp"), design.views()[0].reduce),
            (Some(0), Some(Reduce::Count))
        );
        let other = parse_stored_value(br#"{"map":"function (doc) {}"}"#).unwrap();
        let other = Design::temporary(other.as_object().unwrap(), SandboxLimits::default()).unwrap();
        assert_ne!(design.name(), other.name());
    }
}
