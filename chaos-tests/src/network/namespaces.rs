//! Network namespaces: each node has addresses of its own and a kernel of its own, as far as networks go.
//!
//! ```text
//!   our namespace                 namespace of node n                   namespace `between`
//!   (clients) rj…c<n> ─── veth ─── clients 100.x.y.z
//!                                  between 10.77.0.<n+1> ─── veth ───── n<n> ┐
//!                                                                            bridge
//! ```
//!
//! Clients reach a node over a wire of their own, so a fault `between` datacenters leaves them alone. Names carry the process id: what a process that
//! has ended left behind is removed at the next start.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;

use crate::process::{is_alive, is_root, owner, run};

/// Where every node serves, on all its addresses.
pub const GRPC_PORT: u16 = 7601;

const PREFIX: &str = "rejoin-chaos-";
const NODES_MAX: usize = 8;
const BETWEEN: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 0);
/// Shared address space (RFC 6598), which no machine has of its own.
const CLIENTS: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 0);
const CLIENTS_BITS: u32 = 22;
const ADDRESSES_A_NODE: u32 = 4;

/// How what a node sends to the others is treated: queueing disciplines of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Sent 80 ms later.
    Slow,
    /// Sent 10 to 110 ms later.
    Jittery,
    /// A quarter overtakes the rest.
    Reordered,
    /// A fifth is sent twice.
    Duplicated,
    /// 256 kbit a second.
    Thin,
}

/// Namespaces for some nodes. Dropping them removes them; the processes in them should have ended by then.
#[derive(Debug)]
pub struct Namespaces {
    name: String,
    wire: String,
    clients: u32,
    count: usize,
}

impl Namespaces {
    /// Why there can be none here; `None`: there can.
    pub fn unavailable() -> Option<String> {
        if !cfg!(target_os = "linux") {
            return Some("network namespaces need Linux".to_owned());
        }
        if !is_root() {
            return Some("network namespaces need root".to_owned());
        }
        let tools = ["ip", "iptables", "tc"];
        let missing = tools
            .iter()
            .find(|tool| run("sh", ["-c", &format!("command -v {tool}")]).is_err());
        if let Some(tool) = missing {
            return Some(format!("{tool} is missing (deploy/prepare-chaos.sh installs it)"));
        }
        let probe = format!("{PREFIX}{}-probe", std::process::id());
        let outcome = run("ip", ["netns", "add", &probe]).and_then(|_| run("ip", ["netns", "del", &probe]));
        outcome
            .err()
            .map(|error| format!("network namespaces cannot be made: {error:#}"))
    }

