//! Arithmetic modulo QP, one prime at a time: what fused sums and extended ciphertexts share.

use crate::encryption::State;
use crate::error::Result;
use crate::evaluator::digits::{Decomposition, HoistedDigits, group_of, strip_length};
use crate::keys::{EvaluationKeys, GaloisKey};
use crate::parallel::for_each_row_of;
use crate::params::{ErrorSize, Gadget, KeySwitching};
use crate::ring::{GaloisElement, NttPoly};

/// A rotation by a step, with its key unless it moves nothing.
pub(super) struct Step<'a> {
    pub(super) key: Option<&'a GaloisKey>,
}

impl<'a> Step<'a> {
    /// `None` without a key of the gadget for the step.
    pub(super) fn new(step: i64, (keys, gadget): (&'a EvaluationKeys, &Gadget)) -> Option<Self> {
        let degree = keys.context().degree();
        let element = GaloisElement::rotation(step, degree);
        if element == GaloisElement::rotation(0, degree) {
            return Some(Self { key: None });
        }
        let key = keys.galois().of_span(element, gadget.span())?;
        Some(Self { key: Some(key) })
    }

    /// The state after the step, whose key switch, if it has one, adds this error.
    pub(super) fn moved<S: State>(&self, state: S, error: ErrorSize) -> S {
        match self.key {
            Some(_) => state.after_key_switches(error),
            None => state,
        }
    }
}

/// The extended basis of one level. Its rows are those of the level's primes and then of the special ones.
pub(super) struct Extension<'a> {
    pub(super) level: usize,
    pub(super) switching: &'a KeySwitching,
}

impl<'a> Extension<'a> {
    pub(super) fn new(gadget: &'a Gadget, level: usize) -> Result<Self> {
        Ok(Self {
            level,
            switching: gadget.at(level)?,
        })
    }

    /// The words of two polynomials.
    pub(super) fn words(&self) -> usize {
        2 * self.switching.extended.len() * self.degree()
    }

    pub(super) fn degree(&self) -> usize {
        self.switching.extended.degree()
    }

    /// Two polynomials whose rows modulo each prime are computed together.
    pub(super) fn pair(&self, rows: impl Fn(usize, [&mut [u64]; 2]) + Sync + Send) -> [NttPoly; 2] {
        let [mut first, mut second] =
            [0, 1].map(|_| NttPoly::unspecified(&self.switching.extended));
        let outs = [first.data_mut(), second.data_mut()];
        for_each_row_of(outs, self.degree(), rows);
        [first, second]
    }

    /// P times a polynomial modulo the level's primes, modulo prime `i`, at the places from `start` on: 0 modulo the special primes.
    pub(super) fn times_special(
        &self,
        (i, start): (usize, usize),
        places: &mut [u64],
        poly: &NttPoly,
    ) {
        match self.switching.special_factors.get(i) {
            Some(&factor) => {
                let q = self.switching.extended.modulus(i);
                places.copy_from_slice(&poly.row(i)[start..start + places.len()]);
                q.kernels().scale(q, places, factor);
            }
            None => places.fill(0),
        }
    }

    /// Both rows, modulo prime `i`, of P times a ciphertext moved by a step; `digits` are those of its second polynomial.
    pub(super) fn rotate_row(
        &self,
        i: usize,
        ([c0, c1], digits): ([&NttPoly; 2], &HoistedDigits),
        step: &Step<'_>,
        [first, second]: [&mut [u64]; 2],
    ) {
        let (extended, degree) = (&self.switching.extended, self.degree());
        let q = extended.modulus(i);
        let Some(key) = step.key else {
            self.times_special((i, 0), first, c0);
            self.times_special((i, 0), second, c1);
            return;
        };
        let mut rows = extended.pool().take(2 * degree);
        let (sum0, sum1) = rows.split_at_mut(degree);
        self.times_special((i, 0), first, c0);
        digits.multiply((self.switching, i), &key.key, [&mut *sum0, &mut *sum1]);
        q.kernels().add_assign(q, sum0, first);
        key.permutation.permute(q, first, sum0);
        key.permutation.permute(q, second, sum1);
        extended.pool().put(rows);
    }

