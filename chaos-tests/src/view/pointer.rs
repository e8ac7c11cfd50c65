//! JSON pointers (RFC 6901), as far as members of objects go.

/// The unescaped member names of a pointer, from the root down.
pub fn segments(pointer: &str) -> Vec<String> {
    pointer
        .split('/')
        .skip(1)
        .map(|segment| segment.replace("~1", "/").replace("~0", "~"))
        .collect()
}

/// The pointer to a member of what stands at `above`.
pub fn child(above: &str, name: &str) -> String {
    format!("{above}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The rest of `path` below `above`: `Some("")` where they are equal, `None` where it lies elsewhere.
pub fn below<'a>(above: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(above)
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
}
