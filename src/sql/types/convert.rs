//! One conversion between two types, by the engine itself or by a cast that is written out.

use super::profile::{Profile, UNLIMITED, longest};
use super::rules::{self, Alter, Mode, Reads, Side, Writes};
use super::{Reverse, UserType, UserTypes};
use crate::sql::dialect::Dialect;
use crate::sql::effect::Certainty;
use crate::sql::expression::DataType;

/// Domains over domains are followed this far.
const DOMAIN_DEPTH: usize = 8;

/// What decides conversions besides the types.
pub(super) struct Engine<'a> {
    pub dialect: Dialect,
    /// How the engine converts without a written cast.
    pub mode: Mode,
    user: &'a dyn UserTypes,
}

/// What happens to stored values and to old literals.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Conversion {
    pub known: bool,
    pub alter: Alter,
    pub loses: Option<Certainty>,
    pub old_writes: Writes,
    pub reads: Reads,
    pub why: String,
    pub source: &'static str,
}

impl Conversion {
    /// Nothing happens.
    pub fn same() -> Self {
        Conversion {
            known: true,
            alter: Alter::Works,
            loses: None,
            old_writes: Writes::All,
            reads: Reads::Same,
            why: String::new(),
            source: "",
        }
    }

    /// A pair that nobody measured is not taken for safe.
    fn unknown(from: &str, to: &str) -> Self {
        Conversion {
            known: false,
            alter: Alter::Works,
            loses: Some(Certainty::Possible),
            old_writes: Writes::Some(Certainty::Possible),
            reads: Reads::Differs,
            why: format!("What a change from {from} to {to} does to stored values is not known."),
            source: "no row for this pair",
        }
    }

    pub fn as_reverse(&self) -> Reverse {
        match (self.alter, self.loses) {
            (Alter::Using | Alter::UsingRefuses | Alter::Impossible, _) => Reverse::NeedsUsing,
            (_, Some(_)) => Reverse::Loses,
            (Alter::Refuses, None) => Reverse::MayFail,
            (Alter::Works, None) => Reverse::Exact,
        }
    }

    /// MySQL without strict mode stores the nearest value where strict mode refuses (MySQL 8.4 manual §7.1.11).
    fn without_strictness(mut self) -> Self {
        if self.alter == Alter::Refuses {
            let by_writes = match self.old_writes {
                Writes::All => Certainty::Possible,
                Writes::Some(certainty) => certainty,
                Writes::None => Certainty::Likely,
            };
            self.loses = self.loses.max(Some(by_writes));
            self.alter = Alter::Works;
        }
        self.old_writes = Writes::All;
        self
    }
}

impl<'a> Engine<'a> {
    pub fn new(dialect: Dialect, strict: Option<bool>, user: &'a dyn UserTypes) -> Self {
        let strict = strict.unwrap_or(dialect != Dialect::Sqlite);
        Engine { dialect, mode: if strict { Mode::Strict } else { Mode::Lax }, user }
    }

    /// What a conversion does; arrays convert like their elements.
    pub fn convert(&self, from: &DataType, to: &DataType, mode: Mode) -> Conversion {
        let (from, _) = self.resolve(from);
        let (to, checked) = self.resolve(to);
        let conversion = if super::equal(self.dialect, &from, &to) {
            Conversion::same()
        } else if from.dimensions > 0 && to.dimensions > 0 {
            self.between(&element(&from), &element(&to), mode)
        } else {
            self.between(&from, &to, mode)
        };
        if checked { conversion.with_check(&super::display(self.dialect, &to)) } else { conversion }
    }

    /// The base type of a domain, with whether one on the way checks values; labels of an enumeration filled in.
    fn resolve(&self, data_type: &DataType) -> (DataType, bool) {
        let (mut resolved, mut any_checked) = (data_type.clone(), false);
        for _ in 0..DOMAIN_DEPTH {
            match self.user.find(&resolved.name) {
                Some(UserType::Domain { base, checked }) => {
                    let dimensions = base.dimensions.max(resolved.dimensions);
                    resolved = DataType { dimensions, ..base };
                    any_checked |= checked;
                }
                Some(UserType::Enum(labels)) => {
                    resolved.labels = labels;
                    break;
                }
                _ => break,
            }
        }
        (resolved, any_checked)
    }

    fn between(&self, from: &DataType, to: &DataType, mode: Mode) -> Conversion {
        let (from_name, to_name) = (super::display(self.dialect, from), super::display(self.dialect, to));
        let (from_profile, to_profile) = (self.profile(from), self.profile(to));
        let from = Side { written: from, profile: from_profile.as_ref(), family: self.family(from, from_profile.as_ref()) };
        let to = Side { written: to, profile: to_profile.as_ref(), family: self.family(to, to_profile.as_ref()) };
        let Some(row) = rules::find(self.dialect, from, to, mode) else {
            return Conversion::unknown(&from_name, &to_name);
        };
        let conversion = Conversion {
            known: true,
            alter: row.alter,
            loses: row.loses,
            old_writes: row.old_writes,
            reads: row.reads,
            why: row.why.replace("{from}", &from_name).replace("{to}", &to_name),
            source: row.source,
        };
        if mode == Mode::Lax && self.dialect.is_mysql() && !row.is_for(Mode::Lax) {
            conversion.without_strictness()
        } else {
            conversion
        }
    }

    pub fn is_family(&self, data_type: &DataType, family: &str) -> bool {
        let (resolved, _) = self.resolve(data_type);
        self.family(&resolved, self.profile(&resolved).as_ref()) == family
    }

    fn profile(&self, data_type: &DataType) -> Option<Profile> {
        if data_type.dimensions > 0 {
            return Some(Profile::of_text("array", UNLIMITED));
        }
        match Profile::of(self.dialect, data_type) {
            None if !data_type.labels.is_empty() => Some(Profile::of_text("enum", longest(&data_type.labels, false))),
            found => found,
        }
    }

    fn family(&self, data_type: &DataType, profile: Option<&Profile>) -> &'static str {
        match profile {
            _ if data_type.dimensions > 0 => "array",
            Some(profile) => profile.family,
            None => match self.user.find(&data_type.name) {
                Some(UserType::Composite) => "composite",
                _ => "user",
            },
        }
    }
}

impl Conversion {
    /// A domain's CHECK refuses what its base type takes.
    fn with_check(mut self, to: &str) -> Self {
        self.alter = match self.alter {
            Alter::Works => Alter::Refuses,
            Alter::Using => Alter::UsingRefuses,
            other => other,
        };
        if self.old_writes == Writes::All {
            self.old_writes = Writes::Some(Certainty::Possible);
            if self.why.is_empty() {
                self.why = format!("The domain over {to} checks values.");
                self.source = "PostgreSQL 15 manual, CREATE DOMAIN";
            }
        }
        self
    }
}

fn element(data_type: &DataType) -> DataType {
    DataType { dimensions: 0, ..data_type.clone() }
}
