use crate::error::{Error, ParameterError, Result};
use crate::kernels::{AlignedWords, BLOCK, KeyRow, KeyShape, Modulus, PackedRow};
use crate::keys::{KeyId, SecretKey};
use crate::parallel::for_each_part;
use crate::params::{Context, Gadget, KeySpan, KeySwitching};
use crate::ring::{
    Ntt, NttPoly, SecretPoly, Seed, centred_binomial_coefficients, expand_seed_row, small_row,
};
use rand::CryptoRng;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Key-switching key: re-encrypts `c * s_from` as a ciphertext under `s_to`.
///
/// For each digit j of the data primes of its span, `(b_j, a_j)` over the data and special primes of the span with
/// `b_j = -a_j s_to + e_j + P g_j s_from`, where P is the product of the span's special primes and `g_j` is 1 modulo the digit's
/// primes and 0 modulo all others.
///
/// Source: K. Han, D. Ki, "Better Bootstrapping for Approximate Homomorphic Encryption" (eprint 2019/688), section 3.
#[derive(Clone)]
pub struct SwitchingKey {
    context: Arc<Context>,
    gadget: Arc<Gadget>,
    ends: KeyEnds,
    /// Of the halves a; none where they come from elsewhere.
    seed: Option<Seed>,
    /// For each prime of the gadget, a [`KeyRow`].
    rows: AlignedWords,
}

/// The secret keys that a switching key leads from and to: two different ones, or twice the one whose square or automorphism it
/// switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyEnds {
    /// The secret key of ciphertexts that are switched.
    pub from: KeyId,
    /// The secret key of the result.
    pub to: KeyId,
}

impl KeyEnds {
    /// Both ends the same.
    #[must_use]
    pub fn both(id: KeyId) -> Self {
        Self { from: id, to: id }
    }
}

impl SwitchingKey {
    /// The key of a gadget from the secret polynomial `from` to the secret polynomial `to`, both over the key basis; `owner` is the
    /// key that `to` belongs to. The seed of the halves a must be used for no other key.
    ///
    /// # Errors
    /// [`ParameterError::Insecure`](crate::ParameterError::Insecure) if the secret is not secure at the span's modulus.
    pub(super) fn generate(
        (owner, source): (&SecretKey, KeyId),
        [from, to]: [&SecretPoly<Ntt>; 2],
        gadget: Arc<Gadget>,
        seed: Seed,
        rng: &mut impl CryptoRng,
    ) -> Result<Self> {
        let context = owner.context();
        let special = gadget.span().special_primes;
        owner.check_publication(gadget.rows().len() - special, special)?;
        let (basis, factors) = (context.key_basis(), gadget.special_factors());
        let degree = context.degree();
        let errors: Vec<_> = gadget
            .digits()
            .iter()
            .map(|_| centred_binomial_coefficients(degree, rng))
            .collect();
        let mut rows = AlignedWords::zeroed(lengths(context, &gadget).sum());
        for_each_part(parts(context, &gadget, &mut rows), |position, row| {
            let i = gadget.rows()[position];
            let (q, pool) = (basis.modulus(i), basis.pool());
            let shape = shape(context, &gadget, position);
            let [mut b, mut product] = [0; 2].map(|_| pool.take_secret(degree));
            let mut a = pool.take(degree);
            for (number, (digit, errors)) in (0u32..).zip(gadget.digits().iter().zip(&errors)) {
                small_row(q, errors, &mut b);
                basis.table(i).forward(&mut b);
                if digit.contains(&i) {
                    product.copy_from_slice(from.row(i));
                    q.kernels().scale(q, &mut product, factors[i]);
                    q.kernels().add_assign(q, &mut b, &product);
                }
                expand_seed_row(basis, &seed, (number, i), &mut a);
                product.copy_from_slice(&a);
                q.kernels().mul_assign(q, &mut product, to.row(i));
                q.kernels().sub_assign(q, &mut b, &product);
                q.kernels()
                    .store_digit(shape, row, number as usize, [&b, &a]);
            }
            pool.put(a);
        });
        Ok(Self {
            context: Arc::clone(context),
            gadget,
            ends: KeyEnds {
                from: source,
                to: owner.id(),
            },
            seed: Some(seed),
            rows,
        })
    }

