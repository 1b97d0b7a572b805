//! The accuracy after each round as a picture. SVG needs no font: whoever shows it has one.

use crate::breast_cancer::Outcome;
use crate::config::Trust;
use crate::data::Data;
use crate::run::Curve;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// The size of each data set's panel in pixels.
const PANEL: (u32, u32) = (560, 420);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws all curves, a panel for each data set; where the picture is.
pub(crate) fn draw(curves: &[Curve]) -> Outcome<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    fs::create_dir_all(&folder)?;
    let path = folder.join("federated_averaging.svg");
    let mut panels: Vec<Vec<&Curve>> = Vec::new();
    for data in [Data::BreastCancer, Data::Digits] {
        let of_data = curves.iter().filter(|curve| curve.data == data);
        panels.push(of_data.collect());
    }
    panels.retain(|panel| !panel.is_empty());
    let count = panels.len();
    let size = (PANEL.0 * u32::try_from(count)?, PANEL.1);
    let root = SVGBackend::new(&path, size).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, panel) in root.split_evenly((1, count)).iter().zip(&panels) {
        draw_panel(area, panel)?;
    }
    root.present()?;
    drop(root);
    Ok(path)
}

/// The curve in the clear as a line, the encrypted ones as marks upon it.
fn draw_panel(area: &Area<'_>, curves: &[&Curve]) -> Outcome<()> {
    let all = || {
        curves
            .iter()
            .flat_map(|curve| curve.encrypted.iter().chain(&curve.clear))
    };
    let least = all().copied().fold(1.0, f64::min);
    let rounds = curves.iter().map(|curve| curve.clear.len()).max();
    let first = curves.first().ok_or("no curve")?;
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{}: test accuracy", first.data), ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(
            0.0..rounds.unwrap_or(1) as f64 + 1.0,
            (least - 0.02).max(0.0)..1.005,
        )?;
    let whole = |x: &f64| format!("{x:.0}");
    chart
        .configure_mesh()
        .x_desc("round")
        .x_label_formatter(&whole)
        .y_label_formatter(&|y| format!("{y:.2}"))
        .light_line_style(WHITE)
        .draw()?;
    // The longest of them has the others in it, unless clients were late.
    let longest = curves.iter().max_by_key(|curve| curve.clear.len());
    let clear = longest.map_or(&[][..], |curve| &curve.clear);
    chart
        .draw_series(LineSeries::new(points(clear), BLACK.stroke_width(2)))?
        .label("in the clear, f64")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], BLACK.stroke_width(2)));
    for curve in curves {
        let points = points(&curve.encrypted);
        match curve.trust {
            Trust::Single => chart
                .draw_series(points.map(|point| Circle::new(point, 6, BLUE.stroke_width(2))))?
                .label("encrypted, one key holder")
                .legend(|(x, y)| Circle::new((x + 9, y), 6, BLUE.stroke_width(2))),
            Trust::Threshold => chart
                .draw_series(points.map(|point| Cross::new(point, 4, RED.stroke_width(2))))?
                .label("encrypted, key shared by the clients")
                .legend(|(x, y)| Cross::new((x + 9, y), 4, RED.stroke_width(2))),
        };
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE)
        .border_style(BLACK)
        .label_font(("sans-serif", 14))
        .draw()?;
    Ok(())
}

/// Round and accuracy of each round.
fn points(accuracies: &[f64]) -> impl Iterator<Item = (f64, f64)> {
    let rounds = (1..).map(f64::from);
    rounds.zip(accuracies.iter().copied())
}
