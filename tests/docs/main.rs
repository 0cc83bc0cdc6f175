//! The documentation holds what it promises: links lead somewhere, code is compiled, command lines are understood, and the tests
//! that it names exist.

mod commands;
mod features;
mod links;
mod markdown;
mod rust;
