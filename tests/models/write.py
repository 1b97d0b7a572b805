"""Writes the model files of these tests, and what the frameworks compute with them, to this folder.

    pip install numpy onnx onnxruntime safetensors torch
    python tests/models/write.py

PyTorch's exporter wrote the models of `torch_models`; their scores are PyTorch's. The models of `built_models` have forms that it does not
write; their scores are ONNX Runtime's, or those of the `onnx` package's reference evaluator where the runtime has no 64-bit form of an operator.
Written with torch 1.13.1, onnx 1.23.2, onnxruntime 1.32.0, safetensors 0.8.0 and numpy 1.26.4.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).parent
SAMPLES = 3


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Residual(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.inner = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.inner(x)


class MatrixProduct(nn.Module):
    """Exported as MatMul and Add."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) / 2)
        self.bias = nn.Parameter(torch.randn(outputs))

    def forward(self, x):
        return torch.matmul(x, self.weight) + self.bias


def square():
    return Function(lambda x: x * x)


def around(activation):
    return nn.Sequential(nn.Linear(4, 4), activation, nn.Linear(4, 2))


def normalized(norm):
    """Statistics as after training, so that the normalization does something."""
    count = norm.num_features
    norm.weight.data = torch.linspace(0.5, 1.5, count)
    norm.bias.data = torch.linspace(-0.3, 0.4, count)
    norm.running_mean = torch.linspace(-0.2, 0.3, count)
    norm.running_var = torch.linspace(0.6, 1.4, count)
    return norm


def torch_models():
    """Name, input shape of one sample, network."""
    yield "dense", [6], nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3, bias=False))
    yield "matmul", [4], nn.Sequential(MatrixProduct(4, 5), square(), MatrixProduct(5, 3))
    yield "conv", [2, 8, 9], nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=(2, 1), padding=1, groups=2), square(),
        nn.Conv2d(4, 3, (2, 3), dilation=(2, 1), padding=(0, 1), bias=False), square(),
        nn.AvgPool2d((1, 2)), nn.Flatten(), nn.Linear(24, 2),
    )
    yield "depthwise", [3, 6, 6], nn.Sequential(
        nn.Conv2d(3, 3, 3, groups=3), square(), nn.AvgPool2d(3, stride=2, padding=1), nn.Conv2d(3, 2, 1),
    )
    yield "batchnorm", [2, 4, 4], nn.Sequential(
        normalized(nn.BatchNorm2d(2)), square(), nn.Conv2d(2, 3, 3), nn.Flatten(),
        normalized(nn.BatchNorm1d(12)), square(), nn.Linear(12, 2),
    )
    yield "residual", [2, 5, 5], nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.Tanh(),
        Residual(nn.Conv2d(3, 4, 3, padding=1), square(), Residual(nn.Conv2d(4, 4, 1), square()), nn.Conv2d(4, 3, 3, padding=1)),
        nn.Sigmoid(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2),
    )
    yield "scaled", [1, 4, 4], nn.Sequential(
        Function(lambda x: (x - 0.25) / 0.5), nn.Conv2d(1, 2, 3), square(), Function(lambda x: 1 - 2 * x),
        Function(lambda x: x.view(-1, 8)), nn.Linear(8, 2), Function(lambda x: x * 0.5),
    )
    for name, activation in [
        ("relu", nn.ReLU()), ("sigmoid", nn.Sigmoid()), ("tanh", nn.Tanh()), ("gelu", nn.GELU()), ("silu", nn.SiLU()),
        ("softplus", nn.Softplus()), ("square", square()), ("power", Function(lambda x: x**2)),
    ]:
        yield name, [4], around(activation)


def export(name, shape, network, scores):
    torch.manual_seed(len(name))
    for kind, dtype in [("f32", torch.float32), ("f64", torch.float64)]:
        network = network.to(dtype).eval()
        if dtype == torch.float64:
            # Weights that 32 bits cannot hold.
            for parameter in network.parameters():
                parameter.data += 1e-3 * torch.randn(parameter.shape, dtype=dtype)
        inputs = torch.randn(SAMPLES, *shape).to(dtype)
        path = HERE / f"{name}_{kind}.onnx"
        torch.onnx.export(
            network, inputs, str(path), input_names=["x"], output_names=["y"], opset_version=15,
            dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}},
        )
        without_documentation(path)
        with torch.no_grad():
            record(scores, path.stem, inputs.numpy(), network(inputs).numpy())


def without_documentation(path):
    """Removes the traces of the script's lines from the file."""
    model = onnx.load(path)
    for node in model.graph.node:
        node.doc_string = ""
    onnx.save(model, path)


def record(scores, name, inputs, outputs):
    rows = lambda array: [[float(value) for value in row.reshape(-1)] for row in array]
    scores[name] = {"inputs": rows(inputs), "outputs": rows(outputs)}


