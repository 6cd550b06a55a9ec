//! 16-bit floats (IEEE 754 binary16).

/// The same value as f32; every one has one.
pub fn to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let magnitude = u32::from(bits & 0x7FFF) << 13;
    // The exponents are biased by 15 and 127: a multiplication by 2^112 also puts subnormals right.
    let finite = (f32::from_bits(magnitude) * f32::from_bits((112 + 127) << 23)).to_bits();
    let special = magnitude | 0x7F80_0000;
    f32::from_bits(sign | if magnitude >= 0x0F80_0000 { special } else { finite })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition of the format.
    fn defined(bits: u16) -> f64 {
        let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 0x3FF));
        let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
        sign * match exponent {
            0 => fraction * 2f64.powi(-24),
            31 if fraction == 0.0 => f64::INFINITY,
            31 => f64::NAN,
            _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
        }
    }

    #[test]
    fn every_half_is_the_same_number() {
        for bits in 0..=u16::MAX {
            let (ours, defined) = (f64::from(to_f32(bits)), defined(bits));
            assert!(ours.to_bits() == defined.to_bits() || (ours.is_nan() && defined.is_nan()), "{bits:#x}");
        }
    }
}
