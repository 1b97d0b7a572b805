use rand::*;
use slotwise::encoding::*;
use slotwise::encryption::*;
use slotwise::evaluator::*;
use slotwise::keys::*;
use slotwise::params::*;
use std::sync::Arc;
#[test]
fn ckks() {
    let context = CkksContext::builder()
        .degree(8192)
        .prime_bits(&[60, 40, 40, 60])
        .scale_bits(40)
        .build()
        .unwrap();
    println!("{context}");
    let mut rng = rand::rng();
    let sk = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let kg = KeyGenerator::new(&sk);
    let pk = Arc::new(kg.public_key(&mut rng));
    let keys = Arc::new(
        kg.evaluation_keys(&Rotations::steps(&[1, 3]), &mut rng)
            .unwrap(),
    );
    let e = CkksEvaluator::with_keys(&context, keys).unwrap();
    let enc = e.encoder().clone();
    let v: Vec<f64> = (0..4096).map(|_| rng.random::<f64>() * 2.0 - 1.0).collect();
    let w: Vec<f64> = (0..4096).map(|_| rng.random::<f64>() * 2.0 - 1.0).collect();
    let d = Decryptor::new(&sk);
    let show = |name: &str, ct: &CkksCiphertext, want: &[f64]| {
        let got = enc.decode(&d.decrypt(ct).unwrap()).unwrap();
        let err = got
            .iter()
            .zip(want)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        println!(
            "{name}: err 2^{:.2} bound 2^{:.2} scale {:?} level {}",
            err.log2(),
            ct.noise_bound().log2(),
            ct.scale(),
            ct.level()
        );
        assert!(err <= ct.noise_bound());
    };
    for (n, en) in [
        ("pk", Encryptor::with_public_key(pk)),
        ("sk", Encryptor::with_secret_key(sk.clone())),
    ] {
        println!("{n}");
        let a = en.encrypt(&enc.encode(&v, 2).unwrap(), &mut rng).unwrap();
        let b = en.encrypt(&enc.encode(&w, 2).unwrap(), &mut rng).unwrap();
        show("fresh", &a, &v);
        let want: Vec<f64> = v.iter().zip(&w).map(|(a, b)| a * b).collect();
        show("mul", &e.mul(&a, &b).unwrap(), &want);
        let p = e.rescale(&e.mul(&a, &b).unwrap()).unwrap();
        show("mul rs", &p, &want);
        let mut r = v.clone();
        r.rotate_left(1);
        show("rot", &e.rotate_left(&a, 1).unwrap(), &r);
        let mut r = v.clone();
        r.rotate_left(5);
        show("rot5", &e.rotate_left(&a, 5).unwrap(), &r);
        let want: Vec<f64> = want.iter().zip(&v).map(|(a, b)| a + b).collect();
        show("mixed add", &e.add(&p, &a).unwrap(), &want);
        show(
            "mixed add2",
            &e.add(&e.mul(&a, &b).unwrap(), &a).unwrap(),
            &want,
        );
        let want: Vec<f64> = want.iter().zip(&v).map(|(a, b)| (a * b)).collect();
        show(
            "mixed mul",
            &Evaluator::mul(&e, &e.add(&p, &a).unwrap(), &a).unwrap(),
            &want,
        );
    }
}
#[test]
fn bfv() {
    for (n, bits) in [
        (8192usize, vec![43, 43, 44, 44, 44]),
        (16384, vec![48, 48, 48, 49, 49, 49, 49, 49, 49]),
        (32768, [vec![55; 15], vec![56]].concat()),
    ] {
        let context = BfvContext::builder()
            .degree(n)
            .prime_bits(&bits)
            .plain_modulus(65537)
            .standard(SecurityStandard::HomomorphicEncryption2018)
            .build()
            .unwrap();
        println!("{context}");
        let mut rng = rand::rng();
        let sk = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let kg = KeyGenerator::new(&sk);
        let pk = Arc::new(kg.public_key(&mut rng));
        let keys = Arc::new(
            kg.evaluation_keys(&Rotations::steps(&[1, 3]), &mut rng)
                .unwrap(),
        );
        let e = BfvEvaluator::with_keys(&context, keys).unwrap();
        let enc = e.encoder().clone();
        let v: Vec<u64> = (0..n).map(|_| rng.random_range(0..65537)).collect();
        let d = Decryptor::new(&sk);
        let mut a = Encryptor::with_public_key(pk)
            .encrypt(&enc.encode_u64(&v).unwrap(), &mut rng)
            .unwrap();
        let mut w = v.clone();
        println!("left {}", a.levels_left());
        let r = e.rotate_rows_left(&a, 1).unwrap();
        println!(
            "rot: {:.1} {:.1}",
            r.precision_bits(),
            d.noise_budget(&r).unwrap()
        );
        let r = e.switch_modulus(&a).unwrap();
        println!(
            "switch: {:.1} {:.1}",
            r.precision_bits(),
            d.noise_budget(&r).unwrap()
        );
        for i in 0.. {
            println!(
                "{i}: bound {:.1} measured {:.1}",
                a.precision_bits(),
                d.noise_budget(&a).unwrap()
            );
            let got = match d.decrypt(&a) {
                Ok(p) => enc.decode_u64(&p).unwrap(),
                Err(err) => {
                    println!("{err}");
                    break;
                }
            };
            assert_eq!(got, w);
            a = e.square(&a).unwrap();
            w = w.iter().map(|x| x * x % 65537).collect();
        }
    }
}
