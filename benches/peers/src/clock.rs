//! Medians of repeated runs.

use std::time::{Duration, Instant};

/// An operation's name and a closure that does it once.
pub(crate) type Operation<'a> = (&'static str, Box<dyn FnMut() + 'a>);

/// Names with medians in microseconds.
pub(crate) type Times = Vec<(String, f64)>;

const LEAST_RUNS: usize = 15;
const MOST_RUNS: usize = 4000;
const LEAST_TIME: Duration = Duration::from_millis(300);
/// Slow operations are not repeated 15 times.
const FEWEST_RUNS: usize = 3;
const ENOUGH_TIME: Duration = Duration::from_secs(1);
const WARM_UP_RUNS: usize = 2;
/// One run of this length warms up enough.
const WARM_UP_TIME: Duration = Duration::from_millis(500);

/// The median time of each operation, in sequence.
pub(crate) fn time_all(operations: Vec<Operation<'_>>) -> Times {
    let time = |(name, mut operation): Operation<'_>| {
        let [median] = interleaved([&mut operation]);
        (name.to_owned(), median)
    };
    operations.into_iter().map(time).collect()
}

/// The median times of two operations run in turns, so that a change of the machine's speed meets both.
pub(crate) fn time_pair(ours: &mut dyn FnMut(), peer: &mut dyn FnMut()) -> [f64; 2] {
    interleaved([ours, peer])
}

fn interleaved<const K: usize>(mut operations: [&mut dyn FnMut(); K]) -> [f64; K] {
    let mut samples = [const { Vec::new() }; K];
    for operation in &mut operations {
        warm_up(operation);
    }
    let start = Instant::now();
    let sides = u32::try_from(K).expect("few operations");
    // The scripts of the peers have the same rule.
    let enough = |runs| {
        let each = start.elapsed() / sides;
        (runs >= LEAST_RUNS && each >= LEAST_TIME) || (runs >= FEWEST_RUNS && each >= ENOUGH_TIME)
    };
    for runs in 0..MOST_RUNS {
        if enough(runs) {
            break;
        }
        for (operation, samples) in operations.iter_mut().zip(&mut samples) {
            samples.push(once(operation));
        }
    }
    samples.map(median)
}

fn warm_up(operation: &mut dyn FnMut()) {
    let start = Instant::now();
    for _ in 0..WARM_UP_RUNS {
        if start.elapsed() < WARM_UP_TIME {
            operation();
        }
    }
}

/// Microseconds of one run.
fn once(operation: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    operation();
    start.elapsed().as_secs_f64() * 1e6
}

/// The middle of the samples, the upper one of two.
pub(crate) fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
