//! Where refreshes are cheapest: a shortest path over the requests of a run.

use crate::circuits::refreshes::record::{Record, Requested};
use crate::evaluator::RefreshLevels;
use std::collections::{BTreeMap, BTreeSet};

/// The refreshes of a run, by the number of the request before which they are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::circuits) struct Placement {
    refreshes: BTreeMap<usize, Vec<PlannedRefresh>>,
}

/// A refresh of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlannedRefresh {
    /// Its number among the different operands of the request.
    pub(super) operand: usize,
    /// The levels that it is to have: no more than its uses take, since lower levels cost less.
    pub(super) levels: usize,
}

/// By node, the request before which it is refreshed.
type Chosen = BTreeMap<usize, usize>;

/// What bootstrapping so many real messages at once costs: two take half as long again as one.
fn cost_of(messages: usize) -> usize {
    messages / 2 * 3 + messages % 2 * 2
}

impl Placement {
    /// Those of a request.
    pub(super) fn at(&self, request: usize) -> &[PlannedRefresh] {
        self.refreshes.get(&request).map_or(&[], Vec::as_slice)
    }

    /// The same, with all levels that a refresh gives.
    pub(in crate::circuits) fn without_drops(&self) -> Self {
        let mut all = self.clone();
        for refresh in all.refreshes.values_mut().flatten() {
            refresh.levels = usize::MAX;
        }
        all
    }

    /// The cheapest refreshes, among those where all values that are still used are refreshed at the same requests, unless their levels last:
    /// the shortest path from the first request to the end, whose steps are as long as levels last and cost as many refreshes as values are alive at
    /// their end. `None` if no refreshes are enough.
    pub(super) fn cheapest(record: &Record, levels: RefreshLevels) -> Option<Self> {
        let run = Run {
            record,
            levels,
            kept: kept(record),
        };
        let mut chosen = run.shortest_path()?;
        // What has levels enough is not refreshed: tried for all ciphertexts of a vector at once, which were made between the same requests.
        let born = |node: usize| record.nodes[node].born;
        let groups: BTreeSet<(usize, usize)> = chosen
            .iter()
            .map(|(&node, &request)| (request, born(node)))
            .collect();
        for group in groups.into_iter().rev() {
            let mut fewer = chosen.clone();
            fewer.retain(|&node, request| (*request, born(node)) != group);
            if run.lasts(&fewer) {
                chosen = fewer;
            }
        }
        Some(run.placement(&chosen))
    }
}

/// A record, and what a refresh takes and gives.
struct Run<'a> {
    record: &'a Record,
    levels: RefreshLevels,
    /// The levels of the nodes that no refresh can change.
    kept: Vec<Option<usize>>,
}

/// The levels of the nodes that cannot be refreshed and are made of such nodes only.
fn kept(record: &Record) -> Vec<Option<usize>> {
    let requests = record.requests.iter();
    let operands = requests.flat_map(|request| &request.operands);
    let refreshable: BTreeSet<usize> = operands
        .filter(|operand| operand.least.is_some())
        .map(|operand| operand.node)
        .collect();
    let mut kept: Vec<Option<usize>> = Vec::with_capacity(record.nodes.len());
    for (number, node) in record.nodes.iter().enumerate() {
        let levels = if node.parents.is_empty() {
            Some(node.levels)
        } else {
            let parents = node.parents.iter().map(|&parent| kept[parent]);
            let lowest = parents.reduce(|a, b| Some(a?.min(b?))).flatten();
            lowest.and_then(|lowest| lowest.checked_sub(node.levels))
        };
        kept.push(levels.filter(|_| !refreshable.contains(&number)));
    }
    kept
}

