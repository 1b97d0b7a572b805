//! Noise under a shared key: never above what is tracked, and near it.

use crate::attacks::opened_secret;
use crate::world::World;
use slotwise::encryption::Decryptor;
use slotwise::evaluator::BfvEvaluator;
use slotwise::keys::Rotations;
use slotwise::multiparty::Policy;

#[test]
fn noise_stays_within_its_bounds_and_near_them() {
    for (n, t, c) in [(2, 2, 2), (3, 2, 3), (8, 2, 8), (10, 3, 4)] {
        let policy = Policy::new(n, t).unwrap().with_contributors(c).unwrap();
        let mut world = World::new(policy, u64::from(n));
        let (public, keys) = world.keys(&Rotations::steps(&[1]));
        let secret = opened_secret(&mut world, &public);
        let decryptor = Decryptor::new(&secret);
        let evaluator = BfvEvaluator::with_keys(&world.context, keys).unwrap();
        let mut nearest = [f64::INFINITY; 3];
        for round in 0..10 {
            let a = world.encrypt(&public, &[round; 64]);
            let rotated = evaluator.rotate_left(&a, 1).unwrap();
            let product = evaluator.mul(&a, &rotated).unwrap();
            for (nearest, value) in nearest.iter_mut().zip([&a, &rotated, &product]) {
                let bound = value.state().noise_budget(&world.context);
                let measured = decryptor.measured_noise_budget(value).unwrap();
                assert!(measured >= bound, "{measured} for {bound}");
                *nearest = nearest.min(measured - bound);
            }
        }
        // The tail of 2^-128 and the peaks of the secret are most of the distance.
        for ((what, most), bits) in [("fresh", 7.0), ("rotated", 7.0), ("product", 12.0)]
            .iter()
            .zip(nearest)
        {
            assert!(bits < *most, "{what}, {t} of {n}: {bits} bits above");
        }
    }
}
