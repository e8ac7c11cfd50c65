//! What a map function can do, and what it cannot.

use std::time::Duration;

use proptest::prelude::*;

use super::{CompileError, Emitted, MapError, MapFunction, Patience, SandboxLimits};

fn small() -> SandboxLimits {
    SandboxLimits {
        steps_max: 1_000_000,
        memory_bytes_max: 4 << 20,
        rows_max: 100,
        emitted_bytes_max: 10_000,
        key_bytes_max: 1_000,
        ..SandboxLimits::default()
    }
}

fn compiled(source: &str) -> MapFunction {
    MapFunction::compile(source, small()).unwrap()
}

fn rows(source: &str, document: &str) -> Result<Vec<(String, String)>, MapError> {
    let rows = compiled(source).map(document)?;
    Ok(rows.into_iter().map(|Emitted { key, value }| (key, value)).collect())
}

/// The key of the one row that an expression over `doc` gives.
fn key(expression: &str, document: &str) -> String {
    let rows = rows(&format!("function (doc) {{ emit({expression}) }}"), document);
    rows.unwrap_or_else(|error| panic!("{expression}: {error}")).remove(0).0
}

fn failure(body: &str) -> MapError {
    rows(&format!("function (doc) {{ {body} }}"), "{}").expect_err(body)
}

