//! Bars of progress on a terminal.

use std::io::{self, Write};

/// Characters of the bar.
const BAR: usize = 30;
/// Characters of the words behind it.
const WORDS: usize = 30;

/// One line of a terminal: the bar, the percent, the first words of a text.
pub(crate) fn line(percent: f64, words: &str) -> String {
    let part = if percent.is_finite() { percent.clamp(0.0, 100.0) } else { 0.0 };
    let full = (part / 100.0 * BAR as f64).round() as usize;
    let bar = "#".repeat(full) + &" ".repeat(BAR - full);
    let words: String = words.chars().filter(|c| !c.is_control()).take(WORDS).collect();
    format!("[{bar}] {part:5.1} % {words}")
}

/// Writes a line in the place of the one before.
pub(crate) fn redraw(out: &mut impl Write, line: &str) -> io::Result<()> {
    write!(out, "\r\x1b[K{line}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_line_has_a_bar_as_long_as_the_progress() {
        assert_eq!(
            line(50.0, "Busy go\x1b[2J"),
            format!("[{}{}]  50.0 % Busy go[2J", "#".repeat(15), " ".repeat(15))
        );
        assert!(line(1e9, "").starts_with(&format!("[{}] 100.0", "#".repeat(30))));
        assert!(line(f64::NAN, "").contains("  0.0 %"));
    }
}
