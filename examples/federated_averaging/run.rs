//! A run: the encrypted federation in its processes, the same sums in the clear beside it, and plain federated averaging.

use crate::breast_cancer::Outcome;
use crate::client::{difference, seed};
use crate::config::{Config, Trust};
use crate::data::{Data, single};
use crate::federation::{Federation, Round};
use crate::model::{Network, Sample};
use crate::server::MODEL_SEED;
use indicatif::ProgressBar;
use slotwise::federated::SumContext;
use std::time::Duration;

/// After so many rounds without a better accuracy a run has converged.
const STILL: usize = 6;

/// What a run is given beside data and mode.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) rounds: usize,
    pub(crate) clients: u32,
    pub(crate) quick: bool,
}

/// What came of a run.
pub(crate) struct Curve {
    pub(crate) data: Data,
    pub(crate) trust: Trust,
    /// The accuracy on the test samples after each round.
    pub(crate) encrypted: Vec<f64>,
    pub(crate) clear: Vec<f64>,
    pub(crate) sizes: Sizes,
    /// Of the rounds in which nobody was lost, the mean.
    pub(crate) seconds: f64,
    /// The clients in each round's sum, and the model in the end.
    pub(crate) updates: Vec<Vec<(u32, u64)>>,
    pub(crate) model: Vec<f64>,
    /// How far a parameter of that model is from the model in the clear, at most.
    pub(crate) difference: f64,
    pub(crate) largest_update: f64,
    pub(crate) clipped: usize,
}

/// The bytes of messages.
pub(crate) struct Sizes {
    pub(crate) upload: u64,
    pub(crate) float32: u64,
    pub(crate) request: u64,
    pub(crate) answer: u64,
}

/// The state of a run in the main process, which alone has the test samples.
struct Run {
    network: Network,
    test: Vec<Sample>,
    shares: Vec<Vec<Sample>>,
    context: SumContext,
    /// The model that the encrypted averages give, and that of plain federated averaging: f64, nothing rounded or clipped.
    encrypted: Vec<f64>,
    clear: Vec<f64>,
}

/// Runs all rounds of one data set in one mode.
pub(crate) fn run(data: Data, trust: Trust, limits: Limits) -> Outcome<Curve> {
    let config = Config {
        data,
        trust,
        clients: limits.clients,
        deadline: Duration::from_secs(if limits.quick { 1 } else { 2 }),
        seed: rand::random(),
        address: String::new(),
    };
    let mut run = Run::new(&config)?;
    println!("\n{data}, {trust}\n{}\n", run.context);
    let mut federation = Federation::start(config)?;
    let mut curve = Curve::new(data, trust, &run.context);
    let progress = ProgressBar::new(limits.rounds as u64).with_message(format!("{data}, {trust}"));
    println!("round  updates  opened by        encrypted  clear   bytes up  seconds");
    let mut whole_rounds = Vec::new();
    for number in 1..=limits.rounds as u64 {
        let round = federation.finish(number)?;
        run.check(&round)?;
        run.apply(&round, data);
        curve.add(
            &round,
            [run.accuracy(&run.encrypted), run.accuracy(&run.clear)],
        );
        if round.lost.is_empty() {
            whole_rounds.push(round.report.seconds);
        }
        progress.suspend(|| print(&round, &curve));
        progress.inc(1);
        if number == limits.rounds as u64 || curve.is_still() {
            break;
        }
        federation.go_on()?;
    }
    progress.finish_and_clear();
    federation.end()?;
    let pairs = run.encrypted.iter().zip(&run.clear);
    curve.difference = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    curve.model = run.encrypted;
    curve.seconds = whole_rounds.iter().sum::<f64>() / whole_rounds.len().max(1) as f64;
    Ok(curve)
}

impl Run {
    fn new(config: &Config) -> Outcome<Self> {
        let network = config.data.network();
        let initial = network.initial(MODEL_SEED);
        Ok(Self {
            test: config.data.load()?.1,
            shares: config.data.shares(config.clients)?,
            context: config.context()?,
            encrypted: initial.clone(),
            clear: initial,
            network,
        })
    }