    /// Namespaces for `count` nodes, all connected with all; removes those of processes that have ended.
    ///
    /// # Errors
    /// Something cannot be made; what was made is removed.
    pub fn create(count: usize) -> anyhow::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        anyhow::ensure!(count <= NODES_MAX, "at most {NODES_MAX} nodes");
        remove_stale()?;
        let (process, made) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let nodes_before = process
            .wrapping_mul(4)
            .wrapping_add(made)
            .wrapping_mul(NODES_MAX as u32);
        let namespaces = Self {
            name: format!("{PREFIX}{process}-{made}"),
            wire: format!("rj{process}{}", char::from(b'a' + (made % 26) as u8)),
            clients: nodes_before.wrapping_mul(ADDRESSES_A_NODE) % (1 << CLIENTS_BITS),
            count,
        };
        namespaces.build()?;
        Ok(namespaces)
    }

    /// The namespace of a node.
    pub fn name(&self, node: usize) -> String {
        format!("{}-{node}", self.name)
    }

    /// Where other nodes dial a node.
    pub fn between(&self, node: usize) -> SocketAddr {
        (offset(BETWEEN, node as u32 + 1), GRPC_PORT).into()
    }

    /// Where clients dial a node.
    pub fn clients(&self, node: usize) -> SocketAddr {
        (self.client_address(node, 2), GRPC_PORT).into()
    }

    /// What `from` sends to `to` vanishes, and nobody is told.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn drop_packets(&self, from: usize, to: usize) -> anyhow::Result<()> {
        self.filter(from, to, &["-j", "DROP"])
    }

    /// A third of what `from` sends to `to` vanishes.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn lose_packets(&self, from: usize, to: usize) -> anyhow::Result<()> {
        let some = ["-m", "statistic", "--mode", "random", "--probability", "0.33"];
        self.filter(from, to, &[some.as_slice(), &["-j", "DROP"]].concat())
    }

    /// Every connection over which `from` sends to `to` is reset.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn reset_connections(&self, from: usize, to: usize) -> anyhow::Result<()> {
        self.filter(from, to, &["-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset"])
    }

    /// How many packets the filters of all nodes have caught since the last [`Self::heal`].
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn caught(&self) -> anyhow::Result<u64> {
        let mut caught = 0;
        for node in 0..self.count {
            let listed = self.run_in(node, "iptables", &["-w", "-nvxL", "INPUT"])?;
            let rules = listed.lines().skip(2);
            let counts = rules.filter_map(|rule| rule.split_whitespace().next()?.parse::<u64>().ok());
            caught += counts.sum::<u64>();
        }
        Ok(caught)
    }

    /// Takes a node's wire to the others away, or brings it back.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn set_connected(&self, node: usize, connected: bool) -> anyhow::Result<()> {
        let state = if connected { "up" } else { "down" };
        self.run_in(node, "ip", &["link", "set", "between", state])?;
        Ok(())
    }

    /// Treats what a node sends to the others.
    ///
    /// # Errors
    /// The kernel refuses, or does not know how: see [`Self::cannot_shape`].
    pub fn shape(&self, node: usize, shape: Shape) -> anyhow::Result<()> {
        let discipline = [
            ["qdisc", "replace", "dev", "between", "root"].as_slice(),
            discipline(shape),
        ]
        .concat();
        self.run_in(node, "tc", &discipline)?;
        Ok(())
    }

    /// Why this kernel cannot do that; `None`: it can.
    pub fn cannot_shape(&self, shape: Shape) -> Option<String> {
        let outcome = self.shape(0, shape).and_then(|()| self.unshape(0));
        let kind = discipline(shape)[0];
        outcome.err().map(|_| format!("this kernel has no {kind}"))
    }

    /// Ends all faults.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn heal(&self) -> anyhow::Result<()> {
        for node in 0..self.count {
            self.run_in(node, "iptables", &["-w", "-F", "INPUT"])?;
            self.set_connected(node, true)?;
            self.unshape(node)?;
        }
        Ok(())
    }

    /// Caught where it arrives, so that its sender hears nothing.
    fn filter(&self, from: usize, to: usize, rule: &[&str]) -> anyhow::Result<()> {
        let source = self.between(from).ip().to_string();
        let all = [["-w", "-I", "INPUT", "-s", &source].as_slice(), rule].concat();
        self.run_in(to, "iptables", &all)?;
        Ok(())
    }

    fn unshape(&self, node: usize) -> anyhow::Result<()> {
        let shaped = self.run_in(node, "tc", &["qdisc", "show", "dev", "between"])?;
        if shaped.contains("netem") || shaped.contains("tbf") {
            self.run_in(node, "tc", &["qdisc", "del", "dev", "between", "root"])?;
        }
        Ok(())
    }

    fn build(&self) -> anyhow::Result<()> {
        let hub = format!("{}-between", self.name);
        let in_hub = |arguments: &[&str]| run("ip", [["-n", &hub].as_slice(), arguments].concat());
        run("ip", ["netns", "add", &hub])?;
        in_hub(&["link", "add", "bridge", "type", "bridge"])?;
        in_hub(&["link", "set", "bridge", "up"])?;
        for node in 0..self.count {
            let (name, wire, port) = (self.name(node), format!("{}{node}", self.wire), format!("n{node}"));
            run("ip", ["netns", "add", &name])?;
            let inside = |arguments: &[&str]| run("ip", [["-n", &name].as_slice(), arguments].concat());
            inside(&["link", "set", "lo", "up"])?;
            in_hub(&[
                "link", "add", &port, "type", "veth", "peer", "name", "between", "netns", &name,
            ])?;
            in_hub(&["link", "set", &port, "master", "bridge", "up"])?;
            let address = format!("{}/24", self.between(node).ip());
            inside(&["address", "add", &address, "dev", "between"])?;
            inside(&["link", "set", "between", "up"])?;
            run(
                "ip",
                [
                    "link", "add", &wire, "type", "veth", "peer", "name", "clients", "netns", &name,
                ],
            )?;
            let (ours, theirs) = (self.client_address(node, 1), self.client_address(node, 2));
            run("ip", ["address", "add", &format!("{ours}/30"), "dev", &wire])?;
            run("ip", ["link", "set", &wire, "up"])?;
            inside(&["address", "add", &format!("{theirs}/30"), "dev", "clients"])?;
            inside(&["link", "set", "clients", "up"])?;
        }
        Ok(())
    }

    fn client_address(&self, node: usize, host: u32) -> Ipv4Addr {
        offset(CLIENTS, self.clients + node as u32 * ADDRESSES_A_NODE + host)
    }

    fn run_in(&self, node: usize, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let name = self.name(node);
        let all = [["netns", "exec", &name, program].as_slice(), arguments].concat();
        run("ip", all).with_context(|| format!("in the namespace of node {node}"))
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        // Their ends of the wires go with them, and with each end the other. What cannot be removed here is removed at the next start.
        for node in 0..self.count {
            let _ = run("ip", ["netns", "del", &self.name(node)]);
        }
        let _ = run("ip", ["netns", "del", &format!("{}-between", self.name)]);
    }
}

