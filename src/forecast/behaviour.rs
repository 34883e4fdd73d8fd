//! What changes between Helm versions, as a table the model asks.

use crate::helm::{HelmVersion, RollbackFlags, ServerSide};
use crate::k8s::identity::Identity;
use crate::release::ApplyMethod;

use super::Method;

/// What this Helm does where versions differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    pub identity: Identity,
    /// A live object of *to* that *from* lacks is taken over; otherwise the rollback stops at it
    /// (Helm `pkg/kube/client.go` `update`: 3.22.0, 4.0.5 and 4.2.0 take over, 4.1.x does not).
    pub takes_over: bool,
    /// A refused DELETE fails the rollback; otherwise it is only logged (same function, same versions of line 4; never in line 3).
    pub delete_errors_fail: bool,
    /// Knows `apply_method` and server-side apply.
    pub server_side: bool,
    /// Waits for a hook object's deletion before it creates it again, whatever `--wait` says.
    pub waits_for_hook_deletion: bool,
}

impl Behaviour {
    pub fn of(helm: &HelmVersion) -> Behaviour {
        let four = helm.major >= 4;
        let newer_four = helm.at_least(4, 2, 0) || (helm.major == 4 && helm.minor == 0 && helm.at_least(4, 0, 5));
        Behaviour {
            identity: Identity::of(helm),
            takes_over: if four { newer_four } else { helm.at_least(3, 22, 0) },
            delete_errors_fail: four && newer_four,
            server_side: four,
            waits_for_hook_deletion: !four,
        }
    }

    /// How objects are applied: `--force-replace` first, then `--server-side`, whose `auto` follows the target's record
    /// (Helm 4 `pkg/action/upgrade.go` `getUpgradeServerSideValue`).
    pub fn method(self, flags: &RollbackFlags, target: Option<ApplyMethod>) -> Method {
        if self.server_side && self.chooses_server_side(flags, target) {
            return Method::ServerSide;
        }
        if flags.force_replace { Method::Replace } else { Method::ClientSide }
    }

    fn chooses_server_side(self, flags: &RollbackFlags, target: Option<ApplyMethod>) -> bool {
        match flags.server_side {
            ServerSide::True => true,
            ServerSide::False => false,
            ServerSide::Auto => target == Some(ApplyMethod::ServerSide),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: &str) -> Behaviour {
        Behaviour::of(&HelmVersion::parse(version).expect("a version"))
    }

    #[test]
    fn take_over_by_version() {
        let takes: Vec<&str> = ["3.17.0", "3.21.4", "3.22.0", "4.0.4", "4.0.5", "4.1.4", "4.2.0", "4.3.1", "4.3"]
            .into_iter()
            .filter(|version| of(version).takes_over)
            .collect();
        assert_eq!(takes, ["3.22.0", "4.0.5", "4.2.0", "4.3.1", "4.3"]);
    }

    #[test]
    fn refused_deletes_fail_only_in_newer_four() {
        assert!(!of("3.22.0").delete_errors_fail);
        assert!(!of("4.1.9").delete_errors_fail);
        assert!(of("4.2.4").delete_errors_fail);
    }

    #[test]
    fn auto_follows_the_target() {
        let flags = RollbackFlags::default();
        assert_eq!(of("4.3.1").method(&flags, Some(ApplyMethod::ServerSide)), Method::ServerSide);
        assert_eq!(of("4.3.1").method(&flags, None), Method::ClientSide);
        assert_eq!(of("3.22.0").method(&flags, Some(ApplyMethod::ServerSide)), Method::ClientSide);
    }
}
