use crate::bootstrapping::factors::Direction;
use crate::bootstrapping::failure::log2_failure_probability;
use crate::bootstrapping::joint::Joint;
use crate::bootstrapping::keys::{layout_of, trace_steps};
use crate::bootstrapping::transform::{Steps, Transform};
use crate::bootstrapping::{BootstrappingKeys, reduction};
use crate::circuits::Chebyshev;
use crate::encoding::Memory;
use crate::encryption::CkksCiphertext;
use crate::error::{BOOTSTRAPPING, Error, ParameterError, Result};
use crate::evaluator::{CkksEvaluator, Evaluator, Refresh, RefreshLevels, UNKNOWN_PERIOD};
use crate::keys::KeyId;
use crate::params::{BootstrappingLayout, CkksContext, CkksState, KeySpan, RefreshRules};
use crate::ring::as_f64;
use std::sync::Arc;

/// Gives ciphertexts their levels back.
///
/// The slots, of magnitude at most 1, become coefficients at the lowest modulus; the modulus is raised under a sparse secret, which adds small multiples of
/// the lowest prime to the coefficients; these become slots, and a polynomial takes the multiples away. The message stays, up to
/// [`error_bound`](Self::error_bound), and the probability that a result is worthless is `2^`[`log2_failure_probability`](Self::log2_failure_probability).
///
/// Source: J.-P. Bossuat, J. Troncoso-Pastoriza, J.-P. Hubaux, "Bootstrapping for Approximate Homomorphic Encryption with Negligible
/// Failure-Probability by Using Sparse-Secret Encapsulation" (eprint 2022/024); the order of the transforms: H. Chen, K. Han, "Homomorphic Lower Digits
/// Removal and Improved FHE Bootstrapping" (eprint 2018/067).
#[derive(Clone, Debug)]
#[doc(alias = "EvalBootstrap")]
pub struct Bootstrapper {
    layout: BootstrappingLayout,
    evaluator: CkksEvaluator,
    key: KeyId,
    sparse: KeyId,
    to_coefficients: Transform,
    to_slots: Transform,
    /// For few slots.
    joint: Option<Joint>,
    trace: Vec<i64>,
    reduction: Chebyshev,
    /// What the result lacks.
    last_rotation: i64,
    rules: RefreshRules,
    /// Whether the caller vouches for slots that repeat.
    is_assumed: bool,
}

impl Bootstrapper {
    /// The largest error that a bootstrapping may add: parameters whose keys add more are useless.
    const LARGEST_ERROR: f64 = 1.0 / 1024.0;

