//! Draws the pictures of `docs/guide`: the levels of a circuit, the slots of vectors, the floors of the crate.
//!
//! `cargo run --example guide_pictures`

use slotwise::Result;
use slotwise::circuits::Packing;
use slotwise::evaluator::SlotShape;
use slotwise::prelude::*;
use std::fmt::Arguments;
use std::path::Path;
use std::{fs, io};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    save("levels", &levels()?)?;
    save("slots", &slots()?)?;
    Ok(save("floors", &floors())?)
}

fn save(name: &str, picture: &Picture) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide");
    fs::write(folder.join(name).with_extension("svg"), picture.svg())
}

/// Shapes in one SVG file, whose colours follow the reader's light or dark mode.
struct Picture {
    width: u32,
    height: u32,
    shapes: String,
}

/// The colours, as classes of the style sheet.
const STYLE: &str = "\
text{font-family:sans-serif;fill:#1f2328}.small{font-size:13px}.large{font-size:15px}.title{font-size:17px;font-weight:bold}\
.paper{fill:#ffffff}.free{fill:#eaeef2}.value{fill:#54aeff}.error{fill:#f0883e}.line{stroke:#57606a}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.paper{fill:#161b22}.free{fill:#30363d}.value{fill:#1f6feb}\
.error{fill:#bd561d}.line{stroke:#9198a1}}";

impl Picture {
    fn new(width: u32, height: u32) -> Self {
        let mut picture = Self {
            width,
            height,
            shapes: String::new(),
        };
        picture.rectangle("paper", [0.0, 0.0, width.into(), height.into()]);
        picture
    }

    /// A filled rectangle: left, top, width, height.
    fn rectangle(&mut self, class: &str, [x, y, width, height]: [f64; 4]) {
        self.add(format_args!(
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="3"/>"#
        ));
    }

    /// Text around the middle `x` or from it on, as `anchor` says, on the base line `y`.
    fn text(&mut self, class: &str, anchor: &str, [x, y]: [f64; 2], text: &str) {
        self.add(format_args!(
            r#"<text class="{class}" text-anchor="{anchor}" x="{x:.1}" y="{y:.1}">{text}</text>"#
        ));
    }

    fn line(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) {
        self.add(format_args!(
            r#"<line class="line" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke-dasharray="4 3"/>"#
        ));
    }

    fn add(&mut self, shape: Arguments<'_>) {
        self.shapes += &format!("{shape}\n");
    }

    fn svg(&self) -> String {
        let Self {
            width,
            height,
            shapes,
        } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
             <style>{STYLE}</style>\n{shapes}</svg>\n"
        )
    }
}

/// The bits of modulus, value and error of each ciphertext on the way to `x^4`.
fn levels() -> Result<Picture> {
    const BOTTOM: f64 = 330.0;
    const PIXELS_PER_BIT: f64 = 1.7;
    let context = CkksContext::builder()
        .degree(8192)
        .prime_bits(&[60, 40, 40, 60])
        .scale_bits(40)
        .build()?;
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::none())?;
    let x = server.attach(client.encrypt([0.5, -0.25])?)?;
    let square = x.square()?;
    let rescaled = square.rescale()?;
    let fourth = rescaled.square()?;
    let last = fourth.rescale()?;

    let mut picture = Picture::new(860, 410);
    let title =
        "Bits of a ciphertext on the way from x to x\u{2074} (primes of 60, 40 and 40 bits)";
    picture.text("title", "start", [24.0, 34.0], title);
    for (x, class, text) in [
        (24.0, "free", "modulus"),
        (134.0, "value", "scale times value"),
        (300.0, "error", "error (bound)"),
    ] {
        picture.rectangle(class, [x, 49.0, 16.0, 16.0]);
        picture.text("small", "start", [x + 23.0, 62.0], text);
    }
    let steps = [
        ("x", "encrypted", &x),
        ("x\u{b2}", "multiplied", &square),
        ("x\u{b2}", "rescaled", &rescaled),
        ("x\u{2074}", "multiplied", &fourth),
        ("x\u{2074}", "rescaled", &last),
    ];
    for (i, (name, step, vector)) in (0u32..).zip(steps) {
        let left = 44.0 + 166.0 * f64::from(i);
        let mut bar = |class: &str, bits: f64, inset: f64| {
            let height = bits * PIXELS_PER_BIT;
            picture.rectangle(
                class,
                [left + inset, BOTTOM - height, 110.0 - 2.0 * inset, height],
            );
        };
        let modulus = context.rlwe().log2_modulus(vector.level())?;
        let scale = vector.scale().log2();
        bar("free", modulus, 0.0);
        bar("value", scale, 10.0);
        bar("error", scale - vector.precision_bits(), 10.0);
        let middle = left + 55.0;
        let label = format!("level {}, scale 2^{scale:.0}", vector.level());
        picture.text(
            "large",
            "middle",
            [middle, BOTTOM + 24.0],
            &format!("{name} {step}"),
        );
        picture.text("small", "middle", [middle, BOTTOM + 44.0], &label);
        let right = format!("{:.0} bits right", vector.precision_bits());
        picture.text("small", "middle", [middle, BOTTOM + 62.0], &right);
    }
    Ok(picture)
}

