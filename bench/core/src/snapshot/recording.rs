//! Recordings of cubes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tickwire_core::snapshot::{Layout, Part, Predictor};

/// The number of 32-bit words that describe one cube.
pub const WORDS: usize = 8;
/// The number of bytes of one cube in a file: [`WORDS`] signed numbers of 32 bits, in little-endian order.
pub const RECORD_BYTES: usize = 4 * WORDS;
/// The names of a cube's parts, in the order of [`Recording::layout`].
pub const PARTS: [&str; 3] = ["rotation", "position", "interacting"];

/// The offset that is added to the two horizontal positions, which are signed in a file.
const OFFSET: i32 = 1 << 14;

/// The words of all cubes in each frame of a recording. The first frame is the initial state of sender and receiver.
#[derive(Debug)]
pub struct Recording {
    frames: Vec<Vec<[u32; WORDS]>>,
}

impl Recording {
    /// Reads a file with `cubes` records per frame. A file whose name ends in `.xz` is unpacked first.
    ///
    /// # Errors
    /// If the file cannot be read or unpacked, or [`Self::parse`] rejects its bytes.
    pub fn read(path: &Path, cubes: usize) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let is_packed = path.extension().is_some_and(|extension| extension == "xz");
        let bytes = if is_packed { unpacked(&bytes) } else { Ok(bytes) };
        let bytes = bytes.with_context(|| format!("cannot unpack {}", path.display()))?;
        Self::parse(&bytes, cubes).with_context(|| format!("{} is not a recording of cubes", path.display()))
    }

    /// Parses the unpacked bytes of a recording with `cubes` records per frame.
    ///
    /// # Errors
    /// If `cubes` is not in the range 1 to 65,535, the bytes are not two or more whole frames, or a value is outside its
    /// range.
    pub fn parse(bytes: &[u8], cubes: usize) -> Result<Self> {
        ensure!(
            cubes > 0 && cubes <= usize::from(u16::MAX),
            "a recording has 1 to 65,535 cubes, not {cubes}"
        );
        let frame = cubes * RECORD_BYTES;
        let length = bytes.len();
        if length < 2 * frame || !length.is_multiple_of(frame) {
            bail!(
                "{length} bytes are not two or more frames of {frame} bytes for {cubes} cubes; check the number of \
                 cubes"
            );
        }
        let frames = bytes.chunks(frame).map(|frame| frame.chunks(RECORD_BYTES).map(cube).collect());
        Ok(Self { frames: frames.collect::<Result<_>>()? })
    }

    /// Returns the layout of one cube: the ranges of a rotation, a position of three numbers and a flag, with linear
    /// prediction.
    #[must_use]
    pub fn layout() -> Layout {
        let parts = vec![
            Part::Rotation { bits: 9, threshold: 0 },
            Part::Numbers { words: 3, max: 0x7fff, threshold: 0 },
            Part::Flag,
        ];
        Layout::new(parts, Predictor::Linear)
    }

    /// Returns the number of cubes in each frame.
    #[must_use]
    pub fn cubes(&self) -> usize {
        self.initial().len()
    }

    /// Returns the words of each cube in the first frame, with which sender and receiver begin.
    #[must_use]
    pub fn initial(&self) -> &[[u32; WORDS]] {
        self.frames.first().map_or(&[], Vec::as_slice)
    }

    /// Returns the words of each cube in each frame after the first frame.
    #[must_use]
    pub fn sent(&self) -> &[Vec<[u32; WORDS]>] {
        self.frames.get(1..).unwrap_or_default()
    }
}

fn unpacked(packed: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut lzma_rust2::XzReader::new(packed, true), &mut bytes)?;
    Ok(bytes)
}

fn cube(record: &[u8]) -> Result<[u32; WORDS]> {
    let (values, _) = record.as_chunks::<4>();
    let mut cube = [0; WORDS];
    for (place, (word, value)) in cube.iter_mut().zip(values).enumerate() {
        let value = i32::from_le_bytes(*value);
        let (offset, max) = match place {
            0 => (0, 3),
            1..=3 => (0, 511),
            4 | 5 => (OFFSET, 0x7fff),
            6 => (0, 0x7fff),
            _ => (0, 1),
        };
        let moved = value.checked_add(offset).and_then(|value| u32::try_from(value).ok());
        let Some(in_range) = moved.filter(|value| *value <= max) else {
            let (least, most) = (-offset, i64::from(max) - i64::from(offset));
            bail!(
                "value {place} (counted from 0) of a cube is {value}, outside its range of {least} to {most}"
            );
        };
        *word = in_range;
    }
    Ok(cube)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(values: &[i32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    const CUBE: [i32; WORDS] = [3, 0, 511, 7, -16_384, 16_383, 8191, 1];

    #[test]
    fn the_two_horizontal_positions_of_recorded_cubes_are_shifted_to_start_at_zero() {
        let recording = Recording::parse(&file(&[CUBE, CUBE].concat()), 1).unwrap();
        assert_eq!(recording.initial(), [[3, 0, 511, 7, 0, 32_767, 8191, 1]]);
        assert_eq!((recording.cubes(), recording.sent().len()), (1, 1));
    }

    #[test]
    fn the_error_about_an_invalid_recording_names_the_reason() {
        let refused =
            |values: &[i32], cubes| format!("{:#}", Recording::parse(&file(values), cubes).unwrap_err());
        assert!(refused(&CUBE, 1).contains("32 bytes are not two or more frames"));
        assert!(refused(&[CUBE, CUBE, CUBE].concat(), 2).contains("96 bytes"));
        assert!(refused(&[CUBE, CUBE].concat(), 0).contains("not 0"));
        for (place, value) in [(0, 4), (1, 512), (3, -1), (4, 16_384), (5, i32::MAX), (6, -1), (7, 2)] {
            let mut bad = CUBE;
            bad[place] = value;
            let words = refused(&[CUBE, bad].concat(), 1);
            assert!(
                words.contains(&format!("value {place} (counted from 0) of a cube is {value},")),
                "{words}"
            );
        }
    }
}
