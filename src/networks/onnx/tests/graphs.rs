//! Files and graphs that are refused, and forms of graphs that are read.

use super::*;

#[test]
fn bytes_that_are_no_model() {
    let part = |bytes: &[u8], part: &str| {
        let (node, reason) = refusal(Network::from_onnx(bytes, 7));
        assert!(node.is_empty() && reason.contains(part), "{reason}");
    };
    part(b"", "no operator set");
    part(b"neither is this", "not valid ONNX");
    part(&[0xff; 64], "not valid ONNX");
    let model = |version| Model {
        graph: None,
        opsets: vec![opset(version)],
    };
    part(&model(13).encode_to_vec(), "no graph");
    part(&model(6).encode_to_vec(), "version 6");
    let foreign = Opset {
        domain: "ai.onnx.ml".into(),
        version: 13,
    };
    let others_only = Model {
        graph: None,
        opsets: vec![bytes(&foreign)],
    };
    part(&others_only.encode_to_vec(), "no operator set");
    let broken = Model {
        graph: Some(Bytes::from_static(&[0x0a, 0xff])),
        ..model(13)
    };
    part(&broken.encode_to_vec(), "its graph is not valid ONNX");
}

#[test]
fn graphs_that_are_no_chain() {
    let relu = |input, output| node("Relu", input, output);
    let graphs = |nodes: &[Node], label: &str, part: &str| {
        refuses(&VECTOR, nodes, &[], label, part);
    };
    // A cycle, a missing input, and nodes in the wrong order.
    graphs(
        &[node("Add", "x b", "a"), relu("a", "b"), relu("b", "y")],
        "Add \"a\"",
        "\"b\"",
    );
    graphs(&[relu("z", "y")], "Relu \"y\"", "\"z\"");
    graphs(&[relu("a", "y"), relu("x", "a")], "Relu \"y\"", "\"a\"");
    graphs(&[relu("y", "y")], "Relu \"y\"", "\"y\"");
    // Names used twice.
    graphs(
        &[relu("x", "a"), relu("x", "a"), relu("a", "y")],
        "Relu \"a\"",
        "earlier value",
    );
    graphs(
        &[relu("x", "x"), relu("x", "y")],
        "Relu \"x\"",
        "earlier value",
    );
    // Two branches, and a value with two readers.
    let branches = [relu("x", "a"), relu("x", "b"), node("Add", "a b", "y")];
    graphs(&branches, "Add \"y\"", "two branches");
    let shared = [
        relu("x", "a"),
        relu("a", "b"),
        node("Add", "x b", "c"),
        node("Add", "a c", "y"),
    ];
    graphs(&shared, "Add \"c\"", "\"a\" is read by several");
    let product = [relu("x", "a"), node("Mul", "x a", "y")];
    graphs(&product, "Mul \"y\"", "sigmoid");
    graphs(&[node("Sub", "x x", "y")], "Sub \"y\"", "several computed");
    // A third input is not left out.
    let three = |operator, inputs| {
        let nodes = [relu("x", "a"), node(operator, inputs, "y")];
        let constant = [tensor("w", &[], &[1.0])];
        let label = format!("{operator} \"y\"");
        refuses(&VECTOR, &nodes, &constant, &label, "at most 2");
    };
    three("Add", "x a w");
    three("Add", "w x a");
    three("Mul", "a a w");
    graphs(&[node("Add", "w w", "y")], "Add \"y\"", "\"w\"");
    // Outputs that are missing or too many.
    graphs(&[relu("x", "a")], "", "no node computes");
    let mut split = relu("x", "y");
    split.outputs.push("z".into());
    graphs(&[split], "Relu \"y\"", "several outputs");
    let copies = vec![node("Relu", "x", "a"); 5000];
    graphs(&copies, "", "5000 nodes");
    let constant = [tensor("w", &[], &[1.0])];
    refuses(
        &VECTOR,
        &[node("Relu", "w", "y")],
        &constant,
        "Relu \"y\"",
        "constants folded",
    );
}

