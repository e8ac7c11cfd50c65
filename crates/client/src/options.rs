//! Settings of a client.

use std::time::Duration;

use crate::credentials::Credentials;

/// How long a client waits, how often it repeats, how much it takes in, and who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// How long a call may take, repetitions included, beside what it lets a node wait for other datacenters. Also how long a load waits for the answer to its oldest
    /// document. Default: 10 s.
    pub deadline: Duration,
    /// How long the first of several addresses is left alone once it did not answer. Default: 5 s.
    pub return_after: Duration,
    /// How long connecting may take. Default: 3 s.
    pub connect_timeout: Duration,
    /// How often a call that may be repeated is tried in all, at least once. Default: 4.
    pub attempts_max: u32,
    /// The wait before the second attempt; it doubles before each further one. Default: 50 ms.
    pub backoff_min: Duration,
    /// The longest wait between two attempts. Default: 1 s.
    pub backoff_max: Duration,
    /// How often a connection is asked whether it is alive, also while it is idle. Default: 10 s.
    pub keepalive_interval: Duration,
    /// How long that answer may take before the connection is given up. Default: 5 s.
    pub keepalive_timeout: Duration,
    /// The largest message that is sent, in bytes. Default: 16 MiB and 64 KiB, two bodies of the largest size.
    pub request_bytes_max: usize,
    /// The largest message that is accepted, in bytes. Default: 64 MiB.
    pub response_bytes_max: usize,
    /// Who calls, where the node asks for it. Default: nobody.
    pub credentials: Option<Credentials>,
    /// Whether the credentials may be sent in plain text to an address that is not a loopback one. Default: no.
    pub credentials_in_plain_text: bool,
    /// Documents of a load that are sent but not answered, in KiB (each counts as one at least). Default: 8,192.
    pub load_window_kib: u32,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            return_after: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(3),
            attempts_max: 4,
            backoff_min: Duration::from_millis(50),
            backoff_max: Duration::from_secs(1),
            keepalive_interval: Duration::from_secs(10),
            keepalive_timeout: Duration::from_secs(5),
            request_bytes_max: 16 * 1024 * 1024 + 64 * 1024,
            response_bytes_max: 64 * 1024 * 1024,
            credentials: None,
            credentials_in_plain_text: false,
            load_window_kib: 8 * 1024,
        }
    }
}
