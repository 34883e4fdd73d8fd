//! Comparing versions and names the way frameworks do.

/// A sort key: numbers compare as numbers of any length, texts byte by byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    /// How many digits it has, and these, without leading zeros: compares as the number does.
    Number(usize, String),
    Text(String),
}

impl Order {
    /// First of all.
    pub fn first() -> Self {
        Order::default()
    }

    /// After everything that [`Order::numbers`] and [`Order::natural`] give for names that begin with a digit.
    pub fn last(text: &str) -> Self {
        Order(vec![Piece::Text(char::MAX.to_string()), Piece::Text(text.to_owned())])
    }

    /// Byte by byte.
    pub fn text(text: &str) -> Self {
        Order(vec![Piece::Text(text.to_owned())])
    }

    /// Numbers divided by dots or underscores; zeros at the end do not count.
    pub fn numbers(text: &str) -> Self {
        let mut pieces: Vec<Piece> = text.split(['.', '_']).map(number).collect();
        while pieces.len() > 1 && pieces.last().is_some_and(|piece| matches!(piece, Piece::Number(0, _))) {
            pieces.pop();
        }
        Order(pieces)
    }

    /// Runs of digits as numbers, the rest as text.
    pub fn natural(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let end = if digits > 0 { digits } else { rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()) };
            let (run, after) = rest.split_at(end);
            pieces.push(if digits > 0 { number(run) } else { Piece::Text(run.to_owned()) });
            rest = after;
        }
        Order(pieces)
    }

    /// By position in a list.
    pub fn position(position: usize) -> Self {
        Order(vec![number(&position.to_string())])
    }

    /// This, then that.
    pub fn then(mut self, after: Order) -> Self {
        self.0.extend(after.0);
        self
    }
}

fn number(digits: &str) -> Piece {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Piece::Text(digits.to_owned());
    }
    let digits = digits.trim_start_matches('0');
    Piece::Number(digits.len(), digits.to_owned())
}

/// The digits at the start of a name and what follows them.
pub fn leading_digits(name: &str) -> Option<(&str, &str)> {
    let end = name.bytes().take_while(u8::is_ascii_digit).count();
    (end > 0).then(|| name.split_at(end))
}

/// A number as an integer column would show it.
pub fn integer(digits: &str) -> String {
    let trimmed = digits.trim_start_matches('0');
    if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_parts_as_numbers() {
        assert!(Order::numbers("1.10") > Order::numbers("1.9"));
        assert_eq!(Order::numbers("1_0"), Order::numbers("01"));
        assert!(Order::numbers("2018") < Order::numbers("2018.1"));
        assert!(Order::natural("v1.10/a") > Order::natural("v1.9/z"));
        assert!(Order::last("a") > Order::natural("999999999999999999999999999999"));
        assert!(Order::numbers("99999999999999999999999999999") > Order::numbers("99999999999999999999999999998"));
    }
}