    /// The key whose digits are the given pairs `(b_j, a_j)`, as another library or several parties made them: polynomials over the
    /// data primes of the span's levels, then its special primes.
    ///
    /// # Errors
    /// [`ParameterError::InvalidSpan`](crate::ParameterError::InvalidSpan), [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) for
    /// another number of digits than the span has ([`Context::span_digits`]) or polynomials of other primes ([`Context::span_basis`]).
    pub fn from_digits(
        context: &Arc<Context>,
        ends: KeyEnds,
        span: KeySpan,
        digits: &[[NttPoly; 2]],
    ) -> Result<Self> {
        let gadget = context.gadget_of(span)?;
        let basis = &gadget.at(span.level)?.extended;
        let fits = |poly: &NttPoly| poly.is_over(basis);
        if digits.len() != gadget.digits().len() || !digits.as_flattened().iter().all(fits) {
            return Err(Error::Parameters(ParameterError::InvalidKeySwitching {
                reason: "a key has two polynomials for each digit, over the primes of its span",
            }));
        }
        let primes = basis.len();
        let mut key = Self::empty(KeyParts {
            context,
            gadget,
            ends,
            seed: None,
        });
        key.fill(0..primes, |position| {
            move |strip: &mut Strip<'_>, number: usize| {
                for (half, poly) in digits[number].iter().enumerate() {
                    strip.put((number, half), &poly.row(position)[strip.places.clone()]);
                }
            }
        });
        Ok(key)
    }

    /// The sum of two keys with the same uniform halves, which switches from the sum of their sources to the sum of their targets.
    ///
    /// # Errors
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) for keys from other seeds, or of other spans or ends.
    pub(crate) fn sum(&self, other: &Self) -> Result<Self> {
        let alike = self.seed.is_some()
            && (self.seed, self.ends, self.span()) == (other.seed, other.ends, other.span());
        if !alike {
            return Err(Error::Parameters(ParameterError::InvalidKeySwitching {
                reason: "keys that are added have their uniform halves from one seed",
            }));
        }
        let mut key = Self::empty(KeyParts {
            context: &self.context,
            gadget: Arc::clone(&self.gadget),
            ends: self.ends,
            seed: self.seed,
        });
        key.fill(0..self.gadget.rows().len(), |position| {
            let rows = [self.row(position), other.row(position)];
            move |strip: &mut Strip<'_>, number: usize| {
                let places = strip.places.start / BLOCK..strip.places.end / BLOCK;
                let half = |half: usize, combine: &dyn Fn([u64; 2]) -> u64| {
                    let blocks = places.clone().flat_map(|place| {
                        let [a, b] = rows.map(|row| row.block(place, number, half));
                        std::array::from_fn::<_, BLOCK, _>(|i| combine([a[i], b[i]]))
                    });
                    blocks.collect::<Vec<u64>>()
                };
                let q = *strip.q;
                let b = half(0, &|[a, b]| q.add(a, b));
                let a = half(1, &|[a, _]| a);
                strip.put((number, 0), &b);
                strip.put((number, 1), &a);
            }
        });
        Ok(key)
    }

    /// A key to be [filled](Self::fill).
    pub(crate) fn empty(parts: KeyParts<'_>) -> Self {
        let KeyParts {
            context,
            gadget,
            ends,
            seed,
        } = parts;
        Self {
            rows: AlignedWords::zeroed(lengths(context, &gadget).sum()),
            context: Arc::clone(context),
            gadget,
            ends,
            seed,
        }
    }

    /// Fills in the rows of the gadget's primes at `positions`, which were empty, on several threads. `source(position)` puts, for
    /// each strip of places that the row of a prime consists of, in order, and each digit, both halves in place.
    pub(crate) fn fill<F: FnMut(&mut Strip<'_>, usize)>(
        &mut self,
        positions: Range<usize>,
        source: impl Fn(usize) -> F + Sync + Send,
    ) {
        let (context, gadget) = (&self.context, &self.gadget);
        let degree = context.degree();
        let rows = parts(context, gadget, &mut self.rows);
        let wanted = rows.skip(positions.start).take(positions.len());
        for_each_part(wanted, |offset, row| {
            let position = positions.start + offset;
            let shape = shape(context, gadget, position);
            let mut source = source(position);
            for start in (0..degree).step_by(STRIP) {
                let mut strip = Strip {
                    q: context.key_basis().modulus(gadget.rows()[position]),
                    shape,
                    row: &mut row[shape.first_word(start)..],
                    places: start..degree.min(start + STRIP),
                };
                for number in 0..gadget.digits().len() {
                    source(&mut strip, number);
                }
            }
        });
    }

    /// The context that the key was generated for.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The identifier of the secret key that switched ciphertexts are under.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.ends.to
    }

    /// The secret keys that the key leads from and to.
    #[must_use]
    pub fn ends(&self) -> KeyEnds {
        self.ends
    }

    /// What the key covers.
    #[must_use]
    pub fn span(&self) -> KeySpan {
        self.gadget.span()
    }

    /// The public seed of the uniform halves, if they come from one.
    #[must_use]
    pub fn seed(&self) -> Option<Seed> {
        self.seed
    }

    /// The pairs `(b_j, a_j)` of all digits, over the primes of the span ([`Context::span_basis`]): what
    /// [`from_digits`](Self::from_digits) takes.
    ///
    /// # Errors
    /// None for keys made by this crate.
    pub fn digits(&self) -> Result<Vec<[NttPoly; 2]>> {
        let basis = self.context.span_basis(self.span())?;
        let half = |number: usize, half: usize| {
            let mut poly = NttPoly::unspecified(&basis);
            poly.for_each_row(|position, row| self.copy_half(position, (number, half), row));
            poly
        };
        let numbers = 0..self.gadget.digits().len();
        Ok(numbers
            .map(|number| [half(number, 0), half(number, 1)])
            .collect())
    }

    /// The decomposition.
    pub(crate) fn gadget(&self) -> &Arc<Gadget> {
        &self.gadget
    }

    /// What a switch at `level` needs.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) above the span.
    pub(crate) fn switching(&self, level: usize) -> Result<&KeySwitching> {
        self.gadget.at(level)
    }

    /// The part of the gadget's prime at `position`.
    pub(crate) fn row(&self, position: usize) -> KeyRow<'_> {
        let shape = shape(&self.context, &self.gadget, position);
        let start: usize = lengths(&self.context, &self.gadget).take(position).sum();
        let length = shape.words(self.context.degree());
        KeyRow::new(shape, &self.rows[start..][..length])
    }

    /// A half, b or a, of digit `number` modulo the gadget's prime at `position`.
    pub(crate) fn copy_half(
        &self,
        position: usize,
        (number, half): (usize, usize),
        out: &mut [u64],
    ) {
        let row = self.row(position);
        for (place, block) in out.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
            *block = row.block(place, number, half);
        }
    }

    /// The bytes that a key of this gadget takes in memory.
    pub(crate) fn memory(context: &Context, gadget: &Gadget) -> u64 {
        8 * lengths(context, gadget).sum::<usize>() as u64
    }

    /// The bytes of the key's residues in memory.
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        8 * self.rows.len()
    }
}

