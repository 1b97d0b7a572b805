//! Parameter sets as data.

/// What a set of bootstrapping parameters consists of: sizes of primes in bits, and the shape of the transforms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    pub(super) log_degree: u32,
    /// The prime of level 0, from which the modulus is raised.
    pub(super) base: u32,
    /// The levels of the transform to coefficients, one prime each, from below.
    pub(super) to_coefficients: Vec<u32>,
    /// The primes of each level that is left to the user, from below.
    pub(super) user: Vec<Vec<u32>>,
    /// The primes of each level of the modular reduction, from below.
    pub(super) reduction: [Vec<u32>; 8],
    /// The levels of the transform to slots, one prime each, from below.
    pub(super) to_slots: Vec<u32>,
    /// The special primes.
    pub(super) special: Vec<u32>,
    /// log2 of the scale at the lowest level of the user, where the transform to coefficients begins.
    pub(super) scale_bits: u32,
    /// log2 of the ratio of the lowest prime and the scale of the message there.
    pub(super) ratio_bits: u32,
    /// The layers of the FFT in each factor of the transform to coefficients, in order of use.
    pub(super) coefficient_radices: Vec<u32>,
    /// The same for the transform to slots.
    pub(super) slot_radices: Vec<u32>,
}

/// A set of bootstrapping parameters for all N/2 complex slots, 128 bits secure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BootstrappingSet {
    /// N = 65536, 11 levels left, about 25 bits: the fastest of its degree.
    Fast65536,
    /// N = 65536, 11 levels left, about 26 bits: a few percent slower, and the default.
    #[default]
    Precise65536,
    /// N = 32768, 3 levels left, about 22 bits.
    Compact32768,
}

impl BootstrappingSet {
    pub(super) fn recipe(self) -> Recipe {
        let one = |bits: u32| vec![bits];
        let two = |first: u32, second: u32| vec![first, second];
        match self {
            Self::Fast65536 => Recipe {
                reduction: [
                    two(26, 27),
                    one(50),
                    one(50),
                    one(50),
                    one(50),
                    one(50),
                    two(29, 29),
                    two(27, 27),
                ],
                ..Self::Precise65536.recipe()
            },
            Self::Precise65536 => Recipe {
                log_degree: 16,
                base: 50,
                to_coefficients: vec![42; 2],
                user: vec![one(40); 11],
                reduction: [
                    two(26, 27),
                    one(50),
                    one(50),
                    one(50),
                    two(27, 27),
                    two(28, 28),
                    two(29, 29),
                    two(26, 26),
                ],
                to_slots: vec![49; 3],
                special: vec![50; 12],
                scale_bits: 40,
                ratio_bits: 7,
                coefficient_radices: vec![8, 7],
                slot_radices: vec![5, 5, 5],
            },
            Self::Compact32768 => Recipe {
                log_degree: 15,
                base: 46,
                to_coefficients: vec![36; 2],
                user: vec![one(39); 3],
                reduction: [
                    one(46),
                    one(46),
                    one(46),
                    one(46),
                    one(46),
                    one(46),
                    two(27, 27),
                    two(25, 25),
                ],
                to_slots: vec![46; 2],
                special: vec![48; 3],
                scale_bits: 39,
                ratio_bits: 7,
                coefficient_radices: vec![7, 7],
                slot_radices: vec![7, 7],
            },
        }
    }
}

impl Recipe {
    /// The primes of [`BootstrappingSet::Precise65536`] in a ring that hides nothing, for tests and experiments.
    pub(super) fn insecure(log_degree: u32) -> Self {
        let whole = BootstrappingSet::Precise65536.recipe();
        let layers = log_degree - 1;
        Self {
            log_degree,
            user: vec![vec![40]; 3],
            coefficient_radices: vec![layers.div_ceil(2), layers / 2],
            slot_radices: vec![layers.div_ceil(3), (layers + 1) / 3, layers / 3],
            ..whole
        }
    }
}
