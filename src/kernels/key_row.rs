use super::{BLOCK, Modulus};

/// How one prime's part of a key with two halves and several digits lies in memory: in the order in which it is read, so that it
/// is one stream, and packed to about the bits of the prime, because a key switch has to wait for it.
///
/// For each block of places, for each digit, the block of the first half follows, then that of the second. Value n of this order
/// has the bits from `n * bits` on of all words, each from its lowest bit on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyShape {
    pub(super) digits: usize,
    /// Of each value.
    pub(super) bits: usize,
}

/// One prime's part of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRow<'a> {
    pub(super) shape: KeyShape,
    /// With [`PADDING`] words at the end.
    pub(super) words: &'a [u64],
}

/// The place of half a digit in a row.
#[derive(Debug)]
pub(crate) struct PackedRow<'a> {
    pub(crate) shape: KeyShape,
    pub(crate) row: &'a mut [u64],
    pub(crate) digit: usize,
    pub(crate) half: usize,
}

/// The bits of a word.
const WORD: usize = u64::BITS as usize;

/// Padding words at the end, so that a load of this many words starting at any value stays in bounds.
const PADDING: usize = 8;

impl KeyShape {
    pub(crate) fn new(q: &Modulus, digits: usize) -> Self {
        // No value of a block, which starts with a byte, spans nine bytes then.
        let bits = match q.bits() as usize {
            59 => 60,
            61.. => 64,
            bits => bits,
        };
        Self { digits, bits }
    }

    /// The words for `places` places, whole lines of them.
    pub(crate) const fn words(self, places: usize) -> usize {
        let bits = 2 * self.digits * places * self.bits;
        bits.div_ceil(WORD).next_multiple_of(PADDING) + PADDING
    }

    /// Packs both halves of a digit into a row; the target bits must be zero.
    pub(super) fn store(self, row: &mut [u64], digit: usize, halves: [&[u64]; 2]) {
        for (half, values) in halves.into_iter().enumerate() {
            self.store_half(row, (digit, half), values);
        }
    }

    /// Puts one half of a digit into a row where there are zeros.
    pub(crate) fn store_half(self, row: &mut [u64], (digit, half): (usize, usize), values: &[u64]) {
        for (place, block) in values.chunks_exact(BLOCK).enumerate() {
            let start = self.first_bit(place, digit, half);
            let (mut index, mut filled) = (start / WORD, start % WORD);
            let mut word = row[index];
            for &value in block {
                word |= value << filled;
                filled += self.bits;
                if filled >= WORD {
                    row[index] = word;
                    index += 1;
                    filled -= WORD;
                    word = value >> 1 >> (self.bits - 1 - filled);
                }
            }
            row[index] |= word;
        }
    }

    /// The bit in which a block starts; a multiple of 8.
    #[inline]
    pub(super) const fn first_bit(self, place: usize, digit: usize, half: usize) -> usize {
        ((place * self.digits + digit) * 2 + half) * BLOCK * self.bits
    }

    /// The word in which the values of a place begin, a multiple of 64: from there on words are laid out as from the first.
    pub(crate) const fn first_word(self, place: usize) -> usize {
        self.first_bit(place / BLOCK, 0, 0) / WORD
    }

    /// All ones, for a value.
    #[inline]
    pub(super) const fn mask(self) -> u64 {
        u64::MAX >> (WORD - self.bits)
    }
}

impl<'a> KeyRow<'a> {
    pub(crate) fn new(shape: KeyShape, words: &'a [u64]) -> Self {
        Self { shape, words }
    }

    /// The row from a place on, a multiple of 64.
    pub(crate) fn starting_at(&self, place: usize) -> Self {
        let first = self.shape.first_word(place);
        Self {
            shape: self.shape,
            words: &self.words[first..],
        }
    }

    /// One half of a digit at the places of a block.
    #[inline]
    pub(crate) fn block(&self, place: usize, digit: usize, half: usize) -> [u64; BLOCK] {
        let start = self.shape.first_bit(place, digit, half);
        let (words, mask) = (&self.words[start / WORD..], self.shape.mask());
        let mut bit = start % WORD;
        let mut block = [0; BLOCK];
        for value in &mut block {
            let (index, shift) = (bit / WORD, bit % WORD);
            *value = (words[index] >> shift | words[index + 1] << 1 << (WORD - 1 - shift)) & mask;
            bit += self.shape.bits;
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back() {
        for q in [2, 3, 1 << 40, (1 << 50) - 27, (1 << 58) + 1, (1 << 61) - 1] {
            let q = Modulus::new(q);
            for digits in [1, 2, 3, 5] {
                let (shape, places) = (KeyShape::new(&q, digits), 40);
                let value = |place: usize, digit: usize, half: usize| {
                    let word = (3 * place + 5 * digit + 7 * half + 1) as u64;
                    q.value() - 1 - q.reduce(word.wrapping_mul(0x9e37_79b9_7f4a_7c15))
                };
                let mut words = vec![0; shape.words(places)];
                for digit in 0..digits {
                    let halves = [0, 1].map(|half| {
                        let values = (0..places).map(|place| value(place, digit, half));
                        values.collect::<Vec<_>>()
                    });
                    shape.store(&mut words, digit, halves.each_ref().map(Vec::as_slice));
                }
                let row = KeyRow::new(shape, &words);
                for place in 0..places {
                    for digit in 0..digits {
                        for half in 0..2 {
                            let block = row.block(place / BLOCK, digit, half);
                            assert_eq!(block[place % BLOCK], value(place, digit, half));
                        }
                    }
                }
            }
        }
    }
}