/// The part of a prime's row that belongs to some places: all digits of it lie together, and in the cache while they are put in place.
pub(crate) struct Strip<'a> {
    q: &'a Modulus,
    shape: KeyShape,
    row: &'a mut [u64],
    pub(crate) places: Range<usize>,
}

impl Strip<'_> {
    /// Puts the values of half a digit in place.
    pub(crate) fn put(&mut self, place: (usize, usize), values: &[u64]) {
        self.shape.store_half(self.row, place, values);
    }

    /// [`put`](Self::put) for values that come [packed](crate::kernels::packing), with the slack behind them, if all are below the prime;
    /// tells whether they are.
    pub(crate) fn put_packed(&mut self, (digit, half): (usize, usize), packed: &[u8]) -> bool {
        let place = PackedRow {
            shape: self.shape,
            row: self.row,
            digit,
            half,
        };
        self.q.kernels().store_packed(self.q, place, packed)
    }
}

/// How many places a strip has, at most: as many as a [`SeedRow`](crate::ring::SeedRow) draws at a time.
const STRIP: usize = 1024;

/// What a key is beside its residues.
pub(crate) struct KeyParts<'a> {
    pub(crate) context: &'a Arc<Context>,
    pub(crate) gadget: Arc<Gadget>,
    pub(crate) ends: KeyEnds,
    pub(crate) seed: Option<Seed>,
}

impl fmt::Debug for SwitchingKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "SwitchingKey({:?}, {} bytes)",
            self.ends.to,
            self.size_in_bytes()
        )
    }
}

/// The shape of the part of a gadget's prime.
fn shape(context: &Context, gadget: &Gadget, position: usize) -> KeyShape {
    let q = context.key_basis().modulus(gadget.rows()[position]);
    KeyShape::new(q, gadget.digits().len())
}

/// Each prime's part of a key's rows.
fn parts<'a>(
    context: &Context,
    gadget: &Gadget,
    mut rows: &'a mut [u64],
) -> impl Iterator<Item = &'a mut [u64]> {
    lengths(context, gadget).map(move |length| rows.split_off_mut(..length).unwrap_or_default())
}

/// The words of each prime's part.
fn lengths(context: &Context, gadget: &Gadget) -> impl Iterator<Item = usize> {
    let positions = 0..gadget.rows().len();
    positions.map(|position| shape(context, gadget, position).words(context.degree()))
}