fn remove_stale() -> anyhow::Result<()> {
    for line in run("ip", ["netns", "list"])?.lines() {
        let name = line.split(' ').next().unwrap_or_default();
        if owner(name, PREFIX).is_some_and(|process| !is_alive(process)) {
            // Somebody else may remove it at the same time.
            let _ = run("ip", ["netns", "del", name]);
        }
    }
    Ok(())
}

fn discipline(shape: Shape) -> &'static [&'static str] {
    match shape {
        Shape::Slow => &["netem", "delay", "80ms"],
        Shape::Jittery => &["netem", "delay", "60ms", "50ms"],
        Shape::Reordered => &["netem", "delay", "20ms", "reorder", "25%", "50%"],
        Shape::Duplicated => &["netem", "duplicate", "20%"],
        Shape::Thin => &["tbf", "rate", "256kbit", "burst", "8kb", "latency", "500ms"],
    }
}

fn offset(network: Ipv4Addr, by: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(network.to_bits() + by)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;

    fn dial(address: SocketAddr) -> ErrorKind {
        let dialled = TcpStream::connect_timeout(&address, Duration::from_millis(300));
        dialled.map_or_else(|error| error.kind(), |_| ErrorKind::Other)
    }

    #[test]
    fn nodes_reach_each_other_unless_a_fault_is_between_them_and_everything_is_gone_afterwards() {
        if let Some(reason) = Namespaces::unavailable() {
            println!("skipped: {reason}");
            return;
        }
        let namespaces = Namespaces::create(2).unwrap();
        let reaches = |from: usize, to: usize| {
            let address = namespaces.between(to).ip();
            let script = format!("timeout 0.4 bash -c '</dev/tcp/{address}/9' 2>&1 | grep -q refused");
            namespaces.run_in(from, "bash", &["-c", &script]).is_ok()
        };
        assert!(reaches(0, 1) && reaches(1, 0));
        namespaces.drop_packets(0, 1).unwrap();
        assert!(!reaches(0, 1) && !reaches(1, 0), "an answer is lost as well");
        assert!(namespaces.caught().unwrap() >= 2);
        namespaces.heal().unwrap();
        namespaces.set_connected(1, false).unwrap();
        assert!(!reaches(0, 1));
        assert_eq!(
            dial(namespaces.clients(1)),
            ErrorKind::ConnectionRefused,
            "clients are left alone"
        );
        namespaces.heal().unwrap();
        assert!(reaches(0, 1));
        let name = namespaces.name(0);
        drop(namespaces);
        assert!(!run("ip", ["netns", "list"]).unwrap().contains(&name));
    }
}