    /// The part of [`rotate_row`](Self::rotate_row) at the strip of places that begins at `start`; `scaled` are both rows of P times the
    /// ciphertext, modulo prime `i`.
    pub(super) fn rotate_strip(
        &self,
        (i, start): (usize, usize),
        (scaled, digits): (&[u64], &HoistedDigits),
        step: &Step<'_>,
        outs: [&mut [u64]; 2],
    ) {
        let (extended, length) = (&self.switching.extended, outs[0].len());
        let (scaled0, scaled1) = scaled.split_at(self.degree());
        let Some(key) = step.key else {
            for (out, scaled) in outs.into_iter().zip([scaled0, scaled1]) {
                out.copy_from_slice(&scaled[start..start + length]);
            }
            return;
        };
        let q = extended.modulus(i);
        let mut rows = extended.pool().take(2 * length);
        let (sum0, sum1) = rows.split_at_mut(length);
        let (from, permutation) = key.permutation.part(start..start + length);
        digits.multiply_strip(
            (self.switching, i),
            from,
            &key.key,
            [&mut *sum0, &mut *sum1],
        );
        if i < self.switching.special_factors.len() {
            q.kernels()
                .add_assign(q, sum0, &scaled0[from..from + length]);
        }
        for (out, sum) in outs.into_iter().zip([sum0, sum1]) {
            permutation.permute(q, out, sum);
        }
        extended.pool().put(rows);
    }

    /// Two polynomials that are 0.
    pub(super) fn zeros(&self) -> [NttPoly; 2] {
        [0, 1].map(|_| NttPoly::zero(&self.switching.extended))
    }

    /// Adds pairs of polynomials modulo QP, each moved by a step. `decompositions` are those of the pairs' second polynomials, divided by P;
    /// `add` adds a strip of places of a pair, by the numbers of the pair, of its half, of the prime and of the first place. A few primes at a time.
    pub(super) fn add_moved(
        &self,
        totals: &mut [NttPoly; 2],
        (steps, decompositions): (&[Step<'_>], &[Option<Decomposition<'_>>]),
        add: impl Fn((usize, usize), (usize, usize), &mut [u64]) + Sync + Send,
    ) {
        let (basis, degree) = (&self.switching.extended, self.degree());
        let group = group_of(self.switching, basis.len());
        let strip = strip_length(degree);
        let outs = totals.each_mut().map(NttPoly::data_mut);
        for_each_row_of(outs, group * degree, |number, [first, second]| {
            let mut words = basis.pool().take(3 * strip);
            let (sums, moved) = words.split_at_mut(2 * strip);
            let (sum0, sum1) = sums.split_at_mut(strip);
            let primes = number * group..number * group + first.len() / degree;
            for (term, (step, decomposition)) in steps.iter().zip(decompositions).enumerate() {
                let switch = step.key.zip(decomposition.as_ref());
                let switch =
                    switch.map(|(key, decomposition)| (key, decomposition.group(primes.clone())));
                let firsts = first.chunks_exact_mut(strip);
                let outs = firsts.zip(second.chunks_exact_mut(strip));
                let places = (primes.start * degree..).step_by(strip);
                for (place, (first, second)) in places.zip(outs) {
                    let (i, start) = (place / degree, place % degree);
                    let q = basis.modulus(i);
                    let Some((key, digits)) = &switch else {
                        for (half, out) in [first, second].into_iter().enumerate() {
                            add((term, half), (i, start), out);
                        }
                        continue;
                    };
                    let (from, permutation) = key.permutation.part(start..start + strip);
                    digits.multiply_strip(i, (&key.key, from), [&mut *sum0, &mut *sum1]);
                    add((term, 0), (i, from), sum0);
                    for (out, sum) in [(first, &*sum0), (second, &*sum1)] {
                        permutation.permute(q, moved, sum);
                        q.kernels().add_assign(q, out, moved);
                    }
                }
            }
            basis.pool().put(words);
        });
    }

    /// Adds an extended polynomial, modulo prime `i`, at the places from `start` on.
    pub(super) fn add(&self, (i, start): (usize, usize), places: &mut [u64], poly: &NttPoly) {
        let q = self.switching.extended.modulus(i);
        let row = &poly.row(i)[start..start + places.len()];
        q.kernels().add_assign(q, places, row);
    }

    /// Extended polynomials after the automorphism of a key.
    pub(super) fn switched(&self, polys: &[NttPoly; 2], key: &GaloisKey) -> [NttPoly; 2] {
        let mut switched = self.zeros();
        self.add_switched(&mut switched, polys, key);
        switched
    }

    /// Adds extended polynomials after the automorphism of a key.
    pub(super) fn add_switched(
        &self,
        totals: &mut [NttPoly; 2],
        [c0, c1]: &[NttPoly; 2],
        key: &GaloisKey,
    ) {
        let divided = self.divide(c1);
        let decomposition = Decomposition::new(self.switching, &divided);
        let moved = (&[Step { key: Some(key) }][..], &[Some(decomposition)][..]);
        self.add_moved(totals, moved, |_, at, strip| self.add(at, strip, c0));
    }

    /// A polynomial modulo QP divided by P.
    pub(super) fn divide(&self, poly: &NttPoly) -> NttPoly {
        self.switching.divider.divide(poly)
    }
}
