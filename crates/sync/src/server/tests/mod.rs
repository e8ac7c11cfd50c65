//! The server session's rules, one test each. dc-east (replica 1, incarnation 9) pulls from dc-west (replica 2, incarnation 5).

mod bench;
mod greeting;
mod serving;