/// Sixteen slots under a vector of four values and one of three, rotated and summed.
fn slots() -> Result<Picture> {
    const CELL: f64 = 36.0;
    let shape = SlotShape {
        rows: 1,
        columns: 16,
    };
    let filled = |values: &[u32]| -> Result<Vec<u32>> {
        Ok(Packing::new(shape, values.len())?.fill(values)?.concat())
    };
    let rotated = |slots: &[u32], step: usize| {
        let mut slots = slots.to_vec();
        slots.rotate_left(step);
        slots
    };
    let added =
        |a: &[u32], b: &[u32]| -> Vec<u32> { a.iter().zip(b).map(|(a, b)| a + b).collect() };
    let four = filled(&[1, 2, 3, 4])?;
    let halves = added(&four, &rotated(&four, 2));
    let sum = added(&halves, &rotated(&halves, 1));

    let mut picture = Picture::new(860, 410);
    let title = "Vectors in 16 slots: repeated, so that they wrap around their own length";
    picture.text("title", "start", [24.0, 34.0], title);
    let rows = [
        ("x = [1, 2, 3, 4]", "a copy in each stride", &four, 4),
        ("x.rotate_left(1)", "one rotation", &rotated(&four, 1), 4),
        (
            "y = [1, 2, 3]",
            "a zero fills the stride",
            &filled(&[1, 2, 3])?,
            3,
        ),
        ("x.sum(), first step", "x + rotated by 2", &halves, 4),
        ("x.sum(), last step", "that + rotated by 1", &sum, 1),
    ];
    for (i, (name, note, slots, length)) in (0u32..).zip(rows) {
        let top = 66.0 + 66.0 * f64::from(i);
        picture.text("large", "start", [24.0, top + 18.0], name);
        picture.text("small", "start", [24.0, top + 36.0], note);
        for (j, slot) in (0u32..).zip(slots) {
            let left = 220.0 + (CELL + 2.0) * f64::from(j);
            let class = if j < length { "value" } else { "free" };
            picture.rectangle(class, [left, top, CELL, CELL]);
            let place = [left + CELL / 2.0, top + 23.0];
            picture.text("large", "middle", place, &slot.to_string());
        }
    }
    for column in [4.0, 8.0, 12.0] {
        let x = 219.0 + (CELL + 2.0) * column;
        picture.line([x, 58.0], [x, 376.0]);
    }
    let legend = "blue: the values that decryption reads; grey: their copies";
    picture.text("small", "start", [220.0, 396.0], legend);
    Ok(picture)
}

/// The modules of the crate, each above those that it may import.
fn floors() -> Picture {
    const FLOORS: [(&str, &str); 14] = [
        ("networks", "trained networks: polynomials, plans, service"),
        ("federated", "exact sums of encrypted updates"),
        ("multiparty", "keys that several parties share"),
        ("api", "client and server keys, contexts, encrypted vectors"),
        ("wire", "bytes out and in"),
        ("bootstrapping", "levels restored"),
        (
            "circuits",
            "vectors, matrices, polynomials, comparisons, plans",
        ),
        ("evaluator", "add, multiply, rotate, rescale; dry runs"),
        ("encryption", "ciphertexts, encrypt, decrypt, noise bounds"),
        ("encoding", "values as polynomials"),
        ("keys", "secret, public, switching and Galois keys"),
        ("params", "checked parameters"),
        ("ring", "polynomials in RNS"),
        ("kernels", "rows of residues modulo one prime: all SIMD"),
    ];
    let mut picture = Picture::new(860, 580);
    let title = "Each floor imports only from the floors below it";
    picture.text("title", "start", [24.0, 34.0], title);
    for (i, (name, what)) in (0u32..).zip(FLOORS) {
        let top = 52.0 + 35.0 * f64::from(i);
        let class = match name {
            "networks" | "federated" | "multiparty" | "api" | "circuits" => "value",
            _ => "free",
        };
        picture.rectangle(class, [24.0, top, 812.0, 31.0]);
        picture.text("large", "start", [40.0, top + 21.0], name);
        picture.text("small", "start", [200.0, top + 20.0], what);
    }
    let legend = "blue: what most programs use";
    picture.text("small", "start", [24.0, 564.0], legend);
    picture
}
