"""Times Lattigo, through the C interface of the shared library in the wheel of `orion-fhe`.

    python lattigo_bench.py operations 14 50,40,40,40,40,40,40 45,45,45
    python lattigo_bench.py matrix ...
    python lattigo_bench.py chebyshev ...

The arguments are the work, log2 of the degree, the bits of the data primes and those of the special primes; the scale is 2^40. Prints one
JSON object: the median microseconds of each operation, and under "versions" what ran. The library is called through `ctypes`: `orion`
itself, which needs PyTorch, is not imported. Its numbers cross the interface as C floats, so values here are rounded to them first.
"""

import ctypes
import importlib.metadata
import importlib.util
import math
import os
import pathlib
import re
import sys

# Before the library is loaded.
os.environ["GOMAXPROCS"] = "1"

from protocol import expect_close, median_us, print_result  # noqa: E402

LOG_SCALE = 40
SCALE = 2**LOG_SCALE
MATRIX = 256
# Of the secret: as many coefficients as a uniformly ternary one has on average.
WEIGHT = 2 / 3
# Of baby to giant steps: log2 is 1, the integer part of this number's natural logarithm. Of 0 to 3, 1 is the fastest.
RATIO = 2.8


class Floats(ctypes.Structure):
    """A Go function's array of floats."""

    _fields_ = [("data", ctypes.POINTER(ctypes.c_float)), ("length", ctypes.c_ulong)]


class Integers(ctypes.Structure):
    """A Go function's array of integers."""

    _fields_ = [("data", ctypes.POINTER(ctypes.c_int)), ("length", ctypes.c_ulong)]


def folder():
    """The folder of the library, found without importing the package."""
    package = importlib.util.find_spec("orion")
    assert package is not None, "orion-fhe is not installed"
    return pathlib.Path(package.submodule_search_locations[0]) / "backend" / "lattigo"


def load():
    """The library with the types of what is called here."""
    library = ctypes.CDLL(str(folder() / "lattigo-linux.so"))
    for name in ["Encode", "Encrypt", "Decrypt", "RotateNew", "Rescale", "AddCiphertextNew"]:
        getattr(library, name).restype = ctypes.c_int
    library.Encode.argtypes = [
        ctypes.POINTER(ctypes.c_float), ctypes.c_int, ctypes.c_int, ctypes.c_ulong
    ]
    library.Decode.restype = Floats
    library.GetLinearTransformRotationKeys.restype = Integers
    library.EvaluatePolynomial.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_ulong]
    library.GenerateLinearTransform.argtypes = [
        ctypes.POINTER(ctypes.c_int), ctypes.c_int, ctypes.POINTER(ctypes.c_float), ctypes.c_int,
        ctypes.c_int, ctypes.c_float, ctypes.c_char_p,
    ]
    library.FreeCArray.argtypes = [ctypes.c_void_p]
    return library


def versions():
    """The fork of Lattigo that the wheel was built from, and the wheel."""
    text = (folder() / "go.mod").read_text()
    lattigo = re.search(r"lattigo/v6 v([0-9.]+)", text).group(1)
    return f"Lattigo {lattigo} in orion-fhe {importlib.metadata.version('orion-fhe')}"


def floats(values):
    """Values as the interface takes them."""
    return (ctypes.c_float * len(values))(*values)


def integers(values):
    return (ctypes.c_int * len(values))(*values)


class Scheme:
    """The library's one global scheme, with keys."""

    def __init__(self, log_degree, data, special, weight=None):
        self.library = library = load()
        self.slots = 1 << (log_degree - 1)
        self.top = len(data) - 1
        if weight is None:
            weight = round(WEIGHT * (1 << log_degree))
        library.NewScheme(
            log_degree, integers(data), len(data), integers(special), len(special), LOG_SCALE,
            weight, b"standard", b"", b"none",
        )
        library.NewKeyGenerator()
        library.GenerateSecretKey()
        library.GeneratePublicKey()
        library.GenerateRelinearizationKey()
        library.GenerateEvaluationKeys()
        library.NewEncoder()
        library.NewEncryptor()
        library.NewDecryptor()
        library.NewEvaluator()

    def encode(self, values, level=None):
        level = self.top if level is None else level
        return self.library.Encode(values, len(values), level, SCALE)

    def encrypted(self, values):
        plaintext = self.encode(floats(values))
        ciphertext = self.library.Encrypt(plaintext)
        self.library.DeletePlaintext(plaintext)
        return ciphertext

    def decoded(self, plaintext):
        result = self.library.Decode(plaintext)
        values = result.data[: result.length]
        self.library.FreeCArray(ctypes.cast(result.data, ctypes.c_void_p))
        return values

    def decrypted(self, ciphertext):
        plaintext = self.library.Decrypt(ciphertext)
        values = self.decoded(plaintext)
        self.library.DeletePlaintext(plaintext)
        return values

    def drop(self, ciphertext):
        self.library.DeleteCiphertext(ciphertext)


