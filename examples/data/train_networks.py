"""Trains the networks of the examples and writes their weights as safetensors.

    python train_networks.py --data FOLDER [--out FOLDER] MODEL...

FOLDER holds `digits.csv` and `mnist/` with the four IDX files named in README.md. MODEL is one of those below, or `all`. Weights have
PyTorch's names and shapes (`fc1.weight` is outputs x inputs) and are float32. Pixels are scaled to [0, 1]. The seed is fixed, and one
thread is used: the same versions on the same processor give the same weights.

README.md lists the accuracies reached, with Python 3.11, torch 1.13.1 (CPU), numpy 1.26.4 and safetensors 0.8.0.
"""

import argparse
import csv
import gzip
import math
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F


class Square(nn.Module):
    def forward(self, x):
        return x * x


def named(*layers):
    """A sequence whose linear layers are called conv1, conv2, .. and fc1, fc2, .."""
    network = nn.Sequential()
    counts = {}
    for layer in layers:
        kind = {nn.Conv2d: "conv", nn.Linear: "fc"}.get(type(layer), "step")
        counts[kind] = counts.get(kind, 0) + 1
        network.add_module(f"{kind}{counts[kind]}", layer)
    return network


def mlp(activation):
    return named(
        nn.Flatten(), nn.Linear(784, 128), activation, nn.Linear(128, 64), activation, nn.Linear(64, 10)
    )


def lenet():
    return named(
        nn.Conv2d(1, 6, 5, padding=2), Square(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), Square(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), Square(), nn.Linear(120, 84), Square(), nn.Linear(84, 10),
    )


def tutorial():
    return named(
        nn.Conv2d(1, 4, 7, stride=3), Square(), nn.Flatten(), nn.Linear(256, 64), Square(), nn.Linear(64, 10)
    )


def digits():
    return named(nn.Linear(64, 64), Square(), nn.Linear(64, 10))


# Name: network, data, epochs, learning rate.
MODELS = {
    "mlp_square": (lambda: mlp(Square()), "mnist", 15, 2e-3),
    "mlp_relu": (lambda: mlp(nn.ReLU()), "mnist", 15, 2e-3),
    "lenet_square": (lenet, "mnist", 7, 2e-3),
    "tutorial_square": (tutorial, "mnist", 15, 2e-3),
    "digits_square": (digits, "digits", 100, 2e-3),
}


def idx(path):
    """The array of a gzipped IDX file of bytes."""
    data = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(data, ">u4", data[3], 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def load_mnist(folder):
    """Images [count, 1, 28, 28] in [0, 1] and labels, for training and for testing."""
    parts = []
    for part in ("train-60000", "test-1000"):
        images = idx(folder / "mnist" / f"mnist-{part}-images.idx3-ubyte.gz")
        labels = idx(folder / "mnist" / f"mnist-{part}-labels.idx1-ubyte.gz")
        images = torch.from_numpy(images.astype(np.float32) / 255).unsqueeze(1)
        parts += [images, torch.from_numpy(labels.astype(np.int64))]
    return parts


def load_digits(folder):
    """Pixels [count, 64] in [0, 1] and labels. Rows 4, 9, 14, .. are for testing, so that a reader needs no random numbers to find them."""
    with open(folder / "digits.csv", newline="") as file:
        rows = np.array(list(csv.reader(file))[1:], dtype=np.float32)
    pixels, labels = torch.from_numpy(rows[:, :64] / 16), torch.from_numpy(rows[:, 64].astype(np.int64))
    test = torch.arange(len(rows)) % 5 == 4
    return pixels[~test], labels[~test], pixels[test], labels[test]


def shifted(images, generator):
    """Each image moved by up to two pixels in both directions."""
    padded = F.pad(images[:, 0], (2, 2, 2, 2))
    count = len(images)
    moves = torch.randint(0, 5, (2, count, 1), generator=generator)
    rows, columns = moves + torch.arange(28)
    return padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]].unsqueeze(1)


def accuracy(network, inputs, labels):
    network.eval()
    with torch.no_grad():
        return (network(inputs).argmax(1) == labels).float().mean().item()


def train(name, folder, out, seed):
    make, data, epochs, rate = MODELS[name]
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    inputs, labels, test_inputs, test_labels = {"mnist": load_mnist, "digits": load_digits}[data](folder)
    network = make()
    # Products of squares grow: smaller weights after the first layer, and clipped gradients, keep training stable.
    linear = [layer for layer in network if isinstance(layer, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        for layer in linear[1:]:
            layer.weight.mul_(0.5)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    batch = 128 if data == "mnist" else 32
    steps = epochs * math.ceil(len(inputs) / batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / steps)))
    for epoch in range(epochs):
        network.train()
        for chosen in torch.randperm(len(inputs), generator=generator).split(batch):
            x = inputs[chosen]
            if data == "mnist":
                x = shifted(x, generator)
            loss = F.cross_entropy(network(x), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        if data == "mnist" or epoch % 20 == 19:
            print(f"{name} epoch {epoch + 1}: test {accuracy(network, test_inputs, test_labels):.4f}", flush=True)
    weights = {key: value.contiguous() for key, value in network.state_dict().items()}
    save_file(weights, out / f"{name}.safetensors")
    print(
        f"{name}: {accuracy(network, test_inputs, test_labels):.4f} of {len(test_labels)} test inputs, "
        f"{accuracy(network, inputs, labels):.4f} of {len(labels)} for training"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("models", nargs="+", choices=[*MODELS, "all"], metavar="MODEL")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    models = MODELS if "all" in arguments.models else arguments.models
    for name in models:
        train(name, arguments.data, arguments.out, arguments.seed)


if __name__ == "__main__":
    main()
