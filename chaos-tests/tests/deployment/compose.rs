//! The two compose files.

use std::collections::BTreeSet;

use anyhow::Context;
use rejoin_chaos::container::DATACENTERS;
use rejoin_chaos::process::run;

use crate::files::{Compose, mount, path};

const PLAIN: &str = "docker-compose.yml";
const SECURED: &str = "docker-compose.tls.yml";
const WATCHERS: [&str; 3] = ["collector", "prometheus", "grafana"];

#[test]
fn each_datacenter_has_a_network_of_its_own_and_only_one_is_between_them() -> anyhow::Result<()> {
    let file = Compose::read(PLAIN)?;
    let networks = |name: &str| -> anyhow::Result<BTreeSet<&str>> {
        Ok(file.service(name)?.networks.iter().map(String::as_str).collect())
    };
    let [east, west] = DATACENTERS.map(networks);
    assert_eq!(east?, BTreeSet::from(["east", "between"]));
    assert_eq!(west?, BTreeSet::from(["west", "between"]));
    assert!(
        file.networks["between"].internal,
        "nothing goes from there anywhere else"
    );
    for (name, service) in &file.services {
        for network in &service.networks {
            assert!(file.networks.contains_key(network), "{name} is in {network}");
        }
        if !DATACENTERS.contains(&name.as_str()) {
            assert!(
                !service.networks.contains(&"between".to_owned()),
                "{name} is between them"
            );
        }
    }
    Ok(())
}

#[test]
fn each_datacenter_calls_the_other_by_its_service_and_the_port_that_the_image_serves() -> anyhow::Result<()> {
    let (plain, secured) = (Compose::read(PLAIN)?, Compose::read(SECURED)?);
    assert_eq!(plain.version, secured.version);
    for (file, scheme) in [(&plain, "http"), (&secured, "https")] {
        for (number, name) in DATACENTERS.into_iter().enumerate() {
            let (other, words) = (DATACENTERS[1 - number], file.service(name)?.words());
            let after = |flag: &str| {
                let place = words.iter().position(|word| *word == flag);
                place.and_then(|place| words.get(place + 1)).copied()
            };
            assert_eq!(after("--datacenter"), Some(name));
            assert_eq!(
                after("--peer"),
                Some(format!("{other}={scheme}://{other}:7601").as_str())
            );
            assert_eq!(words.contains(&"--insecure"), scheme == "http", "{words:?}");
        }
    }
    for name in DATACENTERS {
        let service = plain.service(name)?;
        let [port] = service.ports.as_slice() else {
            panic!("{:?}", service.ports)
        };
        assert!(
            port.starts_with("127.0.0.1:") && port.ends_with(":7601"),
            "this machine only: {port}"
        );
    }
    Ok(())
}

#[test]
fn every_container_is_confined() -> anyhow::Result<()> {
    let (plain, secured) = (Compose::read(PLAIN)?, Compose::read(SECURED)?);
    let handers = secured
        .services
        .iter()
        .filter(|(name, _)| name.ends_with("-certificates"));
    for (name, service) in plain.services.iter().chain(handers) {
        assert_eq!(service.cap_drop, ["ALL"], "{name}");
        assert_eq!(service.security_opt, ["no-new-privileges:true"], "{name}");
        assert!(
            !service.mem_limit.is_empty() && service.pids_limit > 0,
            "{name} has limits"
        );
    }
    for name in DATACENTERS {
        let node = plain.service(name)?;
        assert!(node.read_only && node.cap_add.is_empty(), "{name}");
        // The user is the image's: `image.rs`. A node recognises a copied disk by the name of its machine.
        assert!(node.user.is_empty() && !node.hostname.is_empty(), "{name}");
        assert_eq!(
            (node.restart.as_str(), node.stop_grace_period.as_str()),
            ("unless-stopped", "20s")
        );
    }
    for name in WATCHERS {
        let watcher = plain.service(name)?;
        let number: u32 = watcher.user.split(':').next().unwrap_or_default().parse()?;
        assert!(number > 0 && watcher.cap_add.is_empty(), "{name} is not root");
    }
    Ok(())
}

#[test]
fn what_a_node_writes_is_on_a_volume_of_its_own() -> anyhow::Result<()> {
    for (file, at) in [(PLAIN, "/data"), (SECURED, "/certificates")] {
        let file = Compose::read(file)?;
        let mut volumes = BTreeSet::new();
        for name in DATACENTERS {
            let [volume] = file.service(name)?.volumes.as_slice() else {
                panic!("{name}")
            };
            let (volume, place) = mount(volume)?;
            assert_eq!(place, at, "{name}");
            assert!(file.volumes.contains_key(volume), "{volume} is a named volume");
            volumes.insert(volume.to_owned());
        }
        assert_eq!(volumes.len(), DATACENTERS.len(), "nobody shares one: {volumes:?}");
    }
    Ok(())
}

