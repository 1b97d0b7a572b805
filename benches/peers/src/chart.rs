//! The ratios as bars on one logarithmic axis, by operation and peer, with the floor of each key switch.

use crate::comparison::{Comparison, Row};
use crate::tasks::Work;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;
use std::path::Path;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

const COLUMNS: usize = 3;
const PANEL_WIDTH: i32 = 470;
const BAR: i32 = 15;
/// From one bar to the next, and from one operation to the next in addition.
const STEP: i32 = 17;
const GAP: i32 = 9;
/// Room above a panel's bars for its title, and below for the axis.
const ABOVE: i32 = 46;
const BELOW: i32 = 34;
const LABELS: i32 = 150;
const AXIS_WIDTH: i32 = 260;
const HEADER: i32 = 104;

const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);
/// Colours of the peers, which can be told apart by readers who see few colours.
const COLOURS: [(&str, RGBColor); 5] = [
    ("SEAL", RGBColor(0x00, 0x72, 0xb2)),
    ("fhe.rs", RGBColor(0xe6, 0x9f, 0x00)),
    ("Lattigo", RGBColor(0x00, 0x9e, 0x73)),
    ("OpenFHE", RGBColor(0xcc, 0x79, 0xa7)),
    ("TenSEAL", RGBColor(0x56, 0xb4, 0xe9)),
];

/// The operations of the chart, with their names there; the tables have all.
const OPERATIONS: [(&str, &str); 6] = [
    ("encrypt, public key", "encrypt"),
    ("add", "add"),
    ("multiply + relinearize + rescale", "multiply, rescale"),
    ("multiply + relinearize", "multiply"),
    ("rotate by 1", "rotate"),
    ("8 rotations, hoisted", "8 rotations"),
];

/// The circuits of the chart.
const CIRCUITS: [(&str, &str); 8] = [
    ("dot product of 4096 values", "dot product"),
    ("64 values times a known 64 x 64 matrix", "64 x 64 matrix"),
    (
        "convolution, 28 x 28, kernel 7 x 7, stride 3",
        "convolution",
    ),
    ("polynomial of degree 3", "polynomial, deg 3"),
    ("polynomial of degree 15", "polynomial, deg 15"),
    (
        "256 values times a known 256 x 256 matrix",
        "256 x 256 matrix",
    ),
    ("Chebyshev polynomial of degree 31", "Chebyshev, deg 31"),
    ("Chebyshev polynomial of degree 63", "Chebyshev, deg 63"),
];

/// The bars of an operation: peers with what they took.
struct Group<'a> {
    label: &'static str,
    bars: Vec<(&'static str, &'a Row)>,
}

/// A title over groups.
struct Panel<'a> {
    title: String,
    groups: Vec<Group<'a>>,
}

impl<'a> Panel<'a> {
    /// The panel of the comparisons that `belongs` picks; `names` are the operations to draw.
    fn of(
        title: String,
        comparisons: &'a [Comparison],
        names: &[(&str, &'static str)],
        belongs: impl Fn(&Comparison) -> bool,
    ) -> Option<Self> {
        let chosen: Vec<&Comparison> = comparisons.iter().filter(|c| belongs(c)).collect();
        let group = |&(operation, label): &(&str, &'static str)| {
            let row = |c: &&'a Comparison| {
                let row = c.rows.iter().find(|row| row.operation == operation)?;
                Some((c.library, row))
            };
            let bars: Vec<_> = chosen.iter().filter_map(row).collect();
            (!bars.is_empty()).then_some(Group { label, bars })
        };
        let groups: Vec<Group<'a>> = names.iter().filter_map(group).collect();
        (!groups.is_empty()).then_some(Self { title, groups })
    }

    fn height(&self) -> i32 {
        let bars: usize = self.groups.iter().map(|group| group.bars.len()).sum();
        let [bars, groups] = [bars, self.groups.len()].map(|n| i32::try_from(n).expect("few"));
        ABOVE + bars * STEP + groups * GAP + BELOW
    }
}

/// A logarithmic axis over ratios.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// The axis that holds 1, every ratio and every floor.
    fn over(panels: &[Panel<'_>]) -> Self {
        let groups = panels.iter().flat_map(|panel| &panel.groups);
        let rows = groups.flat_map(|group| group.bars.iter().map(|(_, row)| row));
        let ends =
            rows.flat_map(|row| [Some(row.ratio()), row.floor.map(|floor| floor / row.ours)]);
        let (low, high) = ends
            .flatten()
            .fold((0.5, 2.0), |(low, high): (f64, f64), end| {
                (low.min(end), high.max(end))
            });
        Self {
            low: low / 1.2,
            high: high * 1.1,
        }
    }

    /// Pixels from the axis's left end.
    fn place(&self, ratio: f64) -> i32 {
        let share = (ratio / self.low).ln() / (self.high / self.low).ln();
        pixels(share * f64::from(AXIS_WIDTH))
    }

    /// The round ratios that get a line.
    fn ticks(&self) -> impl Iterator<Item = f64> {
        let ticks = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0];
        ticks
            .into_iter()
            .filter(|&tick| tick >= self.low && tick <= self.high)
    }
}

