//! What comes as text: bodies, patches, rules, names.

use super::{Seed, seed};

const BODIES: [(&str, &str); 14] = [
    ("empty", "{}"),
    ("scalars", r#"{"a":1,"b":true,"c":null,"d":"x","e":-1.5e-3}"#),
    ("nested", r#"{"o":{"p":{"q":[1,[2,{"r":{}}],[]]}}}"#),
    ("spaces", " {\t\"a\" :\r\n[ 1 , 2 ] } "),
    ("duplicates", r#"{"a":1,"b":2,"a":{"a":3,"a":4}}"#),
    ("escapes", r#"{"s":"\"\\\/\b\f\n\r\t\u0000\u00e6\ud83d\ude00"}"#),
    ("unicode", "{\"æøå\":\"😀\u{7f}\u{2028}\"}"),
    (
        "numbers",
        r#"{"n":[0,-0,1.0,1e2,1E+2,1e-400,123456789012345678901234567890,-9223372036854775808,0.10]}"#,
    ),
    ("bytes", r#"{"list":[0,1,255,256,-1,2147483648,"x"]}"#),
    ("reserved", r#"{"_id":"a","_rev":"1-2"}"#),
    ("array", "[1,2,3]"),
    ("text", r#""only a text""#),
    ("surrogate", r#"{"s":"\ud83d"}"#),
    ("cut", r#"{"a":[1,"#),
];

const PATCHES: [(&str, &str); 16] = [
    (
        "merge",
        "m{\"a\":1,\"o\":{\"x\":1}}\n{\"a\":null,\"o\":{\"y\":[2]},\"b\":1.50}",
    ),
    (
        "merge-numbers",
        "m{\"z\":1.0,\"a\":1e2,\"s\":\"\\u0000n7\"}\n{\"n\":2.5E0,\"s\":\"\\u0000s\"}",
    ),
    ("merge-list", "m{}\n[1]"),
    (
        "add",
        "o{\"a\":[1]}\n[{\"op\":\"add\",\"path\":\"/a/-\",\"value\":{\"b\":2}}]",
    ),
    ("remove", "o{\"a\":[1,2]}\n[{\"op\":\"remove\",\"path\":\"/a/0\"}]"),
    (
        "replace",
        "o{\"a\":1}\n[{\"op\":\"replace\",\"path\":\"/a\",\"value\":1e2}]",
    ),
    (
        "move",
        "o{\"a\":{\"b\":1}}\n[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/c\"}]",
    ),
    (
        "copy",
        "o{\"a\":{\"b\":1}}\n[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/a/c\"},{\"op\":\"copy\",\"from\":\"\",\"path\":\"/d\"}]",
    ),
    (
        "test",
        "o{\"~1\":10,\"/\":1.0}\n[{\"op\":\"test\",\"path\":\"/~01\",\"value\":10},{\"op\":\"test\",\"path\":\"/~1\",\"value\":1.0}]",
    ),
    (
        "whole",
        "o{\"a\":1}\n[{\"op\":\"replace\",\"path\":\"\",\"value\":{\"b\":1}},{\"op\":\"remove\",\"path\":\"/b\"}]",
    ),
    ("misfit", "o{}\n[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":1}]"),
    ("increment", "e{\"n\":-2,\"o\":{}}\n/n i5\n/o/m i-7\n/n i1"),
    (
        "elements",
        "e{\"tags\":[\"a\",\"b\"]}\n/tags a[\"b\",\"c\",{\"y\":2,\"x\":1}]\n/tags r[\"a\",1.0]",
    ),
    ("elements-new", "e{}\n/tags a[[],[1]]\n/tags r[[]]"),
    ("escaped", "e{\"a/b\":{\"~\":1}}\n/a~1b/~0 i1"),
    ("no-parent", "e{}\n/a/b i1"),
];

const RULES: [(&str, &str); 10] = [
    ("none", ""),
    ("each", "/a register\n/b latest\n/c max\n/d min\n/e counter\n/f set"),
    ("nested", "/o/n counter\n/o latest\n/o/p/q set"),
    ("escaped", "/a~1b set\n/~0 max\n/~01 min"),
    ("spaces", "/a b max\n/ min\n// set"),
    ("twice", "/a max\n/a max"),
    ("contradiction", "/a max\n/a min"),
    ("unknown", "/a sum"),
    ("no-pointer", "a max"),
    ("bad-escape", "/a~2 max"),
];

const NAMES: [(&str, &str); 22] = [
    ("datacenter", "dc-east"),
    ("database", "my_db$()+/-1"),
    ("database-system", "_rejoin"),
    ("database-first", "shop@1"),
    ("database-second", "shop@2"),
    ("database-last", "shop@4294967295"),
    ("document", "customer/17"),
    ("document-design", "_design/x"),
    ("document-reserved", "_local"),
    ("document-unicode", "æøå \u{1}"),
    ("revision", "1-23202479633c2b380f79507a776743d5"),
    ("revision-upper", "1-23202479633C2B380F79507A776743D5"),
    ("revision-text", "12-a-b"),
    ("revision-last", "18446744073709551615-x"),
    ("revision-none", "0-x"),
    ("dot", "42/a0a0a0a0a0a0a0a0"),
    ("dot-plus", "+42/A0a0a0a0a0a0a0a0"),
    ("replica", "000102ab040506ff"),
    ("checksum", "6240859739347830382"),
    ("granularity", "document"),
    ("rule", "counter"),
    ("empty", ""),
];

pub(super) fn seeds() -> Vec<Seed> {
    let of = |target, texts: &[(&str, &str)]| -> Vec<Seed> {
        texts.iter().map(|(name, text)| seed(target, *name, *text)).collect()
    };
    let mut seeds = of("json_body", &BODIES);
    seeds.extend(of("patch", &PATCHES));
    seeds.extend(of("merge_rules", &RULES));
    seeds.extend(of("names", &NAMES));
    seeds
}
