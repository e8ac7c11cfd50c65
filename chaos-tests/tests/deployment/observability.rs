//! The collector, Prometheus and Grafana are told about each other what they are. That the figures are those of a node is tested with nodes.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use crate::files::{Compose, mount, path, text, yaml};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Collector {
    receivers: Receivers,
    processors: BTreeMap<String, Value>,
    exporters: Exporters,
    service: CollectorService,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Receivers {
    otlp: Otlp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Otlp {
    protocols: BTreeMap<String, Endpoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    endpoint: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exporters {
    prometheus: PrometheusExporter,
    debug: Debug,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrometheusExporter {
    endpoint: String,
    resource_to_telemetry_conversion: Conversion,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conversion {
    enabled: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Debug {
    verbosity: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CollectorService {
    pipelines: BTreeMap<String, Pipeline>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pipeline {
    receivers: Vec<String>,
    processors: Vec<String>,
    exporters: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prometheus {
    global: Global,
    rule_files: Vec<String>,
    scrape_configs: Vec<Scrape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Global {
    scrape_interval: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scrape {
    job_name: String,
    honor_labels: bool,
    static_configs: Vec<Targets>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Targets {
    targets: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alerts {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    rules: Vec<Alert>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alert {
    alert: String,
    expr: String,
    #[serde(default, rename = "for")]
    lasting: Option<String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Datasources {
    api_version: u32,
    datasources: Vec<Datasource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Datasource {
    name: String,
    uid: String,
    #[serde(rename = "type")]
    kind: String,
    url: String,
    is_default: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Providers {
    api_version: u32,
    providers: Vec<Provider>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Provider {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    options: BTreeMap<String, String>,
}

/// Where a file of `deploy/` is in the container of a service.
fn mounted(file: &Compose, service: &str, source: &str) -> anyhow::Result<String> {
    for volume in &file.service(service)?.volumes {
        let (from, to) = mount(volume)?;
        if from == source {
            anyhow::ensure!(volume.ends_with(":ro"), "{volume} can be written to");
            anyhow::ensure!(path(source).exists(), "there is no deploy/{source}");
            return Ok(to.to_owned());
        }
    }
    anyhow::bail!("{service} is not given {source}")
}

/// What follows the last colon of an address.
fn port(address: &str) -> &str {
    address.rsplit(':').next().unwrap_or_default()
}

#[test]
fn nodes_reach_the_collector_and_prometheus_the_collector() -> anyhow::Result<()> {
    let (compose, collector): (Compose, Collector) = (
        Compose::read("docker-compose.yml")?,
        yaml("observability/collector.yml")?,
    );
    let at = mounted(&compose, "collector", "./observability/collector.yml")?;
    assert_eq!(compose.service("collector")?.words(), [format!("--config={at}")]);
    // What the compose file and the pages tell to export.
    let grpc = &collector.receivers.otlp.protocols["grpc"].endpoint;
    let told = format!("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:{}", port(grpc));
    for (name, text) in [("compose", text("docker-compose.yml")?), ("README", text("README.md")?)] {
        assert!(text.contains(&told), "{name} says {told}");
    }
    for node in ["dc-east", "dc-west"] {
        let node = compose.service(node)?;
        let networks = &compose.service("collector")?.networks;
        assert!(
            node.networks.iter().any(|network| networks.contains(network)),
            "{networks:?}"
        );
        let passed = node.environment.as_array().context("no variables")?;
        assert!(passed.contains(&"OTEL_EXPORTER_OTLP_ENDPOINT".into()), "{passed:?}");
    }
    let (exporters, pipelines) = (&collector.exporters, &collector.service.pipelines);
    assert_eq!(
        (
            exporters.debug.verbosity.as_str(),
            collector.processors.contains_key("batch")
        ),
        ("basic", true)
    );
    assert!(
        exporters.prometheus.resource_to_telemetry_conversion.enabled,
        "the datacenter becomes a label"
    );
    for (name, exporter) in [("metrics", "prometheus"), ("traces", "debug")] {
        let Pipeline {
            receivers,
            processors,
            exporters,
        } = &pipelines[name];
        assert_eq!(
            (receivers.as_slice(), processors.as_slice()),
            (&["otlp".to_owned()][..], &["batch".to_owned()][..])
        );
        assert_eq!(exporters, &[exporter]);
    }
    assert_eq!(pipelines.len(), 2);

    let prometheus: Prometheus = yaml("observability/prometheus.yml")?;
    let [scrape] = prometheus.scrape_configs.as_slice() else {
        panic!("one job")
    };
    assert!(scrape.job_name == "rejoin" && scrape.honor_labels && prometheus.global.scrape_interval == "5s");
    let target = format!("collector:{}", port(&exporters.prometheus.endpoint));
    assert_eq!(scrape.static_configs[0].targets, [target]);
    let (of_collector, of_prometheus) = (compose.service("collector")?, compose.service("prometheus")?);
    assert!(
        of_prometheus
            .networks
            .iter()
            .any(|network| of_collector.networks.contains(network))
    );
    Ok(())
}

#[test]
fn prometheus_is_given_the_alerts_and_they_say_what_is_the_matter() -> anyhow::Result<()> {
    let compose = Compose::read("docker-compose.yml")?;
    let at = mounted(&compose, "prometheus", "./observability/prometheus.yml")?;
    let (directory, _) = at.rsplit_once('/').context("no directory")?;
    let prometheus: Prometheus = yaml("observability/prometheus.yml")?;
    for file in &prometheus.rule_files {
        let mounted = mounted(&compose, "prometheus", &format!("./observability/{file}"))?;
        assert_eq!(
            mounted,
            format!("{directory}/{file}"),
            "it is looked for beside the configuration"
        );
        let alerts: Alerts = yaml(&format!("observability/{file}"))?;
        let [group] = alerts.groups.as_slice() else {
            panic!("one group")
        };
        assert_eq!(group.name, "rejoin");
        for Alert {
            alert,
            expr,
            lasting,
            labels,
            annotations,
        } in &group.rules
        {
            assert!(expr.contains("rejoin_"), "{alert}: {expr}");
            let severity = labels.get("severity").map(String::as_str);
            assert!(
                ["info", "warning", "critical"].map(Some).contains(&severity),
                "{alert}: {labels:?}"
            );
            assert!(
                annotations["summary"].contains("{{ $labels.datacenter }}"),
                "{alert}: it says where"
            );
            assert!(
                lasting.as_deref().is_none_or(|lasting| lasting.ends_with(['m', 'h'])),
                "{alert}"
            );
        }
    }
    Ok(())
}

#[test]
fn grafana_finds_its_dashboard_and_the_dashboard_its_figures() -> anyhow::Result<()> {
    let compose = Compose::read("docker-compose.yml")?;
    let sources: Datasources = yaml("observability/grafana/provisioning/datasources/prometheus.yml")?;
    let providers: Providers = yaml("observability/grafana/provisioning/dashboards/rejoin.yml")?;
    assert_eq!((sources.api_version, providers.api_version), (1, 1));
    let [source] = sources.datasources.as_slice() else {
        panic!("one source")
    };
    assert_eq!(
        (source.name.as_str(), source.kind.as_str(), source.is_default),
        ("Prometheus", "prometheus", true)
    );
    let published = &compose.service("prometheus")?.ports[0];
    assert_eq!(source.url, format!("http://prometheus:{}", port(published)));

    assert_eq!(
        mounted(&compose, "grafana", "./observability/grafana/provisioning")?,
        "/etc/grafana/provisioning"
    );
    let dashboards = mounted(&compose, "grafana", "./observability/grafana/dashboards")?;
    let [provider] = providers.providers.as_slice() else {
        panic!("one provider")
    };
    assert_eq!((provider.name.as_str(), provider.kind.as_str()), ("rejoin", "file"));
    assert_eq!(provider.options["path"], dashboards);
    let home = compose
        .service("grafana")?
        .variable("GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH");
    assert_eq!(home, Some(format!("{dashboards}/rejoin.json").as_str()));

    let dashboard: Value = serde_json::from_str(&text("observability/grafana/dashboards/rejoin.json")?)?;
    let panels = dashboard["panels"].as_array().context("no panels")?;
    for panel in panels {
        assert_eq!(panel["datasource"]["uid"], source.uid.as_str(), "{}", panel["title"]);
        assert!(
            panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()),
            "{}",
            panel["title"]
        );
    }
    Ok(())
}

#[test]
fn the_dashboard_shows_what_an_operator_of_two_datacenters_asks() -> anyhow::Result<()> {
    let dashboard: Value = serde_json::from_str(&text("observability/grafana/dashboards/rejoin.json")?)?;
    let panels = dashboard["panels"].as_array().context("no panels")?;
    for (title, figure) in [
        ("Links", "rejoin_link_connected"),
        ("Behind", "rejoin_link_lag_seconds"),
        ("Divergence", "rejoin_link_ahead"),
        ("Merges, conflicts, set aside", "rejoin_sync_merged_total"),
        ("Open conflicts", "rejoin_conflicts_open"),
        ("Heals", "rejoin_heal_duration_seconds"),
        ("Latency of writes", "rejoin_commit_duration_seconds"),
        ("Latency of reads", "rejoin_call_duration_seconds"),
        ("Clock drift", "rejoin_clock_drift_seconds"),
        ("Disk", "rejoin_disk_free_bytes"),
    ] {
        let panel = panels.iter().find(|panel| panel["title"] == title);
        let targets = panel.with_context(|| format!("no panel {title}"))?["targets"].to_string();
        assert!(targets.contains(figure), "{title}: {targets}");
    }
    let places: Vec<String> = panels.iter().map(|panel| panel["gridPos"].to_string()).collect();
    let distinct: std::collections::BTreeSet<&String> = places.iter().collect();
    assert_eq!(distinct.len(), places.len(), "no panel covers another");
    Ok(())
}