#[test]
fn images_of_others_are_pinned_and_come_with_their_profile_only() -> anyhow::Result<()> {
    let file = Compose::read(PLAIN)?;
    let services: BTreeSet<&str> = file.services.keys().map(String::as_str).collect();
    assert_eq!(services, DATACENTERS.into_iter().chain(WATCHERS).collect());
    for name in DATACENTERS {
        let node = file.service(name)?;
        assert_eq!(
            (node.image.as_str(), node.profiles.len()),
            ("${REJOIN_IMAGE:-rejoin:local}", 0)
        );
        let build = node.build.as_ref().context("it is built here")?;
        assert_eq!(
            (build.context.as_str(), build.dockerfile.as_str()),
            ("..", "deploy/Dockerfile")
        );
        assert!(node.depends_on.is_empty(), "{name} starts without any other");
    }
    for name in WATCHERS {
        let watcher = file.service(name)?;
        assert_eq!(watcher.profiles, ["observability"], "{name}");
        let (_, tag) = watcher.image.rsplit_once(':').context("no tag")?;
        let parts = tag.trim_start_matches('v').split('.').map(str::parse::<u32>);
        assert_eq!(
            parts.filter(Result::is_ok).count(),
            3,
            "{name} is one release, not {tag}"
        );
        for port in &watcher.ports {
            assert!(
                port.starts_with("127.0.0.1:"),
                "{name} is published to this machine only: {port}"
            );
        }
    }
    Ok(())
}

#[test]
fn every_container_that_has_a_program_to_ask_with_is_asked_how_it_is() -> anyhow::Result<()> {
    let file = Compose::read(PLAIN)?;
    // The nodes' own check is the image's, and the collector's image holds nothing but the collector.
    for (name, port) in [("prometheus", 9090), ("grafana", 3000)] {
        let check = file.service(name)?.healthcheck.as_ref().context("no check")?;
        let [kind, .., url] = check.test.as_slice() else {
            panic!("{check:?}")
        };
        assert!(
            kind == "CMD" && url.starts_with(&format!("http://127.0.0.1:{port}/")),
            "{check:?}"
        );
    }
    Ok(())
}

#[test]
fn secured_nodes_have_their_own_certificate_and_ask_for_one() -> anyhow::Result<()> {
    let file = Compose::read(SECURED)?;
    for name in DATACENTERS {
        let node = file.service(name)?;
        let (volume, place) = mount(&node.volumes[0])?;
        assert!(node.volumes[0].ends_with(":ro"), "{name}");
        for (variable, file) in [
            ("CERTIFICATE", "node.pem"),
            ("KEY", "node.key"),
            ("AUTHORITY", "authority.pem"),
        ] {
            let expected = format!("{place}/{file}");
            for variable in [format!("REJOIN_TLS_{variable}"), format!("REJOIN_{variable}")] {
                assert_eq!(node.variable(&variable), Some(expected.as_str()), "{name}: {variable}");
            }
        }
        assert_eq!(node.variable("REJOIN_TLS_CLIENT_CERTIFICATES"), Some("true"));
        assert_eq!(node.variable("REJOIN_ADDRESS"), Some("https://127.0.0.1:7601"));

        let hander = format!("{name}-certificates");
        let waits = node.depends_on.get(&hander).context("it waits for its certificate")?;
        assert_eq!(waits.condition, "service_completed_successfully");
        let hander = file.service(&hander)?;
        assert_eq!(hander.variable("NODE"), Some(name));
        assert!(
            hander
                .volumes
                .iter()
                .any(|mounted| mounted == &format!("{volume}:{place}")),
            "{name}"
        );
        assert!(hander.network_mode == "none" && hander.read_only, "{name}");
        assert_eq!(hander.cap_add, ["CHOWN", "DAC_OVERRIDE", "FOWNER"], "{name}");
    }
    Ok(())
}

#[test]
fn compose_takes_the_files_together_and_each_profile() -> anyhow::Result<()> {
    let ways: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];
    let (plain, secured) = (path(PLAIN), path(SECURED));
    let (plain, secured) = (plain.to_string_lossy(), secured.to_string_lossy());
    let mut tried = 0;
    for way in ways {
        if run(way[0], [&way[1..], &["version"]].concat()).is_err() {
            println!("skipped: no {}", way.join(" "));
            continue;
        }
        tried += 1;
        for more in [&[][..], &["--file", &secured], &["--profile", "observability"]] {
            let arguments = [&way[1..], &["--file", &plain], more, &["config", "--services"]].concat();
            let services = run(way[0], arguments)?;
            assert!(
                DATACENTERS
                    .iter()
                    .all(|name| services.lines().any(|line| line == *name)),
                "{services}"
            );
            // Without a profile docker-compose 1.29 lists what it would leave out; with it both have to.
            let watched = services.lines().any(|line| line == "grafana");
            assert!(watched || !more.contains(&"observability"), "{services}");
        }
    }
    println!("{tried} kinds of compose");
    Ok(())
}
