//! Values made when they are read. Prefer to post: monitors never run a get hook.

use std::process::ExitCode;

use wrapper::{Launcher, Pv, PvGroup};

#[derive(PvGroup)]
struct InlineStyle {
    #[pv(value = 0, get = Self::number)]
    random_int: Pv<i32>,
    #[pv(value = "", max_length = 1, get = Self::letter)]
    random_str: Pv<String>,
    #[pv(name = "A", value = "c", max_length = 1, get = Self::read, put = Self::write)]
    a: Pv<String>,
}

impl InlineStyle {
    fn number(&self, _pv: &Pv<i32>) -> Option<i32> {
        Some(fastrand::i32(1..=100))
    }

    fn letter(&self, _pv: &Pv<String>) -> Option<String> {
        Some(fastrand::char('a'..='c').to_string())
    }

    fn read(&self, _pv: &Pv<String>) {
        println!("A is read");
    }

    fn write(&self, _pv: &Pv<String>, value: String) {
        println!("{value} is put to A");
    }
}

fn main() -> ExitCode {
    Launcher::new("Values made when they are read").prefix("inline_style:").group(InlineStyle::build).run()
}
