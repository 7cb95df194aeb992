//! Event sourcing over libskafu: append events, read and follow them, decide, project and react in Rust.
//!
//! Everything that is read is copied, so nothing borrows from the library; every object releases itself, in any order.

mod error;
mod ffi;
mod model;
mod record;
mod store;

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;

pub use error::{constant, Error, Result};
pub use model::{Decider, Edit, Engine, Model, Outcome, Subscription, Turn, View};
pub use record::{Command, Event, Record};
pub use store::{Appended, Batch, Cursor, Query, Store};

pub const FOREVER: u64 = u64::MAX;
pub const NO_LIMIT: u64 = u64::MAX;
