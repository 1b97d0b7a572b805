//! A key that 10 parties share and any 4 open: setup, a sum of 100 BFV ciphertexts at the smallest parameters that lambda = 80 allows, and
//! its opening. Prints the parameters and the bytes of each message first.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use slotwise::encoding::BfvEncoder;
use slotwise::encryption::{BfvCiphertext, Encryptor};
use slotwise::evaluator::BfvEvaluator;
use slotwise::keys::PublicKey;
use slotwise::multiparty::{
    BfvOpening, Collector, Contribution, Deal, OpeningShare, Party, Policy, PublicKeyShare,
    Session, SessionTerms, Setup,
};
use slotwise::ring::Seed;
use slotwise::{BfvContext, Error, MultipartyError, Result, Wire};
use std::sync::Arc;

const PARTIES: u32 = 10;
const THRESHOLD: u32 = 4;
const TERMS: i64 = 100;
const DEGREE: usize = 8192;
const PLAINTEXT_MODULUS: u64 = 1000;
/// The fewest bits that the noise of openings leaves room for.
const PRIME_BITS: [u32; 3] = [48, 48, 47];
/// One bit less.
const TOO_SHORT: [u32; 3] = [48, 47, 47];

/// Deals as bytes, with their receivers.
type Dealt = Vec<(u32, Vec<u8>)>;

/// Parties that share a key, and a sum under it.
struct World {
    context: BfvContext,
    session: Session,
    parties: Vec<Party>,
    /// The deals to party 1.
    dealt: Dealt,
    /// The bytes of all deals of each party.
    deal_bytes: Vec<usize>,
    public: Arc<PublicKey>,
    terms: Vec<BfvCiphertext>,
    sum: BfvCiphertext,
}

impl World {
    fn new(prime_bits: &[u32]) -> Result<Self> {
        let policy = Policy::new(PARTIES, THRESHOLD)?;
        let context = BfvContext::builder()
            .degree(DEGREE)
            .prime_bits(prime_bits)
            .special_primes(0)
            .plaintext_modulus(PLAINTEXT_MODULUS)
            .secret(policy.secret())
            .build()?;
        let names: Vec<String> = (1..=PARTIES).map(|i| format!("party {i}")).collect();
        let terms = SessionTerms::new(policy, &names, Seed(rand::random()))?;
        let session = Session::bfv(&context, &terms)?;
        let (parties, dealt, deal_bytes) = set_up(&session)?;
        let public = Arc::new(collect(&session, public_key_shares(&session, &parties)?)?);
        let (encoder, encryptor) = (
            BfvEncoder::new(&context),
            Encryptor::with_public_key(Arc::clone(&public)),
        );
        let mut rng = rand::rng();
        let encrypt = |value| encryptor.encrypt(&encoder.encode_coefficients(&[value])?, &mut rng);
        let terms: Vec<_> = (0..TERMS)
            .map(|i| i % 10)
            .map(encrypt)
            .collect::<Result<_>>()?;
        let sum = BfvEvaluator::new(&context).add_many(&terms)?;
        Ok(Self {
            context,
            session,
            parties,
            dealt,
            deal_bytes,
            public,
            terms,
            sum,
        })
    }

    fn opening(&self) -> Result<BfvOpening> {
        BfvOpening::new(&self.session, &self.sum, b"sum of 100")
    }

    fn shares(&mut self, opening: &BfvOpening) -> Result<Vec<OpeningShare>> {
        let parties = self.parties.iter_mut().take(THRESHOLD as usize);
        parties
            .map(|party| party.open(opening.request(), &mut Vec::new()))
            .collect()
    }

    fn values(&self, opening: &BfvOpening) -> Result<Vec<i64>> {
        BfvEncoder::new(&self.context).decode_coefficients(&opening.finish()?)
    }
}

/// The parties, the deals to the first, and the bytes of all deals of each.
fn set_up(session: &Session) -> Result<(Vec<Party>, Dealt, Vec<usize>)> {
    let numbers = 1..=PARTIES;
    let mut setups: Vec<Setup> = numbers
        .map(|i| Setup::new(session, i, &mut rand::rng()))
        .collect::<Result<_>>()?;
    let mut messages: Vec<Dealt> = Vec::new();
    for setup in &setups {
        let deals = setup.deals()?.into_iter();
        let bytes = deals.map(|deal| (deal.receiver(), deal.expose_confidential_bytes().to_vec()));
        messages.push(bytes.collect());
    }
    for (receiver, bytes) in messages.iter().flatten() {
        setups[*receiver as usize - 1].receive(Deal::from_confidential_bytes(bytes, session)?)?;
    }
    let lengths = messages
        .iter()
        .map(|of| of.iter().map(|(_, bytes)| bytes.len()).sum())
        .collect();
    let to_first = messages.into_iter().flatten().filter(|&(to, _)| to == 1);
    let parties = setups
        .iter_mut()
        .map(Setup::finish)
        .collect::<Result<_>>()?;
    Ok((parties, to_first.collect(), lengths))
}

fn public_key_shares(session: &Session, parties: &[Party]) -> Result<Vec<PublicKeyShare>> {
    let round = session.key_round(0);
    parties
        .iter()
        .map(|party| party.public_key_share(&round))
        .collect()
}

