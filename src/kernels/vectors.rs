//! What the kernels for every instruction set share: vectors in memory, operations on rows, and the methods of
//! [`Kernels`](super::Kernels) that call them. Macros, because a function with features of the processor cannot be generic over them.

/// Functions for the instructions `$features`.
macro_rules! functions {
    ($features:literal: $(
        $(#[$meta:meta])*
        $visibility:vis fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty $body:block
    )+) => {$(
        $(#[$meta])*
        #[inline]
        #[target_feature(enable = $features)]
        $visibility fn $name($($argument: $type),*) -> $result $body
    )+};
}

/// Vectors of `$lanes` words in rows: `LANES`, `Words`, `load`, `store`, and the same for four vectors at once.
macro_rules! words {
    ($features:literal, $lanes:literal, $vector:ty, $load:path, $store:path) => {
        /// Words in a vector.
        pub(super) const LANES: usize = $lanes;

        pub(super) type Words = [u64; LANES];

        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn load(words: &Words) -> $vector {
            // SAFETY: the reference covers the bytes that are read; words are aligned enough.
            unsafe { $load(words.as_ptr().cast()) }
        }

        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn store(words: &mut Words, vector: $vector) {
            // SAFETY: the reference covers the bytes that are written; words are aligned enough.
            unsafe { $store(words.as_mut_ptr().cast(), vector) }
        }
    };
}

/// Loads and stores four vectors at once.
macro_rules! fours {
    ($features:literal, $vector:ty, $load:ident, $store:ident) => {
        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn load_4([x0, x1, x2, x3]: &[&mut Words; 4]) -> [$vector; 4] {
            [$load(x0), $load(x1), $load(x2), $load(x3)]
        }

        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn store_4([x0, x1, x2, x3]: [&mut Words; 4], v: [$vector; 4]) {
            $store(x0, v[0]);
            $store(x1, v[1]);
            $store(x2, v[2]);
            $store(x3, v[3]);
        }
    };
}

/// Sums and differences of rows. The module that uses this has `load`, `store`, `broadcast`, and `sum` and `difference` of vectors of
/// residues.
#[cfg(target_arch = "x86_64")]
macro_rules! sum_rows {
    ($features:literal) => {
        sum_rows!(@ $features, add_assign, sum);
        sum_rows!(@ $features, sub_assign, difference);

        #[target_feature(enable = $features)]
        pub(super) fn negate(q: &Modulus, row: &mut [u64]) {
            let modulus = broadcast(q.value());
            let (vectors, rest) = row.as_chunks_mut::<LANES>();
            for x in vectors {
                store(x, difference(broadcast(0), load(x), modulus));
            }
            portable::negate(q, rest);
        }
    };
    (@ $features:literal, $name:ident, $of_vectors:ident) => {
        #[target_feature(enable = $features)]
        pub(super) fn $name(q: &Modulus, row: &mut [u64], other: &[u64]) {
            let modulus = broadcast(q.value());
            let ((vectors, rest), (others, other_rest)) = split(row, other);
            for (x, y) in vectors.iter_mut().zip(others) {
                store(x, $of_vectors(load(x), load(y), modulus));
            }
            portable::$name(q, rest, other_rest);
        }
    };
}

/// Products of rows, by an `$arithmetic` with `new`, `multiply` and `multiply_add` of residues.
macro_rules! product_rows {
    ($features:literal, $arithmetic:ident) => {
        #[target_feature(enable = $features)]
        pub(super) fn mul_assign(q: &Modulus, row: &mut [u64], other: &[u64]) {
            let arithmetic = $arithmetic::new(q);
            let ((vectors, rest), (others, other_rest)) = split(row, other);
            for (x, y) in vectors.iter_mut().zip(others) {
                store(x, arithmetic.multiply(load(x), load(y)));
            }
            portable::mul_assign(q, rest, other_rest);
        }

        #[target_feature(enable = $features)]
        pub(super) fn mul_add_assign(q: &Modulus, row: &mut [u64], a: &[u64], b: &[u64]) {
            debug_assert_eq!(a.len(), b.len());
            let arithmetic = $arithmetic::new(q);
            let ((vectors, rest), (a, a_rest)) = split(row, a);
            let (b, b_rest) = b.as_chunks::<LANES>();
            for ((x, a), b) in vectors.iter_mut().zip(a).zip(b) {
                store(x, arithmetic.multiply_add(load(x), load(a), load(b)));
            }
            portable::mul_add_assign(q, rest, a_rest, b_rest);
        }
    };
}

/// Methods of [`Kernels`](super::Kernels), each from the function with its name in the module `$functions`. The implementer can be had
/// from `detect` alone, which hands it out where the processor has the features that the functions need.
macro_rules! methods {
    (@ $function:path, $name:ident($($argument:ident: $type:ty),+)) => {
        fn $name(&self, $($argument: $type),+) {
            // SAFETY: `detect` saw the features.
            unsafe { $function($($argument),+) }
        }
    };
    ($functions:ident: $($name:ident$arguments:tt)+) => {
        $(methods!(@ $functions::$name, $name$arguments);)+
    };
    ($functions:ident<$word:ident>: $($name:ident$arguments:tt)+) => {
        $(methods!(@ $functions::$name::<$word>, $name$arguments);)+
    };
}

#[cfg(target_arch = "x86_64")]
pub(super) use sum_rows;
pub(super) use {fours, functions, methods, product_rows, words};
