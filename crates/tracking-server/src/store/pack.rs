//! A stretch of a curve as bytes, and a point's place on its curve as bytes. Pure.
//!
//! Neighbouring points differ little in step and time: of both the difference to the point before is kept, in as many
//! bytes as it needs (zigzag, then seven bits a byte). Values are kept as they are. A point takes about twelve bytes.

use super::points::columns_of;
use super::thinner::Point;

/// The bytes of a value.
const VALUE_BYTES: usize = 8;

/// Where a point stands on its curve, as bytes that compare as [`Point::order`] does.
pub(super) fn place(point: &Point) -> Vec<u8> {
    let (value, is_nan) = columns_of(point.value);
    let bits = value.to_bits();
    // Negative numbers compare the other way round.
    let ordered = if value.is_sign_negative() {
        !bits
    } else {
        bits | 1 << 63
    };
    let mut place = Vec::with_capacity(25);
    for whole in [point.step, point.timestamp] {
        place.extend((whole.cast_unsigned() ^ 1 << 63).to_be_bytes());
    }
    place.extend(ordered.to_be_bytes());
    place.push(u8::from(is_nan));
    place
}

/// Points as bytes.
pub(super) fn pack(points: &[Point]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(points.len() * 12 + 8);
    let (mut step, mut timestamp) = (0, 0);
    for point in points {
        push_whole(&mut bytes, point.step.wrapping_sub(step));
        push_whole(&mut bytes, point.timestamp.wrapping_sub(timestamp));
        bytes.extend(point.value.to_bits().to_le_bytes());
        (step, timestamp) = (point.step, point.timestamp);
    }
    bytes
}

/// Adds the points that stand in `bytes`; none where the bytes are damaged.
pub(super) fn unpack(mut bytes: &[u8], points: &mut Vec<Point>) -> Option<()> {
    let (mut step, mut timestamp) = (0_i64, 0_i64);
    while !bytes.is_empty() {
        step = step.wrapping_add(take_whole(&mut bytes)?);
        timestamp = timestamp.wrapping_add(take_whole(&mut bytes)?);
        let (value, rest) = bytes.split_first_chunk::<VALUE_BYTES>()?;
        bytes = rest;
        points.push(Point {
            step,
            timestamp,
            value: f64::from_bits(u64::from_le_bytes(*value)),
        });
    }
    Some(())
}

fn push_whole(bytes: &mut Vec<u8>, number: i64) {
    let mut left = ((number << 1) ^ (number >> 63)).cast_unsigned();
    while left >= 0x80 {
        bytes.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
}

fn take_whole(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(step: i64, timestamp: i64, value: f64) -> Point {
        Point {
            step,
            timestamp,
            value,
        }
    }

    fn odd_points() -> Vec<Point> {
        let values = [
            f64::NEG_INFINITY,
            -1.5,
            0.0,
            f64::NAN,
            1e-310,
            7.25,
            f64::INFINITY,
        ];
        let wholes = [i64::MIN, -1, 0, 1, 63, 64, 1_795_420_000_000, i64::MAX];
        let mut all = Vec::new();
        for step in wholes {
            for timestamp in wholes {
                all.extend(values.map(|value| point(step, timestamp, value)));
            }
        }
        all
    }

    #[test]
    fn every_point_comes_back_bit_for_bit() {
        let points = odd_points();
        let mut back = Vec::new();
        unpack(&pack(&points), &mut back).unwrap();
        let bits = |points: &[Point]| -> Vec<(i64, i64, u64)> {
            let bits = |point: &Point| (point.step, point.timestamp, point.value.to_bits());
            points.iter().map(bits).collect()
        };
        assert_eq!(bits(&back), bits(&points));
    }

    #[test]
    fn places_compare_as_their_points_do() {
        let mut points = odd_points();
        points.sort_by(Point::order);
        let places: Vec<_> = points.iter().map(place).collect();
        assert!(places.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_usual_point_takes_twelve_bytes() {
        let points: Vec<Point> = (0..256)
            .map(|i| point(i * 64, 1_795_420_000_000 + i * 900, 0.5))
            .collect();
        // Differences of 64 and 900 take two bytes each, the first time six.
        assert_eq!(pack(&points).len(), 1 + 6 + 8 + 255 * (2 + 2 + 8));
    }

    #[test]
    fn damaged_bytes_are_no_points() {
        let bytes = pack(&[point(1, 2, 3.0)]);
        for end in 1..bytes.len() {
            assert_eq!(unpack(&bytes[..end], &mut Vec::new()), None, "{end}");
        }
        assert_eq!(unpack(&[0xff; 30], &mut Vec::new()), None);
    }
}
