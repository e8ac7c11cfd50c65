//! Numbers as bytes.
//!
//! A number is its sign, the power of ten of its first digit, and its digits without zeros at either end; of a negative one the latter two are
//! complemented. An integer keeps every digit. A number with a fraction or an exponent is first read as a 64-bit float, as CouchDB and
//! JavaScript read it, so that a query's `0.1` meets the one that a map function emitted, however it is written.

const NEGATIVE: u8 = 0x01;
const ZERO: u8 = 0x02;
const POSITIVE: u8 = 0x03;

/// Appends the place of a JSON number.
pub(super) fn push_number(text: &str, out: &mut Vec<u8>) {
    let float = text
        .contains(['.', 'e', 'E'])
        .then(|| text.parse::<f64>().ok())
        .flatten();
    match float.filter(|float| float.is_finite()) {
        // The shortest text that reads back as the float: greater floats have greater ones.
        Some(float) => push_decimal(&format!("{float:e}"), out),
        None => push_decimal(text, out),
    }
}

fn push_decimal(text: &str, out: &mut Vec<u8>) {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all: Vec<u8> = whole
        .bytes()
        .chain(fraction.bytes())
        .map(|digit| digit & 0x0f)
        .collect();
    let Some(first) = all.iter().position(|digit| *digit != 0) else {
        return out.push(ZERO);
    };
    let last = all.iter().rposition(|digit| *digit != 0).unwrap_or(first);
    // A power beyond the range counts as its end: only texts beyond the range of a float have such.
    let power = power
        .parse()
        .unwrap_or(if power.starts_with('-') { i64::MIN } else { i64::MAX });
    let exponent = power.saturating_add(whole.len() as i64).saturating_sub(first as i64);
    out.push(if negative { NEGATIVE } else { POSITIVE });
    let start = out.len();
    push_exponent(exponent, out);
    push_digits(&all[first..=last], out);
    if negative {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

fn push_exponent(exponent: i64, out: &mut Vec<u8>) {
    let clamped = exponent.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
    // The flipped sign makes negative powers sort below positive ones.
    out.extend(((clamped as u32) ^ (1 << 31)).to_be_bytes());
}

/// Two digits a byte, each one more than it is: zero, alone or in the lower half, ends them.
fn push_digits(digits: &[u8], out: &mut Vec<u8>) {
    for pair in digits.chunks(2) {
        let low = pair.get(1).map_or(0, |digit| digit + 1);
        out.push((pair[0] + 1) << 4 | low);
    }
    if digits.len().is_multiple_of(2) {
        out.push(0);
    }
}
