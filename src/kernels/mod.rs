//! One row of residues modulo one prime: all SIMD, all `unsafe`.
//!
//! Residues are canonical, in `[0, q)`, on entry to and exit from every method of the trait `Kernels`; lazy ranges stay inside a
//! method. Every implementation gives the same bits as the portable one (`conformance/`).

mod aligned;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512ifma;
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "aarch64")),
    expect(dead_code, reason = "vectors are for SIMD")
)]
mod chunks;
mod complex;
#[cfg(test)]
mod conformance;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod float_vectors;
mod key_row;
mod modulus;
#[cfg(target_arch = "aarch64")]
mod neon;
mod ntt_table;
mod numbers;
pub mod packing;
mod permutation;
mod portable;
mod signed_factor;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod vectors;

pub use aligned::AlignedWords;
pub(crate) use aligned::{ComplexRow, SecretVec, wipe};
pub(crate) use complex::ComplexTransform;
pub(crate) use key_row::{KeyRow, KeyShape, PackedRow};
pub(crate) use modulus::low;
pub use modulus::{Modulus, ShoupScalar};
pub use ntt_table::NttTable;
pub(crate) use numbers::{are_finite, centre_parts, largest_square, round_parts};
pub(crate) use permutation::BlockPermutation;

use portable::Portable;
use std::fmt::Debug;
use std::sync::LazyLock;

/// The operations on one row of residues. The default bodies are the portable reference; an instruction set overrides
/// what it does faster. An implementation is chosen once per [`Modulus`], by processor and by size of the prime.
///
/// Rows given to one call have equal lengths; this is asserted in debug builds.
pub(crate) trait Kernels: Send + Sync + Debug {
    /// The name that `SLOTWISE_KERNELS` accepts.
    fn name(&self) -> &'static str;

    /// Whether the transforms of this degree derive the factors of the twiddles of the last two layers from their quotients. A table
    /// then does without them, which are three of four.
    fn derives_factors(&self, _degree: usize) -> bool {
        false
    }

    /// Whether the transforms of this degree take twiddles as [`SignedFactor`](signed_factor::SignedFactor)s.
    fn signs_twiddles(&self, _degree: usize) -> bool {
        false
    }

    /// `row[i] = row[i] + other[i] mod q`
    fn add_assign(&self, q: &Modulus, row: &mut [u64], other: &[u64]) {
        portable::add_assign(q, row, other);
    }

    /// `row[i] = row[i] + scalar mod q`
    fn add_scalar(&self, q: &Modulus, row: &mut [u64], scalar: u64) {
        portable::add_scalar(q, row, scalar);
    }

    /// `row[i] = row[i] - other[i] mod q`
    fn sub_assign(&self, q: &Modulus, row: &mut [u64], other: &[u64]) {
        portable::sub_assign(q, row, other);
    }

    /// `row[i] = -row[i] mod q`
    fn negate(&self, q: &Modulus, row: &mut [u64]) {
        portable::negate(q, row);
    }

    /// `row[i] = row[i] * other[i] mod q`
    fn mul_assign(&self, q: &Modulus, row: &mut [u64], other: &[u64]) {
        portable::mul_assign(q, row, other);
    }

    /// `row[i] = row[i] + a[i] * b[i] mod q`
    fn mul_add_assign(&self, q: &Modulus, row: &mut [u64], a: &[u64], b: &[u64]) {
        portable::mul_add_assign(q, row, a, b);
    }

    /// `row[i] = row[i] * scalar mod q`
    fn scale(&self, q: &Modulus, row: &mut [u64], scalar: ShoupScalar) {
        portable::scale(q, row, scalar);
    }

    /// `row[i] = (row[i] - other[i]) * scalar mod q`: the step behind every division of an RNS polynomial by a prime.
    fn sub_scale(&self, q: &Modulus, row: &mut [u64], other: &[u64], scalar: ShoupScalar) {
        portable::sub_scale(q, row, other, scalar);
    }

    /// `row[i] = input[i] + offset mod q`
    fn reduce(&self, q: &Modulus, row: &mut [u64], input: &Unreduced<'_>) {
        portable::reduce(q, row, input);
    }

    /// `row[k] = offset + sum_i inputs[i][start + k] * factors[i] mod q`, the inner product of base conversion.
    fn weighted_sum(&self, q: &Modulus, row: &mut [u64], sum: &WeightedSum<'_>) {
        portable::weighted_sum(q, row, sum);
    }

