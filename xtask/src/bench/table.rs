//! Figures, their limits and the table of them.

use anyhow::{Context, Result};
use serde::Deserialize;

/// What a figure may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Smaller is better.
    AtMost(f64),
    /// Larger is better.
    AtLeast(f64),
    /// Only to be read beside the others.
    None,
}

/// One line of the table.
#[derive(Debug, PartialEq)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    value: f64,
    unit: String,
    limit: Limit,
}

/// A figure as a bench prints it.
#[derive(Deserialize)]
struct Printed {
    figure: String,
    value: f64,
    unit: String,
    limit: Option<f64>,
    least: Option<f64>,
}

impl Figure {
    /// A figure in the unit in which people read it.
    pub fn new(name: impl Into<String>, value: f64, unit: &str, limit: Limit) -> Self {
        Self { name: name.into(), value, unit: unit.into(), limit }
    }

    /// Reads `{"figure", "value", "unit", "limit", "least"}`; the limit is the largest value allowed, the least the smallest;
    /// both may be left out.
    pub fn from_json(line: &str) -> Result<Self> {
        let read = serde_json::from_str(line).with_context(|| format!("not a figure: {line}"));
        let Printed { figure, value, unit, limit, least } = read?;
        let limit = limit.map(Limit::AtMost).or(least.map(Limit::AtLeast)).unwrap_or(Limit::None);
        Ok(Self::new(figure, value, &unit, limit))
    }

    /// True when the limit does not hold; also for a value that is not a number.
    pub fn is_over(&self) -> bool {
        self.used().is_some_and(|used| used.is_nan() || used > 1.0)
    }

    /// Share of the limit that is used up; above 1 is too much.
    fn used(&self) -> Option<f64> {
        match self.limit {
            Limit::AtMost(limit) => Some(self.value / limit),
            Limit::AtLeast(limit) => Some(limit / self.value),
            Limit::None => None,
        }
    }

    fn cells(&self) -> [String; 4] {
        let unit = &self.unit;
        let limit = match self.limit {
            Limit::AtMost(limit) => format!("≤ {} {unit}", number(limit)),
            Limit::AtLeast(limit) => format!("≥ {} {unit}", number(limit)),
            Limit::None => String::new(),
        };
        let verdict = self.used().map_or_else(String::new, |used| {
            let word = if self.is_over() { "OVER" } else { "ok" };
            format!("{word}, {:.0} % of it", used * 100.0)
        });
        [self.name.clone(), format!("{} {unit}", number(self.value)), limit, verdict]
    }
}

/// Three digits are what such a measurement is good for.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    trimmed.to_owned()
}

/// The table: figure, measured, limit, verdict.
pub fn render(figures: &[Figure]) -> String {
    let head = ["figure", "measured", "limit", "verdict"].map(str::to_owned);
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(figures.iter().map(Figure::cells)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [first, second, third] = [width(0), width(1), width(2)];
    let lines = rows.iter().map(|[name, measured, limit, verdict]| {
        format!("{name:<first$}  {measured:>second$}  {limit:>third$}  {verdict}").trim_end().to_owned()
    });
    let mut lines: Vec<String> = lines.collect();
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    lines.insert(1, "-".repeat(longest));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_up_to_their_value() {
        let over = |value, limit| Figure::new("f", value, "ms", limit).is_over();
        assert!(!over(1.0, Limit::AtMost(1.0)));
        assert!(over(1.01, Limit::AtMost(1.0)));
        assert!(!over(10.0, Limit::AtLeast(10.0)));
        assert!(over(9.9, Limit::AtLeast(10.0)));
        assert!(!over(1e9, Limit::None));
        assert!(over(f64::NAN, Limit::AtMost(1.0)));
    }

    #[test]
    fn figures_of_a_bench_are_read() -> Result<()> {
        let line = r#"{"figure":"start","value":412.5,"unit":"ms","limit":1000.0}"#;
        assert_eq!(Figure::from_json(line)?, Figure::new("start", 412.5, "ms", Limit::AtMost(1000.0)));
        let line = r#"{"figure":"copy","value":2.5,"unit":"ms"}"#;
        assert_eq!(Figure::from_json(line)?, Figure::new("copy", 2.5, "ms", Limit::None));
        let line = r#"{"figure":"gain","value":2.5,"unit":"x","least":2.0}"#;
        assert_eq!(Figure::from_json(line)?, Figure::new("gain", 2.5, "x", Limit::AtLeast(2.0)));
        let wrong = Figure::from_json("running 0 tests").map_err(|error| error.to_string());
        assert_eq!(wrong, Err("not a figure: running 0 tests".to_owned()));
        Ok(())
    }

    #[test]
    fn numbers_have_three_digits() {
        for (value, text) in [(412.52, "413"), (41.26, "41.3"), (4.0, "4"), (0.256, "0.26"), (1000.0, "1000")]
        {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn the_table_is_aligned_and_says_the_verdict() {
        let figures = [
            Figure::new("hand-over", 3.0, "µs", Limit::AtMost(15.0)),
            Figure::new("copy", 240.0, "µs", Limit::None),
            Figure::new("gain", 8.0, "x", Limit::AtLeast(10.0)),
        ];
        let expected = [
            "figure     measured    limit  verdict",
            "RULE",
            "hand-over      3 µs  ≤ 15 µs  ok, 20 % of it",
            "copy         240 µs",
            "gain            8 x   ≥ 10 x  OVER, 125 % of it",
        ];
        let rule = "-".repeat(expected[4].chars().count());
        let expected = expected.join("\n").replace(expected[1], &rule);
        assert_eq!(render(&figures), expected);
    }
}
