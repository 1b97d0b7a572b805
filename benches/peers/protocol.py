"""What the scripts of all peers share: how an operation is timed, and how the result is printed."""

import json
import math
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


# A bootstrapping with fewer bits than that in any slot is wrong.
LEAST_BITS = 8
# Of the values of a bootstrapping; slotwise's side has the same.
FIRST_STATE = 0x5EED
INCREMENT = 0x9E3779B97F4A7C15


def random_parts(count):
    """Numbers between -sqrt(1/2) and sqrt(1/2), so that two of them are the parts of a complex number of magnitude at most 1.

    The generator is SplitMix64 by Steele, Lea and Flood.
    """
    mask = (1 << 64) - 1
    state = FIRST_STATE
    parts = []
    for _ in range(count):
        state = (state + INCREMENT) & mask
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        z ^= z >> 31
        parts.append(math.sqrt(0.5) * ((z >> 11) / (1 << 52) - 1.0))
    return parts


def peak_bytes():
    """The most memory that this process has held so far."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM"):
                return 1024 * int(line.split()[1])
    return None


def bits_of(errors):
    """Bits of precision of many errors: the mean, that of the root of the mean square, the least."""
    errors = [max(abs(error), 2**-52) for error in errors]
    mean = sum(-math.log2(error) for error in errors) / len(errors)
    square = sum(error**2 for error in errors) / len(errors)
    return [mean, -math.log2(square) / 2, -math.log2(max(errors))]


def time_bootstrapping(bootstrap, errors_of, rounds):
    """Processor seconds of some bootstrappings, each checked before it counts, and the fewest bits of any."""
    seconds, bits = [], []
    for _ in range(rounds):
        before = time.process_time()
        result = bootstrap()
        elapsed = time.process_time() - before
        bits.append(bits_of(errors_of(result)))
        assert bits[-1][2] > LEAST_BITS, f"wrong result: {bits[-1]} bits"
        seconds.append(elapsed)
    return {"seconds": seconds, "bits": [min(column) for column in zip(*bits)]}