def operations(scheme):
    """The operations of the scheme."""
    library = scheme.library
    values = [math.sin(i) for i in range(scheme.slots)]
    packed = floats(values)
    plaintext = scheme.encode(packed)
    x, y = scheme.encrypted(values), scheme.encrypted(values)
    squares = [v * v for v in values]

    def multiply():
        return library.MulRelinCiphertextNew(x, y)

    def multiply_and_rescale():
        return library.Rescale(multiply())

    expect_close(scheme.decrypted(x), values, 1e-5, "encryption")
    total = library.AddCiphertextNew(x, y)
    expect_close(scheme.decrypted(total), [2 * v for v in values], 1e-5, "sum")
    expect_close(scheme.decrypted(multiply_and_rescale()), squares, 1e-5, "product")
    known = library.Rescale(library.MulPlaintextNew(x, plaintext))
    expect_close(scheme.decrypted(known), squares, 1e-5, "product with a plaintext")
    turned = scheme.decrypted(library.RotateNew(x, 1))
    expect_close(turned, values[1:] + values[:1], 1e-5, "rotation")
    last = library.Encrypt(scheme.encode(packed, 0))
    message = library.Decrypt(last)
    expect_close(scheme.decoded(message), values, 1e-5, "encryption at the last level")

    def decode():
        result = library.Decode(message)
        library.FreeCArray(ctypes.cast(result.data, ctypes.c_void_p))

    drop = scheme.drop
    return {
        "encode": median_us(lambda: scheme.encode(packed), after=library.DeletePlaintext),
        "decode": median_us(decode),
        "encrypt, public key": median_us(lambda: library.Encrypt(plaintext), after=drop),
        "decrypt": median_us(lambda: library.Decrypt(last), after=library.DeletePlaintext),
        "add": median_us(lambda: library.AddCiphertextNew(x, y), after=drop),
        "multiply by plaintext": median_us(
            lambda: library.MulPlaintextNew(x, plaintext), after=drop
        ),
        "multiply + relinearize + rescale": median_us(multiply_and_rescale, after=drop),
        "rescale": median_us(library.Rescale, prepare=multiply, after=drop),
        "rotate by 1": median_us(lambda: library.RotateNew(x, 1), after=drop),
    }


def entry(i, j):
    """The same matrix as slotwise's."""
    return (i * 31 + j * 17) % 61 / 61 - 0.5


def matrix(scheme):
    """A known matrix times a vector, repeated to fill the slots, by diagonals."""
    library, slots = scheme.library, scheme.slots
    x = scheme.encrypted([math.sin(i % MATRIX) for i in range(slots)])
    places = integers(range(MATRIX))
    diagonals = []
    for place in range(MATRIX):
        diagonal = [entry((j + place) % MATRIX, j) for j in range(MATRIX)]
        diagonals.extend(diagonal * (slots // MATRIX))
    flat = floats(diagonals)

    def encode():
        return library.GenerateLinearTransform(
            places, len(places), flat, len(flat), scheme.top, RATIO, b"none"
        )

    transform = encode()
    keys = library.GetLinearTransformRotationKeys(transform)
    for i in range(keys.length):
        library.GenerateLinearTransformRotationKey(keys.data[i])

    def apply():
        return library.Rescale(library.EvaluateLinearTransform(transform, x))

    result = apply()
    expected = [sum(math.sin(i) * entry(i, j) for i in range(MATRIX)) for j in range(MATRIX)]
    expect_close(scheme.decrypted(result), expected, 1e-3, "matrix times vector")
    scheme.drop(result)
    return {
        "256 values times a known 256 x 256 matrix": median_us(apply, after=scheme.drop),
        "encoding that matrix": median_us(encode, after=library.DeleteLinearTransform),
    }


def chebyshev_value(coefficients, x):
    """Clenshaw's rule."""
    first, second = 0.0, 0.0
    for c in reversed(coefficients[1:]):
        first, second = c + 2 * x * first - second, first
    return coefficients[0] + x * first - second


def chebyshev(scheme):
    """Polynomials in Chebyshev's basis."""
    library = scheme.library
    library.NewPolynomialEvaluator()
    values = [math.sin(i) for i in range(scheme.slots)]
    x = scheme.encrypted(values)
    times = {}
    for degree in [31, 63]:
        coefficients = [0.9 / (i + 1.3) for i in range(degree + 1)]
        polynomial = library.GenerateChebyshev(floats(coefficients), len(coefficients))

        def evaluate(polynomial=polynomial):
            return library.EvaluatePolynomial(x, polynomial, SCALE)

        result = evaluate()
        expected = [chebyshev_value(coefficients, v) for v in values]
        expect_close(scheme.decrypted(result), expected, 1e-3, f"degree {degree}")
        scheme.drop(result)
        name = f"Chebyshev polynomial of degree {degree}"
        times[name] = median_us(evaluate, after=scheme.drop)
    return times


def main():
    work, log_degree, data, special = sys.argv[1:5]
    bits = [[int(b) for b in part.split(",")] for part in (data, special)]
    scheme = Scheme(int(log_degree), *bits)
    time_work = {"operations": operations, "matrix": matrix, "chebyshev": chebyshev}[work]
    print_result(versions(), time_work(scheme))


if __name__ == "__main__":
    main()