/// The public key from all shares, commitments first.
fn collect(session: &Session, shares: Vec<PublicKeyShare>) -> Result<PublicKey> {
    let mut collector = Collector::<PublicKeyShare>::new(session, &session.key_round(0))?;
    for share in &shares {
        collector.commit(share.commitment())?;
    }
    for share in shares {
        collector.add(share)?;
    }
    collector.finish()
}

/// A setup of party 1 that has received all deals.
fn received(world: &World) -> Setup {
    let setup = || {
        let mut setup = Setup::new(&world.session, 1, &mut rand::rng())?;
        for (_, bytes) in &world.dealt {
            setup.receive(Deal::from_confidential_bytes(bytes, &world.session)?)?;
        }
        Ok::<_, Error>(setup)
    };
    setup().expect("deals of this session")
}

/// Prints what the phases do not show, and checks that the sum opens and the parameters are the smallest.
fn print(world: &mut World) -> Result<()> {
    let mut opening = world.opening()?;
    let shares = world.shares(&opening)?;
    let share_bytes = shares[0].to_bytes().len();
    for share in shares {
        opening.add(share)?;
    }
    let values = world.values(&opening)?;
    assert_eq!(values[0], (0..TERMS).map(|i| i % 10).sum::<i64>());
    assert!(values[1..].iter().all(|&value| value == 0));
    let missing_bits = match World::new(&TOO_SHORT)?.opening() {
        Err(Error::Multiparty(MultipartyError::SmudgingImpossible { missing_bits })) => {
            missing_bits
        }
        other => panic!("a bit less must not do: {other:?}"),
    };
    let (rlwe, policy) = (world.context.rlwe(), world.session.policy());
    let (bits, noise_bits) = (
        PRIME_BITS.iter().sum::<u32>(),
        world.session.noise_bits(rlwe.top_level())?,
    );
    println!(
        "{THRESHOLD} of {PARTIES} parties, N = {DEGREE}, t = {PLAINTEXT_MODULUS}, primes of {PRIME_BITS:?} bits, {bits} in all"
    );
    println!(
        "lambda {}, {} openings, {} noises of 2^{} each, error of the sum within 2^{:.2}; with primes of {TOO_SHORT:?} bits {missing_bits:.2} bits are missing",
        policy.lambda().bits(),
        policy.openings(),
        policy.noise_sources(),
        noise_bits.unwrap_or_default(),
        opening.request().bound_bits(),
    );
    let key_share = public_key_shares(&world.session, &world.parties[..1])?;
    for (name, bytes) in [
        ("all deals of the first party", world.deal_bytes[0]),
        (
            "all deals of the last party",
            world.deal_bytes[PARTIES as usize - 1],
        ),
        ("public key share", key_share[0].to_bytes().len()),
        ("ciphertext", world.sum.to_bytes().len()),
        ("request of an opening", opening.request().to_bytes().len()),
        ("share of an opening", share_bytes),
    ] {
        println!("{name:<30} {bytes:>9} bytes");
    }
    Ok(())
}

fn multiparty(criterion: &mut Criterion) {
    let mut world = World::new(&PRIME_BITS).expect("a valid set");
    print(&mut world).expect("a sum that opens");
    let mut group = criterion.benchmark_group("multiparty/4 of 10");
    group.sample_size(10);
    setup(&mut group, &world);
    sum(&mut group, &world);
    opening(&mut group, &mut world);
    group.finish();
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn setup(group: &mut Group<'_>, world: &World) {
    let mut rng = rand::rng();
    group.bench_function("setup: secret and deals", |bencher| {
        bencher.iter(|| Setup::new(&world.session, 1, &mut rng));
    });
    group.bench_function("setup: finish", |bencher| {
        bencher.iter_batched_ref(|| received(world), Setup::finish, BatchSize::PerIteration);
    });
    let round = world.session.key_round(0);
    group.bench_function("public key share", |bencher| {
        bencher.iter(|| world.parties[0].public_key_share(&round));
    });
    let shares = public_key_shares(&world.session, &world.parties).expect("contributors");
    group.bench_function("public key from all shares", |bencher| {
        bencher.iter_batched(
            || shares.clone(),
            |shares| collect(&world.session, shares),
            BatchSize::PerIteration,
        );
    });
}

fn sum(group: &mut Group<'_>, world: &World) {
    let mut rng = rand::rng();
    let encryptor = Encryptor::with_public_key(Arc::clone(&world.public));
    let encoder = BfvEncoder::new(&world.context);
    let plaintext = encoder.encode_coefficients(&[7]).expect("below t");
    group.bench_function("encrypt", |bencher| {
        bencher.iter(|| encryptor.encrypt(&plaintext, &mut rng));
    });
    let evaluator = BfvEvaluator::new(&world.context);
    group.bench_function("sum of 100", |bencher| {
        bencher.iter(|| evaluator.add_many(&world.terms));
    });
}

fn opening(group: &mut Group<'_>, world: &mut World) {
    group.bench_function("opening: request", |bencher| {
        bencher.iter(|| world.opening());
    });
    let mut opening = world.opening().expect("room for noise");
    group.bench_function("opening: share", |bencher| {
        let party = &mut world.parties[0];
        bencher.iter(|| party.open(opening.request(), &mut Vec::new()));
    });
    for share in world.shares(&opening).expect("parties of this session") {
        opening.add(share).expect("different parties");
    }
    group.bench_function("opening: finish and decode", |bencher| {
        bencher.iter(|| world.values(&opening));
    });
}

criterion_group!(benches, multiparty);
criterion_main!(benches);
