//! Version constraints as Helm's charts write them in `kubeVersion` (Masterminds/semver v3 `constraints.go`).

use super::version::Version;

/// Alternatives separated by `||`; in each, all comparisons must hold.
#[derive(Clone, Debug)]
pub struct Constraint(Vec<Vec<Bound>>);

/// At least `low`, and below `high`; or outside of both for `!=`.
#[derive(Clone, Debug)]
struct Bound {
    low: Option<Version>,
    high: Option<Version>,
    inverted: bool,
}

const OPERATORS: [&str; 11] = ["!=", ">=", "=>", "<=", "=<", "~>", "=", ">", "<", "~", "^"];

impl Constraint {
    /// None for what is no constraint.
    pub fn parse(text: &str) -> Option<Constraint> {
        let alternatives: Option<Vec<Vec<Bound>>> = text.split("||").map(all_of).collect();
        alternatives.map(Constraint)
    }

    /// Suffixes of managed clusters (`-gke.100`, `+k3s1`) do not count: people who write `>=1.21` mean them too.
    pub fn allows(&self, version: &Version) -> bool {
        self.0.iter().any(|bounds| bounds.iter().all(|bound| bound.allows(version)))
    }
}

impl Bound {
    fn allows(&self, version: &Version) -> bool {
        let inside = self.low.as_ref().is_none_or(|low| version >= low) && self.high.as_ref().is_none_or(|high| version < high);
        inside != self.inverted
    }
}

/// Comparisons separated by commas or blanks, or a range `1.2 - 1.4`.
fn all_of(text: &str) -> Option<Vec<Bound>> {
    if let Some((low, high)) = text.split_once(" - ") {
        let (low, high) = (Partial::parse(low.trim())?, Partial::parse(high.trim())?);
        return Some(vec![Bound { low: Some(low.first()), high: high.after(), inverted: false }]);
    }
    let mut words: Vec<String> = Vec::new();
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        // A blank may stand between operator and version.
        match words.last_mut() {
            Some(last) if OPERATORS.contains(&last.as_str()) => last.push_str(word),
            _ => words.push(word.to_owned()),
        }
    }
    if words.is_empty() { None } else { words.iter().map(|word| bound(word)).collect() }
}

fn bound(word: &str) -> Option<Bound> {
    let operator = OPERATORS.into_iter().find(|operator| word.starts_with(operator)).unwrap_or("=");
    let version = Partial::parse(word.strip_prefix(operator).unwrap_or(word))?;
    let (low, after) = (Some(version.first()), version.after());
    let (low, high) = match operator {
        ">=" | "=>" => (low, None),
        ">" => (Some(after?), None),
        "<=" | "=<" => (None, after),
        "<" => (None, low),
        "^" => (low, version.below_breaking()),
        "~" | "~>" => (low, version.below_minor()),
        _ => (low, after),
    };
    Some(Bound { low, high, inverted: operator == "!=" })
}

/// One to three numbers; `x`, `X` and `*` end them.
struct Partial(Vec<u64>);

impl Partial {
    fn parse(text: &str) -> Option<Partial> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let core = text.split(['-', '+']).next().unwrap_or(text);
        let parts: Vec<&str> = core.split('.').collect();
        if parts.len() > 3 || core.is_empty() {
            return None;
        }
        let numbers = parts.iter().take_while(|part| !matches!(**part, "x" | "X" | "*"));
        numbers.map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>().map(Partial)
    }

    fn first(&self) -> Version {
        if self.0.is_empty() { Version::of(&[0]) } else { Version::of(&self.0) }
    }

    /// The first version that is not one of these; none = there is none.
    fn after(&self) -> Option<Version> {
        let (last, rest) = self.0.split_last()?;
        Some(Version::of(&[rest, &[last + 1]].concat()))
    }

    fn cut(&self, count: usize) -> Option<Version> {
        Partial(self.0.iter().take(count.max(1)).copied().collect()).after()
    }

    /// `^0.2` stays below 0.3, `^1.2` below 2.
    fn below_breaking(&self) -> Option<Version> {
        let zeros = self.0.iter().take_while(|part| **part == 0).count();
        self.cut(zeros + 1)
    }

    /// `~1.2.3` stays below 1.3, `~1` below 2.
    fn below_minor(&self) -> Option<Version> {
        self.cut(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(constraint: &str, version: &str) -> bool {
        let constraint = Constraint::parse(constraint).unwrap_or_else(|| panic!("{constraint}"));
        constraint.allows(&Version::parse(version).unwrap())
    }

    #[test]
    fn constraints_of_charts() {
        for (constraint, inside, outside) in [
            (">=1.19.0-0", "1.30.2-gke.100", "1.18.9"),
            (">= 1.16 < 1.25", "1.24.9", "1.25.0"),
            (">=1.21.0-0, <1.28.0-0", "1.27.3", "1.28.0"),
            ("^1.20.0-0", "1.36.3", "2.0.0"),
            ("~1.25", "1.25.9", "1.26"),
            ("1.22.x - 1.25.x", "1.25.8", "1.26.0"),
            ("1.20 - 1.24", "1.24.3", "1.25.0"),
            (">=1.20 <1.22 || >=1.24", "1.30", "1.23.1"),
            ("!=1.25.x", "1.26", "1.25.3"),
            ("<=1.25", "1.25.4", "1.26"),
            (">1.25", "1.26.0", "1.25.9"),
            ("^0.2.3", "0.2.9", "0.3.0"),
            ("1.25.x", "1.25.1", "1.26"),
        ] {
            assert!(allows(constraint, inside), "{constraint} {inside}");
            assert!(!allows(constraint, outside), "{constraint} {outside}");
        }
        assert!(allows("*", "1.36.3") && allows("x", "1.0"));
    }

    #[test]
    fn other_texts_are_no_constraints() {
        for text in ["", "latest", ">=", ">=1.x.y.z", "1.2.3.4", ">=1.20,,<a", "||"] {
            assert!(Constraint::parse(text).is_none(), "{text}");
        }
    }
}
