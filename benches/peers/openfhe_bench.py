"""Times OpenFHE, through its Python package.

    python openfhe_bench.py operations 14 50,40,40,40,40,40,40 4
    python openfhe_bench.py chebyshev ...

The arguments are the work, log2 of the degree, the bits of the data primes (a first one, and others of the scale's bits), and the number of
digits of a key switch; OpenFHE chooses the special primes itself. Prints one JSON object: the median microseconds of each operation, and
under "versions" what ran.
"""

import importlib.metadata
import math
import os
import sys

# Before the library is loaded.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy  # noqa: E402
import openfhe  # noqa: E402

from protocol import expect_close, median_us, print_result  # noqa: E402

STEPS = range(1, 9)


class Keys:
    """A context with the keys of all operations."""

    def __init__(self, log_degree, data, digits):
        first, *others = data
        parameters = openfhe.CCParamsCKKSRNS()
        parameters.SetRingDim(1 << log_degree)
        parameters.SetFirstModSize(first)
        parameters.SetScalingModSize(others[0])
        parameters.SetMultiplicativeDepth(len(others))
        parameters.SetScalingTechnique(openfhe.FIXEDMANUAL)
        parameters.SetKeySwitchTechnique(openfhe.HYBRID)
        parameters.SetNumLargeDigits(digits)
        parameters.SetSecurityLevel(openfhe.HEStd_128_classic)
        self.context = context = openfhe.GenCryptoContext(parameters)
        for feature in (openfhe.PKE, openfhe.KEYSWITCH, openfhe.LEVELEDSHE, openfhe.ADVANCEDSHE):
            context.Enable(feature)
        assert context.GetRingDimension() == 1 << log_degree
        self.keys = context.KeyGen()
        context.EvalMultKeyGen(self.keys.secretKey)
        self.slots = context.GetRingDimension() // 2
        self.depth = len(others)

    def encoded(self, values):
        return self.context.MakeCKKSPackedPlaintext(values)

    def encrypted(self, values):
        return self.context.Encrypt(self.keys.publicKey, self.encoded(values))

    def decrypted(self, ciphertext):
        plaintext = self.context.Decrypt(self.keys.secretKey, ciphertext)
        plaintext.SetLength(self.slots)
        return plaintext.GetRealPackedValue()


def operations(keys):
    """The operations of the scheme."""
    context = keys.context
    context.EvalRotateKeyGen(keys.keys.secretKey, list(STEPS))
    order = context.GetCyclotomicOrder()
    values = numpy.sin(numpy.arange(keys.slots))
    plaintext = keys.encoded(values)
    x, y = keys.encrypted(values), keys.encrypted(values)
    product = context.EvalMult(x, y)
    last = context.LevelReduce(x, None, keys.depth)

    def multiply_and_rescale():
        return context.Rescale(context.EvalMult(x, y))

    def rotations():
        digits = context.EvalFastRotationPrecompute(x)
        return [context.EvalFastRotation(x, step, order, digits) for step in STEPS]

    def check(ciphertext, expected, what):
        expect_close(keys.decrypted(ciphertext), list(expected), 1e-5, what)

    check(x, values, "encryption")
    check(last, values, "ciphertext at the last level")
    check(context.EvalAdd(x, y), 2 * values, "sum")
    check(multiply_and_rescale(), values**2, "product")
    check(context.Rescale(context.EvalMult(x, plaintext)), values**2, "product with a plaintext")
    check(context.EvalRotate(x, 1), numpy.roll(values, -1), "rotation")
    for step, rotated in zip(STEPS, rotations()):
        check(rotated, numpy.roll(values, -step), "hoisted rotation")
    times = {
        "encode": lambda: keys.encoded(values),
        "encrypt, public key": lambda: context.Encrypt(keys.keys.publicKey, plaintext),
        "decrypt + decode": lambda: context.Decrypt(keys.keys.secretKey, last),
        "add": lambda: context.EvalAdd(x, y),
        "multiply by plaintext": lambda: context.EvalMult(x, plaintext),
        "multiply + relinearize + rescale": multiply_and_rescale,
        "rescale": lambda: context.Rescale(product),
        "rotate by 1": lambda: context.EvalRotate(x, 1),
        "8 rotations, hoisted": rotations,
    }
    return {name: median_us(run) for name, run in times.items()}


def chebyshev(keys):
    """Polynomials in Chebyshev's basis; OpenFHE halves the first coefficient."""
    context = keys.context
    values = numpy.sin(numpy.arange(keys.slots))
    x = keys.encrypted(values)
    times = {}
    for degree in [31, 63]:
        coefficients = [0.9 / (i + 1.3) for i in range(degree + 1)]
        halved = [2 * coefficients[0]] + coefficients[1:]

        def evaluate(halved=halved):
            return context.EvalChebyshevSeries(x, halved, -1.0, 1.0)

        expected = numpy.polynomial.chebyshev.chebval(values, coefficients)
        result = keys.decrypted(evaluate())
        # The slope at the ends, about 0.45 times the square of the degree, multiplies the encryption's error.
        expect_close(result, list(expected), 1e-4 + 1e-6 * degree**2, f"degree {degree}")
        times[f"Chebyshev polynomial of degree {degree}"] = median_us(evaluate)
    return times


def main():
    work, log_degree, data, digits = sys.argv[1:5]
    keys = Keys(int(log_degree), [int(b) for b in data.split(",")], int(digits))
    time_work = {"operations": operations, "chebyshev": chebyshev}[work]
    version = importlib.metadata.version("openfhe")
    print_result(f"OpenFHE {version}", time_work(keys))


if __name__ == "__main__":
    main()
