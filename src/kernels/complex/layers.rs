//! Both transforms on vectors of four complex numbers.

/// The transforms, for the instructions `$features`.
///
/// The module that uses this has vectors `Quad` of four complex numbers, and of them: `load` and `store`, and `load_floats` for their parts;
/// `repeat` for the parts of one number in all places; `add`, `sub` and `mul` of all parts; `swapped` real and imaginary parts; and
/// `transposed`, for four vectors.
macro_rules! complex_layers {
    ($features:literal) => {
        type Numbers = [Complex64; LANES];

        /// Blocks of at most this many vectors stay in the first-level cache through all their layers.
        const CACHED: usize = 1 << 8;

        /// Shorter rows have no four vectors.
        const LEAST: usize = LANES * LANES;

        /// The roots of four butterflies.
        #[derive(Clone, Copy)]
        struct Root {
            real: Quad,
            imaginary: Quad,
        }

        impl Root {
            #[inline]
            #[target_feature(enable = $features)]
            fn new(roots: &RootQuad) -> Self {
                Self {
                    real: load_floats(&roots.real),
                    imaginary: load_floats(&roots.imaginary),
                }
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn forward(layers: &[Roots], values: &mut [Complex64]) {
            if values.len() < LEAST {
                return Portable.forward(layers, values);
            }
            let last = last_roots(layers);
            let values = values.as_chunks_mut::<LANES>().0;
            exchange(values, |values, group| forward_group(values, group, last));
            forward_block(layers, values);
        }

        #[target_feature(enable = $features)]
        pub(super) fn inverse(layers: &[Roots], values: &mut [Complex64]) {
            if values.len() < LEAST {
                return Portable.inverse(layers, values);
            }
            let last = last_roots(layers);
            let factor = repeat([reciprocal(values.len()); 2]);
            let values = values.as_chunks_mut::<LANES>().0;
            inverse_block(layers, values);
            exchange(values, |values, group| {
                inverse_group(values, group, last).map(|quad| mul(quad, factor))
            });
        }

        /// The layers from blocks of 8 numbers on.
        #[target_feature(enable = $features)]
        fn forward_block(layers: &[Roots], block: &mut [Numbers]) {
            if block.len() > CACHED {
                let quarter = block.len() / 4;
                for part in block.chunks_exact_mut(quarter) {
                    forward_block(layers, part);
                }
                return forward_pass(layers, block, 4 * quarter);
            }
            let mut length = 1;
            if block.len().trailing_zeros() % 2 == 1 {
                let root = Root::new(&layers[2].quads[0]);
                for [x, y] in block.as_chunks_mut::<2>().0 {
                    let (a, b) = forward_butterfly((load(x), load(y)), root);
                    store(x, a);
                    store(y, b);
                }
                length = 2;
            }
            while length < block.len() {
                length *= 4;
                forward_pass(layers, block, length);
            }
        }

        /// The layers down to blocks of 8 numbers.
        #[target_feature(enable = $features)]
        fn inverse_block(layers: &[Roots], block: &mut [Numbers]) {
            let mut length = block.len();
            if length > CACHED {
                inverse_pass(layers, block, length);
                for part in block.chunks_exact_mut(length / 4) {
                    inverse_block(layers, part);
                }
                return;
            }
            while length > 2 {
                inverse_pass(layers, block, length);
                length /= 4;
            }
            if length == 2 {
                let root = Root::new(&layers[2].quads[0]);
                for [x, y] in block.as_chunks_mut::<2>().0 {
                    let (a, b) = inverse_butterfly((load(x), load(y)), root);
                    store(x, a);
                    store(y, b);
                }
            }
        }

        /// Two layers, up to blocks of `length` vectors.
        #[target_feature(enable = $features)]
        fn forward_pass(layers: &[Roots], row: &mut [Numbers], length: usize) {
            let roots = pass_roots(layers, length);
            for block in row.chunks_exact_mut(length) {
                for ([x0, x1, x2, x3], (inner, outer)) in quarters(block).zip(roots.clone()) {
                    let (inner, outer) = (Root::new(inner), outer.map(|root| Root::new(root)));
                    let (v0, v1) = forward_butterfly((load(x0), load(x1)), inner);
                    let (v2, v3) = forward_butterfly((load(x2), load(x3)), inner);
                    let (v0, v2) = forward_butterfly((v0, v2), outer[0]);
                    let (v1, v3) = forward_butterfly((v1, v3), outer[1]);
                    store(x0, v0);
                    store(x1, v1);
                    store(x2, v2);
                    store(x3, v3);
                }
            }
        }

        /// Two layers, from blocks of `length` vectors on.
        #[target_feature(enable = $features)]
        fn inverse_pass(layers: &[Roots], row: &mut [Numbers], length: usize) {
            let roots = pass_roots(layers, length);
            for block in row.chunks_exact_mut(length) {
                for ([x0, x1, x2, x3], (inner, outer)) in quarters(block).zip(roots.clone()) {
                    let (inner, outer) = (Root::new(inner), outer.map(|root| Root::new(root)));
                    let (v0, v2) = inverse_butterfly((load(x0), load(x2)), outer[0]);
                    let (v1, v3) = inverse_butterfly((load(x1), load(x3)), outer[1]);
                    let (v0, v1) = inverse_butterfly((v0, v1), inner);
                    let (v2, v3) = inverse_butterfly((v2, v3), inner);
                    store(x0, v0);
                    store(x1, v1);
                    store(x2, v2);
                    store(x3, v3);
                }
            }
        }

        /// For each place of a quarter of a block of `length` vectors, the roots of the layer within its halves, and those of the layer of
        /// the whole block, in its first two quarters.
        #[inline]
        fn pass_roots(
            layers: &[Roots],
            length: usize,
        ) -> impl Iterator<Item = (&RootQuad, [&RootQuad; 2])> + Clone {
            let last = length.trailing_zeros() as usize + 1;
            let [inner, outer] = [last - 1, last].map(|layer| &layers[layer].quads);
            let (first, second) = outer.split_at(length / 4);
            let outer = first
                .iter()
                .zip(second)
                .map(|(first, second)| [first, second]);
            inner.iter().zip(outer)
        }

        /// Bit reversal, with what happens to the four vectors of a group on the way. Those of group g lie at places g of the quarters
        /// of the row, and go to those of group `reversed(g)`.
        #[inline]
        #[target_feature(enable = $features)]
        fn exchange(values: &mut [Numbers], group: impl Fn(&[Numbers], usize) -> [Quad; 4]) {
            let quarter = values.len() / 4;
            let bits = quarter.trailing_zeros();
            for first in 0..quarter {
                let second = reversed(first, bits);
                if first > second {
                    continue;
                }
                let quads = group(values, first);
                if first < second {
                    let others = group(values, second);
                    store_group(values, first, others);
                }
                store_group(values, second, quads);
            }
        }

        /// The first two layers: vector `e` has number `e` of four blocks.
        #[inline]
        #[target_feature(enable = $features)]
        fn forward_group(
            values: &[Numbers],
            group: usize,
            [inner, left, right]: [Root; 3],
        ) -> [Quad; 4] {
            let [v0, v1, v2, v3] = load_group(values, group);
            let (v0, v1) = forward_butterfly((v0, v1), inner);
            let (v2, v3) = forward_butterfly((v2, v3), inner);
            let (v0, v2) = forward_butterfly((v0, v2), left);
            let (v1, v3) = forward_butterfly((v1, v3), right);
            transposed([v0, v1, v2, v3])
        }

        /// The last two layers.
        #[inline]
        #[target_feature(enable = $features)]
        fn inverse_group(
            values: &[Numbers],
            group: usize,
            [inner, left, right]: [Root; 3],
        ) -> [Quad; 4] {
            let [v0, v1, v2, v3] = transposed(load_group(values, group));
            let (v0, v2) = inverse_butterfly((v0, v2), left);
            let (v1, v3) = inverse_butterfly((v1, v3), right);
            let (v0, v1) = inverse_butterfly((v0, v1), inner);
            let (v2, v3) = inverse_butterfly((v2, v3), inner);
            [v0, v1, v2, v3]
        }

        /// The places of a group's vectors: one in each quarter, of which the middle ones are exchanged by bit reversal.
        fn places(length: usize, group: usize) -> [usize; 4] {
            let quarter = length / 4;
            [0, 2, 1, 3].map(|part| part * quarter + group)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn load_group(values: &[Numbers], group: usize) -> [Quad; 4] {
            let [p0, p1, p2, p3] = places(values.len(), group);
            [
                load(&values[p0]),
                load(&values[p1]),
                load(&values[p2]),
                load(&values[p3]),
            ]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store_group(values: &mut [Numbers], group: usize, quads: [Quad; 4]) {
            for (place, quad) in places(values.len(), group).into_iter().zip(quads) {
                store(&mut values[place], quad);
            }
        }

        /// The root of layer 0 and both of layer 1, each in all places.
        #[inline]
        #[target_feature(enable = $features)]
        fn last_roots(layers: &[Roots]) -> [Root; 3] {
            let root = |layer: usize, index: usize| {
                let quad = &layers[layer].quads[0];
                Root {
                    real: repeat(quad.real.as_chunks().0[index]),
                    imaginary: repeat(quad.imaginary.as_chunks().0[index]),
                }
            };
            [root(0, 0), root(1, 0), root(1, 1)]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn forward_butterfly((x, y): (Quad, Quad), root: Root) -> (Quad, Quad) {
            let product = add(mul(y, root.real), mul(swapped(y), root.imaginary));
            (add(x, product), sub(x, product))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn inverse_butterfly((x, y): (Quad, Quad), root: Root) -> (Quad, Quad) {
            let difference = sub(x, y);
            let product = sub(
                mul(difference, root.real),
                mul(swapped(difference), root.imaginary),
            );
            (add(x, y), product)
        }

        /// The numbers at equal places of the four quarters of a block.
        #[inline]
        fn quarters(block: &mut [Numbers]) -> impl Iterator<Item = [&mut Numbers; 4]> {
            let (low, high) = block.split_at_mut(block.len() / 2);
            let (x0, x1) = low.split_at_mut(low.len() / 2);
            let (x2, x3) = high.split_at_mut(high.len() / 2);
            let low = x0.iter_mut().zip(x1);
            let high = x2.iter_mut().zip(x3);
            low.zip(high).map(|((x0, x1), (x2, x3))| [x0, x1, x2, x3])
        }
    };
}

pub(super) use complex_layers;