#[test]
fn the_function_of_couchdbs_chapter_lists_conflicts() {
    let source = "function(doc) {\nif(doc._conflicts) {\nemit(doc._conflicts, null);\n}\n}";
    let document = r#"{"_id":"foo","_rev":"2-de","count":2,"_conflicts":["2-7c971bb974251ae8541b8fe045964219"]}"#;
    let expected = (
        r#"["2-7c971bb974251ae8541b8fe045964219"]"#.to_owned(),
        "null".to_owned(),
    );
    assert_eq!(rows(source, document).unwrap(), [expected]);
    assert_eq!(rows(source, r#"{"_id":"foo","_rev":"1-74"}"#).unwrap(), []);
}

#[test]
fn functions_are_read_as_couchdb_reads_them() {
    for source in [
        "function(doc){emit(1,2)}",
        "function named(doc) { emit(1, 2); };",
        "  (doc) => emit(1, 2) ;\n",
        "function (doc) { emit(1, 2) } // the end",
        "// first\nfunction (doc) { emit(1, 2) }",
        "(function () { return function (doc) { emit(1, 2) } })()",
    ] {
        assert_eq!(
            rows(source, "{}").unwrap(),
            [("1".to_owned(), "2".to_owned())],
            "{source}"
        );
    }
}

#[test]
fn what_is_no_function_does_not_compile() {
    let refused = |source: &str| MapFunction::compile(source, small()).unwrap_err();
    assert!(
        matches!(refused("function(doc) { emit( }"), CompileError::Syntax(message) if message.starts_with("SyntaxError"))
    );
    assert!(matches!(refused("nobody"), CompileError::Syntax(message) if message.starts_with("ReferenceError")));
    assert!(matches!(refused(""), CompileError::Syntax(_)));
    assert_eq!(refused("1 + 1"), CompileError::NotAFunction("1 + 1".into()));
    assert_eq!(
        refused("{}").to_string(),
        "Expression does not eval to a function. ({})"
    );
    assert!(matches!(
        refused(&"x".repeat(300_000)),
        CompileError::TooLong { bytes: 300_000, .. }
    ));
    assert!(matches!(
        refused("(function () { for (;;); })()"),
        CompileError::Bounds(MapError::TooManySteps { .. })
    ));
    assert_eq!(
        refused("function (doc) { emit(0x1Fn) }"),
        CompileError::BigInt("0x1Fn".into())
    );
    compiled("function (doc) { emit(doc.x1n, x0n) }");
}

#[test]
fn what_is_not_given_is_null_and_values_are_json() {
    let given = rows(
        "function (doc) { emit(); emit(undefined, log); emit(doc.a, {b: [doc.a, 'ü\\u0000']}) }",
        r#"{"a":1.50}"#,
    );
    let expected = [
        ("null", "null"),
        ("null", "null"),
        ("1.5", "{\"b\":[1.5,\"ü\\u0000\"]}"),
    ];
    assert_eq!(
        given.unwrap(),
        expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
}

#[test]
fn an_exception_is_told_and_its_rows_do_not_count() {
    assert_eq!(
        failure("emit(1); doc.a.b"),
        MapError::Threw("TypeError: cannot read property 'b' of undefined".into())
    );
    assert_eq!(
        failure("throw {error: 'mine'}"),
        MapError::Threw(r#"{"error":"mine"}"#.into())
    );
    assert!(matches!(failure("throw undefined"), MapError::Threw(_)));
    assert!(matches!(failure("throw {toJSON() { throw 1 }}"), MapError::Threw(_)));
}

#[test]
fn a_function_that_does_not_end_is_an_error() {
    for body in [
        "for (;;);",
        "while (true) { try { for (;;); } catch (e) {} }",
        "(function again() { try { again() } finally { again() } })()",
        "(function* () { while (true) yield 1 })().next(); for (const x of (function* () { while (true) yield 1 })());",
        "/(a*)*b/.test('a'.repeat(40))",
    ] {
        assert_eq!(failure(body), MapError::TooManySteps { steps_max: 1_000_000 }, "{body}");
    }
}

#[test]
fn a_built_in_loop_over_nothing_is_refused() {
    for body in [
        "new Array(4e9).indexOf(1)",
        "Array(4e9).join('')",
        "'' + Array(4e9)",
        "Array.prototype.fill.call({length: 9e15}, 0)",
        "[...new Array(4e9)]",
        "new Set(new Array(4e9))",
        "const a = []; const i = a.values(); a.length = 4e9; new Set(i)",
        "const a = []; const i = a.values(); a.length = 4e9; new Map(i)",
        "JSON.stringify(new Array(4e9))",
        "const a = []; const i = a.values(); a.length = 4e9; i.drop(4e9).next()",
        "[].concat(new Array(4e9))",
        "[].concat({length: 9e15, [Symbol.isConcatSpreadable]: true})",
        "[new Array(4e9)].flat()",
        "[1].flatMap(() => new Array(4e9))",
        "String.raw({raw: {length: 9e15}})",
        "JSON.stringify({}, new Array(4e9))",
        "let n = 0; Array.prototype.indexOf.call({get length() { return n++ ? 9e15 : 1 }}, 1)",
        "let n = 0; Array.prototype.indexOf.call({length: {valueOf() { return n++ ? 9e15 : 1 }}}, 1)",
        "Array.prototype.indexOf.call(Object.create({length: 9e15}), 1)",
        "Array.from({length: 9e15})",
        "''.repeat(2 ** 30); for (;;);",
        "Object.fromEntries(new Array(4e9).entries())",
    ] {
        let error = failure(body);
        let ended = matches!(
            error,
            MapError::Threw(_) | MapError::OutOfMemory { .. } | MapError::TooManySteps { .. }
        );
        assert!(ended, "{body}: {error}");
    }
}

#[test]
fn memory_and_stack_are_bounded() {
    for body in [
        "let a = 'x'; for (;;) a += a",
        "const a = []; for (;;) a.push({})",
        "'x'.repeat(1e9)",
        "new Array(1e6).fill(0).map(() => 'x'.repeat(99))",
    ] {
        let bounded = matches!(
            failure(body),
            MapError::OutOfMemory { .. } | MapError::Threw(_) | MapError::TooManySteps { .. }
        );
        assert!(bounded, "{body}");
    }
    assert_eq!(
        failure("const a = []; for (;;) a.push({})"),
        MapError::OutOfMemory {
            bytes_max: (4 << 20) + 16
        }
    );
    assert!(
        matches!(failure("(function again() { again() })()"), MapError::Threw(message) if message.contains("stack"))
    );
}

#[test]
fn rows_are_bounded_whatever_the_function_catches() {
    assert_eq!(
        failure("for (let i = 0; i < 101; i++) emit(i)"),
        MapError::TooManyRows { rows_max: 100 }
    );
    assert_eq!(
        failure("for (let i = 0; i < 200; i++) try { emit(1) } catch (e) {}"),
        MapError::TooManyRows { rows_max: 100 }
    );
    assert_eq!(
        failure("emit(1, 'x'.repeat(10000))"),
        MapError::TooManyBytes { bytes_max: 10_000 }
    );
    assert_eq!(
        failure("emit('x'.repeat(999))"),
        MapError::KeyTooLong {
            bytes: 1_001,
            bytes_max: 1_000
        }
    );
    assert_eq!(
        rows("function (doc) { for (let i = 0; i < 100; i++) emit(i) }", "{}")
            .unwrap()
            .len(),
        100
    );
}

#[test]
fn there_is_no_clock_no_randomness_and_no_way_to_make_code() {
    for name in [
        "eval",
        "Function",
        "BigInt",
        "WeakRef",
        "FinalizationRegistry",
        "performance",
        "Atomics",
        "setTimeout",
        "require",
        "std",
        "os",
        "fetch",
        "XMLHttpRequest",
        "WeakMap",
        "process",
        "Proxy",
        "SharedArrayBuffer",
        "BigInt64Array",
        "Iterator",
        "navigator",
    ] {
        assert_eq!(key(&format!("typeof {name}"), "{}"), "\"undefined\"", "{name}");
        assert_eq!(key(&format!("{name:?} in globalThis"), "{}"), "false", "{name}");
    }
    assert_eq!(
        key(
            "[typeof Math.random, typeof Date.now, typeof new Date(0).constructor.now]",
            "{}"
        ),
        r#"["undefined","undefined","undefined"]"#
    );
    for body in [
        "new Date()",
        "Date()",
        "new (new Date(0).constructor)()",
        "Reflect.construct(Date, [])",
        "class D extends Date {}; new D()",
        "(function () {}).constructor('return 1')()",
        "(function* () {}).constructor('return 1')()",
        "(async () => {}).constructor('return 1')()",
        "Object.getPrototypeOf(async function* () {}).constructor('return 1')()",
        "import('std').x.y",
    ] {
        assert!(
            matches!(failure(body), MapError::Threw(message) if message.contains("Error")),
            "{body}"
        );
    }
}

#[test]
fn dates_are_data_in_utc() {
    for (expression, expected) in [
        ("new Date(doc.at).getTime()", "1577934245006"),
        (
            "new Date('2020-01-02T03:04:05.006').toJSON()",
            "\"2020-01-02T03:04:05.006Z\"",
        ),
        ("Date.parse('2020-01-02')", "1577923200000"),
        ("new Date(2020, 0, 2, 3).getHours()", "3"),
        (
            "new Date('Jan 2, 2020 03:04:05').toISOString()",
            "\"2020-01-02T03:04:05.000Z\"",
        ),
        ("new Date('Thu, 02 Jan 2020 03:04:05 GMT').getUTCHours()", "3"),
        ("new Date(99, 0).getFullYear()", "1999"),
        ("new Date(0).getTimezoneOffset()", "0"),
        ("String(new Date(0))", "\"Thu, 01 Jan 1970 00:00:00 GMT\""),
        ("new Date(0).toDateString()", "\"1970-01-01\""),
        ("new Date('nothing').getTime()", "null"),
        ("new Date(new Date(5)).getTime()", "5"),
        ("new Date(0) instanceof Date", "true"),
        ("Date.UTC(1970, 0, 2)", "86400000"),
    ] {
        assert_eq!(
            key(expression, r#"{"at":"2020-01-02T03:04:05.006Z"}"#),
            expected,
            "{expression}"
        );
    }
}

#[test]
fn a_function_that_does_not_name_dates_has_none() {
    assert_eq!(key("typeof globalThis['Da' + 'te']", "{}"), "\"undefined\"");
    assert_eq!(key("typeof globalThis['Da' + 'te'] /* Date */", "{}"), "\"function\"");
}

#[test]
fn the_machines_time_zone_changes_nothing() {
    // A time zone belongs to a process, so the test above runs in one of its own.
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sandbox::tests::dates_are_data_in_utc", "--quiet"])
        .env("TZ", "America/New_York")
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn an_emit_within_an_emit_comes_first() {
    let rows = rows("function (doc) { emit({toJSON() { emit(1); return 2 }}) }", "{}").unwrap();
    assert_eq!(rows.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(), ["1", "2"]);
}

#[test]
fn nothing_stays_from_one_document_to_the_next() {
    let counts = "(function () { var n = 0; return function f(doc) { m = (typeof m === 'undefined' ? 0 : m) + 1; Array.n = (Array.n || 0) + 1; f.n = (f.n || 0) + 1; emit([n++, m, Array.n, f.n]) } })()";
    let function = compiled(counts);
    for _ in 0..3 {
        assert_eq!(function.map("{}").unwrap()[0].key, "[0,1,1,1]");
    }
}

#[test]
fn couchdbs_helpers_are_there() {
    assert_eq!(
        key(
            "[sum([1, 2, 3.5]), isArray([]), isArray({}), toJSON({a: 1}), typeof log('x')]",
            "{}"
        ),
        r#"[6.5,true,false,"{\"a\":1}","undefined"]"#
    );
    assert_eq!(
        key(
            "[[3, 1, 2].sort().map(x => x + 1).join('-'), new Set([1, 1]).size, new Map([[1, 2]]).get(1), Object.fromEntries([['a', 1]])]",
            "{}"
        ),
        r#"["2-3-4",1,2,{"a":1}]"#
    );
}

#[test]
fn patience_ends_what_is_slow_without_steps() {
    fn late() -> Duration {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NOW: AtomicU64 = AtomicU64::new(0);
        Duration::from_secs(NOW.fetch_add(10, Ordering::Relaxed))
    }
    let patience = Some(Patience {
        clock: late,
        time_max: Duration::from_secs(60),
    });
    let function = MapFunction::compile("function (doc) { for (;;); }", SandboxLimits { patience, ..small() }).unwrap();
    assert_eq!(
        function.map("{}"),
        Err(MapError::TooSlow {
            time_max: Duration::from_secs(60)
        })
    );
}

#[test]
fn a_document_that_is_no_json_or_too_large_is_an_error() {
    let function = compiled("function (doc) { emit(1) }");
    assert!(matches!(function.map("{"), Err(MapError::Threw(_))));
    let function = MapFunction::compile(
        "function (doc) { emit(1) }",
        SandboxLimits {
            document_bytes_max: 10,
            ..small()
        },
    )
    .unwrap();
    assert_eq!(function.map("{\"a\":1234}").unwrap().len(), 1);
    assert_eq!(
        function.map("{\"a\":12345}"),
        Err(MapError::DocumentTooLarge {
            bytes: 11,
            bytes_max: 10
        })
    );
}

#[test]
fn arrays_behave_as_ever_within_the_bound() {
    for (expression, expected) in [
        ("[1, [2, [3, [4]]]].flat()", "[1,2,[3,[4]]]"),
        ("[1, [2, [3]]].flat(Infinity)", "[1,2,3]"),
        ("[1, 2].flatMap(x => [x, [x]])", "[1,[1],2,[2]]"),
        ("[1].concat(2, [3], 'four')", "[1,2,3,\"four\"]"),
        ("Array.prototype.map.call('ab', x => x + x)", r#"["aa","bb"]"#),
        (
            "(function () { return Array.prototype.slice.call(arguments, 1) })(1, 2, 3)",
            "[2,3]",
        ),
        ("[...'ab', ...[1, , 2].keys()]", r#"["a","b",0,1,2]"#),
        ("JSON.stringify({a: 1, b: 2}, ['a'], 1)", r#""{\n \"a\": 1\n}""#),
        ("new Array(1000000).length", "1000000"),
        (
            "[[2, 1].toSorted(), [1, 2].at(-1), [1, 2].includes(2), [1, 2].indexOf(3)]",
            "[[1,2],2,true,-1]",
        ),
    ] {
        assert_eq!(key(expression, "{}"), expected, "{expression}");
    }
}

#[test]
fn what_javascript_prints_but_json_does_not_know_is_an_error() {
    assert!(matches!(failure("emit('\\ud800')"), MapError::NotJson(_)));
    assert!(matches!(failure("emit(1, '\\udc00')"), MapError::NotJson(_)));
    assert!(matches!(
        failure("let a = 1; for (let i = 0; i < 200; i++) a = [a]; emit(a)"),
        MapError::NotJson(_)
    ));
    assert!(
        matches!(failure("const a = []; a.push(a); emit(a)"), MapError::Threw(message) if message.contains("circular"))
    );
    assert_eq!(key("[NaN, Infinity, -0]", "{}"), "[null,null,0]");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_breaks_the_sandbox(source in "[(){}\\[\\];=>,.+*/'\"`a-d0-9n \n]{0,60}") {
        if let Ok(function) = MapFunction::compile(&source, small()) {
            prop_assert_eq!(function.map("{\"a\":1}"), function.map("{\"a\":1}"));
        }
    }
}

#[test]
fn no_bound_on_memory_breaks_the_engine() {
    let sources = [
        "function (doc) { const a = []; for (;;) a.push({a: new Map([[a, a]]), b: () => a, c: /x+/g}) }",
        "function (doc) { let a = 'x'; for (;;) { a += a; emit(a.length, a.split('')) } }",
        "async function (doc) { function* g() { yield* g() } for (const x of g()) await x }",
        "function (doc) { class A { #p = new Date(1); static s = [doc] } let a = new A; for (;;) a = Object.assign(Object.create(a), {a}) }",
        "function (doc) { for (;;) try { null.x } catch (e) { doc = [doc, e, e.stack] } }",
    ];
    for source in sources {
        for memory_bytes_max in (0..600_000).step_by(12_000) {
            let limits = SandboxLimits {
                memory_bytes_max,
                ..small()
            };
            if let Ok(function) = MapFunction::compile(source, limits) {
                let _ = function.map("{\"a\":[1,2,{\"b\":null}]}");
            }
        }
    }
}