    /// [`weighted_sum`](Self::weighted_sum) of the same inputs modulo several q, whose kernels may differ: the inputs come from an outer
    /// cache once.
    fn weighted_sums(&self, rows: &mut [SumRow<'_>]) {
        weighted_sums_in_strips(rows);
    }

    /// `sums[h][k] = sum_j digits[j][k] * key[j][h][k] mod q` for both halves h: the inner products of key switching.
    ///
    /// There are at most as many digits as the key has, rows of whole blocks; all are residues modulo q, and the key is packed to
    /// its bits.
    fn inner_products(
        &self,
        q: &Modulus,
        sums: [&mut [u64]; 2],
        digits: &[&[u64]],
        key: KeyRow<'_>,
    ) {
        portable::inner_products(q, sums, digits, key);
    }

    /// `out[g][h][k] = sum_b pairs[b][h][k] * weights[g][b][k] mod q` for both halves h: the inner products of linear transforms.
    ///
    /// `out` holds both rows of each output, of whole blocks; everything is a residue modulo q.
    fn weighted_pairs(&self, q: &Modulus, out: &mut [u64], sum: &WeightedPairs<'_>) {
        out.fill(0);
        let outputs = sum.weights.len() / sum.count;
        let length = out.len() / (2 * outputs).max(1);
        let rows = out.chunks_exact_mut((2 * length).max(1));
        for (out, weights) in rows.zip(sum.weights.chunks_exact(sum.count)) {
            for (pair, weight) in weights.iter().enumerate() {
                let Some(weight) = weight else { continue };
                let mut repeated = Vec::new();
                let whole = if weight.log_run == 0 {
                    weight.values
                } else {
                    repeated.resize(length, 0);
                    weight.write(&mut repeated);
                    &repeated
                };
                for (half, out) in out.chunks_exact_mut(length).enumerate() {
                    let row = &sum.pairs[(2 * pair + half) * sum.stride..][..length];
                    self.mul_add_assign(q, out, row, whole);
                }
            }
        }
    }

    /// `outs[g][r][k] = sum_i inputs[groups[g].inputs[i]][k] * groups[g].weights[i][r] mod q`: the products of matrices that sums of many
    /// rows times numbers are.
    fn panel_products(&self, q: &Modulus, outs: &mut [PanelRows], product: &PanelProducts<'_>) {
        portable::panel_products(q, outs, product);
    }

    /// Packs both halves of a digit into a [`KeyRow`]; the target bits must be zero.
    fn store_digit(&self, shape: KeyShape, row: &mut [u64], digit: usize, halves: [&[u64]; 2]) {
        shape.store(row, digit, halves);
    }

    /// Puts half a digit, whose residues come [packed](packing), into the place in a [`KeyRow`] where there are zeros, if all are below
    /// q, and tells whether they are. `packed` has [`SLACK`](packing::SLACK) bytes more than they take.
    fn store_packed(&self, q: &Modulus, row: PackedRow<'_>, packed: &[u8]) -> bool {
        portable::store_packed(q, row, packed)
    }

    /// `row[k] = source[permutation(k)]`
    fn permute(&self, row: &mut [u64], source: &[u64], permutation: &BlockPermutation) {
        portable::permute(row, source, permutation);
    }

    /// The forward negacyclic NTT in place: coefficients in natural order to values in bit-reversed order, position i
    /// holding the value at `psi^(2 * bit_reverse(i) + 1)`.
    fn forward_ntt(&self, table: &NttTable, row: &mut [u64]) {
        portable::forward_ntt(table, row);
    }

    /// The inverse of [`forward_ntt`](Self::forward_ntt), the division by N included.
    fn inverse_ntt(&self, table: &NttTable, row: &mut [u64]) {
        portable::inverse_ntt(table, row);
    }
}

/// Values that stay together: in a [`KeyRow`], and in a [`BlockPermutation`].
pub(crate) const BLOCK: usize = 8;

/// The operands of [`Kernels::reduce`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unreduced<'a> {
    /// Values of at most `input_bits` bits.
    pub(crate) input: &'a [u64],
    pub(crate) input_bits: u32,
    /// A residue modulo q.
    pub(crate) offset: u64,
}

/// Pairs of rows and their weights, for [`Kernels::weighted_pairs`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct WeightedPairs<'a> {
    /// Both rows of each pair, one after the other, each at a multiple of `stride`. A stride that is no power of two keeps them out of
    /// each other's way in the caches.
    pub(crate) pairs: &'a [u64],
    pub(crate) stride: usize,
    /// For each output, the weights of all pairs; `None` for 0.
    pub(crate) weights: &'a [Option<WeightRow<'a>>],
    /// The number of pairs, at least 1.
    pub(crate) count: usize,
}

/// A row of weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WeightRow<'a> {
    pub(crate) values: &'a [u64],
    /// log2 of how often each value stands in the row: 0, or at least 3.
    pub(crate) log_run: u32,
}

