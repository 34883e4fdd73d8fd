//! Versions as images, charts and custom resources write them: up to four numbers, compared number by number.

use std::cmp::Ordering;
use std::fmt;

/// A version of one to four numbers. Absent numbers count as 0 in comparisons: `16.4` equals `16.4.0`.
#[derive(Clone, Debug)]
pub struct Version(Vec<u64>);

/// Most numbers that are read: Nextcloud compares four.
const PARTS: usize = 4;

impl Version {
    /// Reads `16`, `v1.2.3`, `8.0.36`; nothing may follow but `-` or `+` and a suffix, or the `.Final` of Java projects.
    pub fn parse(text: &str) -> Option<Version> {
        let (version, rest) = Version::prefix(text)?;
        (rest.is_empty() || rest.starts_with(['-', '+', '_']) || rest.starts_with(".Final")).then_some(version)
    }

    /// The numbers at the start of a text, and what follows them.
    pub fn prefix(text: &str) -> Option<(Version, &str)> {
        let mut rest = text.strip_prefix('v').filter(|rest| starts_with_digit(rest)).unwrap_or(text);
        let mut parts = Vec::new();
        while parts.len() < PARTS && starts_with_digit(rest) {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            parts.push(rest[..digits].parse().ok()?);
            rest = &rest[digits..];
            match rest.strip_prefix('.') {
                Some(after) if parts.len() < PARTS && starts_with_digit(after) => rest = after,
                _ => break,
            }
        }
        (!parts.is_empty()).then_some((Version(parts), rest))
    }

    pub fn of(parts: &[u64]) -> Version {
        Version(parts.to_vec())
    }

    /// The number at this position, 0 where the version is shorter.
    pub fn part(&self, position: usize) -> u64 {
        self.0.get(position).copied().unwrap_or(0)
    }

    /// How many numbers were written.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never true: a version has at least one number.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn major(&self) -> u64 {
        self.part(0)
    }

    pub fn minor(&self) -> u64 {
        self.part(1)
    }

    /// Whether the first `count` numbers are the same.
    pub fn same_series(&self, other: &Version, count: usize) -> bool {
        (0..count).all(|position| self.part(position) == other.part(position))
    }

    /// A date or a build number rather than a version: `20240131`, `2024.01.31`, `2405`.
    pub fn is_calendar(&self) -> bool {
        self.major() >= 1900
    }
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

impl PartialEq for Version {
    fn eq(&self, other: &Version) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Version) -> Ordering {
        (0..PARTS)
            .map(|position| self.part(position).cmp(&other.part(position)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// A range such as `>=8.0 <8.0.35`: every comparison must hold.
#[derive(Clone, Debug, Default)]
pub struct Range(Vec<(Comparison, Version)>);

#[derive(Clone, Copy, Debug)]
enum Comparison {
    AtLeast,
    Below,
}

impl Range {
    /// An empty text is the range of all versions.
    pub fn parse(text: &str) -> Option<Range> {
        let term = |word: &str| match word.strip_prefix(">=") {
            Some(version) => Some((Comparison::AtLeast, exact(version)?)),
            None => Some((Comparison::Below, exact(word.strip_prefix('<')?)?)),
        };
        text.split_whitespace().map(term).collect::<Option<Vec<_>>>().map(Range)
    }

    /// Whether no version is outside.
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, version: &Version) -> bool {
        self.0.iter().all(|(comparison, limit)| match comparison {
            Comparison::AtLeast => version >= limit,
            Comparison::Below => version < limit,
        })
    }
}

/// A version with nothing behind it, as tables must write them.
pub fn exact(text: &str) -> Option<Version> {
    Version::prefix(text).filter(|(_, rest)| rest.is_empty()).map(|(version, _)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn versions_are_compared_number_by_number() {
        assert!(version("16.10") > version("16.9"));
        assert!(version("v1.2.3-rc.1") == version("1.2.3+build"));
        assert_eq!(version("16.4"), version("16.4.0"));
        assert_eq!(version("26.2.0.Final").to_string(), "26.2.0");
        assert!(version("29.0.4.1") > version("29.0.4"));
    }

    #[test]
    fn other_texts_are_no_versions() {
        for text in ["", "latest", "vault", "1.x", "main-1.2", "99999999999999999999999"] {
            assert!(Version::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn series_and_dates() {
        assert!(version("8.0.36").same_series(&version("8.0.1"), 2) && !version("8.0").same_series(&version("8.4"), 2));
        assert!(version("20240131").is_calendar() && version("2024.1").is_calendar() && !version("26.7.0").is_calendar());
    }

    #[test]
    fn ranges() {
        let range = Range::parse(">=8.0 <8.0.35").unwrap();
        assert!(range.contains(&version("8.0.34")) && !range.contains(&version("8.0.35")) && !range.contains(&version("5.7")));
        assert!(Range::parse("").unwrap().contains(&version("1")));
        assert!(Range::parse("8.0").is_none() && Range::parse(">=x").is_none() && Range::parse("<8.x").is_none());
    }
}
