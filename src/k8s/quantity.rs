//! Kubernetes quantities, compared exactly (`k8s.io/apimachinery/pkg/api/resource` `ParseQuantity`).
//!
//! A quantity is a decimal number with a binary suffix (`Ki` … `Ei`), a decimal one (`n u m k M G T P E`) or an exponent (`e3`).
//! No floats: both amounts are written as `digits × 2^a × 10^b` and brought to one scale.

use std::cmp::Ordering;

use crate::release::Value;

/// Longest text that is read as a quantity; the API server's own are far shorter.
const MAX_LENGTH: usize = 64;
/// Bound of an exponent in either direction, in powers of ten.
const MAX_EXPONENT: i32 = 64;

/// An exact amount: sign, decimal digits without leading zeros (empty for zero), and a power of ten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    negative: bool,
    digits: Vec<u8>,
    /// `amount = digits × 10^exponent`.
    exponent: i32,
}

impl Quantity {
    /// Reads `1.5Gi`, `100m`, `12e6`; none for anything else.
    pub fn parse(text: &str) -> Option<Quantity> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at_checked(end)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let (twos, tens) = scale(suffix)?;
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').collect();
        for _ in 0..twos {
            double(&mut digits);
        }
        let exponent = tens - i32::try_from(fraction.len()).ok()?;
        Some(Quantity { negative, digits, exponent }.normal())
    }

    /// No leading or trailing zeros, so that equal amounts are equal values.
    fn normal(mut self) -> Quantity {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
            self.exponent += 1;
        }
        let leading = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..leading);
        if self.digits.is_empty() {
            return Quantity { negative: false, digits: Vec::new(), exponent: 0 };
        }
        self
    }

    /// The amount in thousandths, rounded up as the API server rounds; none where it is beyond all capacities.
    pub fn thousandths(&self) -> Option<i128> {
        let digits = self.digits.iter().try_fold(0i128, |sum, digit| sum.checked_mul(10)?.checked_add(i128::from(*digit)))?;
        let power = self.exponent + 3;
        let scale = 10i128.checked_pow(power.unsigned_abs())?;
        let amount = if power >= 0 { digits.checked_mul(scale)? } else { digits.checked_add(scale - 1)? / scale };
        Some(if self.negative { -amount } else { amount })
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Position of the first digit as a power of ten: the larger, the larger the magnitude.
    fn magnitude(&self) -> i64 {
        self.digits.len() as i64 + i64::from(self.exponent)
    }

    fn cmp_unsigned(&self, other: &Quantity) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // Digits are left-aligned at the same power of ten, so the order is that of the digit strings.
            (false, false) => self.magnitude().cmp(&other.magnitude()).then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Quantity) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Quantity) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.cmp_unsigned(other),
            (true, true) => other.cmp_unsigned(self),
        }
    }
}

/// Powers of two and of ten that a suffix stands for.
fn scale(suffix: &str) -> Option<(u32, i32)> {
    let scale = match suffix {
        "" => (0, 0),
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        _ => (0, exponent(suffix)?),
    };
    Some(scale)
}

/// Reads `e3`, `E-2`; bounded, so that no text can ask for a huge number.
fn exponent(suffix: &str) -> Option<i32> {
    let number = suffix.strip_prefix(['e', 'E'])?;
    let value: i32 = number.parse().ok()?;
    (value.abs() <= MAX_EXPONENT).then_some(value)
}

/// Doubles a number written as decimal digits, most significant first.
fn double(digits: &mut Vec<u8>) {
    let mut carry = 0;
    for digit in digits.iter_mut().rev() {
        let value = *digit * 2 + carry;
        *digit = value % 10;
        carry = value / 10;
    }
    if carry > 0 {
        digits.insert(0, carry);
    }
}

/// Whether two quantities are the same amount; `false` where one of them is none.
pub fn equal(a: &str, b: &str) -> bool {
    cmp(a, b) == Some(Ordering::Equal)
}

/// The order of two quantities; `None` where one of them is none.
pub fn cmp(a: &str, b: &str) -> Option<Ordering> {
    Some(Quantity::parse(a)?.cmp(&Quantity::parse(b)?))
}

/// The quantity a manifest node stands for: the API server takes a string or a number.
pub fn of(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => Quantity::parse(text),
        Value::Number(number) => Quantity::parse(&number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_amounts() {
        for (a, b) in [
            ("1Gi", "1024Mi"),
            ("0.5", "500m"),
            ("1", "1000m"),
            ("1.5Gi", "1536Mi"),
            ("1e3", "1k"),
            ("1E3", "1000"),
            ("12E", "12e18"),
            ("1E", "1000P"),
            ("0", "0Gi"),
            ("-0", "0"),
            ("+5", "5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("100000000000n", "100"),
            ("1Ei", "1152921504606846976"),
            ("0.1Ki", "102.4"),
            ("1e-3", "1m"),
            ("010", "10"),
        ] {
            assert!(equal(a, b), "{a} = {b}");
        }
    }

    #[test]
    fn order() {
        for (small, large) in [
            ("1G", "1Gi"),
            ("999m", "1"),
            ("-2", "-1"),
            ("-1", "0"),
            ("0", "1n"),
            ("9", "10"),
            ("99999999999999999999", "100000000000000000000"),
            ("8Gi", "10Gi"),
            ("1.0000000001", "1.0000000002"),
        ] {
            assert_eq!(cmp(small, large), Some(Ordering::Less), "{small} < {large}");
            assert_eq!(cmp(large, small), Some(Ordering::Greater), "{large} > {small}");
        }
    }

    #[test]
    fn no_quantities() {
        for text in ["", "-", ".", "Gi", "1 Gi", "1gi", "1.2.3", "1K", "1e", "1e999999999", "0x10", "80%", "http", "1Gi ", "ü"] {
            assert_eq!(Quantity::parse(text), None, "{text:?}");
        }
        assert_eq!(Quantity::parse(&"9".repeat(65)), None);
        assert_eq!(cmp("1", "x"), None);
    }

    #[test]
    fn thousandths() {
        let amount = |text: &str| Quantity::parse(text).and_then(|quantity| quantity.thousandths());
        assert_eq!(amount("1.5"), Some(1500));
        assert_eq!(amount("-250m"), Some(-250));
        assert_eq!(amount("1Ki"), Some(1_024_000));
        assert_eq!(amount("1n"), Some(1));
        assert_eq!(amount("0"), Some(0));
        assert_eq!(amount("1e64"), None);
    }

    #[test]
    fn numbers_of_a_manifest() {
        let half = Value::Number(serde_json::Number::from_f64(0.5).expect("finite"));
        assert_eq!(of(&half), Quantity::parse("500m"));
        assert_eq!(of(&Value::Number(2.into())), Quantity::parse("2"));
        assert_eq!(of(&Value::Bool(true)), None);
    }
}
