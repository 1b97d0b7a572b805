//! Operators, attributes and constants that are refused.

use super::*;

#[test]
fn operators_and_attributes_are_named() {
    for operator in ["MaxPool", "Softmax", "Transpose", "Lstm", ""] {
        let sizes = if operator == "MaxPool" {
            &IMAGE[..]
        } else {
            &VECTOR
        };
        refuses_node(sizes, &node(operator, "x", "y"), &[], "not");
    }
    let custom = Node {
        domain: "com.example".into(),
        name: "first".into(),
        ..node("Relu", "x", "y")
    };
    let (name, reason) = refusal(read_graph(&graph(&VECTOR, &[custom], &[])));
    assert_eq!(name, "Relu \"first\"");
    assert!(reason.contains("com.example"));

    let unknown = with(node("Relu", "x", "y"), integer("slope", 1));
    refuses_node(&VECTOR, &unknown, &[], "\"slope\" is not supported");
    let twice = with(
        with(node("Flatten", "x", "y"), integer("axis", 1)),
        integer("axis", 1),
    );
    refuses_node(&IMAGE, &twice, &[], "twice");
    let typed = with(node("Flatten", "x", "y"), text("axis", "1"));
    refuses_node(&IMAGE, &typed, &[], "another type");
    let axis = with(node("Flatten", "x", "y"), integer("axis", 2));
    refuses_node(&IMAGE, &axis, &[], "axis=2");
    let function = Attribute {
        reference: "outer".into(),
        ..integer("axis", 1)
    };
    refuses_node(
        &IMAGE,
        &with(node("Flatten", "x", "y"), function),
        &[],
        "function",
    );
    refuses_node(
        &VECTOR,
        &node("Relu", "x x", "y"),
        &[],
        "several computed inputs",
    );
    refuses_node(
        &VECTOR,
        &node("Gelu", "x w", "y"),
        &[tensor("w", &[], &[1.0])],
        "2 inputs",
    );
    let approximate = with(node("Gelu", "x", "y"), text("approximate", "tanh"));
    refuses_node(&VECTOR, &approximate, &[], "approximate=tanh");
    refuses(
        &VECTOR,
        &[node("Erf", "x", "y")],
        &[],
        "",
        "Erf \"y\" is only",
    );
}

#[test]
fn matrices_that_do_not_fit() {
    let weights = [tensor("w", &[2, 3], &[1.0; 6])];
    let gemm = || node("Gemm", "x w", "y");
    refuses_node(
        &VECTOR,
        &with(gemm(), integer("transA", 1)),
        &weights,
        "transA=1",
    );
    refuses_node(
        &VECTOR,
        &with(gemm(), integer("transB", 1)),
        &weights,
        "length 3",
    );
    refuses_node(
        &VECTOR,
        &with(gemm(), integer("transB", 2)),
        &weights,
        "transB=2",
    );
    refuses_node(&IMAGE, &gemm(), &weights, "Flatten");
    refuses_node(
        &VECTOR,
        &node("MatMul", "w x", "y"),
        &weights,
        "first input",
    );
    let cube = tensor("w", &[2, 1, 3], &[1.0; 6]);
    refuses_node(
        &VECTOR,
        &node("MatMul", "x w", "y"),
        &[cube],
        "a matrix is supported",
    );
    let bias = tensor("b", &[2], &[1.0; 2]);
    let biased = node("Gemm", "x w b", "y");
    refuses_node(
        &VECTOR,
        &biased,
        &[weights[0].clone(), bias],
        "each of the 3 outputs",
    );
    refuses_node(
        &VECTOR,
        &node("MatMul", "x", "y"),
        &weights,
        "input 1 is missing",
    );
}

#[test]
fn convolutions_that_are_not_supported() {
    let conv = |attribute| with(node("Conv", "x w", "y"), attribute);
    let weights = [tensor("w", &[1, 2, 3, 3], &[1.0; 18])];
    for (attribute, part) in [
        (list("pads", &[1, 1, 0, 1]), "opposite sides"),
        (list("pads", &[-1, -1, -1, -1]), "\"pads\""),
        (list("pads", &[1, 1]), "\"pads\""),
        (list("strides", &[0, 1]), "\"strides\""),
        (list("strides", &[1, i64::MAX]), "\"strides\""),
        (list("dilations", &[1, 1 << 22]), "larger than"),
        (list("kernel_shape", &[3, 2]), "kernel_shape"),
        (integer("group", 2), ""),
        (integer("group", 0), ""),
        (integer("group", i64::MIN), "negative"),
        (text("auto_pad", "SAME"), "auto_pad=SAME"),
    ] {
        refuses_node(&IMAGE, &conv(attribute), &weights, part);
    }
    for sizes in [[1, 2, 0, 3], [1, 2, 3, 0]] {
        let empty = [tensor("w", &sizes, &[])];
        refuses_node(&IMAGE, &node("Conv", "x w", "y"), &empty, "without rows");
    }
    let unbiased = [weights[0].clone(), tensor("b", &[0], &[])];
    refuses_node(&IMAGE, &node("Conv", "x w b", "y"), &unbiased, "no bias");
    let line = [tensor("w", &[1, 2, 3], &[1.0; 6])];
    refuses_node(&IMAGE, &node("Conv", "x w", "y"), &line, "four sizes");
    refuses_node(&VECTOR, &node("Conv", "x w", "y"), &weights, "takes images");
}

