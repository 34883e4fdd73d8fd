//! What to type when a rollback did not end well.

use crate::release::Revision;

use super::command::{Place, quote};

/// The release that is in trouble.
pub struct Release<'a> {
    pub name: &'a str,
    /// As in [`crate::input::Input::driver`].
    pub driver: &'a str,
    /// The newest revision before the rollback.
    pub from: Revision,
    pub to: Revision,
    pub place: &'a Place,
}

/// Look before doing anything else.
pub fn look(name: &str, place: &Place) -> Vec<String> {
    let (name, flags) = (quote(name), place.helm_flags());
    vec![
        format!("See what is there now:  helm history {name}{flags}"),
        format!("Then check again:       helm rollback-safe check {name}{flags}"),
    ]
}

impl Release<'_> {
    /// The record `revision` stays `pending-rollback`: `helm upgrade` answers "another operation (install/upgrade/rollback) is in
    /// progress" (`pkg/action/upgrade.go` `errPending`); `helm rollback` has no such check.
    pub fn stuck(&self, revision: Revision) -> Vec<String> {
        let (name, flags) = (quote(self.name), self.place.helm_flags());
        vec![
            format!(
                "Revision {revision} is stuck in pending-rollback: helm upgrade refuses to run until a rollback has succeeded; helm rollback still works."
            ),
            format!("Try again, once the cause is gone:  helm rollback-safe {name} {}{flags}", self.to),
            format!("Or return to where you were:        helm rollback-safe {name} {}{flags}", self.from),
            "Always name the revision: a bare `helm rollback` would go to the number before the stuck one.".to_owned(),
            format!(
                "Last resort, only if Helm cannot run at all (it deletes the record, and changes nothing else in the cluster):\n  {}",
                self.delete_record(revision)
            ),
        ]
    }

    /// The record is `failed`, and *from* was set to `superseded` whatever it was, so no revision may be `deployed`.
    pub fn failed(&self, revision: Revision, leftovers: &[String]) -> Vec<String> {
        let (name, flags) = (quote(self.name), self.place.helm_flags());
        let mut lines = vec![
            format!(
                "Revision {revision} failed, and the cluster may be changed in part. See where it stands:  helm rollback-safe check {name} {}{flags}",
                self.to
            ),
            format!("Try again, once the cause is gone:  helm rollback-safe {name} {}{flags}", self.to),
            format!("Or return to where you were:        helm rollback-safe {name} {}{flags}", self.from),
        ];
        if !leftovers.is_empty() {
            lines.push(format!(
                "A second attempt compares with revision {revision}, not with {}. It will never delete what only {} has: {}",
                self.from,
                self.from,
                leftovers.join(", ")
            ));
        }
        lines
    }

    /// Helm stopped before it wrote a record.
    pub fn nothing_written(&self) -> Vec<String> {
        vec!["Helm wrote no record and changed no object. Remove the cause it named and run the same command again.".to_owned()]
    }

    /// The command that deletes one stored record.
    pub fn delete_record(&self, revision: Revision) -> String {
        let key = format!("sh.helm.release.v1.{}.v{revision}", self.name);
        let kubectl = |kind: &str| format!("kubectl delete {kind} {}{}", quote(&key), self.place.kubectl_flags());
        match self.driver {
            "configmaps" => kubectl("configmap"),
            // Table and columns: Helm `pkg/storage/driver/sql.go`.
            "sql" => format!(
                "DELETE FROM releases_v1 WHERE key = '{key}' AND namespace = '{}';",
                self.place.namespace.replace('\'', "''")
            ),
            _ => kubectl("secret"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release<'a>(driver: &'a str, place: &'a Place) -> Release<'a> {
        Release { name: "shop", driver, from: 7, to: 5, place }
    }

    #[test]
    fn the_last_resort_fits_the_driver() {
        let place = Place { namespace: "prod".into(), context: Some("east".into()) };
        for (driver, command) in [
            ("secrets", "kubectl delete secret sh.helm.release.v1.shop.v8 -n prod --context east"),
            ("configmaps", "kubectl delete configmap sh.helm.release.v1.shop.v8 -n prod --context east"),
            ("sql", "DELETE FROM releases_v1 WHERE key = 'sh.helm.release.v1.shop.v8' AND namespace = 'prod';"),
        ] {
            assert_eq!(release(driver, &place).delete_record(8), command);
        }
    }

    #[test]
    fn a_stuck_record_names_both_ways() {
        let place = Place { namespace: "prod".into(), context: None };
        let text = release("secrets", &place).stuck(8).join("\n");
        assert!(
            text.contains("helm rollback-safe shop 5 -n prod") && text.contains("helm rollback-safe shop 7 -n prod"),
            "{text}"
        );
    }

    #[test]
    fn leftovers_are_named_only_where_there_are_any() {
        let place = Place::default();
        let leftovers = ["PersistentVolumeClaim/prod/cache".to_owned()];
        assert!(
            release("secrets", &place)
                .failed(8, &leftovers)
                .join("\n")
                .contains("never delete what only 7 has: PersistentVolumeClaim")
        );
        assert!(!release("secrets", &place).failed(8, &[]).join("\n").contains("never delete"));
    }
}
