"""What the scripts of all peers share: how an operation is timed, and how the result is printed."""

import json
import statistics
import time

LEAST_RUNS = 15
MOST_RUNS = 4000
LEAST_SECONDS = 0.3
WARM_UP_RUNS = 2
# One such run is enough.
WARM_UP_SECONDS = 0.5
# Slow operations are not repeated 15 times.
FEWEST_RUNS = 3
ENOUGH_SECONDS = 1.0


def enough(runs, seconds):
    """Whether an operation ran often enough; slotwise's side has the same rule."""
    return (
        runs >= MOST_RUNS
        or (runs >= LEAST_RUNS and seconds >= LEAST_SECONDS)
        or (runs >= FEWEST_RUNS and seconds >= ENOUGH_SECONDS)
    )


def median_us(operation, prepare=None, after=None):
    """The median time of a closure in microseconds.

    `prepare` makes the operand of each run and `after` disposes of its result, neither of which is timed.
    """
    samples = []
    warm_up = WARM_UP_RUNS
    start = time.perf_counter()
    while not enough(len(samples), time.perf_counter() - start):
        operands = () if prepare is None else (prepare(),)
        before = time.perf_counter_ns()
        result = operation(*operands)
        elapsed = time.perf_counter_ns() - before
        if after is not None:
            after(result)
        del result
        if warm_up > 0:
            warm_up = 0 if elapsed > WARM_UP_SECONDS * 1e9 else warm_up - 1
            start = time.perf_counter()
        else:
            samples.append(elapsed)
    return statistics.median(samples) / 1000


def expect_close(found, expected, tolerance, what):
    """Stops the script if a result is wrong."""
    found = list(found)[: len(expected)]
    assert len(found) == len(expected), f"{what}: {len(found)} values instead of {len(expected)}"
    error = max(abs(a - b) for a, b in zip(found, expected))
    assert error < tolerance, f"{what}: wrong by {error}"


def print_result(versions, times):
    """What the program that started the script reads."""
    print(json.dumps({"versions": versions, "times": times}))
