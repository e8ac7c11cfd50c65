//! The puller's rules, one test each. dc-east (replica 1) pulls from dc-west (replica 2, incarnation 5).

mod bench;
mod comparing;
mod connection;
mod greeting;
mod healing;
mod measuring;
mod pulling;