#[test]
fn inputs_and_outputs_that_are_wrong() {
    let nodes = [node("Relu", "x", "y")];
    for (sizes, part) in [
        (&[2][..], "1 dimensions"),
        (&[1, 2, 3], "3 dimensions"),
        (&[1, -1], "open"),
        (&[1, 0], "open"),
        (&[1, 1 << 40], "not supported"),
        (&[1, i64::MAX, i64::MAX, i64::MAX], "not supported"),
    ] {
        refuses(sizes, &nodes, &[], "", part);
    }
    let changed = |change: fn(&mut Graph), part: &str| {
        let mut graph = graph(&VECTOR, &nodes, &[]);
        change(&mut graph);
        let (node, reason) = refusal(read_graph(&graph));
        assert!(node.is_empty() && reason.contains(part), "{reason}");
    };
    changed(|graph| graph.inputs.clear(), "no input");
    changed(
        |graph| graph.inputs.push(bytes(&value("z", &VECTOR))),
        "several inputs",
    );
    changed(
        |graph| graph.inputs = vec![bytes(&value("", &VECTOR))],
        "no name",
    );
    changed(|graph| graph.outputs.clear(), "0 outputs");
    changed(
        |graph| graph.outputs.push(bytes(&value("z", &VECTOR))),
        "2 outputs",
    );
    changed(
        |graph| graph.sparse_initializers.push(Bytes::new()),
        "sparse",
    );
    changed(
        |graph| graph.initializers.push(bytes(&tensor("", &[], &[]))),
        "empty",
    );
    changed(
        |graph| graph.initializers = vec![bytes(&tensor("w", &[], &[1.0])); 2],
        "the name \"w\"",
    );
    let unshaped = ValueInfo {
        kind: None,
        ..value("x", &[])
    };
    let mut graph = graph(&VECTOR, &nodes, &[]);
    graph.inputs = vec![bytes(&unshaped)];
    assert!(refusal(read_graph(&graph)).1.contains("no shape"));
}

#[test]
fn old_files_list_constants_as_inputs() {
    let mut graph = graph(
        &VECTOR,
        &[node("Mul", "x w", "y")],
        &[tensor("w", &[], &[3.0])],
    );
    graph.inputs.push(bytes(&value("w", &[])));
    let network = read_graph(&graph).unwrap();
    assert_eq!(network.run(&[1.0, 2.0]).unwrap(), [3.0, 6.0]);
}

#[test]
fn residual_blocks_nest_up_to_a_limit() {
    // The innermost block adds the square; each further one adds the value before it.
    let nested = |depth: usize| {
        let mut nodes = Vec::new();
        for i in 0..depth {
            let input = if i == 0 {
                "x".into()
            } else {
                format!("a{}", i - 1)
            };
            nodes.push(node("Tanh", &input, &format!("a{i}")));
        }
        let mut inner = format!("a{}", depth - 1);
        for i in (0..depth).rev() {
            let outer = if i == 0 {
                "x".into()
            } else {
                format!("a{}", i - 1)
            };
            let output = if i == 0 { "y".into() } else { format!("s{i}") };
            nodes.push(node("Add", &format!("{outer} {inner}"), &output));
            inner = output;
        }
        read_graph(&graph(&VECTOR, &nodes, &[]))
    };
    let network = nested(3).unwrap();
    let [a, b, c] = [
        0.5f64.tanh(),
        0.5f64.tanh().tanh(),
        0.5f64.tanh().tanh().tanh(),
    ];
    let expected = 0.5 + (a + (b + c));
    assert!((network.run(&[0.5, 0.5]).unwrap()[0] - expected).abs() < 1e-12);
    assert!(nested(16).is_ok());
    assert!(refusal(nested(17)).1.contains("more than 16"));
    assert!(refusal(nested(2000)).1.contains("more than 16"));
}

#[test]
fn constants_used_again_and_again() {
    let weights = tensor("w", &[64, 64], &[0.01; 4096]);
    let mut nodes = vec![node("MatMul", "x w", "a0")];
    for i in 1..100 {
        nodes.push(node("MatMul", &format!("a{} w", i - 1), &format!("a{i}")));
    }
    nodes.push(node("Identity", "a99", "y"));
    let (label, reason) = refusal(read_graph(&graph(&[1, 64], &nodes, &[weights])));
    assert!(
        label.starts_with("MatMul") && reason.contains("memory"),
        "{reason}"
    );
    // One number for each of many values, of which a small file tells.
    let mut nodes = Vec::new();
    for i in 0..10 {
        let input = if i == 0 {
            "x".into()
        } else {
            format!("b{}", i - 1)
        };
        nodes.push(node("Mul", &format!("{input} w"), &format!("a{i}")));
        nodes.push(node("Relu", &format!("a{i}"), &format!("b{i}")));
    }
    nodes.push(node("Identity", "b9", "y"));
    let scalar = [tensor("w", &[], &[2.0])];
    let (_, reason) = refusal(read_graph(&graph(&[1, 1 << 20], &nodes, &scalar)));
    assert!(reason.contains("memory"), "{reason}");
    assert!(read_graph(&graph(&[1, 256], &nodes, &scalar)).is_ok());
}
