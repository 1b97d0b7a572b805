use crate::error::Result;
use crate::keys::SwitchingKey;
use crate::params::Context;
use crate::ring::{CoeffPoly, NttPoly};
use std::sync::Arc;

/// A polynomial cut into digits that are small, over the extended basis of its level: what every key switch of that
/// polynomial starts from.
#[derive(Debug)]
pub struct HoistedDigits {
    context: Arc<Context>,
    level: usize,
    digits: Vec<NttPoly>,
}

impl HoistedDigits {
    /// The digits of `poly` at `level`.
    ///
    /// Source: eprint 2019/688, section 3, with balanced digits (see [`crate::ring::BasisConverter::balanced`]).
    pub(super) fn new(context: &Arc<Context>, level: usize, poly: &NttPoly) -> Result<Self> {
        let switching = context.key_switching(level)?;
        let degree = context.degree();
        let extended = &switching.extended;
        let coefficients: CoeffPoly = poly.clone().into_coeff();
        let digits = crate::parallel::map(switching.digits.len(), |number| {
            let digit = &switching.digits[number];
            let rows = digit.rows.start * degree..digit.rows.end * degree;
            let mut others = vec![0; (extended.len() - digit.rows.len()) * degree];
            digit
                .converter
                .balanced(&coefficients.data()[rows.clone()], &mut others);
            // Modulo its own primes a digit is the polynomial itself, already transformed.
            let mut lifted = NttPoly::zero(extended);
            lifted.for_each_row(|i, row| {
                if digit.rows.contains(&i) {
                    row.copy_from_slice(poly.row(i));
                } else {
                    let from = if i < digit.rows.start {
                        i
                    } else {
                        i - digit.rows.len()
                    };
                    row.copy_from_slice(&others[from * degree..(from + 1) * degree]);
                    extended.table(i).forward(row);
                }
            });
            lifted
        });
        Ok(Self {
            context: Arc::clone(context),
            level,
            digits,
        })
    }

    /// The two polynomials of a ciphertext, under the key's target, of the product of the cut polynomial and the key's
    /// source.
    pub(super) fn switch(&self, key: &SwitchingKey) -> Result<[NttPoly; 2]> {
        let switching = self.context.key_switching(self.level)?;
        let sum = |half: fn(&crate::keys::KeyDigit) -> &NttPoly| {
            let mut sum = NttPoly::zero(&switching.extended);
            sum.for_each_row(|i, row| {
                let q = switching.extended.modulus(i);
                for (digit, key) in self.digits.iter().zip(key.digits()) {
                    q.kernels().mul_add_assign(
                        q,
                        row,
                        digit.row(i),
                        half(key).row(switching.positions[i]),
                    );
                }
            });
            switching.divider.divide(sum)
        };
        Ok([sum(|digit| &digit.b), sum(|digit| &digit.a)])
    }
}
