//! Numbers as people read them.

/// Four digits or so, without an exponent where none is needed.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        "not a number".into()
    } else if size == 0.0 {
        "0".into()
    } else if !(1e-3..1e7).contains(&size) {
        format!("{value:.2e}")
    } else if size >= 1000.0 {
        with_separators(value)
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

/// A number with its interval.
pub(crate) fn with_interval(value: f64, [low, high]: [f64; 2]) -> String {
    format!("{} [{}, {}]", number(value), number(low), number(high))
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0}%", 100.0 * share)
}

/// A whole number with commas between thousands.
pub(crate) fn with_separators(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_follow_the_size() {
        let cases = [
            (0.0, "0"),
            (1234567.0, "1,234,567"),
            (-1000.0, "-1,000"),
            (355.54, "355.5"),
            (0.1234, "0.123"),
            (2e-5, "2.00e-5"),
            (f64::NAN, "not a number"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(with_interval(10.0, [9.0, 11.0]), "10.0 [9.000, 11.0]");
    }
}
