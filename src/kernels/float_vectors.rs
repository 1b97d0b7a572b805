//! Arithmetic, transforms and products of rows on floating-point numbers, written once for vectors of any width.

/// Arithmetic modulo one prime on vectors of floating-point numbers that are integers.
///
/// The module that uses this has, for its instructions (`$features`): vectors `Float` and, with the bits of words, `Vector`, which
/// `from_bits` and `to_bits` take for each other; `to_float` and `to_words` between the numbers of both; `splat`, `add`, `sub`, `mul`,
/// `round`, `less_product` and `add_if_negative`; `load` and `store`.
macro_rules! float_arithmetic {
    ($features:literal) => {
        /// Arithmetic modulo q, of at most 50 bits, on integers of at most 2^52 in size that stand for residues. Bounds are on
        /// their size, in multiples of q; none exceeds [`limit`](Self::limit).
        ///
        /// Source: J. van der Hoeven, G. Lecerf, G. Quintin, "Modular SIMD arithmetic in Mathemagix" (2016).
        #[derive(Clone, Copy)]
        pub(super) struct FloatArithmetic {
            modulus: Float,
            inverse: Float,
            limit: u64,
        }

        impl FloatArithmetic {
            /// The bound of a product.
            pub(super) const PRODUCT_BOUND: u64 = 2;

            /// The bound of a product of residues, and of a reduced number: in truth 7/8 and just above 1/2.
            pub(super) const REDUCED_BOUND: u64 = 1;

            #[inline]
            #[target_feature(enable = $features)]
            pub(super) fn new(q: &Modulus) -> Self {
                debug_assert!(q.bits() <= 50);
                let modulus = q.value() as f64;
                Self {
                    modulus: splat(modulus),
                    inverse: splat(1.0 / modulus),
                    limit: (1 << 52) / q.value(),
                }
            }

            /// The largest bound: at least 4.
            pub(super) const fn limit(&self) -> u64 {
                self.limit
            }

            /// A representative of `a * b`, for `a` within the limit and b in `[-q, q]`. Its bound is 2, and 7/8 if that of
            /// `a` is 1.
            ///
            /// Three roundings of relative error 2^-53 precede that to the quotient c, so that c is within
            /// `1/2 + 3/2 * 2^-52 * |a|` of `a * b / q`. Both halves of the product and the remainder are integers of less
            /// than 53 bits, or multiples of what they round to, so that nothing else rounds.
            #[inline]
            #[target_feature(enable = $features)]
            pub(super) fn product(&self, a: Float, b: Float) -> Float {
                let high = mul(a, b);
                let minus_low = less_product(high, a, b);
                let quotient = round(mul(high, self.inverse));
                sub(less_product(high, quotient, self.modulus), minus_low)
            }

            /// The representative of least size, or nearly so: of bound 3/4.
            #[inline]
            #[target_feature(enable = $features)]
            pub(super) fn reduced(&self, a: Float) -> Float {
                less_product(a, round(mul(a, self.inverse)), self.modulus)
            }

            /// The residue of a number of bound 1, exclusive, as words.
            #[inline]
            #[target_feature(enable = $features)]
            pub(super) fn canonical(&self, a: Float) -> Vector {
                to_words(add_if_negative(a, self.modulus))
            }

            /// `a * b` modulo q for residues.
            #[inline]
            #[target_feature(enable = $features)]
            pub(super) fn multiply(&self, a: Vector, b: Vector) -> Vector {
                self.canonical(self.product(to_float(a), to_float(b)))
            }

            /// `addend + a * b` modulo q for residues.
            #[inline]
            #[target_feature(enable = $features)]
            pub(super) fn multiply_add(&self, addend: Vector, a: Vector, b: Vector) -> Vector {
                let product = self.product(to_float(a), to_float(b));
                self.canonical(self.reduced(add(to_float(addend), product)))
            }
        }

        /// Floating-point numbers whose bits are words.
        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn load_float(words: &Words) -> Float {
            from_bits(load(words))
        }

        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn store_float(words: &mut Words, a: Float) {
            store(words, to_bits(a));
        }
    };
}

