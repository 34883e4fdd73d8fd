//! All rules that are in force, checked together.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::both::both;

use super::fault::{Fault, Faults, Mark};
use super::file::{self, Rule};

/// Checked rules, ordered by id.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    rules: BTreeMap<String, Rule>,
}

fn parsed(texts: &[(String, String)]) -> Vec<Result<Rule, Vec<Fault>>> {
    texts.iter().map(|(path, text)| file::parse(path, text)).collect()
}

impl RuleSet {
    /// Reads (path, text) pairs. All faults of all files come back at once.
    pub fn from_texts(texts: Vec<(String, String)>) -> Result<RuleSet, Faults> {
        RuleSet::default().with_texts(texts)
    }

    /// These rules and more. An id that is already taken is refused, and so is a new rule that silences one of `self`.
    pub fn with_texts(&self, texts: Vec<(String, String)>) -> Result<RuleSet, Faults> {
        let mut set = self.clone();
        let mut faults = Vec::new();
        let mut added = Vec::new();
        let (one, other) = texts.split_at(texts.len() / 2);
        let (one, other) = both(|| parsed(one), || parsed(other));
        for result in one.into_iter().chain(other) {
            match result {
                Ok(rule) => set.add(rule, &mut added, &mut faults),
                Err(found) => faults.extend(found),
            }
        }
        for id in &added {
            faults.extend(set.superseding_faults(self, id));
        }
        faults.sort();
        if faults.is_empty() { Ok(set) } else { Err(Faults(faults)) }
    }

    fn add(&mut self, rule: Rule, added: &mut Vec<String>, faults: &mut Vec<Fault>) {
        if let Some(other) = self.rules.get(&rule.id) {
            let message = format!("the id `{}` is taken by {}", rule.id, other.file);
            faults.push(Fault { file: rule.file, mark: Mark::START, message });
            return;
        }
        added.push(rule.id.clone());
        self.rules.insert(rule.id.clone(), rule);
    }

    fn superseding_faults(&self, base: &RuleSet, id: &str) -> Vec<Fault> {
        let Some(rule) = self.rules.get(id) else { return Vec::new() };
        let fault = |message: String| Fault { file: rule.file.clone(), mark: Mark::START, message };
        rule.supersedes
            .iter()
            .filter_map(|other| {
                if other == id {
                    Some(fault("a rule cannot supersede itself".to_owned()))
                } else if base.rules.contains_key(other) {
                    Some(fault(format!(
                        "`supersedes` names the built-in rule `{other}`: change its severity in the configuration instead"
                    )))
                } else if !self.rules.contains_key(other) {
                    Some(fault(format!("`supersedes` names `{other}`, and there is no such rule")))
                } else {
                    None
                }
            })
            .collect()
    }

    /// In the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values()
    }

    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.rules.get(id)
    }

    pub fn len(&self) -> usize {
        self.rules.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// `sha256:…` over what the rules say; comments, layout and file names do not count.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for rule in self.iter() {
            // A rule is made of texts and unit enums, which always have a JSON form.
            hash.update(serde_json::to_vec(rule).unwrap_or_default());
            hash.update([0]);
        }
        format!("sha256:{}", crate::hex::hex(hash.finalize()))
    }

    /// The rule exchanged for another of the same id; for tests that take conditions away.
    #[cfg(test)]
    pub fn replacing(&self, rule: Rule) -> RuleSet {
        let mut set = self.clone();
        set.rules.insert(rule.id.clone(), rule);
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "id: a\ntitle: A\nseverity: low\nsince: 0.1.0\nmatch:\n  change: [object-deleted]\nmessage: \"{object}\"\nwhy: Because.\nremediation: Do it.\n";

    fn faults(files: &[(&str, &str)]) -> String {
        let texts = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        RuleSet::from_texts(texts).unwrap_err().to_string()
    }

    #[test]
    fn all_faults_of_all_files_come_at_once() {
        let one = "id: One\ntitle: x\nseverity: bad\nsince: 0.1.0\nmatch:\n  change: [object-removed]\n  kinds: [pods]\n  knids: []\nmessage: x\nwhy: x\nremediation: x.\n";
        let two = "id: two\nid: two\ntitle: [x]\nseverity: low\nsince: 0.1.0\nmatch: {change: [cascade, api-not-served]}\nmessage: \"{count} {objcet}\"\nwhy: x.\nremediation: x.\nadjust:\n  - severity: info\n";
        let three = "id: three\n  title: x\n";
        insta::with_settings!({snapshot_path => "../../snapshots/rules", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!("load-faults", faults(&[("r/one.yaml", one), ("r/two.yaml", two), ("r/three.yaml", three)]));
        });
    }

    #[test]
    fn an_id_is_taken_once_and_supersedes_names_known_rules() {
        assert!(faults(&[("x/a.yaml", GOOD), ("y/a.yaml", GOOD)]).contains("taken by x/a.yaml"));
        let lost = format!("{GOOD}supersedes: [nobody]\n");
        assert!(faults(&[("a.yaml", &lost)]).contains("no such rule"));
        let base = RuleSet::from_texts(vec![("a.yaml".into(), GOOD.into())]).unwrap();
        let user = GOOD.replace("id: a", "id: b") + "supersedes: [a]\n";
        let error = base.with_texts(vec![("b.yaml".into(), user)]).unwrap_err().to_string();
        assert!(error.contains("built-in rule `a`"), "{error}");
        let error = base.with_texts(vec![("u/a.yaml".into(), GOOD.into())]).unwrap_err().to_string();
        assert!(error.contains("taken by a.yaml"), "{error}");
    }

    #[test]
    fn the_digest_is_of_the_meaning() {
        let digest = |text: &str| RuleSet::from_texts(vec![("a.yaml".into(), text.into())]).unwrap().digest();
        assert_eq!(digest(GOOD), digest(&format!("# comment\n{GOOD}")));
        assert_ne!(digest(GOOD), digest(&GOOD.replace("low", "high")));
    }
}
