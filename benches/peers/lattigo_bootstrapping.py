"""Times a bootstrapping of Lattigo, through the C interface of the shared library in the wheel of `orion-fhe`.

    python lattigo_bootstrapping.py 2

The argument is how many bootstrappings are timed: of 2^15 complex slots at N = 65536 with Lattigo's default parameters, secrets of
192 and 32 coefficients that are not zero, and 9 levels of 40 bits after it. Takes minutes and 18 GB. Prints one JSON object.

The interface encodes real numbers only, so the values are real; the work is the same. Its numbers are C floats, so the expected values
are subtracted before decryption: what is decoded is the error alone.
"""

import ctypes
import json
import math
import os
import sys

# Before the library is loaded.
os.environ["GOMAXPROCS"] = "1"

from lattigo_bench import SCALE, Scheme, floats, integers, versions  # noqa: E402
from protocol import peak_bytes, random_parts, time_bootstrapping  # noqa: E402

LOG_DEGREE = 16
SLOTS = 1 << (LOG_DEGREE - 1)
DATA = [60] + [40] * 9
SPECIAL = [61] * 5
WEIGHT = 192


def main():
    scheme = Scheme(LOG_DEGREE, DATA, SPECIAL, weight=WEIGHT)
    library = scheme.library
    library.GetCiphertextScale.restype = ctypes.c_ulong
    library.GetCiphertextLevel.argtypes = [ctypes.c_long]
    library.NewBootstrapper(integers(SPECIAL), len(SPECIAL), SLOTS)

    values = floats(random_parts(2 * SLOTS)[::2])
    x = library.Encrypt(scheme.encode(values, 0))
    # The level of the last result, and log2 of its scale.
    found = []

    def errors(ciphertext):
        scale = library.GetCiphertextScale(ciphertext)
        level = library.GetCiphertextLevel(ciphertext)
        found[:] = [level, math.log2(scale)]
        expected = library.Encode(values, len(values), level, scale)
        difference = library.SubPlaintextNew(ciphertext, expected)
        decoded = scheme.decrypted(difference)
        for delete, item in [
            (library.DeletePlaintext, expected),
            (scheme.drop, difference),
            (scheme.drop, ciphertext),
        ]:
            delete(item)
        return decoded

    rounds = int(sys.argv[1])
    report = time_bootstrapping(lambda: library.Bootstrap(x, SLOTS), errors, rounds)
    report["versions"] = versions()
    report["levels"], report["scale_bits"] = found
    report["key_bytes"] = None
    report["peak_bytes"] = peak_bytes()
    print(json.dumps(report))


if __name__ == "__main__":
    main()
