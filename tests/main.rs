//! Everything that is tested from outside: one binary, one module a topic.

mod architecture;
mod harness;
mod keygen;