#[test]
fn pools_and_padding_that_are_not_supported() {
    let pool = || with(node("AveragePool", "x", "y"), list("kernel_shape", &[3, 3]));
    for (attribute, part) in [
        (list("pads", &[1; 4]), "count_include_pad"),
        (list("dilations", &[2, 1]), "dilation"),
        (list("kernel_shape", &[1, 1]), "twice"),
    ] {
        refuses_node(&IMAGE, &with(pool(), attribute), &[], part);
    }
    let rounded = with(
        with(pool(), integer("ceil_mode", 1)),
        list("strides", &[2, 2]),
    );
    refuses_node(&IMAGE, &rounded, &[], "ceil_mode");
    refuses_node(
        &IMAGE,
        &node("AveragePool", "x", "y"),
        &[],
        "no kernel_shape",
    );
    let large = with(
        node("AveragePool", "x", "y"),
        list("kernel_shape", &[1 << 22, 1 << 22]),
    );
    refuses_node(&IMAGE, &large, &[], "larger than");
    for (sizes, part) in [
        (&[0, 0, 1, 1, 0, 0, 2, 1], "opposite sides"),
        (&[0, 0, -1, 1, 0, 0, -1, 1], "negative"),
        (&[0, 1, 0, 0, 0, 1, 0, 0], "rows and columns"),
    ] {
        refuses_node(
            &IMAGE,
            &node("Pad", "x p", "y"),
            &[integers("p", sizes)],
            part,
        );
    }
}

#[test]
fn constants_that_are_wrong() {
    let scale = |constant: Tensor, part: &str| {
        refuses_node(&VECTOR, &node("Mul", "x w", "y"), &[constant], part);
    };
    scale(tensor("w", &[2], &[1.0, f32::NAN]), "value at 1");
    scale(tensor("w", &[2], &[f32::INFINITY, 1.0]), "value at 0");
    scale(tensor("w", &[2], &[1.0]), "1 values and its shape has 2");
    scale(tensor("w", &[3], &[1.0; 3]), "each of the 2 channels");
    scale(tensor("w", &[1, 1, 2], &[1.0; 2]), "too many dimensions");
    scale(tensor("w", &[2, 1], &[1.0; 2]), "shape [2, 1]");
    scale(tensor("w", &[-2], &[1.0; 2]), "negative dimension");
    scale(tensor("w", &[1 << 40, 1 << 40], &[1.0]), "memory");
    scale(
        tensor("w", &[i64::MAX], &[1.0]),
        "its shape has 9223372036854775807",
    );
    let with_data = |change: fn(&mut Tensor)| {
        let mut constant = tensor("w", &[2], &[1.0; 2]);
        change(&mut constant);
        constant
    };
    scale(with_data(|tensor| tensor.location = 1), "another file");
    scale(
        with_data(|tensor| tensor.external = vec![Bytes::new()]),
        "another file",
    );
    scale(
        with_data(|tensor| tensor.segment = Some(Bytes::new())),
        "segments",
    );
    scale(
        with_data(|tensor| tensor.doubles = vec![1.0; 2]),
        "data twice",
    );
    scale(with_data(|tensor| tensor.data_type = 10), "data type 10");
    let raw = |length: usize| Tensor {
        raw: Some(vec![0; length].into()),
        floats: Vec::new(),
        ..tensor("w", &[2], &[])
    };
    scale(raw(9), "multiple of 4");
    scale(raw(12), "3 values");
    let zeros = [tensor("w", &[2], &[1.0, 0.0])];
    refuses_node(&VECTOR, &node("Div", "x w", "y"), &zeros, "a zero");
    refuses_node(
        &VECTOR,
        &node("Pow", "x w", "y"),
        &[tensor("w", &[], &[3.0])],
        "power 2",
    );
    let norm = node("BatchNormalization", "x w w w v", "y");
    let parameters = [
        tensor("w", &[2], &[1.0; 2]),
        tensor("v", &[2], &[1.0, -1.0]),
    ];
    refuses_node(&VECTOR, &norm, &parameters, "");
}

#[test]
fn reshapes_to_other_than_vectors() {
    for sizes in [&[-1, -1][..], &[-1, 5], &[3, 2], &[-1, 2, 1], &[]] {
        let reshape = node("Reshape", "x w", "y");
        refuses_node(&VECTOR, &reshape, &[integers("w", sizes)], "reshape");
    }
    let long = integers("w", &[1; 9]);
    refuses_node(&VECTOR, &node("Reshape", "x w", "y"), &[long], "at most 8");
}
