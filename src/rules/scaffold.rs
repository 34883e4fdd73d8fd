//! The files of a new rule.

use super::file;

/// (path below the rules folder, text) of a new rule: the rule, and one case for each promise.
///
/// The rule is whole: it loads and its cases pass as they are, so that its author starts from green.
pub fn files(id: &str) -> Result<Vec<(String, String)>, String> {
    let rule = RULE.replace("ID", id);
    let name = format!("{id}.yaml");
    if let Err(faults) = file::parse(&name, &rule) {
        let messages: Vec<String> = faults.iter().map(|fault| fault.message.clone()).collect();
        return Err(messages.join("; "));
    }
    Ok(vec![
        (name, rule),
        (format!("{id}/fires-removed.yaml"), FIRES.to_owned()),
        (format!("{id}/quiet-in-both.yaml"), QUIET.to_owned()),
    ])
}

const RULE: &str = r#"# What the keys, changes and facts mean: helm rollback-safe rules explain words
id: ID
title: A ConfigMap that holds state is deleted
severity: medium
since: 0.1.0
match:
  change: [object-deleted]
  kinds: [core/ConfigMap]
adjust:
  - facts: [not-live]
    severity: info
    reason: it is not in the cluster any more
message: "{object} is deleted by this rollback"
why: Say in two sentences what happens and whom it hurts.
remediation: |
  Say what to do, with a command that can be pasted:
    kubectl annotate {ref} helm.sh/resource-policy=keep --overwrite
references:
  - https://helm.sh/docs/howto/charts_tips_and_tricks/#tell-helm-not-to-uninstall-a-resource
"#;

const FIRES: &str = "about: The object is in the present revision only.
from:
  manifest: |
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: state
    data:
      cluster-id: abc
to:
  manifest: |
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: other
";

const QUIET: &str = "about: The object is in both revisions.
from:
  manifest: |
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: state
    data:
      cluster-id: abc
to:
  manifest: |
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: state
    data:
      cluster-id: abc
";
