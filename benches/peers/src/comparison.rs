//! What a comparison of two libraries at one set found.

use crate::child;
use crate::clock::{Times, median};
use crate::tasks::Work;
use serde_json::{Value, json};
use std::error::Error;

/// One operation, in microseconds.
pub(crate) struct Row {
    pub(crate) operation: String,
    pub(crate) ours: f64,
    pub(crate) peer: f64,
    /// What slotwise's operation cannot do without on this machine, where it is known.
    pub(crate) floor: Option<f64>,
}

impl Row {
    /// How many times as long the peer takes.
    pub(crate) fn ratio(&self) -> f64 {
        self.peer / self.ours
    }
}

/// All operations of one set.
pub(crate) struct Comparison {
    /// The peer's short name.
    pub(crate) library: &'static str,
    /// The peer with its version.
    pub(crate) peer: String,
    pub(crate) set: &'static str,
    pub(crate) degree: usize,
    pub(crate) scheme: &'static str,
    pub(crate) work: Work,
    pub(crate) parameters: String,
    /// How the peer's parameters differ.
    pub(crate) difference: Option<String>,
    pub(crate) rows: Vec<Row>,
    /// Of slotwise and of the peer, the highest over the lowest median of the processes: the middle one of all operations.
    pub(crate) spread: [f64; 2],
}

/// How many processes time each library at a set.
pub(crate) const PROCESSES: usize = 3;

/// What a process of slotwise measures, in microseconds.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) times: Times,
    /// The floors of some operations.
    pub(crate) floors: Times,
    /// Bytes that a core reads in a second; 0 if there is no floor.
    pub(crate) bandwidth: f64,
}

impl Measured {
    /// As a JSON object.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "times": child::to_json(&self.times),
            "floors": child::to_json(&self.floors),
            "bandwidth": self.bandwidth,
        })
    }

    /// The inverse of [`to_json`](Self::to_json).
    pub(crate) fn from_json(value: &Value) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            times: child::times(&value["times"])?,
            floors: child::times(&value["floors"])?,
            bandwidth: value["bandwidth"].as_f64().ok_or("no bandwidth")?,
        })
    }
}

/// What the processes of both libraries measured, in the order in which they ran.
pub(crate) struct Runs<'a> {
    pub(crate) ours: &'a [Measured],
    pub(crate) peer: &'a [Times],
}

impl Runs<'_> {
    /// Rows of the lowest medians, for the operations that both libraries have.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let peer = extremes(self.peer.iter());
        let floors = extremes(self.ours.iter().map(|run| &run.floors));
        let lowest = |times: &[(String, [f64; 2])], operation: &str| {
            let mut times = times.iter();
            times.find_map(|(name, [low, _])| (name == operation).then_some(*low))
        };
        let row = |(operation, [ours, _]): (String, [f64; 2])| {
            Some(Row {
                ours,
                peer: lowest(&peer, &operation)?,
                floor: lowest(&floors, &operation),
                operation,
            })
        };
        let ours = extremes(self.ours.iter().map(|run| &run.times));
        ours.into_iter().filter_map(row).collect()
    }

    /// The spread of both libraries.
    pub(crate) fn spread(&self) -> [f64; 2] {
        let spread = |times: Vec<(String, [f64; 2])>| {
            let ratios = times.into_iter().map(|(_, [low, high])| high / low);
            median(ratios.collect())
        };
        [
            spread(extremes(self.ours.iter().map(|run| &run.times))),
            spread(extremes(self.peer.iter())),
        ]
    }
}

/// The lowest and the highest time of each operation in several runs.
fn extremes<'a>(runs: impl Iterator<Item = &'a Times> + Clone) -> Vec<(String, [f64; 2])> {
    let names = runs.clone().take(1).flatten().map(|(name, _)| name);
    let times = |i: usize| runs.clone().map(move |run| run[i].1);
    let bounds = |i: usize| {
        [
            times(i).fold(f64::INFINITY, f64::min),
            times(i).fold(0.0, f64::max),
        ]
    };
    names
        .enumerate()
        .map(|(i, name)| (name.clone(), bounds(i)))
        .collect()
}
