"""Times Microsoft SEAL, through TenSEAL's low-level bindings, at one parameter set.

    python seal_bench.py ckks 8192 60,40,40,60
    python seal_bench.py bfv 8192 43,43,44,44,44

The last prime is for key switching. CKKS has scale 2^40, BFV plaintext modulus 65537. Prints one JSON object: the median
microseconds of each operation, and under "versions" what ran. "encode" and "decode" are without the conversion of the values
from and to a Python list, which is timed by itself.
"""

import array
import os
import sys
import tempfile

import tenseal
import tenseal.sealapi as seal

from protocol import expect_close, median_us, print_result

PLAINTEXT_MODULUS = 65537
SCALE = 2.0**40
ROTATION_BY_1 = 3  # the Galois element


def refused(operation):
    """A closure that runs one SEAL refuses after the conversion of its arguments: the cost of the conversion alone."""

    def run():
        try:
            operation()
        except ValueError:
            return
        raise AssertionError("expected a refusal")

    return run


def seal_version(parameters):
    """SEAL writes its version into the header of everything it saves."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "parameters")
        parameters.save(path)
        with open(path, "rb") as file:
            header = file.read(8)
    return f"{header[3]}.{header[4]}"


class Keys:
    """A context with the keys of all operations."""

    def __init__(self, scheme, degree, bits):
        self.parameters = seal.EncryptionParameters(scheme)
        self.parameters.set_poly_modulus_degree(degree)
        self.parameters.set_coeff_modulus(seal.CoeffModulus.Create(degree, bits))
        if scheme == seal.SCHEME_TYPE.BFV:
            self.parameters.set_plain_modulus(PLAINTEXT_MODULUS)
        self.context = seal.SEALContext(self.parameters, True, seal.SEC_LEVEL_TYPE.TC128)
        assert self.context.parameters_set(), self.context.parameters_error_message()
        self.generator = seal.KeyGenerator(self.context)
        public = seal.PublicKey()
        self.generator.create_public_key(public)
        self.relin = seal.RelinKeys()
        self.generator.create_relin_keys(self.relin)
        self.galois = seal.GaloisKeys()
        self.generator.create_galois_keys([ROTATION_BY_1], self.galois)
        secret = self.generator.secret_key()
        self.encryptor = seal.Encryptor(self.context, public, secret)
        self.decryptor = seal.Decryptor(self.context, secret)
        self.evaluator = seal.Evaluator(self.context)

    def encrypted(self, plaintext):
        out = seal.Ciphertext(self.context)
        self.encryptor.encrypt(plaintext, out)
        return out

    def decrypted(self, ciphertext):
        out = seal.Plaintext()
        self.decryptor.decrypt(ciphertext, out)
        return out

    def common(self, plaintext, x, y):
        """The operations that both schemes have in the same form."""
        out, relin = seal.Ciphertext(self.context), seal.RelinKeys()
        return {
            "encrypt, public key": lambda: self.encryptor.encrypt(plaintext, out),
            "encrypt, secret key": lambda: self.encryptor.encrypt_symmetric(plaintext, out),
            "add": lambda: self.evaluator.add(x, y, out),
            "relinearization key": lambda: self.generator.create_relin_keys(relin),
        }


def ckks(degree, bits):
    """CKKS: the medians, and the versions."""
    keys = Keys(seal.SCHEME_TYPE.CKKS, degree, bits)
    encoder, evaluator = seal.CKKSEncoder(keys.context), keys.evaluator
    values = [((i * 37) % 1000) / 500 - 1 for i in range(encoder.slot_count())]
    plaintext, scratch = seal.Plaintext(), seal.Plaintext()
    encoder.encode(values, SCALE, plaintext)
    x, y = keys.encrypted(plaintext), keys.encrypted(plaintext)
    product, out = seal.Ciphertext(keys.context), seal.Ciphertext(keys.context)

    def multiply(target):
        evaluator.multiply(x, y, target)
        evaluator.relinearize_inplace(target, keys.relin)

    def multiply_and_rescale():
        multiply(out)
        evaluator.rescale_to_next_inplace(out)

    def check(ciphertext, expected, what):
        expect_close(encoder.decode_double(keys.decrypted(ciphertext)), expected, 1e-4, what)

    multiply(product)
    squares = [v * v for v in values]
    multiply_and_rescale()
    check(out, squares, "product")
    evaluator.multiply_plain(x, plaintext, out)
    check(out, squares, "product with a plaintext")
    evaluator.add(x, y, out)
    check(out, [2 * v for v in values], "sum")
    evaluator.rotate_vector(x, 1, keys.galois, out)
    check(out, values[1:] + values[:1], "rotation")
    last = keys.encrypted(plaintext)
    evaluator.mod_switch_to_inplace(last, keys.context.last_parms_id())
    message = keys.decrypted(last)
    floats = array.array("d", values)

    times = {name: median_us(run) for name, run in keys.common(plaintext, x, y).items()}
    into = median_us(refused(lambda: encoder.encode(values, -1.0, scratch)))
    times["encode"] = median_us(lambda: encoder.encode(values, SCALE, scratch)) - into
    out_of = median_us(floats.tolist)
    times["decrypt"] = median_us(lambda: keys.decryptor.decrypt(last, scratch))
    times["decode"] = median_us(lambda: encoder.decode_double(message)) - out_of
    times["multiply by plaintext"] = median_us(
        lambda: evaluator.multiply_plain(x, plaintext, out)
    )
    times["multiply + relinearize + rescale"] = median_us(multiply_and_rescale)
    times["rescale"] = median_us(lambda: evaluator.rescale_to_next(product, out))
    times["rotate by 1"] = median_us(lambda: evaluator.rotate_vector(x, 1, keys.galois, out))
    return times, seal_version(keys.parameters)


def bfv(degree, bits):
    """BFV: the medians, and the versions."""
    keys = Keys(seal.SCHEME_TYPE.BFV, degree, bits)
    encoder, evaluator = seal.BatchEncoder(keys.context), keys.evaluator
    values = [i * i % PLAINTEXT_MODULUS for i in range(degree)]
    plaintext, scratch = seal.Plaintext(), seal.Plaintext()
    encoder.encode(values, plaintext)
    x, y = keys.encrypted(plaintext), keys.encrypted(plaintext)
    out = seal.Ciphertext(keys.context)

    def multiply():
        evaluator.multiply(x, y, out)
        evaluator.relinearize_inplace(out, keys.relin)

    def check(ciphertext, expected):
        assert encoder.decode_uint64(keys.decrypted(ciphertext)) == expected

    multiply()
    squares = [v * v % PLAINTEXT_MODULUS for v in values]
    check(out, squares)
    evaluator.multiply_plain(x, plaintext, out)
    check(out, squares)
    evaluator.add(x, y, out)
    check(out, [2 * v % PLAINTEXT_MODULUS for v in values])
    evaluator.rotate_rows(x, 1, keys.galois, out)
    first, second = values[: degree // 2], values[degree // 2 :]
    check(out, first[1:] + first[:1] + second[1:] + second[:1])
    message = keys.decrypted(x)
    transformed_plain = seal.Plaintext()
    first = keys.context.first_parms_id()
    evaluator.transform_to_ntt(plaintext, first, transformed_plain)
    transformed, product = seal.Ciphertext(keys.context), seal.Ciphertext(keys.context)
    evaluator.transform_to_ntt(x, transformed)
    integers, longer = array.array("Q", values), values + [0]

    times = {name: median_us(run) for name, run in keys.common(plaintext, x, y).items()}
    into = median_us(refused(lambda: encoder.encode(longer, scratch)))
    times["encode"] = median_us(lambda: encoder.encode(values, scratch)) - into
    out_of = median_us(integers.tolist)
    times["decrypt"] = median_us(lambda: keys.decryptor.decrypt(x, scratch))
    times["decode"] = median_us(lambda: encoder.decode_uint64(message)) - out_of
    times["multiply by plaintext"] = median_us(
        lambda: evaluator.multiply_plain(transformed, transformed_plain, product)
    )
    times["multiply + relinearize"] = median_us(multiply)
    times["rotate by 1"] = median_us(lambda: evaluator.rotate_rows(x, 1, keys.galois, out))
    return times, seal_version(keys.parameters)


def main():
    scheme, degree, bits = sys.argv[1:4]
    time_scheme = {"ckks": ckks, "bfv": bfv}[scheme]
    times, version = time_scheme(int(degree), [int(b) for b in bits.split(",")])
    print_result(f"SEAL {version} in TenSEAL {tenseal.__version__}", times)


if __name__ == "__main__":
    main()