impl<'a> WeightRow<'a> {
    /// The part of the row at `length` places from `start` on, an aligned power of two.
    pub(crate) fn part(&self, start: usize, length: usize) -> Self {
        let (first, count) = (start >> self.log_run, length >> self.log_run);
        Self {
            values: &self.values[first..first + count.max(1)],
            log_run: self.log_run,
        }
    }

    /// Writes the whole row.
    pub(crate) fn write(&self, row: &mut [u64]) {
        if self.log_run == 0 {
            row.copy_from_slice(self.values);
            return;
        }
        // A part can be shorter than a run.
        for (run, &value) in row.chunks_mut(1 << self.log_run).zip(self.values) {
            run.fill(value);
        }
    }
}

/// The places of a panel.
pub(crate) const PANEL: usize = 16;

/// The rows that are summed together, each over the same inputs.
pub(crate) const PANEL_GROUP: usize = 4;

/// The residues of one row at the places of a panel.
pub(crate) type Panel = [u64; PANEL];

/// The residues of a group of rows at the places of a panel.
pub(crate) type PanelRows = [Panel; PANEL_GROUP];

/// The operands of [`Kernels::panel_products`], all residues modulo q.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PanelProducts<'a> {
    pub(crate) inputs: &'a [Panel],
    pub(crate) groups: &'a [PanelGroup<'a>],
}

/// What a group of rows sums.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PanelGroup<'a> {
    /// The numbers of the inputs.
    pub(crate) inputs: &'a [u32],
    /// For each of these, the weight in each row.
    pub(crate) weights: &'a [[u64; PANEL_GROUP]],
}

impl<'a> PanelProducts<'a> {
    /// An input's words.
    #[inline]
    pub(crate) fn input(&self, number: u32) -> &'a Panel {
        &self.inputs[number as usize]
    }
}

/// The operands of [`Kernels::weighted_sum`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct WeightedSum<'a> {
    /// `factors.len()` rows: values of at most `input_bits` bits.
    pub(crate) inputs: &'a [&'a [u64]],
    /// The place of the inputs that the first word of the result belongs to.
    pub(crate) start: usize,
    /// At most 61.
    pub(crate) input_bits: u32,
    /// The inputs at one place sum to at most this.
    pub(crate) total: u128,
    /// Residues modulo q, at most 32.
    pub(crate) factors: &'a [u64],
    /// A residue modulo q.
    pub(crate) offset: u64,
}

/// One row of [`Kernels::weighted_sums`]; all have the same inputs and as many places.
#[derive(Debug)]
pub(crate) struct SumRow<'a> {
    pub(crate) q: &'a Modulus,
    pub(crate) row: &'a mut [u64],
    pub(crate) sum: WeightedSum<'a>,
}

/// All rows at one strip of places before the next strip.
fn weighted_sums_in_strips(rows: &mut [SumRow<'_>]) {
    const STRIP: usize = 512;
    let length = rows.first().map_or(0, |first| first.row.len());
    for start in (0..length).step_by(STRIP) {
        for SumRow { q, row, sum } in &mut *rows {
            let row = &mut row[start..length.min(start + STRIP)];
            let start = sum.start + start;
            let sum = WeightedSum { start, ..*sum };
            q.kernels().weighted_sum(q, row, &sum);
        }
    }
}

/// The kernels that this processor (and `SLOTWISE_KERNELS`, if set) allows for a modulus of `bits` bits.
fn for_modulus(bits: u32) -> &'static dyn Kernels {
    let allowed = available(bits)
        .into_iter()
        .find(|kernels| is_allowed(kernels.name()));
    allowed.unwrap_or(&Portable)
}

/// Whether `SLOTWISE_KERNELS`, if set, allows the kernels of this name.
fn is_allowed(name: &str) -> bool {
    static FORCED: LazyLock<Option<String>> =
        LazyLock::new(|| std::env::var("SLOTWISE_KERNELS").ok());
    FORCED.as_deref().is_none_or(|forced| forced == name)
}

/// Every kernel set that this processor can run for a modulus of `bits` bits, the fastest first, the portable one last.
fn available(bits: u32) -> Vec<&'static dyn Kernels> {
    type Detect = fn(u32) -> Option<&'static dyn Kernels>;
    let detectors: &[Detect] = &[
        #[cfg(target_arch = "x86_64")]
        avx512ifma::detect,
        #[cfg(target_arch = "x86_64")]
        avx2::detect,
        #[cfg(target_arch = "aarch64")]
        neon::detect,
    ];
    let detected = detectors.iter().filter_map(|detect| detect(bits));
    detected.chain([&Portable as &dyn Kernels]).collect()
}
