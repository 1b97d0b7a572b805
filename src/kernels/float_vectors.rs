//! Transforms and products of rows on floating-point numbers, written once for vectors of any width.

/// Both transforms on vectors of floating-point numbers: passes of two layers. Between the first and the last layer a row holds the
/// bits of floating-point numbers.
///
/// A chunk is numbered by its node, the index of its twiddle: the halves of the chunk of node i are those of nodes 2i and
/// 2i + 1.
///
/// The module that uses this has, for its instructions (`$features`): vectors `Float` with `splat`, `add`, `sub`, their places in a row
/// (`Words` of `LANES` words, `load`, `store`, `load_float`, `store_float`), `FloatArithmetic`, and the layers of the shortest chunks,
/// which lie within neighbouring vectors (`forward_last_layers`, `inverse_first_layers`).
macro_rules! float_transforms {
    ($features:literal) => {
        const PRODUCT: u64 = FloatArithmetic::PRODUCT_BOUND;
        const REDUCED: u64 = FloatArithmetic::REDUCED_BOUND;

        /// The longest chunk whose layers are within neighbouring vectors, so that the layers before it are even in number.
        const fn shortest_pass(degree: usize) -> usize {
            if degree.trailing_zeros() % 2 == 1 {
                8
            } else {
                4
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn forward(table: &NttTable, row: &mut [u64]) {
            let twiddles = table.twiddles();
            debug_assert!(row.iter().all(|&x| x < table.modulus().value()));
            let a = FloatArithmetic::new(table.modulus());
            for x in row.as_chunks_mut::<LANES>().0 {
                store_float(x, to_float(load(x)));
            }
            let shortest = shortest_pass(table.degree());
            let (mut length, mut bound) = (row.len(), 1);
            while length > shortest {
                let chunks = row.chunks_exact_mut(length).enumerate();
                let nodes = table.degree() / length;
                if bound + 2 * PRODUCT <= a.limit() {
                    chunks.for_each(|(i, chunk)| {
                        forward_pass::<false>(a, twiddles, nodes + i, chunk)
                    });
                    bound += 2 * PRODUCT;
                } else {
                    chunks
                        .for_each(|(i, chunk)| forward_pass::<true>(a, twiddles, nodes + i, chunk));
                    bound = REDUCED + PRODUCT;
                }
                debug_assert!(bound <= a.limit());
                length /= 4;
            }
            if bound + 3 * PRODUCT <= a.limit() {
                forward_last_layers::<false>(a, twiddles, shortest, row);
            } else {
                forward_last_layers::<true>(a, twiddles, shortest, row);
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn forward_pass<const REDUCE: bool>(
            a: FloatArithmetic,
            twiddles: Twiddles<'_>,
            node: usize,
            chunk: &mut [u64],
        ) {
            let outer = splat(twiddles.factors[node] as f64);
            let left = splat(twiddles.factors[2 * node] as f64);
            let right = splat(twiddles.factors[2 * node + 1] as f64);
            for [x0, x1, x2, x3] in quarters(chunk) {
                let (v0, v2) = butterfly::<REDUCE>(a, (load_float(x0), load_float(x2)), outer);
                let (v1, v3) = butterfly::<REDUCE>(a, (load_float(x1), load_float(x3)), outer);
                let (v0, v1) = butterfly::<REDUCE>(a, (v0, v1), left);
                let (v2, v3) = butterfly::<REDUCE>(a, (v2, v3), right);
                store_float(x0, v0);
                store_float(x1, v1);
                store_float(x2, v2);
                store_float(x3, v3);
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn inverse(table: &NttTable, row: &mut [u64]) {
            let twiddles = table.twiddles();
            debug_assert!(row.iter().all(|&x| x < table.modulus().value()));
            let a = FloatArithmetic::new(table.modulus());
            let mut length = shortest_pass(table.degree());
            // Sums double the bound, which products have from the first layer on.
            let mut bound = PRODUCT << (length.trailing_zeros() - 1);
            if 2 * bound <= a.limit() {
                inverse_first_layers::<false>(a, twiddles, length, row);
            } else {
                inverse_first_layers::<true>(a, twiddles, length, row);
                bound = PRODUCT;
            }
            while 4 * length < table.degree() {
                length *= 4;
                let chunks = row.chunks_exact_mut(length).enumerate();
                let nodes = table.degree() / length;
                if 8 * bound <= a.limit() {
                    chunks.for_each(|(i, chunk)| {
                        inverse_pass::<false>(a, twiddles, nodes + i, chunk)
                    });
                    bound *= 4;
                } else {
                    chunks
                        .for_each(|(i, chunk)| inverse_pass::<true>(a, twiddles, nodes + i, chunk));
                    bound = PRODUCT;
                }
                debug_assert!(2 * bound <= a.limit());
            }
            inverse_last_pass(a, table, row);
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn inverse_pass<const REDUCE: bool>(
            a: FloatArithmetic,
            twiddles: Twiddles<'_>,
            node: usize,
            chunk: &mut [u64],
        ) {
            let outer = splat(twiddles.factors[mirrored(node)] as f64);
            let left = splat(twiddles.factors[mirrored(2 * node)] as f64);
            let right = splat(twiddles.factors[mirrored(2 * node + 1)] as f64);
            for [x0, x1, x2, x3] in quarters(chunk) {
                let (v0, v1) =
                    inverse_butterfly::<REDUCE>(a, (load_float(x0), load_float(x1)), left);
                let (v2, v3) =
                    inverse_butterfly::<REDUCE>(a, (load_float(x2), load_float(x3)), right);
                let (v0, v2) = inverse_butterfly::<REDUCE>(a, (v0, v2), outer);
                let (v1, v3) = inverse_butterfly::<REDUCE>(a, (v1, v3), outer);
                store_float(x0, v0);
                store_float(x1, v1);
                store_float(x2, v2);
                store_float(x3, v3);
            }
        }

        /// The pass over the whole row, with the division by N in its second layer.
        #[target_feature(enable = $features)]
        fn inverse_last_pass(a: FloatArithmetic, table: &NttTable, row: &mut [u64]) {
            let left = splat(table.twiddles().factors[mirrored(2)] as f64);
            let right = splat(table.twiddles().factors[mirrored(3)] as f64);
            let sum_factor = splat(table.degree_inverse.value as f64);
            let difference_factor = splat(table.degree_inverse_times_last.value as f64);
            for [x0, x1, x2, x3] in quarters(row) {
                let (v0, v1) = inverse_butterfly::<true>(a, (load_float(x0), load_float(x1)), left);
                let (v2, v3) =
                    inverse_butterfly::<true>(a, (load_float(x2), load_float(x3)), right);
                for (low, high, x, y) in [(x0, x2, v0, v2), (x1, x3, v1, v3)] {
                    let sum = a.product(add(x, y), sum_factor);
                    let difference = a.product(sub(x, y), difference_factor);
                    store(low, a.canonical(a.reduced(sum)));
                    store(high, a.canonical(a.reduced(difference)));
                }
            }
        }

        /// Cooley and Tukey's butterfly `(x + y * factor, x - y * factor)`, with x reduced first or not: 2 more than its bound.
        #[inline]
        #[target_feature(enable = $features)]
        fn butterfly<const REDUCE: bool>(
            a: FloatArithmetic,
            (x, y): (Float, Float),
            factor: Float,
        ) -> (Float, Float) {
            let x = if REDUCE { a.reduced(x) } else { x };
            let product = a.product(y, factor);
            (add(x, product), sub(x, product))
        }

        /// Gentleman and Sande's butterfly `(x + y, (y - x) * factor)`, for a factor's negative, with the sum reduced or not: of bounds 1
        /// or twice that of the operands, and 2.
        #[inline]
        #[target_feature(enable = $features)]
        fn inverse_butterfly<const REDUCE: bool>(
            a: FloatArithmetic,
            (x, y): (Float, Float),
            factor: Float,
        ) -> (Float, Float) {
            let sum = add(x, y);
            let sum = if REDUCE { a.reduced(sum) } else { sum };
            (sum, a.product(sub(y, x), factor))
        }
    };
}

/// Products of rows on vectors of floating-point numbers; the module that uses this has what [`float_transforms`] asks for.
macro_rules! float_rows {
    ($features:literal) => {
        #[target_feature(enable = $features)]
        pub(super) fn mul_assign(q: &Modulus, row: &mut [u64], other: &[u64]) {
            let a = FloatArithmetic::new(q);
            let ((vectors, rest), (others, other_rest)) = split(row, other);
            for (x, y) in vectors.iter_mut().zip(others) {
                let product = a.product(to_float(load(x)), to_float(load(y)));
                store(x, a.canonical(product));
            }
            portable::mul_assign(q, rest, other_rest);
        }

        #[target_feature(enable = $features)]
        pub(super) fn mul_add_assign(q: &Modulus, row: &mut [u64], a: &[u64], b: &[u64]) {
            debug_assert_eq!(a.len(), b.len());
            let arithmetic = FloatArithmetic::new(q);
            let ((vectors, rest), (a, a_rest)) = split(row, a);
            let (b, b_rest) = b.as_chunks::<LANES>();
            for ((x, a), b) in vectors.iter_mut().zip(a).zip(b) {
                let product = arithmetic.product(to_float(load(a)), to_float(load(b)));
                let sum = arithmetic.reduced(add(to_float(load(x)), product));
                store(x, arithmetic.canonical(sum));
            }
            portable::mul_add_assign(q, rest, a_rest, b_rest);
        }

        /// Both halves in one pass: the sums are reduced where another product would exceed the limit, and at last.
        #[target_feature(enable = $features)]
        pub(super) fn inner_products(
            q: &Modulus,
            [first, second]: [&mut [u64]; 2],
            digits: &[u64],
            key: KeyRow<'_>,
        ) {
            let length = first.len();
            debug_assert!(length.is_multiple_of(BLOCK) && second.len() == length);
            let a = FloatArithmetic::new(q);
            let places = first
                .chunks_exact_mut(BLOCK)
                .zip(second.chunks_exact_mut(BLOCK));
            for (place, (first, second)) in places.enumerate() {
                let mut sums = [[splat(0.0); BLOCK / LANES]; 2];
                let mut bound = 0;
                for (number, digits) in digits.chunks_exact(length).enumerate() {
                    if bound == a.limit() {
                        sums = sums.map(|sums| sums.map(|sum| a.reduced(sum)));
                        bound = FloatArithmetic::REDUCED_BOUND;
                    }
                    let digits = digits[place * BLOCK..].as_chunks::<LANES>().0;
                    for (half, sums) in sums.iter_mut().enumerate() {
                        let key = key.block(place, number, half);
                        let keys = key.as_chunks::<LANES>().0;
                        for ((sum, digit), key) in sums.iter_mut().zip(digits).zip(keys) {
                            let product = a.product(to_float(load(digit)), to_float(load(key)));
                            *sum = add(*sum, product);
                        }
                    }
                    bound += FloatArithmetic::REDUCED_BOUND;
                }
                for (out, sums) in [first, second].into_iter().zip(sums) {
                    for (out, sum) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
                        store(out, a.canonical(a.reduced(sum)));
                    }
                }
            }
        }

        /// Whole vectors and what is left over.
        type Split<'a> = (&'a [Words], &'a [u64]);

        /// The same, to write to.
        type SplitMut<'a> = (&'a mut [Words], &'a mut [u64]);

        #[inline]
        fn split<'a>(row: &'a mut [u64], other: &'a [u64]) -> (SplitMut<'a>, Split<'a>) {
            debug_assert_eq!(row.len(), other.len());
            (row.as_chunks_mut(), other.as_chunks())
        }
    };
}

pub(super) use {float_rows, float_transforms};
