//! Where things are in the pictures, as parts of their width.

use serde::Serialize;

use crate::exporters::view::{Group, Row};

/// Ticks of an axis that are aimed at.
const TICKS: f64 = 5.0;

/// The pictures of one group.
#[derive(Debug, Serialize)]
pub struct Pictures {
    /// Medians with their intervals.
    bars: Picture<Bar>,
    /// Medians of the phases, one after the other.
    phases: Option<Picture<Vec<Part>>>,
    /// All samples.
    distribution: Picture<Distribution>,
}

#[derive(Debug, Serialize)]
struct Picture<T> {
    ticks: Vec<Tick>,
    rows: Vec<T>,
}

/// A mark of the axis.
#[derive(Debug, PartialEq, Serialize)]
struct Tick {
    at: f64,
    value: f64,
}

#[derive(Debug, Serialize)]
struct Bar {
    width: f64,
    low: f64,
    high: f64,
}

#[derive(Debug, PartialEq, Serialize)]
struct Part {
    from: f64,
    width: f64,
    value: f64,
}

#[derive(Debug, Serialize)]
struct Distribution {
    median: f64,
    p25: f64,
    p75: f64,
    points: Vec<Point>,
}

#[derive(Debug, Serialize)]
struct Point {
    at: f64,
    value: f64,
    outlier: bool,
}

/// Lays the pictures of a group out.
pub fn of(group: &Group) -> Pictures {
    let rows = &group.rows;
    let bars = Scale::new(rows.iter().map(|row| row.start.median.high));
    let all = Scale::new(rows.iter().map(|row| row.start.max));
    let sums = Scale::new(rows.iter().map(|row| row.phases.iter().sum()));
    let bar = |row: &Row| {
        let median = row.start.median;
        Bar { width: bars.at(median.value), low: bars.at(median.low), high: bars.at(median.high) }
    };
    let phases = rows.iter().all(|row| !row.phases.is_empty()).then(|| Picture {
        ticks: sums.ticks(),
        rows: rows.iter().map(|row| parts(&row.phases, &sums)).collect(),
    });
    Pictures {
        bars: Picture { ticks: bars.ticks(), rows: rows.iter().map(bar).collect() },
        phases,
        distribution: Picture {
            ticks: all.ticks(),
            rows: rows.iter().map(|row| distribution(row, &all)).collect(),
        },
    }
}

fn parts(phases: &[f64], scale: &Scale) -> Vec<Part> {
    let mut from = 0.0;
    let mut found = Vec::new();
    for &value in phases {
        found.push(Part { from: scale.at(from), width: scale.at(value), value });
        from += value;
    }
    found
}

fn distribution(row: &Row, scale: &Scale) -> Distribution {
    let point = |value: &f64| Point {
        at: scale.at(*value),
        value: *value,
        outlier: row.start.outliers.contains(value),
    };
    Distribution {
        median: scale.at(row.start.median.value),
        p25: scale.at(row.start.p25),
        p75: scale.at(row.start.p75),
        points: row.samples.iter().map(point).collect(),
    }
}

/// An axis that begins at zero, so that lengths are in the proportion of the figures.
struct Scale {
    end: f64,
}

impl Scale {
    fn new(values: impl Iterator<Item = f64>) -> Self {
        let largest = values.fold(0.0, f64::max);
        Self { end: if largest > 0.0 { largest * 1.04 } else { 1.0 } }
    }

    fn at(&self, value: f64) -> f64 {
        value / self.end
    }

    /// Multiples of 1, 2 or 5 times a power of ten.
    fn ticks(&self) -> Vec<Tick> {
        let rough = self.end / TICKS;
        let power = 10.0_f64.powf(rough.log10().floor());
        let step =
            [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|step| *step >= rough).unwrap_or(rough);
        let mut ticks = Vec::new();
        let mut value = 0.0;
        while value <= self.end * 0.97 {
            ticks.push(Tick { at: self.at(value), value });
            value += step;
        }
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_axis() {
        let values = |largest: f64| -> Vec<f64> {
            Scale::new([largest].into_iter()).ticks().into_iter().map(|tick| tick.value).collect()
        };
        assert_eq!(values(100.0), [0.0, 50.0, 100.0]);
        assert_eq!(values(430.0), [0.0, 100.0, 200.0, 300.0, 400.0]);
        assert_eq!(values(0.0), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8]);
    }

    #[test]
    fn parts_follow_each_other() {
        let scale = Scale { end: 10.0 };
        let found = parts(&[1.0, 4.0], &scale);
        assert_eq!(found[1], Part { from: 0.1, width: 0.4, value: 4.0 });
    }
}
