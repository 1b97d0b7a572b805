//! What was read as what, in numbers and as a picture.

use crate::Outcome;
use crate::data::SIDE;
use slotwise::networks::argmax;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// The misread images in a row of the picture.
const COLUMNS: usize = 8;

/// The white pixels around each image.
const MARGIN: usize = 4;

/// How many pixels of the picture, in each direction, are one of an image.
const ZOOM: usize = 2;

/// A row for each digit: how often it was read as 0, 1, .., 9.
pub(crate) fn print_confusions(scores: &[Vec<f64>], digits: &[usize]) {
    let mut counts = [[0; 10]; 10];
    for (scores, &digit) in scores.iter().zip(digits) {
        counts[digit][argmax(scores)] += 1;
    }
    println!("digit, and how often it was read as 0 to 9:");
    for (digit, row) in counts.iter().enumerate() {
        let row: Vec<String> = row.iter().map(|count| format!("{count:>4}")).collect();
        println!("{digit} {}", row.concat());
    }
}

/// Draws the images that were misread, side by side in the order of the list that is printed, as a PNG file.
pub(crate) fn draw_misread(
    path: &Path,
    images: &[Vec<f64>],
    scores: &[Vec<f64>],
    digits: &[usize],
) -> Outcome<()> {
    let misread: Vec<usize> = (0..scores.len())
        .filter(|&row| argmax(&scores[row]) != digits[row])
        .collect();
    let cell = ZOOM * SIDE + 2 * MARGIN;
    let (width, height) = (
        COLUMNS * cell,
        misread.len().div_ceil(COLUMNS).max(1) * cell,
    );
    let mut pixels = vec![u8::MAX; width * height];
    for (place, &row) in misread.iter().enumerate() {
        let (left, top) = (
            place % COLUMNS * cell + MARGIN,
            place / COLUMNS * cell + MARGIN,
        );
        for y in 0..ZOOM * SIDE {
            for x in 0..ZOOM * SIDE {
                let brightness = images[row][y / ZOOM * SIDE + x / ZOOM];
                let grey = format!("{:.0}", 255.0 * (1.0 - brightness)).parse()?;
                pixels[(top + y) * width + left + x] = grey;
            }
        }
        println!(
            "misread: row {row}, a {}, as {}",
            digits[row],
            argmax(&scores[row])
        );
    }
    let file = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(file, u32::try_from(width)?, u32::try_from(height)?);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header()?.write_image_data(&pixels)?;
    println!(
        "{} misread images drawn in {}",
        misread.len(),
        path.display()
    );
    Ok(())
}
