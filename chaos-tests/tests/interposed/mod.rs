//! Takes the place of the system's syncs in this binary: they are noted, and nothing is synced.
//!
//! Only a test may do so. The functions must not be in the library: a program that links it would lose its syncs.
#![allow(unsafe_code, reason = "functions that replace those of the C library have its names")]

use rejoin_chaos::simulation::nodes::synced;

#[unsafe(no_mangle)]
extern "C" fn fsync(descriptor: i32) -> i32 {
    synced().note(descriptor)
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(descriptor: i32) -> i32 {
    synced().note(descriptor)
}
