"""Times TenSEAL's vectors.

    python tenseal_bench.py vectors 8192 60,40,40,60
    python tenseal_bench.py polynomial 16384 60,40,40,40,40,40,40,40,40,58

The last prime is for key switching; the scale is 2^40. Prints one JSON object: the median microseconds of each operation, and under
"versions" what ran. Known operands are TenSEAL's plain tensors, made before, so no conversion of a Python list is timed.
"""

import math
import sys

import tenseal

from protocol import expect_close, median_us, print_result

SCALE = 2.0**40
MATRIX = 64
IMAGE, KERNEL, STRIDE = 28, 7, 3


def new_context(degree, bits):
    """A context with all keys, on one thread."""
    context = tenseal.context(
        tenseal.SCHEME_TYPE.CKKS, degree, coeff_mod_bit_sizes=bits, n_threads=1
    )
    context.global_scale = SCALE
    context.generate_galois_keys()
    return context


def coefficients(degree):
    """The same polynomial as slotwise's."""
    return [0.9 / (i + 1.3) for i in range(degree + 1)]


def polynomial(degree, bits):
    """A polynomial of degree 15."""
    context = new_context(degree, bits)
    values = [math.sin(i) for i in range(degree // 2)]
    x = tenseal.ckks_vector(context, tenseal.plain_tensor(values))
    powers = coefficients(15)
    expected = [sum(c * v**i for i, c in enumerate(powers)) for v in values]
    expect_close(x.polyval(powers).decrypt(), expected, 1e-3, "polynomial of degree 15")
    return {"polynomial of degree 15": median_us(lambda: x.polyval(powers))}


def matrix_product(context):
    """A vector times a known matrix: the closure, checked."""
    entries = [
        [(i * 31 + j * 17) % 61 / 61 - 0.5 for j in range(MATRIX)] for i in range(MATRIX)
    ]
    values = [math.sin(i) for i in range(MATRIX)]
    x = tenseal.ckks_vector(context, values)
    matrix = tenseal.plain_tensor(entries)
    expected = [sum(v * row[j] for v, row in zip(values, entries)) for j in range(MATRIX)]
    expect_close(x.mm(matrix).decrypt(), expected, 1e-3, "vector times matrix")
    return lambda: x.mm(matrix)


def convolution(context):
    """A convolution of an image that the client encoded by windows: the closure, checked."""
    image = [[math.cos(IMAGE * i + j) for j in range(IMAGE)] for i in range(IMAGE)]
    kernel = [[math.sin(KERNEL * i + j) for j in range(KERNEL)] for i in range(KERNEL)]
    x, windows = tenseal.im2col_encoding(context, image, KERNEL, KERNEL, STRIDE)
    weights = tenseal.plain_tensor(kernel)
    places = range(0, IMAGE - KERNEL + 1, STRIDE)
    offsets = [(i, j) for i in range(KERNEL) for j in range(KERNEL)]
    expected = [
        sum(image[top + i][left + j] * kernel[i][j] for i, j in offsets)
        for top in places
        for left in places
    ]
    assert windows == len(expected)
    expect_close(x.conv2d_im2col(weights, windows).decrypt(), expected, 1e-3, "convolution")
    return lambda: x.conv2d_im2col(weights, windows)


def vectors(degree, bits):
    """Operations on vectors, and circuits of one or two levels."""
    context = new_context(degree, bits)
    values = [math.sin(i) for i in range(degree // 2)]
    plain = tenseal.plain_tensor(values)
    x = tenseal.ckks_vector(context, plain)
    y = tenseal.ckks_vector(context, plain)
    squares = [v * v for v in values]
    expect_close(x.decrypt(), values, 1e-6, "encryption")
    expect_close((x + y).decrypt(), [2 * v for v in values], 1e-6, "sum")
    expect_close((x * y).decrypt(), squares, 1e-5, "product")
    expect_close((x * plain).decrypt(), squares, 1e-5, "product with a known vector")
    expect_close(x.dot(y).decrypt(), [sum(squares)], 1e-2, "dot product")
    expect_close(x.dot(plain).decrypt(), [sum(squares)], 1e-2, "dot product with a known vector")
    powers = coefficients(3)
    cubes = [sum(c * v**i for i, c in enumerate(powers)) for v in values]
    expect_close(x.polyval(powers).decrypt(), cubes, 1e-4, "polynomial of degree 3")
    product, window_sums = matrix_product(context), convolution(context)
    into_list = median_us(plain.tolist)
    return {
        "encrypt 4096 values": median_us(lambda: tenseal.ckks_vector(context, plain)),
        "decrypt 4096 values": median_us(x.decrypt) - into_list,
        "add": median_us(lambda: x + y),
        "multiply": median_us(lambda: x * y),
        "multiply by known values": median_us(lambda: x * plain),
        "dot product of 4096 values": median_us(lambda: x.dot(y)),
        "dot product with known values": median_us(lambda: x.dot(plain)),
        "64 values times a known 64 x 64 matrix": median_us(product),
        "polynomial of degree 3": median_us(lambda: x.polyval(powers)),
        "convolution, 28 x 28, kernel 7 x 7, stride 3": median_us(window_sums),
    }


def main():
    work, degree, bits = sys.argv[1:4]
    time_work = {"vectors": vectors, "polynomial": polynomial}[work]
    times = time_work(int(degree), [int(b) for b in bits.split(",")])
    print_result(f"TenSEAL {tenseal.__version__}", times)


if __name__ == "__main__":
    main()