impl Run<'_> {
    /// By node, the requests that it is an operand of, with the levels with which it could be refreshed.
    fn uses(&self) -> Vec<Vec<(usize, Option<usize>)>> {
        let mut uses = vec![Vec::new(); self.record.nodes.len()];
        for (number, request) in self.record.requests.iter().enumerate() {
            for operand in &request.operands {
                uses[operand.node].push((number, operand.least));
            }
        }
        uses
    }

    /// By node, the last request that it is an operand of or before which something was made of it.
    fn last_uses(&self) -> Vec<usize> {
        let mut last = vec![0; self.record.nodes.len()];
        for node in &self.record.nodes {
            for &parent in &node.parents {
                last[parent] = node.born.max(last[parent]);
            }
        }
        for (number, request) in self.record.requests.iter().enumerate() {
            for operand in &request.operands {
                last[operand.node] = number.max(last[operand.node]);
            }
        }
        last
    }

    /// The nodes that are refreshed at each step of the shortest path.
    fn shortest_path(&self) -> Option<Chosen> {
        let (uses, last) = (self.uses(), self.last_uses());
        let end = self.record.requests.len();
        // By request, the cost up to there, where the last step began, and what is refreshed from here on.
        let mut best: Vec<Option<(usize, usize, Chosen)>> = vec![None; end + 1];
        best[0] = Some((0, 0, Chosen::new()));
        for start in 0..end {
            let Some((cost, ..)) = best[start] else {
                continue;
            };
            for (stop, refreshed) in self.steps(start, &uses, &last) {
                let mut together: BTreeMap<usize, usize> = BTreeMap::new();
                for &request in refreshed.values() {
                    *together.entry(request).or_default() += 1;
                }
                let total = cost + together.into_values().map(cost_of).sum::<usize>();
                if best[stop].as_ref().is_none_or(|&(least, ..)| total < least) {
                    best[stop] = Some((total, start, refreshed));
                }
            }
        }
        let mut chosen = Chosen::new();
        let mut stop = end;
        while stop > 0 {
            let (_, start, refreshed) = best[stop].as_ref()?;
            chosen.extend(refreshed);
            stop = *start;
        }
        Some(chosen)
    }

    /// The steps that begin with everything refreshed before request `start`: where each ends, and what is refreshed from there on, each at its next use.
    fn steps(
        &self,
        start: usize,
        uses: &[Vec<(usize, Option<usize>)>],
        last: &[usize],
    ) -> Vec<(usize, Chosen)> {
        let later = |node: usize, from: usize| {
            let all = &uses[node];
            all.get(all.partition_point(|&(request, _)| request < from))
        };
        // What was born before has been refreshed if something still asks for it.
        let before = |node: usize| match (self.kept[node], later(node, start)) {
            (Some(levels), _) if start > 0 => levels,
            (None, Some(_)) if start > 0 => self.levels.fresh,
            _ => 0,
        };
        let mut left: BTreeMap<usize, usize> = BTreeMap::new();
        let mut steps = Vec::new();
        if start == 0 && !self.make(0, &mut left, before) {
            return steps;
        }
        for (number, request) in self.record.requests.iter().enumerate().skip(start) {
            let levels = |node| left.get(&node).copied().unwrap_or_else(|| before(node));
            let lacks = |operand: &Requested| levels(operand.node) < request.depth;
            let stop = number + 1;
            if request.operands.iter().any(lacks) || !self.make(stop, &mut left, before) {
                return steps;
            }
            if stop == self.record.requests.len() {
                steps.push((stop, Chosen::new()));
                return steps;
            }
            left.retain(|&node, _| last[node] >= stop);
            let alive = left.iter().filter_map(|(&node, &levels)| {
                let &(next, least) = later(node, stop)?;
                let is_enough = least.is_some_and(|least| levels >= least);
                let is_changed = levels < self.levels.fresh && self.kept[node].is_none();
                is_changed.then_some((node, next, is_enough))
            });
            let alive: Vec<_> = alive.collect();
            if alive.iter().all(|&(.., can_be_refreshed)| can_be_refreshed) {
                steps.push((
                    stop,
                    alive.iter().map(|&(node, next, _)| (node, next)).collect(),
                ));
            }
        }
        steps
    }

    /// Enters the levels of the nodes that were made after so many requests; false if they have none.
    fn make(
        &self,
        requests: usize,
        left: &mut BTreeMap<usize, usize>,
        before: impl Fn(usize) -> usize,
    ) -> bool {
        let nodes = &self.record.nodes;
        let first = nodes.partition_point(|node| node.born < requests);
        let made = nodes.iter().enumerate().skip(first);
        for (number, node) in made.take_while(|(_, node)| node.born == requests) {
            let parents = node.parents.iter();
            let levels = parents.map(|parent| {
                let known = left.get(parent).copied();
                known.unwrap_or_else(|| before(*parent))
            });
            let levels = match levels.min() {
                None => Some(node.levels),
                Some(lowest) => lowest.checked_sub(node.levels),
            };
            let Some(levels) = levels else {
                return false;
            };
            left.insert(number, levels);
        }
        true
    }

    /// Whether levels last with these refreshes.
    fn lasts(&self, chosen: &Chosen) -> bool {
        let mut left = BTreeMap::new();
        let nothing = |_| 0;
        if !self.make(0, &mut left, nothing) {
            return false;
        }
        for (number, request) in self.record.requests.iter().enumerate() {
            for operand in &request.operands {
                let Some(levels) = left.get_mut(&operand.node) else {
                    return false;
                };
                if chosen.get(&operand.node) == Some(&number) {
                    if operand.least.is_none_or(|least| *levels < least) {
                        return false;
                    }
                    *levels = self.levels.fresh;
                }
                if *levels < request.depth {
                    return false;
                }
            }
            if !self.make(number + 1, &mut left, nothing) {
                return false;
            }
        }
        true
    }

    /// The refreshes, each with the levels that later uses take.
    fn placement(&self, chosen: &Chosen) -> Placement {
        let (nodes, requests) = (&self.record.nodes, &self.record.requests);
        let mut needed = vec![0; nodes.len()];
        let mut placement = Placement::default();
        let mut rest = nodes.len();
        for (number, request) in requests.iter().enumerate().rev() {
            // What was made later asks its parents for levels.
            while let Some(node) = rest
                .checked_sub(1)
                .filter(|&node| nodes[node].born > number)
            {
                rest = node;
                for &parent in &nodes[node].parents {
                    needed[parent] = needed[parent].max(needed[node] + nodes[node].levels);
                }
            }
            for (place, operand) in request.operands.iter().enumerate() {
                let needs = &mut needed[operand.node];
                *needs = request.depth.max(*needs);
                if chosen.get(&operand.node) == Some(&number) {
                    let refresh = PlannedRefresh {
                        operand: place,
                        levels: *needs,
                    };
                    placement.refreshes.entry(number).or_default().push(refresh);
                    *needs = operand.least.unwrap_or(self.levels.least);
                }
            }
        }
        placement
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: RefreshLevels = RefreshLevels {
        least: 2,
        fresh: 5,
        period: 8,
    };

    /// A record that is written as a program is.
    #[derive(Default)]
    struct Program {
        record: Record,
    }

    impl Program {
        fn op(&mut self, operands: &[usize], depth: usize) -> usize {
            self.op_with(operands, &[], depth)
        }

        /// With some operands that cannot be refreshed.
        fn op_with(&mut self, operands: &[usize], kept: &[usize], depth: usize) -> usize {
            let least = |node| (!kept.contains(&node)).then_some(LEVELS.least);
            let all = operands.iter().map(|&node| Requested {
                node,
                least: least(node),
            });
            self.record.request(all.collect(), depth);
            self.record.result(operands.to_vec(), depth)
        }

        fn count(&self) -> Option<usize> {
            let placement = Placement::cheapest(&self.record, LEVELS)?;
            Some(placement.refreshes.values().map(Vec::len).sum())
        }
    }

    #[test]
    fn a_chain_is_refreshed_as_seldom_as_levels_allow() {
        for (products, refreshes) in [(0, 0), (5, 0), (6, 1), (8, 1), (9, 2), (11, 2), (12, 3)] {
            let mut program = Program::default();
            let mut x = program.record.input(5);
            for _ in 0..products {
                x = program.op(&[x], 1);
            }
            assert_eq!(program.count(), Some(refreshes), "{products}");
        }
    }

    #[test]
    fn no_more_levels_are_made_than_are_used() {
        let mut program = Program::default();
        let mut x = program.record.input(5);
        for _ in 0..6 {
            x = program.op(&[x], 1);
        }
        let placement = Placement::cheapest(&program.record, LEVELS).unwrap();
        let all: Vec<_> = placement.refreshes.iter().collect();
        let [(&request, refreshes)] = all[..] else {
            panic!("{all:?}");
        };
        assert!((1..=3).contains(&request));
        assert_eq!(refreshes[0].levels, 6 - request);
        assert_eq!(placement.at(request), &refreshes[..]);
        assert_eq!(placement.at(request + 1), &[]);
    }

    #[test]
    fn residuals_are_cut_where_one_value_is_alive() {
        // Blocks x + f(x), f of three levels: two in sequence do not fit beside the two that a refresh takes.
        let mut program = Program::default();
        let mut x = program.record.input(5);
        for _ in 0..4 {
            let mut y = x;
            for _ in 0..3 {
                y = program.op(&[y], 1);
            }
            x = program.op(&[x, y], 0);
        }
        assert_eq!(program.count(), Some(3));
    }

    #[test]
    fn a_value_that_keeps_its_levels_is_not_refreshed() {
        // An input that every step uses.
        let mut program = Program::default();
        let data = program.record.input(5);
        let mut w = data;
        for _ in 0..6 {
            w = program.op(&[w, data], 1);
        }
        assert_eq!(program.count(), Some(1));
    }

    #[test]
    fn a_value_of_many_uses_is_refreshed_once() {
        let mut program = Program::default();
        let mut x = program.record.input(5);
        for _ in 0..3 {
            x = program.op(&[x], 1);
        }
        for _ in 0..4 {
            let y = program.op(&[x], 0);
            program.op(&[y], 3);
        }
        assert_eq!(program.count(), Some(1));
    }

    #[test]
    fn what_cannot_be_refreshed_keeps_its_levels() {
        // Data that every step uses, at four levels; each step's product is as long, and what comes of it is not.
        for (steps, refreshes) in [(2, Some(0)), (3, Some(1)), (5, Some(3)), (7, Some(5))] {
            let mut program = Program::default();
            let data = program.record.input(5);
            let data = program.op_with(&[data], &[data], 1);
            let mut w = program.record.input(5);
            for _ in 0..steps {
                let long = program.op_with(&[w, data], &[data], 1);
                w = program.op_with(&[long], &[long], 1);
            }
            assert_eq!(program.count(), refreshes, "{steps}");
        }
        // Nothing in it can be refreshed.
        let mut program = Program::default();
        let mut x = program.record.input(5);
        for _ in 0..6 {
            x = program.op_with(&[x], &[x], 1);
        }
        assert_eq!(program.count(), None);
    }

    #[test]
    fn what_is_too_deep_has_no_placement() {
        let mut program = Program::default();
        let x = program.record.input(5);
        program.op(&[x], 6);
        assert_eq!(program.count(), None);
    }
}
