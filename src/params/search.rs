//! Primes and digits for a depth: the smallest degree that is secure, then the cheapest key switching that fits it.

use crate::error::{Error, ParameterError, Result};
use crate::params::rlwe::find_primes;
use crate::params::{BfvNoise, Log2, ProductNoise, RlweParams, SecretDistribution, SecurityPolicy};

/// Primes are kept below 2^50 where the sizes allow, so that the fastest kernels serve them.
const FAST_BITS: u32 = 50;

/// The largest special prime that a search uses.
const MOST_BITS: u32 = 60;

/// The degrees that a search tries, as exponents of 2.
pub(super) const DEGREES: std::ops::RangeInclusive<u32> = 12..=17;

/// The degrees from `least` on, the smallest first.
///
/// # Errors
/// [`ParameterError::InvalidDegree`](crate::ParameterError::InvalidDegree) if there is none.
pub(crate) fn degrees(least: usize) -> Result<impl Iterator<Item = usize>> {
    if least > 1 << DEGREES.end() {
        return Err(Error::Parameters(ParameterError::InvalidDegree {
            degree: least,
        }));
    }
    Ok(DEGREES
        .map(|bits| 1 << bits)
        .filter(move |&degree| degree >= least))
}

/// Why no degree serves, which is not always `otherwise`: the secret can be at fault.
///
/// # Errors
/// [`ParameterError::InvalidSecret`](crate::ParameterError::InvalidSecret) for one that no degree has.
pub(super) fn why_none(
    secret: SecretDistribution,
    policy: SecurityPolicy,
    otherwise: &'static str,
) -> Result<&'static str> {
    secret.check(1 << DEGREES.end())?;
    let is_sparse = matches!(secret, SecretDistribution::Sparse { .. });
    Ok(match policy {
        SecurityPolicy::Enforced(..) if is_sparse => TOO_SPARSE,
        _ => otherwise,
    })
}

/// A depth as messages say it. What is no `u32` was asked for as the largest.
pub(super) fn depth_asked(depth: u32) -> String {
    match depth {
        u32::MAX => "a depth that is negative or beyond 32 bits".into(),
        _ => format!("depth {depth}"),
    }
}

/// Why there is no such depth.
pub(super) fn why_so_deep(depth: u32, otherwise: &'static str) -> &'static str {
    match depth {
        u32::MAX => "use the number of consecutive multiplications, from 0 on",
        _ => otherwise,
    }
}

/// The reason where a secret is at fault.
const TOO_SPARSE: &str = "a sparse secret is known to be secure at moduli of at most 100 bits only, from N = 32768 and a weight of 29 on, \
                          which is less than this takes; leave out `secret`, so that it is ternary";

/// Parameters of a degree with data primes of the given sizes, so many in each level, and the special primes and digits that cost
/// the fewest NTTs in a key switch within the security limit; `None` if none fits.
pub(super) fn with_key_switching(
    ring: Ring<'_>,
    secret: SecretDistribution,
    policy: SecurityPolicy,
) -> Option<Result<RlweParams>> {
    let count = ring.1.len();
    let plans = secure_plans(&ring, secret, policy);
    let best = plans.min_by_key(|plan| plan.transforms(count))?;
    Some(with_digits(&ring, best, secret, policy))
}

/// As [`with_key_switching`], all special primes and digits of which none costs both fewer NTTs and fewer key bytes than another, those with
/// the fewest NTTs first.
///
/// # Errors
/// As [`RlweParams::new`] and [`find_primes`].
pub(super) fn with_any_key_switching(
    ring: &Ring<'_>,
    secret: SecretDistribution,
    policy: SecurityPolicy,
) -> Result<Vec<RlweParams>> {
    let data_bits = ring.1;
    let mut plans: Vec<DigitPlan> = secure_plans(ring, secret, policy).collect();
    plans.sort_by_key(|plan| (plan.transforms(data_bits.len()), plan.key_bits(data_bits)));
    let mut least = u32::MAX;
    plans.retain(|plan| {
        let bits = plan.key_bits(data_bits);
        let is_smaller = bits < least;
        least = least.min(bits);
        is_smaller
    });
    let params = |plan| with_digits(ring, plan, secret, policy);
    plans.into_iter().map(params).collect()
}

/// A degree, the sizes of data primes, and how many each level has.
pub(super) type Ring<'a> = (usize, &'a [u32], Vec<usize>);

/// All digits and special primes within the security limit.
fn secure_plans<'a>(
    &(degree, data_bits, _): &Ring<'a>,
    secret: SecretDistribution,
    policy: SecurityPolicy,
) -> impl Iterator<Item = DigitPlan> + use<'a> {
    // A heavier secret than the degree has coefficients asks for a larger one.
    let is_possible = secret.check(degree).is_ok();
    let limit = policy.limit(degree, secret).filter(|_| is_possible);
    let data: u32 = data_bits.iter().sum();
    (1..=data_bits.len())
        .flat_map(|digits| plan_digits(data_bits, digits))
        .filter(move |plan| {
            let bits = f64::from(data + plan.special_bits.iter().sum::<u32>());
            limit.is_some_and(|limit| bits <= limit)
        })
}

fn with_digits(
    (degree, data_bits, level_sizes): &Ring<'_>,
    plan: DigitPlan,
    secret: SecretDistribution,
    policy: SecurityPolicy,
) -> Result<RlweParams> {
    let mut primes = find_primes(*degree, &[data_bits, &plan.special_bits[..]].concat())?;
    let special = primes.split_off(data_bits.len());
    RlweParams::new(*degree, &primes, &special, policy)?
        .with_digits(plan.sizes)?
        .with_levels(level_sizes.clone())?
        .with_secret(secret)
}

