//! The way to the application and back, for somebody who has a grant.

mod announced;
mod answers;
mod bodies;
mod desync;
mod failures;
mod fields;
mod forms;
mod hosts;
mod identity;
mod pool;
mod rewritten;
mod wires;
