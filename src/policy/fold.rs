//! One section on top of what is in force: set by an authority, or tightened by anybody.

use super::effective::{Effective, Sourced, place, sourced};
use super::model::{AcceptMode, At, RuleChange, Section};
use super::time::Age;
use crate::gate::OnInconclusive;

impl Effective {
    /// Single values replace, lists and maps grow.
    pub(super) fn set(&mut self, section: &Section, path: &str) {
        if let Some(at) = &section.fail_on {
            self.gate.fail_on = at.value;
            self.note("fail_on", at.value.as_str(), &place(at, path));
        }
        if let Some(at) = &section.on_inconclusive {
            self.gate.on_inconclusive = at.value;
            self.note("on_inconclusive", at.value.as_str(), &place(at, path));
        }
        if let Some(at) = &section.accept {
            self.approvals.within_gate = at.value == AcceptMode::WithinGate;
            self.note("accept", at.value.as_str(), &place(at, path));
        }
        if let Some(at) = &section.forbid_accept_critical {
            self.approvals.forbid_accept_critical = at.value;
            self.note("forbid_accept_critical", &at.value.to_string(), &place(at, path));
        }
        for (severity, at) in &section.require {
            self.approvals.require.insert(*severity, at.value);
            self.note(&format!("require {}", severity.as_str()), &at.value.to_string(), &place(at, path));
        }
        if let Some(at) = &section.max_back {
            self.set_max_back(at, path);
        }
        if let Some(at) = &section.max_age {
            self.set_max_age(at, path);
        }
        for (id, at) in &section.rules {
            self.note(&format!("rule {id}"), &told(&at.value), &place(at, path));
            self.rules.insert(id.clone(), sourced(at, path));
        }
        self.demand(section, path);
    }

    /// Whatever would loosen is left out, and said.
    pub(super) fn tighten(&mut self, section: &Section, path: &str) {
        self.tighten_gate(section, path);
        self.tighten_acceptance(section, path);
        if let Some(at) = section.max_back.as_ref().filter(|at| self.max_back.as_ref().is_none_or(|now| at.value < now.value)) {
            self.set_max_back(at, path);
        }
        let shorter =
            |now: &Option<Sourced<Age>>, at: &At<Age>| now.as_ref().is_none_or(|now| at.value.seconds() < now.value.seconds());
        if let Some(at) = section.max_age.as_ref().filter(|at| shorter(&self.max_age, at)) {
            self.set_max_age(at, path);
        }
        for (id, at) in &section.rules {
            self.raise(id, at, path);
        }
        self.demand(section, path);
    }

    fn tighten_gate(&mut self, section: &Section, path: &str) {
        match &section.fail_on {
            Some(at) if at.value <= self.gate.fail_on => {
                self.gate.fail_on = at.value;
                self.note("fail_on", at.value.as_str(), &place(at, path));
            }
            Some(at) => self.ignore("fail_on", at.value.as_str(), &place(at, path)),
            None => {}
        }
        match &section.on_inconclusive {
            Some(at) if at.value == OnInconclusive::Block => {
                self.gate.on_inconclusive = at.value;
                self.note("on_inconclusive", at.value.as_str(), &place(at, path));
            }
            Some(at) if self.gate.on_inconclusive != at.value => {
                self.ignore("on_inconclusive", at.value.as_str(), &place(at, path));
            }
            _ => {}
        }
    }

    fn tighten_acceptance(&mut self, section: &Section, path: &str) {
        match &section.accept {
            Some(at) if at.value == AcceptMode::Asked => {
                self.approvals.within_gate = false;
                self.note("accept", at.value.as_str(), &place(at, path));
            }
            Some(at) if !self.approvals.within_gate => self.ignore("accept", at.value.as_str(), &place(at, path)),
            _ => {}
        }
        match &section.forbid_accept_critical {
            Some(at) if at.value => {
                self.approvals.forbid_accept_critical = true;
                self.note("forbid_accept_critical", "true", &place(at, path));
            }
            Some(at) if self.approvals.forbid_accept_critical => {
                self.ignore("forbid_accept_critical", "false", &place(at, path));
            }
            _ => {}
        }
        for (severity, at) in &section.require {
            if at.value >= self.approvals.needed(*severity) {
                self.approvals.require.insert(*severity, at.value);
                self.note(&format!("require {}", severity.as_str()), &at.value.to_string(), &place(at, path));
            } else {
                self.ignore(&format!("require {}", severity.as_str()), &at.value.to_string(), &place(at, path));
            }
        }
    }

    /// A rule's severity may only rise.
    fn raise(&mut self, id: &str, at: &At<RuleChange>, path: &str) {
        let floor = self.floors.get(id).and_then(|floor| floor.value.severity);
        if at.value.severity.is_none() {
            self.ignore(&format!("rule {id}"), "off", &place(at, path));
        } else if at.value.severity > floor {
            self.note(&format!("rule {id}"), &format!("at least {}", told(&at.value)), &place(at, path));
            self.floors.insert(id.to_owned(), sourced(at, path));
        }
    }

    /// Demands only ever add up.
    fn demand(&mut self, section: &Section, path: &str) {
        for at in &section.never_accept {
            self.approvals.never_accept.insert(at.value.clone());
            self.note("never_accept", &at.value, &place(at, path));
        }
        for at in &section.freeze {
            self.note("freeze", &format!("{} ({})", at.value.reason, at.value.describe()), &place(at, path));
            self.freeze.push(sourced(at, path));
        }
        for at in &section.evidence {
            let text = format!("{}, younger than {}", at.value.name, at.value.younger_than.text);
            self.note("evidence", &text, &place(at, path));
            self.evidence.push(sourced(at, path));
        }
    }

    fn set_max_back(&mut self, at: &At<u32>, path: &str) {
        self.note("target max_back", &at.value.to_string(), &place(at, path));
        self.max_back = Some(sourced(at, path));
    }

    fn set_max_age(&mut self, at: &At<Age>, path: &str) {
        self.note("target max_age", &at.value.text, &place(at, path));
        self.max_age = Some(sourced(at, path));
    }

    fn ignore(&mut self, setting: &str, value: &str, source: &str) {
        self.ignored.push(format!("{setting}: {value} of {source}: only the file of --config may loosen"));
    }
}

fn told(change: &RuleChange) -> String {
    let what = change.severity.map_or("off", |severity| severity.as_str());
    format!("{what} ({})", change.reason)
}