/// The sizes of equal primes that together have at least `total` bits; `None` if they would be too many.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded just before"
)]
pub(super) fn split_bits(total: f64, least: u32) -> Option<Vec<u32>> {
    if total > f64::from(FAST_BITS) * 100.0 {
        return None;
    }
    // A prime of b bits is at least 2^b (1 - 2^-5) for the sizes used here: allow a twentieth of a bit for each.
    let count = (total / (f64::from(FAST_BITS) - 0.05)).ceil().max(1.0);
    let size = (total / count + 0.05).ceil() as u32;
    Some(vec![size.max(least); count as usize])
}

/// The least size at which there are so many primes that are 1 modulo 2N. About one in `b ln 2` of the odd multiples of 2N and 1 with b bits
/// is prime: of 2^k of them one in 20 at least, for all degrees.
pub(super) fn least_prime_bits(degree: usize, count: u32) -> u32 {
    let candidates = (20 * count.max(12)).next_power_of_two();
    degree.trailing_zeros() + 2 + candidates.trailing_zeros()
}

/// One way to cut the data primes into digits.
struct DigitPlan {
    sizes: Vec<usize>,
    special_bits: Vec<u32>,
}

impl DigitPlan {
    /// The work of one key switch in NTTs: the input back, each digit's extension, and the division, which is
    /// `d (L + K) + 2 K + 2 L`; a prime beyond the fast kernels counts twice.
    fn transforms(&self, count: usize) -> usize {
        let special: usize = self
            .special_bits
            .iter()
            .map(|&bits| if bits > FAST_BITS { 2 } else { 1 })
            .sum();
        self.sizes.len() * (count + special) + 2 * special + 2 * count
    }
}

impl DigitPlan {
    /// The bits of a key, for each coefficient of one of its two halves.
    fn key_bits(&self, data_bits: &[u32]) -> u32 {
        let digits = u32::try_from(self.sizes.len()).unwrap_or(u32::MAX);
        let bits: u32 = data_bits.iter().chain(&self.special_bits).sum();
        digits.saturating_mul(bits)
    }
}

/// At most `digits` digits, the largest of which has as few bits as it can, with special primes whose product is at least each
/// digit's: as few as the fast kernels serve, or a single larger one.
fn plan_digits(data_bits: &[u32], digits: usize) -> Vec<DigitPlan> {
    let total: u32 = data_bits.iter().sum();
    let widest = data_bits.iter().copied().max().unwrap_or(0);
    let even = total.div_ceil(u32::try_from(digits).unwrap_or(u32::MAX));
    // Greedy runs up to a limit are the fewest for it.
    let limits = even.max(widest)..=total;
    let mut cuts = limits.map(|limit| runs_within(data_bits, limit));
    let Some(sizes) = cuts.find(|sizes| sizes.len() <= digits) else {
        return Vec::new();
    };
    if sizes.len() != digits {
        return Vec::new(); // the same plan as with fewer digits
    }
    let mut rest = data_bits;
    let bits = sizes.iter().map(|&size| {
        let (digit, others) = rest.split_at(size);
        rest = others;
        digit.iter().sum::<u32>()
    });
    let largest = bits.max().unwrap_or(0);
    // Primes of b bits are below 2^b, so equal sizes can lose a fraction of a bit: the noise formula accounts for it.
    let count = largest.div_ceil(FAST_BITS);
    let fast = vec![largest.div_ceil(count); count as usize];
    let single = (largest <= MOST_BITS).then(|| vec![largest]);
    let plan = |special_bits| DigitPlan {
        sizes: sizes.clone(),
        special_bits,
    };
    std::iter::once(fast).chain(single).map(plan).collect()
}

/// The sizes of the longest runs of at most `limit` bits, which no single prime exceeds.
fn runs_within(data_bits: &[u32], limit: u32) -> Vec<usize> {
    let mut sizes = Vec::new();
    let mut left = 0;
    for &bits in data_bits {
        match sizes.last_mut() {
            Some(size) if bits <= left => {
                *size += 1;
                left -= bits;
            }
            _ => {
                sizes.push(1);
                left = limit - bits;
            }
        }
    }
    sizes
}

/// The bits of modulus that BFV needs for `depth` sequential multiplications of public-key ciphertexts: the noise formulas
/// played through for a tree of products whose operands are sums, so that no mask is sure to be new. On the way there is room for sums
/// of so many terms in all, which multiply the noise bound by their number.
pub(super) fn bfv_modulus_bits(
    products: &ProductNoise,
    depth: u32,
    plain: Log2,
    terms: Log2,
) -> f64 {
    let model = products.model();
    let fresh = BfvNoise::of_error(model.division(1), 1).plus(BfvNoise::of_plaintext(products));
    // The errors of a switch are about 4 sqrt(d k) times its rounding, for d digits of k primes: here 8 primes. Products
    // bury them; a sum over slots of fresh ciphertexts does not.
    let key_switch = BfvNoise::of_error(model.division(1).times(Log2::from_bits(3.5)), 1);
    let noise = (0..depth).fold(fresh, |noise, _| {
        let sum = BfvNoise { newest: 1, ..noise };
        sum.product(sum, products).plus(key_switch)
    });
    // Half of Q / t, and a hundredth of a bit for the conversions.
    (noise.plus(key_switch).bound(products) * plain * terms).bits() + 1.01
}