/// Writes the chart.
pub(crate) fn draw(path: &Path, comparisons: &[Comparison]) -> Drawn {
    let panels = panels(comparisons);
    let bands: Vec<&[Panel<'_>]> = panels.chunks(COLUMNS).collect();
    let band_height = |band: &[Panel<'_>]| band.iter().map(Panel::height).max().unwrap_or(0);
    let height = HEADER + bands.iter().map(|band| band_height(band)).sum::<i32>();
    let width = PANEL_WIDTH * i32::try_from(COLUMNS)?;
    let size = (width.unsigned_abs(), height.unsigned_abs());
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE)?;
    header(&root)?;
    let axis = Axis::over(&panels);
    let mut top = HEADER;
    for band in bands {
        for (column, panel) in band.iter().enumerate() {
            let left = PANEL_WIDTH * i32::try_from(column)?;
            draw_panel(&root, (left, top), &axis, panel)?;
        }
        top += band_height(band);
    }
    root.present()?;
    Ok(())
}

/// A band of CKKS, one of BFV, and one of circuits, each of three panels where all peers ran.
fn panels(comparisons: &[Comparison]) -> Vec<Panel<'_>> {
    let mut panels = Vec::new();
    for scheme in ["ckks", "bfv"] {
        for degree in [8192, 16384, 32768] {
            let title = format!("{}, N = {degree}", scheme.to_uppercase());
            panels.extend(Panel::of(title, comparisons, &OPERATIONS, |c| {
                c.work == Work::Operations && c.scheme == scheme && c.degree == degree
            }));
        }
    }
    for (title, works) in [
        (
            "Circuits, N = 8192 and 16384",
            [Work::Vectors, Work::Polynomial],
        ),
        (
            "Circuits, N = 16384 and 32768",
            [Work::Matrix, Work::Chebyshev],
        ),
    ] {
        panels.extend(Panel::of(title.to_owned(), comparisons, &CIRCUITS, |c| {
            works.contains(&c.work)
        }));
    }
    panels
}

fn header(root: &Area<'_>) -> Drawn {
    let title = "How many times as long the peer takes as slotwise (one thread, logarithmic axis)";
    text(root, title, (24, 24), 21, HPos::Left)?;
    let mut left = 24;
    for (peer, colour) in COLOURS {
        let corners = [(left, 46), (left + 26, 46 + BAR)];
        root.draw(&Rectangle::new(corners, colour.filled()))?;
        text(root, peer, (left + 33, 54), 15, HPos::Left)?;
        left += 125;
    }
    mark(root, (left + 8, 54))?;
    let floor =
        "floor of a key switch on this machine: what its transforms and bytes alone would take";
    text(root, floor, (left + 22, 54), 15, HPos::Left)?;
    let sides = "Bars to the right of 1x: slotwise is faster; to the left: the peer is.";
    text(root, sides, (24, 82), 15, HPos::Left)
}

fn draw_panel(root: &Area<'_>, (left, top): (i32, i32), axis: &Axis, panel: &Panel<'_>) -> Drawn {
    text(root, &panel.title, (left + 24, top + 26), 17, HPos::Left)?;
    let origin = (left + LABELS, top + ABOVE);
    let bottom = top + panel.height() - BELOW;
    for tick in axis.ticks() {
        let x = origin.0 + axis.place(tick);
        let one = (tick - 1.0).abs() < 1e-9;
        let line = [(x, origin.1), (x, bottom)];
        root.draw(&PathElement::new(line, if one { INK } else { GRID }))?;
        text(
            root,
            &format!("{tick}x"),
            (x, bottom + 10),
            12,
            HPos::Center,
        )?;
    }
    let mut y = origin.1 + GAP / 2;
    for group in &panel.groups {
        let count = i32::try_from(group.bars.len())?;
        let middle = y + count * STEP / 2;
        text(root, group.label, (origin.0 - 10, middle), 14, HPos::Right)?;
        for (peer, row) in &group.bars {
            bar(root, (origin.0, y + STEP / 2), axis, (peer, row))?;
            y += STEP;
        }
        y += GAP;
    }
    Ok(())
}

/// A bar from 1 to the ratio, the ratio beside it, and the floor's mark.
fn bar(
    root: &Area<'_>,
    (left, middle): (i32, i32),
    axis: &Axis,
    (peer, row): (&str, &Row),
) -> Drawn {
    let (one, end) = (left + axis.place(1.0), left + axis.place(row.ratio()));
    let known = COLOURS.iter().find(|(name, _)| *name == peer);
    let colour = known.map_or(INK, |(_, colour)| *colour);
    let corners = [
        (one.min(end), middle - BAR / 2),
        (one.max(end), middle + BAR / 2),
    ];
    root.draw(&Rectangle::new(corners, colour.filled()))?;
    let ratio = row.ratio();
    let decimals = usize::from(ratio < 9.95);
    let label = format!("{ratio:.decimals$}x");
    let right = one.max(end);
    let width = 10 + 7 * i32::try_from(label.len())?;
    let blank = [
        (right + 2, middle - BAR / 2),
        (right + width, middle + BAR / 2),
    ];
    root.draw(&Rectangle::new(blank, WHITE.filled()))?; // no grid line through the figure
    text(root, &label, (right + 6, middle), 13, HPos::Left)?;
    if let Some(floor) = row.floor {
        mark(root, (left + axis.place(floor / row.ours), middle))?;
    }
    Ok(())
}

/// A floor: a short upright bar.
fn mark(root: &Area<'_>, (x, middle): (i32, i32)) -> Drawn {
    let corners = [(x - 2, middle - BAR / 2), (x + 1, middle + BAR / 2)];
    root.draw(&Rectangle::new(corners, INK.filled()))?;
    Ok(())
}

fn text(root: &Area<'_>, text: &str, at: (i32, i32), size: i32, horizontal: HPos) -> Drawn {
    let style = TextStyle::from(("sans-serif", size).into_font())
        .color(&INK)
        .pos(Pos::new(horizontal, VPos::Center));
    root.draw(&Text::new(text.to_owned(), at, style))?;
    Ok(())
}

#[allow(clippy::cast_possible_truncation, reason = "a place on the page")]
fn pixels(length: f64) -> i32 {
    length.round() as i32
}
