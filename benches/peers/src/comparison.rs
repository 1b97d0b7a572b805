//! What a comparison of two libraries at one set found.

use crate::clock::{Times, median};

/// One operation, in microseconds.
pub(crate) struct Row {
    pub(crate) operation: String,
    pub(crate) ours: f64,
    pub(crate) peer: f64,
}

impl Row {
    /// How many times as long the peer takes.
    pub(crate) fn ratio(&self) -> f64 {
        self.peer / self.ours
    }
}

/// All operations of one set.
pub(crate) struct Comparison {
    /// The peer with its version.
    pub(crate) peer: String,
    pub(crate) set: &'static str,
    pub(crate) parameters: String,
    /// How the peer's parameters differ.
    pub(crate) difference: Option<String>,
    pub(crate) rows: Vec<Row>,
    /// Of slotwise and of the peer, the highest over the lowest median of the processes: the middle one of all operations.
    pub(crate) spread: [f64; 2],
}

/// How many processes time each library at a set.
pub(crate) const PROCESSES: usize = 3;

/// What the processes of both libraries measured, in the order in which they ran.
#[derive(Default)]
pub(crate) struct Runs {
    pub(crate) ours: Vec<Times>,
    pub(crate) peer: Vec<Times>,
}

impl Runs {
    /// Rows of the lowest medians, for the operations that both libraries have.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let peer = extremes(&self.peer);
        let row = |(operation, [ours, _]): (String, [f64; 2])| {
            let (_, [peer, _]) = peer.iter().find(|(name, _)| *name == operation)?;
            Some(Row {
                operation,
                ours,
                peer: *peer,
            })
        };
        extremes(&self.ours).into_iter().filter_map(row).collect()
    }

    /// The spread of both libraries.
    pub(crate) fn spread(&self) -> [f64; 2] {
        [&self.ours, &self.peer].map(|runs| {
            let ratios = extremes(runs)
                .into_iter()
                .map(|(_, [low, high])| high / low);
            median(ratios.collect())
        })
    }
}

/// The lowest and the highest time of each operation in several runs.
fn extremes(runs: &[Times]) -> Vec<(String, [f64; 2])> {
    let names = runs.iter().take(1).flatten().map(|(name, _)| name);
    let times = |i: usize| runs.iter().map(move |run| run[i].1);
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
