//! One line of the result table: what was measured on each server, round by round, and what it should reach.

use serde_json::{Value, json};

use crate::stats::{Sample, paired_ratios};

/// A number to reach.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// Ours at most this part of the peer's.
    PartAtMost(&'static str, f64),
    /// Ours at least this part of the peer's.
    PartAtLeast(&'static str, f64),
    /// Ours at most this, in the row's unit.
    Limit(f64),
}

/// One server's side of a row.
#[derive(Clone, Debug)]
pub struct Series {
    /// The server.
    pub name: &'static str,
    /// A value of each round.
    pub values: Vec<f64>,
    /// CPU microseconds per operation, of each round: the server's, or the client's where clients are compared.
    pub cpu_us: Vec<f64>,
    /// Operations, all checked, of each round.
    pub work: Vec<u64>,
    /// Resident MB behind the last round.
    pub rss_mb: f64,
    /// Figures beside the value, by name.
    pub more: Vec<Value>,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The case.
    pub case: String,
    /// Unit of the values.
    pub unit: &'static str,
    /// Ours first.
    pub sides: Vec<Series>,
    /// What to reach.
    pub goal: Option<Goal>,
    /// The ratio is about CPU time per operation, not about the values.
    pub by_cpu: bool,
    /// Why there is no ratio.
    pub fault: Option<String>,
    /// A word for the reader.
    pub note: String,
}

impl Series {
    /// A side without rounds.
    pub fn new(name: &'static str) -> Self {
        let (values, cpu_us, work, more) = Default::default();
        Self { name, values, cpu_us, work, rss_mb: f64::NAN, more }
    }

    /// The median value.
    pub fn median(&self) -> f64 {
        Sample::new(self.values.clone()).median()
    }

    /// The median of the CPU time per operation.
    pub fn cpu(&self) -> f64 {
        Sample::new(self.cpu_us.clone()).median()
    }
}

impl Row {
    /// An empty row.
    pub fn new(case: impl Into<String>, unit: &'static str, goal: Option<Goal>) -> Self {
        let (case, note) = (case.into(), String::new());
        Self { case, unit, sides: Vec::new(), goal, by_cpu: false, fault: None, note }
    }

    /// A row of single figures of our server, or of several.
    pub fn of(
        case: impl Into<String>,
        unit: &'static str,
        goal: Option<Goal>,
        values: &[(&'static str, f64)],
    ) -> Self {
        let mut row = Self::new(case, unit, goal);
        for (name, value) in values {
            row.sides.push(Series { values: vec![*value], ..Series::new(name) });
        }
        row
    }

    /// A row that failed.
    pub fn failed(case: impl Into<String>, error: &anyhow::Error) -> Self {
        Self { fault: Some(format!("{error:#}")), ..Self::new(case, "", None) }
    }

    /// The same row with a word for the reader.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Marks the row as failed where the sides did not do the same number of operations; `slow` sides do fewer.
    pub fn demand_equal_work(mut self, slow: &[&str]) -> Self {
        let mut sums = self.sides.iter().filter(|s| !slow.contains(&s.name)).map(|s| (s.name, &s.work));
        let first = sums.next();
        if let Some((name, work)) = sums.find(|(_, work)| first.is_some_and(|(_, w)| w != *work)) {
            self.fault.get_or_insert(format!("unequal work: {name} did {work:?}, {first:?}"));
        }
        self
    }

    /// The peer that the ratio is about.
    pub fn peer(&self) -> Option<&Series> {
        let named = match self.goal {
            Some(Goal::PartAtMost(name, _) | Goal::PartAtLeast(name, _)) => Some(name),
            _ => None,
        };
        self.sides.iter().skip(1).find(|s| named.is_none_or(|name| name == s.name))
    }

    /// Ratios of the rounds, ours to the peer's; `None` of failed work.
    pub fn ratios(&self) -> Option<Sample> {
        let (ours, peer) = (self.sides.first()?, self.peer()?);
        let pick = |s: &Series| if self.by_cpu { s.cpu_us.clone() } else { s.values.clone() };
        let ratios = Sample::new(paired_ratios(&pick(ours), &pick(peer)));
        (self.fault.is_none() && ratios.len() > 0 && ratios.max().is_finite()).then_some(ratios)
    }

    /// Whether the goal is reached; `None` without one.
    pub fn met(&self) -> Option<bool> {
        let goal = self.goal?;
        if self.fault.is_some() {
            return Some(false);
        }
        let ratio = || self.ratios().map(|r| r.median());
        Some(match goal {
            Goal::PartAtMost(_, limit) => ratio().is_some_and(|r| r <= limit),
            Goal::PartAtLeast(_, limit) => ratio().is_some_and(|r| r >= limit),
            Goal::Limit(limit) => self.sides.first().is_some_and(|s| s.median() <= limit),
        })
    }

    /// What is compared with the goal, for people.
    pub fn figure(&self) -> String {
        match self.goal {
            Some(Goal::Limit(_)) => self.sides.first().map_or(String::new(), |s| short(s.median())),
            _ => self.ratios().map_or(String::new(), |r| short(r.median())),
        }
    }

    /// The cells of its line, in the order of [`HEAD`].
    pub fn cells(&self) -> [String; HEAD.len()] {
        let ours = self.sides.first();
        let value = ours.map_or(String::new(), |s| short(s.median()));
        let peers: Vec<_> =
            self.sides.iter().skip(1).map(|s| format!("{} {}", s.name, short(s.median()))).collect();
        let ratio = self.ratios();
        let target = match self.goal {
            None => String::new(),
            Some(Goal::PartAtMost(_, limit)) => format!("<= {limit}"),
            Some(Goal::PartAtLeast(_, limit)) => format!(">= {limit}"),
            Some(Goal::Limit(limit)) => format!("<= {limit} {}", self.unit),
        };
        let met = match (self.fault.is_some(), self.met()) {
            (true, _) => "FAILED",
            (_, Some(true)) => "yes",
            (_, Some(false)) => "NO",
            (_, None) => "",
        };
        let spread = match (&ratio, ours) {
            (Some(r), _) if r.len() > 1 => format!("{}..{}", short(r.min()), short(r.max())),
            (None, Some(s)) if s.values.len() > 1 => {
                let values = Sample::new(s.values.clone());
                format!("{}..{}", short(values.min()), short(values.max()))
            }
            _ => String::new(),
        };
        let each = |of: fn(&Series) -> f64| {
            let all: Vec<_> = self.sides.iter().map(of).map(short).collect();
            if all.iter().all(|cell| cell == "-") { String::new() } else { all.join(" / ") }
        };
        let unit = if self.by_cpu { format!("{}, ratio of CPU", self.unit) } else { self.unit.to_owned() };
        let ratio = ratio.map_or(String::new(), |r| short(r.median()));
        let (cpu, rss) = (each(Series::cpu), each(|s| s.rss_mb));
        [self.case.clone(), unit, value, peers.join(", "), ratio, target, met.to_owned(), spread, cpu, rss]
    }

    /// All figures.
    pub fn to_json(&self) -> Value {
        let sides: Vec<_> = self
            .sides
            .iter()
            .map(|s| {
                json!({
                    "server": s.name, "values": s.values, "median": s.median(), "cpu_us": s.cpu_us,
                    "work": s.work, "rss_mb": s.rss_mb, "more": s.more,
                })
            })
            .collect();
        json!({
            "case": self.case, "unit": self.unit, "servers": sides, "ratio": self.ratios().map(|r| r.to_json()),
            "ratio_of": if self.by_cpu { "cpu" } else { "value" }, "goal": self.cells()[5], "met": self.met(),
            "fault": self.fault, "note": self.note,
        })
    }
}

/// The columns of the table.
pub const HEAD: [&str; 10] =
    ["case", "unit", "ours", "peers", "ratio", "target", "met", "spread", "CPU us/op", "RSS MB"];

/// A number with three significant digits; `-` for none.
pub fn short(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "-".to_owned(),
        0.0 => "0".to_owned(),
        a if a >= 100.0 => format!("{value:.0}"),
        a if a >= 10.0 => format!("{value:.1}"),
        a if a >= 1.0 => format!("{value:.2}"),
        a if a >= 0.001 => format!("{value:.3}"),
        _ => format!("{value:.5}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: u64, theirs: u64) -> Row {
        let side =
            |name, value, work| Series { values: vec![value; 3], work: vec![work; 3], ..Series::new(name) };
        let mut row = Row::new("case", "us/op", Some(Goal::PartAtMost("rsrv", 0.5)));
        row.sides = vec![side("ours", 1.0, ours), side("caproto", 9.0, 1), side("rsrv", 4.0, theirs)];
        row.demand_equal_work(&["caproto"])
    }

    #[test]
    fn the_ratio_is_that_to_the_peer_of_the_goal() {
        let row = row(10, 10);
        assert_eq!((row.ratios().map(|r| r.median()), row.met()), (Some(0.25), Some(true)));
    }

    #[test]
    fn unequal_work_has_no_ratio_and_meets_nothing() {
        let row = row(10, 9);
        assert!(row.ratios().is_none() && row.met() == Some(false));
        assert!(row.cells().contains(&"FAILED".to_owned()));
    }

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!(
            [short(123.4), short(12.34), short(0.1234), short(f64::NAN)],
            ["123", "12.3", "0.123", "-"]
        );
    }
}
