/// What a run did, as far as levels are concerned: in order, which value came of which, and what was asked of them.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) nodes: Vec<Node>,
    pub(super) requests: Vec<Request>,
}

/// A ciphertext.
#[derive(Debug)]
pub(super) struct Node {
    /// Those that it was made of; none for an input.
    pub(super) parents: Vec<usize>,
    /// The levels that its making took from the lowest parent; the levels that an input has.
    pub(super) levels: usize,
    /// The number of requests before it.
    pub(super) born: usize,
}

/// An operation on vectors that is about to begin.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) operands: Vec<Requested>,
    /// The levels that it takes.
    pub(super) depth: usize,
}

/// A ciphertext of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Requested {
    pub(super) node: usize,
    /// The levels with which it can be refreshed; `None` if it cannot.
    pub(super) least: Option<usize>,
}

impl Record {
    /// Adds an input with so many levels; its number.
    pub(super) fn input(&mut self, levels: usize) -> usize {
        self.result(Vec::new(), levels)
    }

    /// Adds what was made of others, for so many levels; its number.
    pub(super) fn result(&mut self, parents: Vec<usize>, levels: usize) -> usize {
        self.nodes.push(Node {
            parents,
            levels,
            born: self.requests.len(),
        });
        self.nodes.len() - 1
    }

    /// Adds a request.
    pub(super) fn request(&mut self, operands: Vec<Requested>, depth: usize) {
        self.requests.push(Request { operands, depth });
    }
}
