//! Keeps the directions of the dependencies, so that the pure parts stay pure.
//!
//! `document ← {store, sync} ← gateway`, `{document, store} ← views ← gateway`, `document ← api ← {gateway, client}`, `{sync, api} ← wire ← gateway`,
//! `tls ← {gateway, client}`, all `← chaos-tests`; RocksDB is named by the store only; the decoders can be reached without it; neither the document model nor the link protocol can reach a runtime or a network.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Crates of ours that each crate may use outside its tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("rejoin-document", &[]),
    ("rejoin-store", &["rejoin-document"]),
    ("rejoin-sync", &["rejoin-document"]),
    ("rejoin-views", &["rejoin-document", "rejoin-store"]),
    ("rejoin-api", &["rejoin-document"]),
    ("rejoin-wire", &["rejoin-document", "rejoin-sync", "rejoin-api"]),
    ("rejoin-tls", &[]),
    ("rejoin-client", &["rejoin-document", "rejoin-api", "rejoin-tls"]),
    (
        "rejoin-gateway",
        &[
            "rejoin-document",
            "rejoin-store",
            "rejoin-views",
            "rejoin-sync",
            "rejoin-api",
            "rejoin-client",
            "rejoin-wire",
            "rejoin-tls",
        ],
    ),
    (
        "rejoin-decoders",
        &["rejoin-document", "rejoin-sync", "rejoin-api", "rejoin-wire"],
    ),
    (
        "rejoin-chaos",
        &[
            "rejoin-document",
            "rejoin-store",
            "rejoin-sync",
            "rejoin-api",
            "rejoin-client",
            "rejoin-gateway",
        ],
    ),
];

/// What the pure crates must not reach, not even through somebody else.
const IMPURE: &[&str] = &[
    "tokio",
    "tonic",
    "hyper",
    "mio",
    "rocksdb",
    "rejoin-store",
    "rejoin-gateway",
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        // Without a platform it wants the crates of every other system too, which no build here has downloaded.
        .other_options(["--offline", "--filter-platform", "host-tuple"].map(str::to_owned))
        .exec()
        .expect("cargo metadata runs")
}

/// Everything that `package` is built from, its tests aside.
fn reachable(metadata: &Metadata, package: &str) -> BTreeSet<String> {
    let names: BTreeMap<&PackageId, &str> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.as_str()))
        .collect();
    let resolve = metadata
        .resolve
        .as_ref()
        .expect("the metadata holds the resolved graph");
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let start = names.iter().find(|(_, name)| **name == package).map(|(id, _)| *id);
    let mut waiting: Vec<&PackageId> = start.into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        for dependency in &nodes[id].deps {
            let normal = dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind == DependencyKind::Normal);
            if normal && seen.insert(names[&dependency.pkg].to_owned()) {
                waiting.push(&dependency.pkg);
            }
        }
    }
    seen
}

#[test]
fn dependencies_run_one_way() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let may = allowed
            .get(name)
            .unwrap_or_else(|| panic!("{name} is new: say here what it may use"));
        for dependency in &package.dependencies {
            let ours = dependency.name.starts_with("rejoin-");
            let test_only = dependency.kind == DependencyKind::Development;
            assert!(
                !ours || test_only || may.contains(&dependency.name.as_str()),
                "{name} uses {}",
                dependency.name
            );
        }
    }
}

#[test]
fn only_the_store_names_rocksdb() {
    for package in metadata().workspace_packages() {
        let names_it = package
            .dependencies
            .iter()
            .any(|dependency| dependency.name.contains("rocksdb"));
        assert_eq!(names_it, package.name.as_str() == "rejoin-store", "{}", package.name);
    }
}

#[test]
fn the_decoders_and_their_properties_reach_no_store() {
    let metadata = metadata();
    for package in ["rejoin-api", "rejoin-wire", "rejoin-decoders"] {
        let reachable = reachable(&metadata, package);
        assert!(reachable.contains("rejoin-document"), "{package} was found");
        for heavy in ["rocksdb", "rejoin-store", "rejoin-gateway"] {
            assert!(!reachable.contains(heavy), "{package} reaches {heavy}");
        }
    }
}

#[test]
fn planted_bugs_are_compiled_for_tests_only() {
    for package in metadata().workspace_packages() {
        for dependency in &package.dependencies {
            let plants = dependency.features.iter().any(|feature| feature.contains("planted"));
            assert!(
                !plants || dependency.kind == DependencyKind::Development,
                "{} plants bugs in {}",
                package.name,
                dependency.name
            );
        }
        let by_default = package.features.get("default");
        let plants = by_default.is_some_and(|features| features.iter().any(|feature| feature.contains("planted")));
        assert!(!plants, "{} plants bugs by default", package.name);
    }
}

#[test]
fn the_model_and_the_protocol_reach_no_runtime_and_no_network() {
    let metadata = metadata();
    for package in ["rejoin-document", "rejoin-sync"] {
        let reachable = reachable(&metadata, package);
        assert!(!reachable.is_empty(), "{package} was found");
        for impure in IMPURE {
            assert!(!reachable.contains(*impure), "{package} reaches {impure}");
        }
    }
}
