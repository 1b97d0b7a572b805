//! What is timed against whom.

use crate::sets::{self, Set};

/// A library that runs from a script.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Microsoft SEAL, through `TenSEAL`'s low-level bindings.
    Seal,
    /// `TenSEAL`'s vectors.
    TenSeal,
    /// Lattigo, through the library in the wheel of `orion-fhe`.
    Lattigo,
    /// `OpenFHE`, through its Python package.
    OpenFhe,
}

/// What a process times.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// The scheme's operations.
    Operations,
    /// Operations on vectors of values, and circuits of one or two levels.
    Vectors,
    /// A polynomial of degree 15 in powers.
    Polynomial,
    /// A known matrix times a vector.
    Matrix,
    /// Polynomials in Chebyshev's basis.
    Chebyshev,
}

impl Work {
    const ALL: [Self; 5] = [
        Self::Operations,
        Self::Vectors,
        Self::Polynomial,
        Self::Matrix,
        Self::Chebyshev,
    ];

    /// The name that the scripts know it by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Operations => "operations",
            Self::Vectors => "vectors",
            Self::Polynomial => "polynomial",
            Self::Matrix => "matrix",
            Self::Chebyshev => "chebyshev",
        }
    }
}

/// Work at a set, and the peers that do the same.
pub(crate) struct Task {
    pub(crate) set: Set,
    pub(crate) work: Work,
    pub(crate) peers: &'static [Peer],
}

impl Task {
    /// The task's name on the command line: `C13/operations`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.set.name, self.work.name())
    }
}

/// All tasks with scripts, operations first.
pub(crate) fn all() -> Result<Vec<Task>, String> {
    use Peer::{Lattigo, OpenFhe, Seal, TenSeal};
    use Work::{Chebyshev, Matrix, Operations, Polynomial, Vectors};
    let tasks: [(&str, Work, &'static [Peer]); 12] = [
        ("C13", Operations, &[Seal]),
        ("B13", Operations, &[Seal]),
        ("C14", Operations, &[Seal]),
        ("B14", Operations, &[Seal]),
        ("C15", Operations, &[Seal]),
        ("B15", Operations, &[Seal]),
        ("C14s", Operations, &[Lattigo, OpenFhe]),
        ("C15s", Operations, &[Lattigo, OpenFhe]),
        ("C13", Vectors, &[TenSeal]),
        ("C14", Polynomial, &[TenSeal]),
        ("C14s", Matrix, &[Lattigo]),
        ("C15s", Chebyshev, &[Lattigo, OpenFhe]),
    ];
    let task = |(set, work, peers): (&str, Work, &'static [Peer])| {
        let set = sets::find(set)?;
        Ok(Task { set, work, peers })
    };
    tasks.into_iter().map(task).collect()
}

/// The inverse of [`Task::name`].
pub(crate) fn parse(name: &str) -> Result<(Set, Work), String> {
    let (set, work) = name.split_once('/').ok_or("a task is SET/WORK")?;
    let work = Work::ALL.into_iter().find(|known| known.name() == work);
    Ok((
        sets::find(set)?,
        work.ok_or_else(|| format!("no work {name}"))?,
    ))
}