    /// Compares the average with that of the same updates in the clear, bit for bit. The clients report these to this process alone, for
    /// this comparison.
    fn check(&self, round: &Round) -> Outcome<()> {
        let updates = round.updates.iter();
        let updates: Vec<(&[f32], u64)> = updates
            .map(|(_, weight, values)| (&values[..], *weight))
            .collect();
        let expected = self.context.clear_average(&updates)?;
        let found = round.report.average.iter().copied();
        let weights = round
            .updates
            .iter()
            .map(|&(client, weight, _)| (client, weight));
        assert!(weights.eq(round.report.updates.iter().copied()));
        assert!(
            found.eq(expected.iter().map(|x| x.to_bits())),
            "the average is not that of the updates"
        );
        Ok(())
    }

    /// Moves both models on: the encrypted one by the average, the other by training in the clear with the same clients.
    fn apply(&mut self, round: &Round, data: Data) {
        let averages = round
            .report
            .average
            .iter()
            .map(|&bits| f64::from_bits(bits));
        add(&mut self.encrypted, averages);
        let start = rounded(&self.clear);
        let mut sums = vec![0.0; start.len()];
        let mut total = 0.0;
        for &(client, weight, _) in &round.updates {
            let share = &self.shares[client as usize - 1];
            let seed = seed(round.report.round, client);
            let trained = self.network.train(&start, share, data.training(), seed);
            let weight = weight as f64;
            let update = difference(&trained, &start).into_iter();
            add(&mut sums, update.map(|x| weight * f64::from(x)));
            total += weight;
        }
        add(&mut self.clear, sums.into_iter().map(|sum| sum / total));
    }

    fn accuracy(&self, model: &[f64]) -> f64 {
        self.network.accuracy(&rounded(model), &self.test)
    }
}

impl Curve {
    fn new(data: Data, trust: Trust, context: &SumContext) -> Self {
        Self {
            data,
            trust,
            encrypted: Vec::new(),
            clear: Vec::new(),
            sizes: Sizes {
                upload: context.upload_bytes(),
                float32: 4 * context.length() as u64,
                request: 0,
                answer: 0,
            },
            seconds: 0.0,
            updates: Vec::new(),
            model: Vec::new(),
            difference: 0.0,
            largest_update: 0.0,
            clipped: 0,
        }
    }

    fn add(&mut self, round: &Round, [encrypted, clear]: [f64; 2]) {
        self.encrypted.push(encrypted);
        self.clear.push(clear);
        self.updates.push(round.report.updates.clone());
        self.sizes.request = round.report.request_bytes;
        self.sizes.answer = round.report.answer_bytes;
        for value in round.updates.iter().flat_map(|(_, _, values)| values) {
            let magnitude = f64::from(value.abs());
            self.largest_update = self.largest_update.max(magnitude);
            self.clipped += usize::from(magnitude > self.data.clip());
        }
    }

    /// Whether the last rounds brought nothing.
    fn is_still(&self) -> bool {
        let recent = self.encrypted.len().saturating_sub(STILL);
        let (before, recent) = self.encrypted.split_at(recent);
        best(before) >= best(recent)
    }

    /// The accuracy of the last model: encrypted and in the clear.
    pub(crate) fn last(&self) -> [f64; 2] {
        [&self.encrypted, &self.clear].map(|curve| curve.last().copied().unwrap_or(0.0))
    }
}

/// The best accuracy; below every accuracy if there is none.
pub(crate) fn best(accuracies: &[f64]) -> f64 {
    accuracies.iter().copied().fold(-1.0, f64::max)
}

fn add(sums: &mut [f64], changes: impl Iterator<Item = f64>) {
    for (sum, change) in sums.iter_mut().zip(changes) {
        *sum += change;
    }
}

fn rounded(model: &[f64]) -> Vec<f32> {
    model.iter().map(|&x| single(x)).collect()
}

/// A row of the table, and what happened in the round.
fn print(round: &Round, curve: &Curve) {
    for (what, reason) in &round.refused {
        println!("       refused {what}: {reason}");
    }
    let [encrypted, clear] = curve.last();
    let report = &round.report;
    let openers = match &report.openers[..] {
        [] => "key holder".into(),
        some => some
            .iter()
            .map(u32::to_string)
            .collect::<Vec<_>>()
            .join(" "),
    };
    print!(
        "{:>5}  {:>7}  {openers:<15}  {encrypted:>9.4}  {clear:.4}  {:>8}  {:>7.3}",
        report.round,
        report.updates.len(),
        report.bytes_up,
        report.seconds
    );
    match &round.lost[..] {
        [] => println!(),
        lost => println!("  lost clients {lost:?}, who come back"),
    }
}
