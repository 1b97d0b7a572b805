"""Times a bootstrapping of OpenFHE, through its Python package.

    python openfhe_bootstrapping.py encapsulated 3 4 2
    python openfhe_bootstrapping.py sparse 3 4 2

The arguments are the kind of the secret, the digits of a key switch, the levels to be left and how many bootstrappings are timed: of 2^15
complex slots at N = 65536 and 128 bits of security, with levels of 59 bits as in OpenFHE's examples. The security allows 4 levels with
3 digits, which are its default, and 6 with 4. Takes minutes and about 10 GB. Prints one JSON object.
"""

import importlib.metadata
import json
import math
import os
import sys

# Before the library is loaded.
os.environ["OMP_NUM_THREADS"] = "1"

import openfhe  # noqa: E402

from protocol import peak_bytes, random_parts, time_bootstrapping  # noqa: E402

LOG_DEGREE = 16
SLOTS = 1 << (LOG_DEGREE - 1)
SCALE_BITS = 59
FIRST_BITS = 60
# Of the two transforms: factors of each.
BUDGET = [3, 3]
SECRETS = {"encapsulated": openfhe.SPARSE_ENCAPSULATED, "sparse": openfhe.SPARSE_TERNARY}


def context_of(secret, digits, levels):
    """The context, with the depth that a bootstrapping takes and `levels` after it."""
    depth = levels + openfhe.CryptoContext.GetBootstrapDepth(BUDGET, secret)
    parameters = openfhe.CCParamsCKKSRNS()
    parameters.SetSecretKeyDist(secret)
    parameters.SetSecurityLevel(openfhe.HEStd_128_classic)
    parameters.SetRingDim(1 << LOG_DEGREE)
    parameters.SetScalingTechnique(openfhe.FLEXIBLEAUTO)
    parameters.SetScalingModSize(SCALE_BITS)
    parameters.SetFirstModSize(FIRST_BITS)
    parameters.SetNumLargeDigits(digits)
    parameters.SetMultiplicativeDepth(depth)
    parameters.SetCKKSDataType(openfhe.COMPLEX)
    context = openfhe.GenCryptoContext(parameters)
    for feature in (
        openfhe.PKE,
        openfhe.KEYSWITCH,
        openfhe.LEVELEDSHE,
        openfhe.ADVANCEDSHE,
        openfhe.FHE,
    ):
        context.Enable(feature)
    return context, depth


def main():
    digits, levels, rounds = (int(argument) for argument in sys.argv[2:5])
    context, depth = context_of(SECRETS[sys.argv[1]], digits, levels)
    context.EvalBootstrapSetup(BUDGET, [0, 0], SLOTS)
    keys = context.KeyGen()
    context.EvalMultKeyGen(keys.secretKey)
    context.EvalBootstrapKeyGen(keys.secretKey, SLOTS)

    parts = random_parts(2 * SLOTS)
    values = [complex(a, b) for a, b in zip(parts[::2], parts[1::2])]
    plaintext = context.MakeCKKSPackedPlaintext(values, 1, depth - 1, None, SLOTS)
    x = context.Encrypt(keys.publicKey, plaintext)
    result = None

    def bootstrap():
        nonlocal result
        result = context.EvalBootstrap(x)
        return result

    def errors(ciphertext):
        decrypted = context.Decrypt(ciphertext, keys.secretKey)
        decrypted.SetLength(SLOTS)
        found = decrypted.GetCKKSPackedValue()
        differences = [a - b for a, b in zip(found, values, strict=True)]
        return [part for d in differences for part in (d.real, d.imag)]

    report = time_bootstrapping(bootstrap, errors, rounds)
    report["versions"] = f"OpenFHE {importlib.metadata.version('openfhe')}"
    report["levels"] = depth - result.GetLevel() - (result.GetNoiseScaleDeg() - 1)
    report["scale_bits"] = math.log2(result.GetScalingFactor()) / result.GetNoiseScaleDeg()
    report["key_bytes"] = None
    report["peak_bytes"] = peak_bytes()
    print(json.dumps(report))


if __name__ == "__main__":
    main()
