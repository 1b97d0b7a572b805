//! The ratios as bars on a logarithmic axis, one panel for each comparison.

use crate::comparison::{Comparison, Row};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;
use std::path::Path;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

const PANEL_WIDTH: i32 = 620;
const COLUMNS: usize = 2;
const ROW: i32 = 22;
const BAR: i32 = 15;
/// Room above a panel's bars for its title, and below for the axis.
const ABOVE: i32 = 62;
const BELOW: i32 = 30;
const LABELS: i32 = 230;
const AXIS_WIDTH: i32 = 320;
/// Room for a bar's figure.
const LABEL_WIDTH: i32 = 40;
const HEADER: i32 = 62;

const FASTER: RGBColor = RGBColor(0x2a, 0x78, 0xb5);
const SLOWER: RGBColor = RGBColor(0xc8, 0x5a, 0x32);
const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const GRID: RGBColor = RGBColor(0xd8, 0xd8, 0xd8);

/// A logarithmic axis over ratios.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// The axis that holds 1 and every ratio.
    fn over(comparisons: &[Comparison]) -> Self {
        let ratios = comparisons
            .iter()
            .flat_map(|c| c.rows.iter().map(Row::ratio));
        let (low, high) = ratios.fold((0.8, 2.0), |(low, high): (f64, f64), ratio| {
            (low.min(ratio), high.max(ratio))
        });
        Self {
            low: low / 1.1,
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
        let ticks = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0];
        ticks
            .into_iter()
            .filter(|&tick| tick >= self.low && tick <= self.high)
    }
}

/// Writes the chart of all ratios.
pub(crate) fn draw(path: &Path, comparisons: &[Comparison]) -> Drawn {
    let bands: Vec<&[Comparison]> = comparisons.chunks(COLUMNS).collect();
    let height = HEADER + bands.iter().map(|band| band_height(band)).sum::<i32>();
    let width = PANEL_WIDTH * i32::try_from(COLUMNS)?;
    let root =
        SVGBackend::new(path, (width.unsigned_abs(), height.unsigned_abs())).into_drawing_area();
    root.fill(&WHITE)?;
    header(&root)?;
    let axis = Axis::over(comparisons);
    let mut top = HEADER;
    for band in bands {
        for (column, comparison) in band.iter().enumerate() {
            let left = PANEL_WIDTH * i32::try_from(column)?;
            panel(&root, (left, top), &axis, comparison)?;
        }
        top += band_height(band);
    }
    root.present()?;
    Ok(())
}

fn header(root: &Area<'_>) -> Drawn {
    let title = "Time of the peer / time of slotwise, one thread, logarithmic axis";
    text(root, title, (24, 22), 20, HPos::Left)?;
    let legend = "right of the line at 1x slotwise is faster; left of it the peer is";
    text(root, legend, (24, 46), 14, HPos::Left)
}

/// The height of panels side by side.
fn band_height(band: &[Comparison]) -> i32 {
    let rows = band.iter().map(|c| c.rows.len()).max().unwrap_or(0);
    ABOVE + ROW * i32::try_from(rows).expect("few rows") + BELOW
}

fn panel(root: &Area<'_>, (left, top): (i32, i32), axis: &Axis, comparison: &Comparison) -> Drawn {
    let title = format!("{} against {}", comparison.set, comparison.peer);
    text(root, &title, (left + 24, top + 26), 17, HPos::Left)?;
    text(
        root,
        &comparison.parameters,
        (left + 24, top + 46),
        13,
        HPos::Left,
    )?;
    let origin = (left + LABELS, top + ABOVE);
    let depth = ROW * i32::try_from(comparison.rows.len())?;
    for tick in axis.ticks() {
        let x = origin.0 + axis.place(tick);
        let colour = if (tick - 1.0).abs() < 1e-9 { INK } else { GRID };
        root.draw(&PathElement::new(
            [(x, origin.1), (x, origin.1 + depth)],
            colour,
        ))?;
        text(
            root,
            &format!("{tick}x"),
            (x, origin.1 + depth + 9),
            12,
            HPos::Center,
        )?;
    }
    for (i, row) in comparison.rows.iter().enumerate() {
        let y = origin.1 + ROW * i32::try_from(i)? + ROW / 2;
        bar(root, (origin.0, y), axis, row)?;
    }
    Ok(())
}

/// A row's label, its bar from 1 to the ratio, and the ratio beside the bar.
fn bar(root: &Area<'_>, (left, middle): (i32, i32), axis: &Axis, row: &Row) -> Drawn {
    text(root, &row.operation, (left - 10, middle), 14, HPos::Right)?;
    let (one, end) = (left + axis.place(1.0), left + axis.place(row.ratio()));
    let colour = if row.ratio() >= 1.0 { FASTER } else { SLOWER };
    let corners = [
        (one.min(end), middle - BAR / 2),
        (one.max(end), middle + BAR / 2),
    ];
    root.draw(&Rectangle::new(corners, colour.filled()))?;
    let label = format!("{:.1}x", row.ratio());
    let blank = [
        (one.max(end) + 2, middle - BAR / 2),
        (one.max(end) + LABEL_WIDTH, middle + BAR / 2),
    ];
    root.draw(&Rectangle::new(blank, WHITE.filled()))?; // no grid line through the figure
    text(root, &label, (one.max(end) + 6, middle), 13, HPos::Left)
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
