//! Dry runs against encrypted runs, and plans: of every circuit, built and run as they say.

/// A program on vectors of such numbers from a body with the inputs' name.
macro_rules! program {
    ($name:ident, $number:ty, $inputs:ident, $body:expr) => {
        struct $name;

        impl Program<$number> for $name {
            fn run<E: Evaluator<Scalar = $number>>(
                &self,
                $inputs: &[Vector<E>],
            ) -> Result<Vec<Vector<E>>> {
                Ok($body)
            }
        }
    };
}

mod every;
mod forecasts;
mod integers;
mod plans;