def built_models(dtype):
    """Name, input shape of one sample, opset, nodes, constants, in forms that PyTorch does not write."""
    random = np.random.default_rng(5)
    array = lambda *shape: random.normal(size=shape).astype(dtype)
    node = helper.make_node
    yield "gemm", [4], 13, [
        node("Gemm", ["x", "w", "b"], ["h"], alpha=0.5, beta=2.0),
        node("Gemm", ["h", "v", "c"], ["y"], transB=1),
    ], {"w": array(4, 3), "b": array(1, 3), "v": array(2, 3), "c": array()}
    yield "same", [2, 5, 6], 13, [
        node("Conv", ["x", "w"], ["h"], auto_pad="SAME_UPPER", kernel_shape=[3, 3], strides=[2, 1]),
        node("Mul", ["h", "h"], ["s"]),
        node("GlobalAveragePool", ["s"], ["p"]),
        node("Flatten", ["p"], ["y"], axis=1),
    ], {"w": array(3, 2, 3, 3)}
    yield "pool", [2, 6, 6], 13, [
        node("AveragePool", ["x"], ["h"], kernel_shape=[3, 3], strides=[2, 1], pads=[1, 0, 1, 0], count_include_pad=1),
        node("AveragePool", ["h"], ["i"], kernel_shape=[1, 2], strides=[1, 2], ceil_mode=1),
        node("Flatten", ["i"], ["r"]),
        node("MatMul", ["r", "w"], ["y"]),
    ], {"w": array(12, 2)}
    yield "reshape", [2, 3, 3], 13, [
        node("Identity", ["scale"], ["named"]),
        node("Mul", ["named", "x"], ["h"]),
        node("Sub", ["shift", "h"], ["i"]),
        node("Constant", [], ["shape"], value_ints=[0, -1]),
        node("Reshape", ["i", "shape"], ["r"]),
        node("Pow", ["r", "two"], ["p"]),
        node("Add", ["p", "p"], ["d"]),
        node("MatMul", ["d", "w"], ["y"]),
    ], {"scale": array(2, 1, 1), "shift": array(1, 2, 1, 1), "two": np.array(2, dtype), "w": array(18, 2)}
    if dtype == np.float32:
        # The runtime has no 64-bit form, and the reference evaluator's has constants of 32 bits.
        yield "gelu_operator", [4], 20, [
            node("MatMul", ["x", "w"], ["h"]),
            node("Gelu", ["h"], ["y"]),
        ], {"w": array(4, 3)}


def build(dtype, kind, scores):
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    for name, shape, opset, nodes, constants in built_models(dtype):
        # Every second constant as a list of numbers, the others as bytes.
        tensors = [
            numpy_helper.from_array(value, key) if index % 2
            else helper.make_tensor(key, element, value.shape, value.reshape(-1).tolist())
            for index, (key, value) in enumerate(constants.items())
        ]
        value = lambda key, sizes: helper.make_tensor_value_info(key, element, sizes)
        graph = helper.make_graph(nodes, name, [value("x", ["batch", *shape])], [value("y", ["batch", "scores"])], tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
        onnx.checker.check_model(model)
        inputs = np.random.default_rng(7).normal(size=[SAMPLES, *shape]).astype(dtype)
        try:
            runner = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        except Exception:
            runner = ReferenceEvaluator(model)
        print(name, kind, type(runner).__name__)
        [outputs] = runner.run(None, {"x": inputs})
        path = HERE / f"{name}_{kind}.onnx"
        onnx.save(model, path)
        record(scores, path.stem, inputs, outputs)


def write_safetensors(scores):
    """A network of each type of numbers; the scores are those of the stored weights in 64 bits."""
    torch.manual_seed(3)
    for kind, dtype in [("f16", torch.float16), ("bf16", torch.bfloat16), ("f32", torch.float32), ("f64", torch.float64)]:
        network = nn.Sequential()
        network.add_module("conv", nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2))
        network.add_module("norm", normalized(nn.BatchNorm2d(4)))
        network.add_module("square", square())
        network.add_module("flatten", nn.Flatten())
        network.add_module("fc", nn.Linear(36, 2))
        network = network.eval().to(dtype)
        weights = {key: value for key, value in network.state_dict().items() if value.is_floating_point()}
        path = HERE / f"weights_{kind}.safetensors"
        save_file(weights, path)
        inputs = torch.randn(SAMPLES, 2, 5, 5, dtype=torch.float64)
        with torch.no_grad():
            record(scores, path.stem, inputs.numpy(), network.to(torch.float64)(inputs).numpy())


def main():
    scores = {}
    torch.manual_seed(1)
    for name, shape, network in torch_models():
        export(name, shape, network, scores)
    for kind, dtype in [("f32", np.float32), ("f64", np.float64)]:
        build(dtype, kind, scores)
    write_safetensors(scores)
    lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(scores.items())]
    (HERE / "scores.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