    /// The bootstrapper of these keys. Encodes the matrices of both transforms, and stores that to slots in [little memory](Memory::Small).
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// let bootstrapper = Bootstrapper::new(&context, &keys)?;
    /// assert!(bootstrapper.error_bound() < 1e-4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::CannotRefresh`](crate::OperandError::CannotRefresh) for parameters without a bootstrapping;
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) for keys of other parameters;
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) for digits so large that results would be worthless.
    #[doc(alias("EvalBootstrapSetup", "NewEvaluator", "NewBootstrapper"))]
    pub fn new(context: &CkksContext, keys: &BootstrappingKeys) -> Result<Self> {
        Self::with_memory(context, keys, Memory::default())
    }

    /// [`new`](Self::new) with the matrix to slots [stored](Memory) so; the other, which has few primes, is stored with its rows. Results are the
    /// same, bit by bit.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// let bootstrapper = Bootstrapper::with_memory(&context, &keys, slotwise::encoding::Memory::Fast)?;
    /// assert_eq!(bootstrapper.bootstrap(&x)?.level(), context.fresh_level());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_memory(
        context: &CkksContext,
        keys: &BootstrappingKeys,
        memory: Memory,
    ) -> Result<Self> {
        let layout = layout_of(context)?.clone();
        let evaluator = CkksEvaluator::with_keys(context, Arc::clone(keys.evaluation_keys()))?;
        let to_coefficients = Direction::SlotsToCoefficients.factors(layout.coefficient_radices());
        let mut to_slots = Direction::CoefficientsToSlots.factors(layout.slot_radices());
        // What the sum with the conjugate doubles.
        if let Some(last) = to_slots.last_mut() {
            last.scale(0.5);
        }
        let rules = RefreshRules::new(context, &layout)?;
        if rules.error_of_one().is_nan() || rules.error_of_one() > Self::LARGEST_ERROR {
            return Err(Error::Parameters(ParameterError::InvalidKeySwitching {
                reason: "digits too large for the special primes: a bootstrapping would lose the message",
            }));
        }
        let encoder = evaluator.encoder();
        let span = |level: usize| layout.span(level, context.params().rlwe());
        let first = (span(layout.lowest_level()), 0);
        let (to_coefficients, shift) =
            Transform::new(encoder, &to_coefficients, first, Memory::Fast)?;
        let second = (span(layout.top_level()), shift);
        let (transform, last_rotation) = Transform::new(encoder, &to_slots, second, memory)?;
        let few = layout.reduces_once(context.params().rlwe());
        let last = to_slots.last().filter(|_| few);
        let joint = last.map(|last| {
            let span = KeySpan {
                level: layout.reduction_level() + 1,
                ..second.0
            };
            let shift = last_rotation - Steps::of(last).shift();
            Joint::new(encoder, (last, layout.slots()), (span, shift), memory)
        });
        Ok(Self {
            reduction: reduction::polynomial(layout.ratio_bits())?,
            rules,
            key: keys.key_id(),
            sparse: keys.sparse_id(),
            trace: trace_steps(context, &layout),
            layout,
            evaluator,
            to_coefficients,
            to_slots: transform,
            joint: joint.transpose()?,
            last_rotation,
            is_assumed: false,
        })
    }

    /// The bootstrapper for ciphertexts whose slots repeat with the [period](BootstrappingLayout::period) of the layout, which the caller vouches for: a
    /// ciphertext does not know whether they do. Where they differ, the result is the mean of those that should be copies, and no error says so. Vectors
    /// know, and need no such statement: prefer [`Vector::refresh`](crate::circuits::Vector::refresh).
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// // 512 slots of which those are bootstrapped that repeat after 8.
    /// let context = CkksContext::new(CkksParams::insecure_for_repeated_bootstrapping(1024, 8, 1)?)?;
    /// let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    /// let keys = BootstrappingKeys::generate(&context, &secret, &mut rng, |_| ())?;
    /// let (bootstrapper, encryptor) = (Bootstrapper::new(&context, &keys)?, Encryptor::with_secret_key(secret));
    /// let copies = CkksEncoder::new(&context).encode(&[0.5, -0.25].repeat(256), context.fresh_level())?;
    /// let x = encryptor.encrypt(&copies, &mut rng)?;
    /// assert!(bootstrapper.bootstrap(&x).is_err());
    /// assert!(bootstrapper.assume_repeated().bootstrap(&x)?.noise_bound() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn assume_repeated(self) -> Self {
        Self {
            is_assumed: true,
            ..self
        }
    }

    /// Checks that slots of which nothing is known can be bootstrapped, or that the caller vouches for them.
    fn check_repeated(&self) -> Result<()> {
        if self.is_assumed {
            return Ok(());
        }
        self.layout.check_period(UNKNOWN_PERIOD)
    }

    /// The evaluator that the bootstrapper computes with.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// assert_eq!(bootstrapper.evaluator().context(), &context);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn evaluator(&self) -> &CkksEvaluator {
        &self.evaluator
    }

    /// A bound on the error that a bootstrapping adds in each slot to the error of its input.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// assert!(bootstrapper.error_bound() < 1e-4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn error_bound(&self) -> f64 {
        // Two parts with independent errors.
        self.rules.error() * 2f64.sqrt()
    }

    /// log2 of the probability that a bootstrapping fails: `-inf`, since the polynomial of the modular reduction covers all that the secret's weight allows.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// assert_eq!(bootstrapper.log2_failure_probability(), f64::NEG_INFINITY);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn log2_failure_probability(&self) -> f64 {
        let (weight, multiples) = (
            BootstrappingLayout::SPARSE_WEIGHT,
            BootstrappingLayout::MULTIPLES,
        );
        let iterations = self.layout.iterations() as usize;
        log2_failure_probability(weight, multiples, 2 * self.layout.slots() * iterations)
    }

    /// The message of `x`, complex numbers that repeat over all N/2 slots if the layout has fewer, at the level and scale of a fresh ciphertext.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// let fresh = bootstrapper.bootstrap(&x)?;
    /// assert_eq!(fresh.level(), context.fresh_level());
    /// let values = encoder.decode(&Decryptor::new(&secret).decrypt(&fresh)?)?;
    /// assert!((values[0] - 0.5).abs() < 1e-4 && (values[1] + 0.25).abs() < 1e-4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::NotRepeated`](crate::OperandError::NotRepeated) if the layout has a [period](BootstrappingLayout::period), unless slots are
    /// [assumed to repeat](Self::assume_repeated);
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) below the level that the first transform takes;
    /// [`PrecisionError::MessageTooLarge`](crate::PrecisionError::MessageTooLarge) unless the bounds of message and error add up to at most 1 + 2^-7;
    /// [`OperandError::ScaleMismatch`](crate::OperandError::ScaleMismatch) at that level with another scale than that of ciphertexts there;
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch), [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized).
    #[doc(alias = "EvalBootstrap")]
    pub fn bootstrap(&self, x: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.check_repeated()?;
        let (x, state) = self.ready(x)?;
        if let Some(joint) = &self.joint {
            let result = self.reduced_once(&x, joint, 1.0)?;
            return self.stated(result, state, self.error_bound());
        }
        let once = |x: &CkksCiphertext, share| {
            let parts = self.raised_parts(x)?;
            let [re, im] = parts.each_ref().map(|part| self.reduced_share(part, share));
            Ok([self.finished(&self.joined([&re?, &im?])?)?])
        };
        let lack = |[result]: &[_; 1], enlargement| self.lack(&x, result, enlargement);
        let [result] = self.iterated(&x, once, lack)?;
        self.stated(result, state, self.error_bound())
    }

    /// [`bootstrap`](Self::bootstrap) of a message that is real in every slot, in a third less time. Imaginary parts are lost.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// let fresh = bootstrapper.bootstrap_real(&x)?;
    /// let values = encoder.decode(&Decryptor::new(&secret).decrypt(&fresh)?)?;
    /// assert!((values[0] - 0.5).abs() < 1e-4 && (values[1] + 0.25).abs() < 1e-4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`bootstrap`](Self::bootstrap).
    #[doc(alias = "EvalBootstrap")]
    pub fn bootstrap_real(&self, x: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.check_repeated()?;
        self.refreshed(x)
    }

    /// [`bootstrap_real`](Self::bootstrap_real) of two ciphertexts in the time of one complex bootstrapping. Both messages must be real in every slot: an
    /// imaginary part of one is added to the other. So is its error, which the bound of the result includes.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// let y = encryptor.encrypt(&encoder.encode(&[0.125], lowest)?, &mut rng)?;
    /// let [fresh_x, fresh_y] = bootstrapper.bootstrap_real_pair([&x, &y])?;
    /// let values = encoder.decode(&Decryptor::new(&secret).decrypt(&fresh_y)?)?;
    /// assert!((values[0] - 0.125).abs() < 1e-4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`bootstrap`](Self::bootstrap).
    pub fn bootstrap_real_pair(&self, pair: [&CkksCiphertext; 2]) -> Result<[CkksCiphertext; 2]> {
        self.check_repeated()?;
        self.refreshed_pair(pair)
    }

    /// [`bootstrap_real_pair`](Self::bootstrap_real_pair) of slots that repeat if they must.
    fn refreshed_pair(&self, [x, y]: [&CkksCiphertext; 2]) -> Result<[CkksCiphertext; 2]> {
        let ((x, of_x), (y, of_y)) = (self.ready(x)?, self.ready(y)?);
        let Some([added_to_x, added_to_y]) = self.rules.errors_of_pair([of_x, of_y]) else {
            return Ok([self.real_part(&x, of_x)?, self.real_part(&y, of_y)?]);
        };
        let joined = self.joined([&x, &y])?;
        if let Some(joint) = &self.joint {
            let halves = self.reduced_once(&joined, joint, 0.5)?;
            let conjugate = self.evaluator.conjugate(&halves)?;
            let x = self.evaluator.add(&halves, &conjugate)?;
            let y = self.evaluator.sub(&conjugate, &halves)?;
            let y = self.evaluator.mul_i(&y)?;
            return Ok([
                self.stated(x, of_x, added_to_x)?,
                self.stated(y, of_y, added_to_y)?,
            ]);
        }
        let once = |joined: &CkksCiphertext, share| {
            let parts = self.raised_parts(joined)?;
            let [x, y] = parts.each_ref().map(|part| self.real_result(part, share));
            Ok([x?, y?])
        };
        let lack =
            |[x, y]: &[_; 2], enlargement| self.lack(&joined, &self.joined([x, y])?, enlargement);
        let [x, y] = self.iterated(&joined, once, lack)?;
        Ok([
            self.stated(x, of_x, added_to_x)?,
            self.stated(y, of_y, added_to_y)?,
        ])
    }

    /// [`bootstrap_real`](Self::bootstrap_real) of slots that repeat if they must.
    fn refreshed(&self, x: &CkksCiphertext) -> Result<CkksCiphertext> {
        let (x, state) = self.ready(x)?;
        self.real_part(&x, state)
    }

    /// [`refreshed`](Self::refreshed) of what is [`ready`](Self::ready).
    fn real_part(&self, x: &CkksCiphertext, state: CkksState) -> Result<CkksCiphertext> {
        if let Some(joint) = &self.joint {
            let half = self.reduced_once(x, joint, 0.5)?;
            let result = self.with_conjugate(&half)?;
            return self.stated(result, state, self.rules.error());
        }
        let once = |x: &CkksCiphertext, share| {
            let [re, _] = self.raised_parts(x)?;
            Ok([self.real_result(&re, share)?])
        };
        // An imaginary part is not to be enlarged.
        let lack = |[result]: &[_; 1], enlargement: f64| {
            self.with_conjugate(&self.lack(x, result, 0.5 * enlargement)?)
        };
        let [result] = self.iterated(x, once, lack)?;
        self.stated(result, state, self.rules.error())
    }

    /// The results of all iterations on what is [`ready`](Self::ready), where `once` has those of one, times a share: one, or the real and the
    /// imaginary part. Each iteration adds what the ones before lack, which `lack` has enlarged.
    fn iterated<const RESULTS: usize>(
        &self,
        x: &CkksCiphertext,
        once: impl Fn(&CkksCiphertext, f64) -> Result<[CkksCiphertext; RESULTS]>,
        lack: impl Fn(&[CkksCiphertext; RESULTS], f64) -> Result<CkksCiphertext>,
    ) -> Result<[CkksCiphertext; RESULTS]> {
        let mut results = once(x, 1.0)?;
        for enlargement in self.rules.enlargements() {
            let corrections = once(&lack(&results, enlargement)?, enlargement.recip())?;
            for (result, correction) in results.iter_mut().zip(&corrections) {
                *result = self.evaluator.add(result, correction)?;
            }
        }
        Ok(results)
    }

    /// A share of one part. An iteration corrects what is real of it, so that before others nothing else is left.
    fn real_result(&self, part: &CkksCiphertext, share: f64) -> Result<CkksCiphertext> {
        if self.layout.iterations() == 1 {
            return self.finished(&self.reduced_share(part, share)?);
        }
        let half = self.finished(&self.reduced_share(part, 0.5 * share)?)?;
        self.with_conjugate(&half)
    }

    /// Twice the real part.
    fn with_conjugate(&self, x: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.evaluator.add(x, &self.evaluator.conjugate(x)?)
    }

    /// So many times what a result lacks of the message of `x`, where a bootstrapping begins.
    fn lack(
        &self,
        x: &CkksCiphertext,
        result: &CkksCiphertext,
        enlargement: f64,
    ) -> Result<CkksCiphertext> {
        let (evaluator, lowest) = (&self.evaluator, self.layout.lowest_level());
        let mut x = self.untracked(x.clone(), 1.0)?;
        // A difference of its scale is an error of its message.
        x.state.scale = evaluator.context().scale(lowest)?;
        let result = self.lowered(&self.untracked(result.clone(), 1.0)?)?;
        let lack = evaluator.mul_scalar(&evaluator.sub(&x, &result)?, enlargement)?;
        self.untracked(lack, 1.0)
    }

    /// `x` at the level and scale from which the first transform starts, and what is known of it: a message that is small enough.
    fn ready(&self, x: &CkksCiphertext) -> Result<(CkksCiphertext, CkksState)> {
        let (evaluator, lowest) = (&self.evaluator, self.layout.lowest_level());
        evaluator.check_depth(x, BOOTSTRAPPING, lowest)?;
        x.body.key_id.check(self.key)?;
        x.body.pair()?;
        let x = self.lowered(x)?;
        let state = RefreshRules::input(x.state, evaluator.context(), lowest)?;
        Ok((x, state))
    }

    /// The result with the bounds that follow from those of the input.
    fn stated(
        &self,
        mut x: CkksCiphertext,
        input: CkksState,
        added: f64,
    ) -> Result<CkksCiphertext> {
        x.state = input.refreshed(x.state, added, self.evaluator.context())?;
        Ok(x)
    }

    /// So many times the message of `x`, by one modular reduction of both parts.
    fn reduced_once(
        &self,
        x: &CkksCiphertext,
        joint: &Joint,
        times: f64,
    ) -> Result<CkksCiphertext> {
        let evaluator = &self.evaluator;
        let y = self.raised(&self.coefficients(x)?)?;
        let w = self.to_slots.apply_before_last(evaluator, y)?;
        let v = self.untracked(joint.parts(evaluator, w)?, 1.0)?;
        let halves = self
            .reduction
            .evaluate_turned(evaluator, &v, &joint.turns(times))?;
        self.finished(&joint.joined(evaluator, &halves)?)
    }

    fn raised_parts(&self, x: &CkksCiphertext) -> Result<[CkksCiphertext; 2]> {
        self.parts(self.raised(&self.coefficients(x)?)?)
    }

    fn lowered(&self, x: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.evaluator.settle_at(x, self.layout.lowest_level())
    }

    /// First phase: the slots of `x` as coefficients of the polynomial in bit-reversed order, real parts in the lower half and imaginary parts in
    /// the upper, at level 0. Bounds are not tracked from here on.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// let coefficients = bootstrapper.coefficients(&x)?;
    /// assert_eq!(coefficients.level(), 0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`bootstrap`](Self::bootstrap), except that bounds are not checked, nor whether slots repeat.
    #[doc(alias = "SlotsToCoeffs")]
    pub fn coefficients(&self, x: &CkksCiphertext) -> Result<CkksCiphertext> {
        // Bounds at the roots say nothing of coefficients: a polynomial whose coefficients are messages has values sqrt(N) times as large.
        let x = self.untracked(
            self.lowered(x)?,
            1.0 / as_f64(self.evaluator.context().degree()),
        )?;
        self.to_coefficients.apply(&self.evaluator, x)
    }

    /// Second phase: the phase of `x`, modulo q0, as `t / (q0 K)` at the highest level: t is the phase plus a multiple of q0, below `q0 K`.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// let raised = bootstrapper.raised(&bootstrapper.coefficients(&x)?)?;
    /// assert_eq!(raised.level(), context.top_level());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) unless `x` is at level 0.
    #[doc(alias("ModUp", "ModRaise"))]
    pub fn raised(&self, x: &CkksCiphertext) -> Result<CkksCiphertext> {
        let (evaluator, top) = (&self.evaluator, self.layout.top_level());
        let sparse = evaluator.switch_key(x, self.sparse)?;
        let raised = evaluator.raise_modulus(&sparse, top)?;
        let y = evaluator.switch_key(&raised, x.body.key_id)?;
        // Coefficients that a sparse message leaves out have multiples of q0, too: a sum of rotations takes them away.
        let bound = as_f64(evaluator.context().degree());
        let y = self.untracked(y, bound)?;
        let mut y = evaluator.rotate_and_sum(&y, &self.trace, bound)?;
        y.state.scale = evaluator.context().scale(top)?;
        self.untracked(y, bound)
    }

    /// Third phase: the coefficients of `y` in the slots of two real ciphertexts, those of the lower half and those of the upper.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// let raised = bootstrapper.raised(&bootstrapper.coefficients(&x)?)?;
    /// let [real, imaginary] = bootstrapper.parts(raised)?;
    /// assert_eq!(real.level(), imaginary.level());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) unless `y` is at the highest level.
    #[doc(alias = "CoeffsToSlots")]
    pub fn parts(&self, y: CkksCiphertext) -> Result<[CkksCiphertext; 2]> {
        let evaluator = &self.evaluator;
        let w = self.untracked(self.to_slots.apply(evaluator, y)?, 1.0)?;
        let conjugate = evaluator.conjugate(&w)?;
        let re = evaluator.add(&w, &conjugate)?;
        let im = evaluator.mul_i(&evaluator.sub(&conjugate, &w)?)?;
        Ok([self.untracked(re, 1.0)?, self.untracked(im, 1.0)?])
    }

    /// Fourth phase: `K y - round(K y)` in every slot, times the ratio of the lowest prime and the message's scale.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// let raised = bootstrapper.raised(&bootstrapper.coefficients(&x)?)?;
    /// let [real, _] = bootstrapper.parts(raised)?;
    /// let reduced = bootstrapper.reduced(&real)?; // the multiples of the lowest prime are gone
    /// assert!(reduced.level() < real.level());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) unless `y` is at the level where the reduction begins.
    #[doc(alias = "EvalMod")]
    pub fn reduced(&self, y: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.reduced_share(y, 1.0)
    }

    /// [`reduced`](Self::reduced), times a share.
    fn reduced_share(&self, y: &CkksCiphertext, share: f64) -> Result<CkksCiphertext> {
        if share == 1.0 {
            return self.reduction.evaluate(&self.evaluator, y);
        }
        let coefficients = self.reduction.coefficients().iter().map(|c| c * share);
        Chebyshev::new(coefficients, self.reduction.interval())?.evaluate(&self.evaluator, y)
    }

    /// Fifth phase: `re + i im`.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// let parts = bootstrapper.parts(bootstrapper.raised(&bootstrapper.coefficients(&x)?)?)?;
    /// let [real, imaginary] = [bootstrapper.reduced(&parts[0])?, bootstrapper.reduced(&parts[1])?];
    /// let joined = bootstrapper.joined([&real, &imaginary])?;
    /// assert_eq!(joined.level(), real.level());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`CkksEvaluator::add`].
    pub fn joined(&self, [re, im]: [&CkksCiphertext; 2]) -> Result<CkksCiphertext> {
        self.evaluator.add(re, &self.evaluator.mul_i(im)?)
    }

    /// Sixth phase: the rotation that the transforms left out.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// let parts = bootstrapper.parts(bootstrapper.raised(&bootstrapper.coefficients(&x)?)?)?;
    /// let fresh = bootstrapper.finished(&bootstrapper.reduced(&parts[0])?)?; // the real part alone
    /// let values = encoder.decode(&Decryptor::new(&secret).decrypt(&fresh)?)?;
    /// assert!((values[0] - 0.5).abs() < 1e-4 && (values[1] + 0.25).abs() < 1e-4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`CkksEvaluator::rotate_left`].
    pub fn finished(&self, x: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.evaluator.rotate_left(x, self.last_rotation)
    }

    #[cfg(test)]
    pub(super) fn last_rotation(&self) -> i64 {
        self.last_rotation
    }

    /// With a stated message bound and no error: what the phases know of theirs is in [`error_bound`](Self::error_bound).
    fn untracked(&self, mut x: CkksCiphertext, bound: f64) -> Result<CkksCiphertext> {
        x.state.message_bound = bound;
        x.state = x
            .state
            .assuming_error_bound(0.0, self.evaluator.context())?;
        Ok(x)
    }
}

impl Refresh<CkksState> for Bootstrapper {
    fn refresh(&self, x: &CkksCiphertext, period: usize) -> Result<CkksCiphertext> {
        self.layout.check_period(period)?;
        self.refreshed(x)
    }

    fn levels(&self) -> RefreshLevels {
        RefreshLevels::of(&self.layout)
    }

    fn refresh_pair(
        &self,
        pair: [&CkksCiphertext; 2],
        period: usize,
    ) -> Result<[CkksCiphertext; 2]> {
        self.layout.check_period(period)?;
        self.refreshed_pair(pair)
    }
}
