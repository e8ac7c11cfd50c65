//! What patches do, what they refuse, and that nothing else changes.

use super::*;

fn body(text: &str) -> Object {
    parse_body(text.as_bytes(), &Limits::default()).unwrap()
}

fn apply(patch: &Patch, text: &str) -> Result<String, PatchError> {
    patch.apply(&body(text), &Limits::default()).map(|body| body.to_json())
}

/// RFC 6902, section 4.6: numbers are equal if their values are.
#[test]
fn a_test_compares_numbers_by_value() {
    let holds = |there: &str, tested: &str| {
        let patch = format!(r#"[{{"op":"test","path":"/a","value":{tested}}}]"#);
        let patch = Patch::operations(patch.as_bytes(), &Limits::default()).unwrap();
        apply(&patch, &format!(r#"{{"a":{there}}}"#)).is_ok()
    };
    let equal = [
        ("1", "1.0"),
        ("100", "1e2"),
        ("0", "-0.00"),
        ("-0.5", "-5E-1"),
        ("[1,{\"b\":2}]", "[1.0,{\"b\":20e-1}]"),
        ("9007199254740993", "9007199254740993.0"),
    ];
    let different = [
        ("1", "-1"),
        ("1", "10"),
        ("9007199254740993", "9007199254740992"),
        ("1", "\"1\""),
        ("[1]", "[1,1]"),
        ("1e300", "1e-300"),
        ("{\"b\":1}", "{\"c\":1}"),
    ];
    for (there, tested) in equal {
        assert!(holds(there, tested) && holds(tested, there), "{there} {tested}");
    }
    for (there, tested) in different {
        assert!(!holds(there, tested) && !holds(tested, there), "{there} {tested}");
    }
}

/// The examples of RFC 7396, appendix A, whose target and result are objects.
#[test]
fn a_merge_patch_does_what_its_rfc_says() {
    let examples = [
        (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
        (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
        (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
        (
            r#"{"a":{"b":"c"}}"#,
            r#"{"a":{"b":"d","c":null}}"#,
            r#"{"a":{"b":"d"}}"#,
        ),
        (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
        ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
    ];
    for (target, patch, result) in examples {
        assert_eq!(
            apply(&Patch::merge(patch.as_bytes(), &Limits::default()).unwrap(), target).unwrap(),
            result,
            "{patch}"
        );
    }
    for patch in ["[1]", "null", "{", ""] {
        assert!(
            matches!(
                Patch::merge(patch.as_bytes(), &Limits::default()),
                Err(PatchError::Syntax(_))
            ),
            "{patch}"
        );
    }
}

/// Examples of RFC 6902, appendix A.
#[test]
fn a_json_patch_does_what_its_rfc_says_all_or_nothing() {
    let examples = [
        (
            r#"{"foo":"bar"}"#,
            r#"[{"op":"add","path":"/baz","value":"qux"}]"#,
            Some(r#"{"foo":"bar","baz":"qux"}"#),
        ),
        (
            r#"{"foo":["bar","baz"]}"#,
            r#"[{"op":"add","path":"/foo/1","value":"qux"}]"#,
            Some(r#"{"foo":["bar","qux","baz"]}"#),
        ),
        (
            r#"{"baz":"qux","foo":"bar"}"#,
            r#"[{"op":"remove","path":"/baz"}]"#,
            Some(r#"{"foo":"bar"}"#),
        ),
        (
            r#"{"baz":"qux","foo":1}"#,
            r#"[{"op":"test","path":"/baz","value":"qux"},{"op":"replace","path":"/foo","value":2}]"#,
            Some(r#"{"baz":"qux","foo":2}"#),
        ),
        (
            r#"{"baz":"qux"}"#,
            r#"[{"op":"replace","path":"/baz","value":1},{"op":"test","path":"/baz","value":"bar"}]"#,
            None,
        ),
        (
            r#"{"foo":"bar"}"#,
            r#"[{"op":"add","path":"/baz/bat","value":"qux"}]"#,
            None,
        ),
        (
            r#"{"/":9,"~1":10}"#,
            r#"[{"op":"test","path":"/~01","value":10}]"#,
            Some(r#"{"/":9,"~1":10}"#),
        ),
    ];
    for (target, patch, result) in examples {
        let patched = apply(
            &Patch::operations(patch.as_bytes(), &Limits::default()).unwrap(),
            target,
        );
        assert_eq!(patched.as_deref().ok(), result, "{patch}: {patched:?}");
        assert!(result.is_some() || matches!(patched, Err(PatchError::Misfit(_))));
    }
    assert!(matches!(
        Patch::operations(br#"[{"op":"spin","path":""}]"#, &Limits::default()),
        Err(PatchError::Syntax(_))
    ));
    let many = vec![r#"{"op":"test","path":"/a","value":1}"#; PATCH_OPERATIONS_MAX + 1].join(",");
    assert!(matches!(
        Patch::operations(format!("[{many}]").as_bytes(), &Limits::default()),
        Err(PatchError::Syntax(_))
    ));
}

#[test]
fn what_a_patch_does_not_touch_keeps_its_digits_and_its_place() {
    let text = r#"{"z":1.0,"a":1e2,"b":1E+3,"c":-0.0,"d":100000000000000000000000000001,"s":"\u0000n7","n":0}"#;
    let patch = Patch::merge(br#"{"n":2.5E0}"#, &Limits::default()).unwrap();
    let expected = text.replace(r#""n":0"#, r#""n":2.5E0"#);
    assert_eq!(apply(&patch, text).unwrap(), expected);
}

#[test]
fn what_a_patch_removes_moves_nothing_else() {
    let text = r#"{"a":1,"b":2,"c":{"x":1,"y":2,"z":3},"d":4}"#;
    let merge = Patch::merge(br#"{"a":null,"c":{"x":null,"n":0},"e":5}"#, &Limits::default()).unwrap();
    let expected = r#"{"b":2,"c":{"y":2,"z":3,"n":0},"d":4,"e":5}"#;
    assert_eq!(apply(&merge, text).unwrap(), expected);
    let operations = br#"[{"op":"remove","path":"/a"},{"op":"remove","path":"/c/x"},{"op":"add","path":"/c/n","value":0},{"op":"add","path":"/e","value":5}]"#;
    let operations = Patch::operations(operations, &Limits::default()).unwrap();
    assert_eq!(apply(&operations, text).unwrap(), expected);
}

#[test]
fn a_deep_body_can_be_patched_and_a_patch_cannot_make_one_too_deep_or_too_large() {
    let deep = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let patch = Patch::merge(br#"{"b":1}"#, &Limits::default()).unwrap();
    assert!(apply(&patch, &deep(128)).is_ok());
    let nest = Patch::operations(br#"[{"op":"copy","from":"","path":"/b"}]"#, &Limits::default()).unwrap();
    assert!(matches!(
        apply(&nest, &deep(128)),
        Err(PatchError::Body(BodyError::TooDeep { .. }))
    ));
    let path = |levels: usize| "/a".repeat(levels);
    let copies: Vec<String> = (0..15)
        .map(|copy| format!(r#"{{"op":"copy","from":"/a","path":"{}"}}"#, path((1 << copy) + 1)))
        .collect();
    for text in [
        format!("[{}]", copies.join(",")),
        format!(
            r#"[{{"op":"add","path":"/a/b","value":{{"c":{{}}}}}},{{"op":"add","path":"/a/b/c/d","value":{}}}]"#,
            deep(126)
        ),
        format!(
            r#"[{{"op":"add","path":"/a/b","value":[]}},{{"op":"add","path":"/a/b/-","value":{}}}]"#,
            deep(126)
        ),
    ] {
        let stacked = Patch::operations(text.as_bytes(), &Limits::default()).unwrap();
        let error = apply(&stacked, r#"{"a":{}}"#);
        assert!(
            matches!(error, Err(PatchError::Body(BodyError::TooDeep { .. }))),
            "{error:?}"
        );
    }
    let copies: Vec<String> = (0..60)
        .map(|copy| format!(r#"{{"op":"copy","from":"/a","path":"/a/{copy}"}}"#))
        .collect();
    let doubling = Patch::operations(format!("[{}]", copies.join(",")).as_bytes(), &Limits::default()).unwrap();
    let error = apply(&doubling, r#"{"a":{"x":"0123456789"}}"#);
    assert!(matches!(error, Err(PatchError::TooMuch(_))), "{error:?}");
}

#[test]
fn a_short_patch_cannot_move_much_to_and_fro_for_ever() {
    let members: Vec<String> = (0..30_000).map(|number| format!("\"{number}\":0")).collect();
    let body = format!(r#"{{"a":{{{}}},"b":{{}}}}"#, members.join(","));
    let moves = |count: usize, there: &str| {
        let step =
            format!(r#"{{"op":"move","from":"/a","path":"{there}"}},{{"op":"move","from":"{there}","path":"/a"}}"#);
        let patch = format!("[{}]", vec![step; count].join(","));
        let patch = Patch::operations(patch.as_bytes(), &Limits::default()).unwrap();
        apply(&patch, &body)
    };
    assert!(moves(500, "/c").is_ok(), "nothing has to be looked at");
    assert!(moves(30, "/b/c").is_ok());
    let error = moves(500, "/b/c").unwrap_err();
    assert!(matches!(error, PatchError::TooMuch(_)), "{error}");
}

#[test]
fn short_edits_of_a_long_array_are_bounded_together() {
    let elements: Vec<String> = (0..30_000).map(|number| number.to_string()).collect();
    let body = format!(r#"{{"list":[{}]}}"#, elements.join(","));
    let edit = |number: usize| Edit::Remove {
        path: "/list".to_owned(),
        elements: vec![Value::from(number as i64)],
    };
    let edits = |count: usize| Patch::edits((0..count).map(edit).collect()).unwrap();
    assert!(apply(&edits(30), &body).is_ok());
    let error = apply(&edits(1_000), &body).unwrap_err();
    assert!(
        matches!(&error, PatchError::TooMuch(_)) && error.to_string().contains("1000000"),
        "{error}"
    );
}

#[test]
fn no_operation_makes_a_body_too_deep_on_the_way() {
    let deep = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let nest = [
        format!(r#"{{"op":"add","path":"/t","value":{}}}"#, deep(120)),
        format!(r#"{{"op":"move","from":"/d","path":"/t{}"}}"#, "/a".repeat(120)),
        r#"{"op":"move","from":"/t","path":"/d"}"#.to_owned(),
    ];
    let operations = format!("[{}]", vec![nest.join(","); 300].join(","));
    let patch = Patch::operations(operations.as_bytes(), &Limits::default()).unwrap();
    let too_deep = Err(PatchError::Body(BodyError::TooDeep { depth_max: 128 }));
    assert_eq!(
        apply(&patch, r#"{"d":{"x":{"y":{"z":{"w":{"v":{"u":{"s":1}}}}}}}}"#),
        too_deep
    );
    let add = |level: usize| Edit::Add {
        path: format!("/d{}", "/0/a".repeat(level)),
        elements: vec![Value::from(body(r#"{"a":[]}"#))],
    };
    let edits = Patch::edits((0..80).map(add).collect()).unwrap();
    assert_eq!(apply(&edits, "{}"), too_deep);
}

#[test]
fn an_increment_counts_on_from_what_is_there_or_from_nothing() {
    let by = |path: &str, by| Patch::edits(vec![Edit::Increment { path: path.into(), by }]).unwrap();
    assert_eq!(apply(&by("/n", 5), r#"{"n":-2}"#).unwrap(), r#"{"n":3}"#);
    assert_eq!(apply(&by("/m", -5), r#"{"n":1}"#).unwrap(), r#"{"n":1,"m":-5}"#);
    assert_eq!(
        apply(&by("/a~1b/~0", 1), r#"{"a/b":{"~":1}}"#).unwrap(),
        r#"{"a/b":{"~":2}}"#
    );
    for text in [r#"{"n":1.5}"#, r#"{"n":"1"}"#, r#"{"n":9223372036854775807}"#] {
        assert!(
            matches!(apply(&by("/n", 1), text), Err(PatchError::NotAnInteger { .. })),
            "{text}"
        );
    }
    assert!(matches!(apply(&by("/a/b", 1), "{}"), Err(PatchError::NoParent { .. })));
}

#[test]
fn elements_are_added_once_and_taken_out_if_they_are_there() {
    let list = |text: &str| match parse_value(text.as_bytes(), &Limits::default()) {
        Ok(Value::Array(elements)) => elements,
        other => panic!("{other:?}"),
    };
    let add = |elements: &str| Edit::Add {
        path: "/tags".into(),
        elements: list(elements),
    };
    let remove = |elements: &str| Edit::Remove {
        path: "/tags".into(),
        elements: list(elements),
    };
    let both = Patch::edits(vec![add(r#"["b","c"]"#), remove(r#"["a","x"]"#)]).unwrap();
    assert_eq!(apply(&both, r#"{"tags":["a","b"]}"#).unwrap(), r#"{"tags":["b","c"]}"#);
    assert_eq!(apply(&both, "{}").unwrap(), r#"{"tags":["b","c"]}"#);
    let objects = Patch::edits(vec![add(r#"[{"y":2,"x":1}]"#)]).unwrap();
    let text = r#"{"tags":[{"x":1,"y":2}]}"#;
    assert_eq!(
        apply(&objects, text).unwrap(),
        text,
        "the order of members does not matter"
    );
    assert!(matches!(
        Patch::edits(vec![add("[]"); PATCH_OPERATIONS_MAX + 1]),
        Err(PatchError::Syntax(_))
    ));
    assert!(matches!(
        apply(&both, r#"{"tags":1}"#),
        Err(PatchError::NotAnArray { .. })
    ));
}

#[test]
fn an_edit_of_what_is_no_path_is_refused_instead_of_doing_nothing() {
    let path = || "tags".to_owned();
    let edits = [
        Edit::Increment { path: path(), by: 1 },
        Edit::Add {
            path: path(),
            elements: Vec::new(),
        },
        Edit::Remove {
            path: path(),
            elements: Vec::new(),
        },
    ];
    for edit in edits {
        let refused = Patch::edits(vec![edit]).unwrap_err();
        assert_eq!(refused, PatchError::NotAPath { path: path() });
        assert!(refused.to_string().contains("/tags"), "{refused}");
    }
}

#[test]
fn many_edits_of_an_array_with_few_large_elements_are_bounded_by_their_bytes() {
    let limits = Limits {
        body_bytes_max: 2_000,
        ..Limits::default()
    };
    let body = parse_body(format!(r#"{{"tags":["{}"]}}"#, "x".repeat(1_000)).as_bytes(), &limits).unwrap();
    let edits = |count| {
        let edit = Edit::Remove {
            path: "/tags".to_owned(),
            elements: vec![Value::from(1)],
        };
        Patch::edits(vec![edit; count]).unwrap().apply(&body, &limits)
    };
    assert_eq!(edits(15), Ok(body.clone()));
    assert!(matches!(edits(17), Err(PatchError::TooMuch(_))));
}