/// Both transforms on vectors of floating-point numbers: passes of two layers. Between the first and the last layer a row holds the
/// bits of floating-point numbers.
///
/// A chunk is numbered by its node, the index of its twiddle: the halves of the chunk of node i are those of nodes 2i and
/// 2i + 1.
///
/// The module that uses this has what [`float_arithmetic`] asks for and makes, `load_4` and `store_4` for floating-point numbers, the
/// least degree that has a full pass over vectors (`MIN_DEGREE`), and the layers of the shortest chunks, which lie within neighbouring
/// vectors (`last_layers`, `first_layers`).
macro_rules! float_transforms {
    ($features:literal) => {
        const PRODUCT: u64 = FloatArithmetic::PRODUCT_BOUND;
        const REDUCED: u64 = FloatArithmetic::REDUCED_BOUND;

        /// What the layers of a transform compute with.
        type Parts<'a> = (FloatArithmetic, Twiddles<'a>);

        /// The longest chunk whose layers are within neighbouring vectors, so that the layers before it are even in number.
        const fn shortest_pass(degree: usize) -> usize {
            if degree.trailing_zeros() % 2 == 1 {
                8
            } else {
                4
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn forward_ntt(table: &NttTable, row: &mut [u64]) {
            if table.degree() < MIN_DEGREE {
                return portable::forward_ntt(table, row);
            }
            debug_assert!(row.iter().all(|&x| x < table.modulus().value()));
            let a = FloatArithmetic::new(table.modulus());
            let parts = (a, table.twiddles());
            for x in row.as_chunks_mut::<LANES>().0 {
                store_float(x, to_float(load(x)));
            }
            let shortest = shortest_pass(table.degree());
            let (mut length, mut bound) = (row.len(), 1);
            while length > shortest {
                if bound + 2 * PRODUCT <= a.limit() {
                    forward_pass::<false>(parts, length, row);
                    bound += 2 * PRODUCT;
                } else {
                    forward_pass::<true>(parts, length, row);
                    bound = REDUCED + PRODUCT;
                }
                debug_assert!(bound <= a.limit());
                length /= 4;
            }
            if bound + 3 * PRODUCT <= a.limit() {
                last_layers::<false>(parts, shortest, row);
            } else {
                last_layers::<true>(parts, shortest, row);
            }
        }

        /// Two layers of all chunks of `length` words.
        #[inline]
        #[target_feature(enable = $features)]
        fn forward_pass<const REDUCE: bool>(
            (a, twiddles): Parts<'_>,
            length: usize,
            row: &mut [u64],
        ) {
            let nodes = row.len() / length..;
            for (node, chunk) in nodes.zip(row.chunks_exact_mut(length)) {
                let [outer, left, right] = factors_of(twiddles, [node, 2 * node, 2 * node + 1]);
                for words in quarters(chunk) {
                    let [v0, v1, v2, v3] = load_4(&words);
                    let (v0, v2) = butterfly::<REDUCE>(a, (v0, v2), outer);
                    let (v1, v3) = butterfly::<REDUCE>(a, (v1, v3), outer);
                    let (v0, v1) = butterfly::<REDUCE>(a, (v0, v1), left);
                    let (v2, v3) = butterfly::<REDUCE>(a, (v2, v3), right);
                    store_4(words, [v0, v1, v2, v3]);
                }
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn inverse_ntt(table: &NttTable, row: &mut [u64]) {
            if table.degree() < MIN_DEGREE {
                return portable::inverse_ntt(table, row);
            }
            debug_assert!(row.iter().all(|&x| x < table.modulus().value()));
            let a = FloatArithmetic::new(table.modulus());
            let parts = (a, table.twiddles());
            let mut length = shortest_pass(table.degree());
            // Sums double the bound, which products have from the first layer on.
            let mut bound = PRODUCT << (length.trailing_zeros() - 1);
            if 2 * bound <= a.limit() {
                first_layers::<false>(parts, length, row);
            } else {
                first_layers::<true>(parts, length, row);
                bound = PRODUCT;
            }
            while 4 * length < table.degree() {
                length *= 4;
                if 8 * bound <= a.limit() {
                    inverse_pass::<false>(parts, length, row);
                    bound *= 4;
                } else {
                    inverse_pass::<true>(parts, length, row);
                    bound = PRODUCT;
                }
                debug_assert!(2 * bound <= a.limit());
            }
            inverse_last_pass(a, table, row);
        }

        /// Two layers of all chunks of `length` words.
        #[inline]
        #[target_feature(enable = $features)]
        fn inverse_pass<const REDUCE: bool>(
            (a, twiddles): Parts<'_>,
            length: usize,
            row: &mut [u64],
        ) {
            let nodes = row.len() / length..;
            for (node, chunk) in nodes.zip(row.chunks_exact_mut(length)) {
                let nodes = [node, 2 * node, 2 * node + 1].map(mirrored);
                let [outer, left, right] = factors_of(twiddles, nodes);
                for words in quarters(chunk) {
                    let [v0, v1, v2, v3] = load_4(&words);
                    let (v0, v1) = inverse_butterfly::<REDUCE>(a, (v0, v1), left);
                    let (v2, v3) = inverse_butterfly::<REDUCE>(a, (v2, v3), right);
                    let (v0, v2) = inverse_butterfly::<REDUCE>(a, (v0, v2), outer);
                    let (v1, v3) = inverse_butterfly::<REDUCE>(a, (v1, v3), outer);
                    store_4(words, [v0, v1, v2, v3]);
                }
            }
        }

        /// The pass over the whole row, with the division by N in its second layer.
        #[target_feature(enable = $features)]
        fn inverse_last_pass(a: FloatArithmetic, table: &NttTable, row: &mut [u64]) {
            let [left, right] = factors_of(table.twiddles(), [2, 3].map(mirrored));
            let sum_factor = splat(table.degree_inverse.value as f64);
            let difference_factor = splat(table.degree_inverse_times_last.value as f64);
            for words in quarters(row) {
                let [v0, v1, v2, v3] = load_4(&words);
                let (v0, v1) = inverse_butterfly::<true>(a, (v0, v1), left);
                let (v2, v3) = inverse_butterfly::<true>(a, (v2, v3), right);
                let [x0, x1, x2, x3] = words;
                for (low, high, x, y) in [(x0, x2, v0, v2), (x1, x3, v1, v3)] {
                    let sum = a.product(add(x, y), sum_factor);
                    let difference = a.product(sub(x, y), difference_factor);
                    store(low, a.canonical(a.reduced(sum)));
                    store(high, a.canonical(a.reduced(difference)));
                }
            }
        }

        /// The factors of these nodes, each in every lane.
        #[inline]
        #[target_feature(enable = $features)]
        fn factors_of<const N: usize>(twiddles: Twiddles<'_>, nodes: [usize; N]) -> [Float; N] {
            nodes.map(|node| splat(twiddles.factors[node] as f64))
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

/// Inner products on vectors of floating-point numbers; the module that uses this has what [`float_transforms`] asks for, and an `Unpacker`
/// of a key's blocks.
macro_rules! float_rows {
    ($features:literal) => {
        /// Both halves in one pass; sums are reduced only where the next product would exceed the limit, and once at the end.
        #[target_feature(enable = $features)]
        pub(super) fn inner_products(
            q: &Modulus,
            outs: [&mut [u64]; 2],
            digits: &[&[u64]],
            key: KeyRow<'_>,
        ) {
            let (a, unpacker) = (FloatArithmetic::new(q), Unpacker::new(key.shape));
            for (place, outs) in block_pairs(outs).enumerate() {
                let mut sums = [[splat(0.0); BLOCK / LANES]; 2];
                let mut bound = 0;
                for (number, digits) in digits.iter().enumerate() {
                    if bound == a.limit() {
                        sums = sums.map(|sums| sums.map(|sum| a.reduced(sum)));
                        bound = FloatArithmetic::REDUCED_BOUND;
                    }
                    let mut numbers = [splat(0.0); BLOCK / LANES];
                    let words = digits[place * BLOCK..].as_chunks::<LANES>().0;
                    for (number, words) in numbers.iter_mut().zip(words) {
                        *number = to_float(load(words));
                    }
                    for (half, sums) in sums.iter_mut().enumerate() {
                        let keys = unpacker.numbers(&key, (place, number, half));
                        for ((sum, &digit), key) in sums.iter_mut().zip(&numbers).zip(keys) {
                            let product = a.product(digit, key);
                            *sum = add(*sum, product);
                        }
                    }
                    bound += FloatArithmetic::REDUCED_BOUND;
                }
                for (out, sums) in outs.into_iter().zip(sums) {
                    for (out, sum) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
                        store(out, a.canonical(a.reduced(sum)));
                    }
                }
            }
        }

        /// Row by row; sums are reduced only where the next product would exceed the limit, and once at the end.
        #[target_feature(enable = $features)]
        pub(super) fn panel_products(
            q: &Modulus,
            outs: &mut [PanelRows],
            product: &PanelProducts<'_>,
        ) {
            let a = FloatArithmetic::new(q);
            for (out, group) in outs.iter_mut().zip(product.groups) {
                for (row, out) in out.iter_mut().enumerate() {
                    let mut sums = [splat(0.0); PANEL / LANES];
                    let mut bound = 0;
                    for (&input, weights) in group.inputs.iter().zip(group.weights) {
                        if bound == a.limit() {
                            sums = sums.map(|sum| a.reduced(sum));
                            bound = FloatArithmetic::REDUCED_BOUND;
                        }
                        let weight = splat(weights[row] as f64);
                        let words = product.input(input).as_chunks::<LANES>().0;
                        for (sum, x) in sums.iter_mut().zip(words) {
                            *sum = add(*sum, a.product(to_float(load(x)), weight));
                        }
                        bound += FloatArithmetic::REDUCED_BOUND;
                    }
                    for (out, sum) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
                        store(out, a.canonical(a.reduced(sum)));
                    }
                }
            }
        }
    };
}

pub(super) use {float_arithmetic, float_rows, float_transforms};
