//! Key switching's inner products together with the transforms before them.

use super::super::{BLOCK, Digits, KeyRow, NttTable};
use super::forward::{CACHED, Forward, HELD, NEVER, OFFSET, ONCE, Stage, Tail, store_all};
use super::sum::key_sums;
use super::vector::{LANES, Words, load, store};

/// All digits pass through the last layers block by block, and are multiplied while they lie in the innermost cache: the twiddles
/// of a block serve all of them, and the key is fetched while others are transformed.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn inner_products_of_transforms<const WORD: u32>(
    table: &NttTable,
    sums: [&mut [u64]; 2],
    digits: Digits<'_>,
    key: KeyRow<'_>,
) {
    const { assert!(LANES == BLOCK) };
    let degree = table.degree();
    let forward = Forward::<WORD>::new(table);
    let start = Stage::first(degree);
    let Digits { rows, known, make } = digits;
    let made = |number: &usize| known.is_none_or(|(other, _)| other != *number);
    let numbers = 0..rows.len() / degree;
    for number in numbers.clone().filter(made) {
        let row = &mut rows[number * degree..][..degree];
        make(number, row);
        forward.passes(start, row, CACHED);
    }
    let stage = forward.passes(start, &mut [], CACHED);
    let mut products = Products {
        table,
        sums,
        rows,
        known,
        key,
    };
    for chunk in 0..degree / stage.length {
        let place = chunk * stage.length;
        let stage = stage.from_chunk(chunk);
        for number in numbers.clone().filter(made) {
            let words = &mut products.rows[number * degree + place..][..stage.length];
            forward.passes(stage, words, 1 << forward.tail);
        }
        let length = stage.length;
        let stage = forward.passes(stage, &mut [], 1 << forward.tail);
        match forward.period(stage) {
            OFFSET => products.chunk::<WORD, OFFSET>(&forward, stage.node, place, length),
            NEVER => products.chunk::<WORD, NEVER>(&forward, stage.node, place, length),
            ONCE => products.chunk::<WORD, ONCE>(&forward, stage.node, place, length),
            2 => products.chunk::<WORD, 2>(&forward, stage.node, place, length),
            _ => products.chunk::<WORD, 1>(&forward, stage.node, place, length),
        }
    }
}

struct Products<'a> {
    table: &'a NttTable,
    sums: [&'a mut [u64]; 2],
    rows: &'a mut [u64],
    known: Option<(usize, &'a [u64])>,
    key: KeyRow<'a>,
}

impl Products<'_> {
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn chunk<const WORD: u32, const PERIOD: u32>(
        &mut self,
        forward: &Forward<WORD>,
        node: usize,
        place: usize,
        length: usize,
    ) {
        if forward.tail == 7 {
            self.chunk_from::<WORD, 0, PERIOD>(forward, node, place, length);
        } else {
            self.chunk_from::<WORD, 1, PERIOD>(forward, node / 2, place, length);
        }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn chunk_from<const WORD: u32, const FIRST: u32, const PERIOD: u32>(
        &mut self,
        forward: &Forward<WORD>,
        node: usize,
        place: usize,
        length: usize,
    ) {
        let a = forward.arithmetic;
        let tail = Tail::new(a);
        let base = a.base(self.table.modulus());
        let degree = self.table.degree();
        let count = self.rows.len() / degree;
        let known = self.known.map_or(count, |(number, _)| number);
        for number in 0..count {
            if number == known {
                continue;
            }
            for (block, twiddles) in forward.tail_twiddles(node, length).enumerate() {
                let place = place + block * HELD * LANES;
                let block = block_mut(self.rows, number * degree + place);
                let mut v = forward.block_layers::<FIRST, PERIOD>(block, &twiddles, &tail);
                if PERIOD == OFFSET {
                    tail.order(&mut v);
                } else {
                    tail.finish::<PERIOD>(&mut v);
                }
                store_all(block, v);
            }
        }
        {
            let places = place..place + length;
            let [first, second] = self.sums.each_mut().map(|sum| sum[places.clone()].as_chunks_mut::<LANES>().0);
            let pairs = self.key.from_place(place).blocks();
            for (((first, second), pairs), place) in first.iter_mut().zip(second).zip(pairs).zip(places.step_by(LANES)) {
                let digits = (0..count).map(|number| {
                    let from = match self.known {
                        Some((known, row)) if known == number => &row[place..],
                        _ => &self.rows[number * degree + place..],
                    };
                    load(from.first_chunk::<LANES>().unwrap())
                });
                let sums = key_sums(a, base, pairs, digits);
                store(first, sums[0]);
                store(second, sums[1]);
            }
        }
    }
}

#[inline]
fn block_mut(row: &mut [u64], place: usize) -> &mut [Words; HELD] {
    &mut row[place..].as_chunks_mut::<LANES>().0.as_chunks_mut::<HELD>().0[0]
}
