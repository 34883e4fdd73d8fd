//! The names of changes and facts, what they mean, and what messages about them may say.
//!
//! Rule files are checked against these tables when they are loaded, rule pages are written from them.

use super::{Change, ChangeKind, Fact};

/// Placeholders that every change offers.
///
/// `ref` is the object as arguments of kubectl: `persistentvolumeclaim/cache -n prod`.
pub const COMMON_PLACEHOLDERS: [&str; 10] =
    ["object", "kind", "name", "namespace", "path", "ref", "release", "release_namespace", "from_revision", "to_revision"];

/// One row per change kind.
struct Row {
    name: &'static str,
    meaning: &'static str,
    placeholders: &'static [&'static str],
    /// Parameters that tell two changes of one kind apart where object and path are the same.
    discriminators: &'static [&'static str],
    /// Whether the change can only come from a difference between *from* and *to*.
    from_difference: bool,
    /// Facts that an analyzer may add.
    facts: &'static [Fact],
}

macro_rules! change_kinds {
    ($($kind:ident $name:literal $meaning:literal [$($param:literal),*] [$($by:literal),*] $from_difference:literal [$($fact:ident),*];)*) => {
        impl ChangeKind {
            /// Every kind, in the order of the declaration.
            pub const ALL: &'static [ChangeKind] = &[$(ChangeKind::$kind),*];

            fn row(self) -> Row {
                match self {
                    $(ChangeKind::$kind => Row {
                        name: $name,
                        meaning: $meaning,
                        placeholders: &[$($param),*],
                        discriminators: &[$($by),*],
                        from_difference: $from_difference,
                        facts: &[$(Fact::$fact),*],
                    },)*
                }
            }
        }
    };
}

change_kinds! {
    ObjectDeleted "object-deleted" "Helm deletes the object" ["template"] [] true
        [BoundVolume, NeverBound, ReclaimDelete, ReclaimRetain, ReclaimUnknown, NotLive, LiveUnknown, KeepOnlyInManifest, KeepLostToDuplicateKey, ReleaseNamespace, HasCustomResources, NoCustomResources, CountUnknown, RetentionPolicy];
    ObjectKept "object-kept" "an object that only from has is not deleted" [] [] true [Forbidden];
    Cascade "cascade" "goes away with a deleted object" ["with", "with_ref", "count"] ["with"] true
        [BoundVolume, NeverBound, ReclaimDelete, ReclaimRetain, ReclaimUnknown, RetentionPolicy];
    ObjectCreated "object-created" "an object that only to has is created" ["template"] [] true
        [LiveUnknown];
    FieldChanged "field-changed" "a field of an object in both revisions changes" ["from", "to"] [] true
        [Raised, Lowered, Added, Removed, NotLive, LiveUnknown];
    ObjectRecreated "object-recreated" "in both revisions, gone in the cluster, created again" [] [] false
        [NotLive];
    UpdateRejected "update-rejected" "the API server refuses the change" ["reason", "row", "from", "to"] [] false
        [NotLive, LiveUnknown, Shrinks, Forbidden, DryRun];
    ServerWarns "server-warns" "the API server accepts the change in a dry run, and warns" ["warning"] [] false [PodSecurity];
    ApplyConflict "apply-conflict" "another field manager owns the field" ["manager"] ["manager"] false
        [NotLive, LiveUnknown];
    ObjectTakenOver "object-taken-over" "a live object that from does not have is taken over" ["owner"] [] true
        [OtherRelease, Unowned, OwnRelease, LiveUnknown];
    ApiNotServed "api-not-served" "the API server does not serve the kind" ["api_version", "revision"] ["api_version", "revision"] false
        [OnlyInFrom, InTo, CrdInTo];
    ObjectInTwoGroups "object-in-two-groups" "one object under two API groups" ["other"] ["other"] true [];
    TargetDoubtful "target-doubtful" "the target is not known to have worked" ["revision", "status", "description"] ["revision"] false
        [TargetFailed, TargetPending, TargetUnproven];
    TargetPruned "target-pruned" "the history limit removes the target's record" ["revision", "history_max"] ["revision"] false [];
    OperationPending "operation-pending" "the newest record is pending" ["revision", "status"] ["revision"] false [];
    StatusLabelDiffers "status-label-differs" "the status label is not the record's status" ["revision", "label", "status"] ["revision"] false [];
    RollbackFails "rollback-fails" "the forecast's outcome is fails" ["reason", "revision"] [] false [];
    RollbackStuck "rollback-stuck" "the forecast's outcome is stuck" ["reason", "revision", "remedy"] [] false [];
    HookNotRun "hook-not-run" "a rollback hook of from that does not run" ["event", "revision"] ["event", "revision"] true
        [FrameworkKnown];
    HookLeftover "hook-leftover" "a leftover of an earlier hook run is in the way" ["event", "policy"] ["event"] false
        [OldResultCounts];
    MigrationRan "migration-ran" "a migration ran after the target and stays done" ["framework", "revision", "event", "image"] ["revision", "event", "image"] true
        [FrameworkKnown, RunSucceeded, RunFailed, RunUnknown, IsHook];
    EndpointsEmptied "endpoints-emptied" "a Service goes back, the workload behind it cannot" ["workload", "workload_ref", "field"] ["workload"] true [];
    ServiceAccountAlias "service-account-alias" "the pod template keeps the deleted ServiceAccount" ["service_account", "workload", "workload_ref"] ["workload"] true [];
    OwnWebhook "own-webhook" "a webhook of the release intercepts the rollback's writes" ["operation"] ["operation"] false [];
    JobRunsAgain "job-runs-again" "a Job is created again and runs" ["revision"] [] false
        [NotLive, LiveUnknown, FrameworkKnown];
    ObjectsLeaked "objects-leaked" "left by an earlier failed attempt, deleted by nothing" ["revision", "count"] ["revision"] true [];
    SecretReverted "secret-reverted" "Secret content goes back" ["keys"] [] true
        [Generated, DataStoreCredential];
    ApplyMethodChanges "apply-method-changes" "later upgrades change their apply method" ["from", "to"] [] false [];
    NotRestored "not-restored" "not as to says although Helm reports success" ["reason"] ["reason"] false [];

    // Storage and custom resources.

    // Images and versions.

    // Workloads and probes.

    // Traffic, references and ownership.
    ServiceSelectsNothing "service-selects-nothing" "a Service of the target selects none of its pods" ["selector", "maker"] [] false
        [InBoth, MayBeMade];
    RouteToNothing "route-to-nothing" "a route of the target names a backend that will not be there" ["backend", "reason"] ["backend"] false
        [InBoth, MayBeMade];
    ForeignRouteBroken "foreign-route-broken" "a route outside the release leads to a Service that Helm deletes" ["routes"] [] true [];
    ReferenceDangles "reference-dangles" "pods of the target refer to something that will not be there" ["subject", "users", "reason"] ["subject"] false
        [InBoth, MayBeMade];
    AddressLost "address-lost" "a Service loses its load balancer" ["address", "becomes"] [] false
        [InternalAddress, PinnedAddress, NeverAssigned];
    NodePortLost "node-port-lost" "a Service loses node ports" ["ports", "becomes"] [] false
        [Allocated];
    HostLost "host-lost" "hosts, paths or certificates that only from serves" ["lost"] [] true
        [PathOnly, ServedElsewhere];
    WeightsMove "weights-move" "a backend's share grows while its pods are only being made" ["backend", "from", "to", "workload", "workload_ref"] [] false
        [PodsCreated];
    WeightsShifted "weights-shifted" "live weights are neither those of from nor those of to" ["live", "to", "owner"] [] false
        [ControllerOwned];
    WeightsZero "weights-zero" "all weights of a rule are zero" [] [] false
        [InBoth];
    RolloutRestarts "rollout-restarts" "a controller takes the rollback for a new stepwise update" ["controller", "workload", "workload_ref"] [] false
        [RollbackWindow, CanaryUnfinished, BlueGreen, Suspended];
    GitopsOwned "gitops-owned" "a GitOps controller applies the objects of the release" ["owner", "application", "suspend"] [] false
        [LeftOver];
    EditLost "edit-lost" "a field that a person changed is overwritten" ["fields"] [] false [];
    ObjectTerminating "object-terminating" "an object of to, or its namespace, is being deleted" ["finalizers"] [] false
        [HoldsTarget];
    ClusterWebhook "cluster-webhook" "a webhook of the cluster that nothing answers for judges the rollback's writes" ["webhook", "service", "writes"] [] false
        [PodsOnly];
    ApiServiceDown "api-service-down" "an extension API server does not answer" ["group"] [] false
        [NotUsed];
    CaBundleChanges "ca-bundle-changes" "a webhook or APIService trusts another certificate afterwards" [] [] false
        [CertificateGoesBack];
    IdentityLost "identity-lost" "a ServiceAccount loses its identity in a cloud" ["identity"] [] true
        [AccountDeleted];
    PolicyInOneRevision "policy-in-one-revision" "a traffic policy that only one revision has" ["effect"] [] true
        [Added, Removed, WithItsPods];
    StickySessions "sticky-sessions" "clients are bound to pods of the version that goes away" ["workload"] [] false [];

    // Outside the cluster.
}

impl ChangeKind {
    /// The spelling in rule files.
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// One line for the rule pages.
    pub fn meaning(self) -> &'static str {
        self.row().meaning
    }

    /// What a message about this kind may name besides [`COMMON_PLACEHOLDERS`].
    pub fn placeholders(self) -> &'static [&'static str] {
        self.row().placeholders
    }

    /// Parameters that are part of a finding's identity, because object and path alone do not tell two changes apart.
    pub fn discriminators(self) -> &'static [&'static str] {
        self.row().discriminators
    }

    /// False for what can be true of a re-apply of the same revision too: an API that is not served, a leftover, drift.
    pub fn needs_difference(self) -> bool {
        self.row().from_difference
    }
}

impl ChangeKind {
    /// Facts that a change of this kind may carry; a rule that asks for another one could never match.
    pub fn facts(self) -> &'static [Fact] {
        self.row().facts
    }
}

macro_rules! facts {
    ($($fact:ident $name:literal $meaning:literal;)*) => {
        impl Fact {
            /// Every fact, in the order of the declaration.
            pub const ALL: &'static [Fact] = &[$(Fact::$fact),*];

            /// The spelling in rule files.
            pub fn as_str(self) -> &'static str {
                match self { $(Fact::$fact => $name,)* }
            }

            /// One line for the rule pages.
            pub fn meaning(self) -> &'static str {
                match self { $(Fact::$fact => $meaning,)* }
            }
        }
    };
}

facts! {
    BoundVolume "bound-volume" "the claim is bound to a volume, or may be";
    NeverBound "never-bound" "no volume was ever bound to the claim";
    ReclaimDelete "reclaim-delete" "the volume's reclaim policy is Delete";
    ReclaimRetain "reclaim-retain" "the volume's reclaim policy is Retain";
    ReclaimUnknown "reclaim-unknown" "the volume's reclaim policy is not known";
    NotLive "not-live" "the object is not in the cluster";
    LiveUnknown "live-unknown" "live state could not be read";
    KeepOnlyInManifest "keep-only-in-manifest" "the manifest says keep, the live object does not";
    KeepLostToDuplicateKey "keep-lost-to-duplicate-key" "keep is lost to a duplicate key";
    ReleaseNamespace "release-namespace" "the namespace that holds the release's records";
    HasCustomResources "has-custom-resources" "custom resources of the definition exist";
    NoCustomResources "no-custom-resources" "no custom resource of the definition exists";
    CountUnknown "count-unknown" "the content could not be counted";
    OtherRelease "other-release" "the live object belongs to another Helm release";
    Unowned "unowned" "the live object belongs to no Helm release";
    OwnRelease "own-release" "the live object belongs to this release";
    OnlyInFrom "only-in-from" "only from has the kind";
    InTo "in-to" "to has the kind";
    CrdInTo "crd-in-to" "a CustomResourceDefinition of to would bring the kind";
    TargetFailed "target-failed" "the target's record says failed";
    TargetPending "target-pending" "the target's record never left a pending status";
    TargetUnproven "target-unproven" "nothing shows that the target worked";
    FrameworkKnown "framework-known" "image, command or arguments name a migration framework";
    RunSucceeded "run-succeeded" "the record says that the run succeeded";
    RunFailed "run-failed" "the record says that the run failed";
    RunUnknown "run-unknown" "no record of a run";
    IsHook "is-hook" "a hook, not a plain Job";
    Generated "generated" "the content looks generated";
    DataStoreCredential "data-store-credential" "a running data store was initialised with it";
    OldResultCounts "old-result-counts" "the finished object's old result counts as this run's";
    Shrinks "shrinks" "the request would fall below the live capacity";
    RetentionPolicy "retention-policy" "removed by the StatefulSet's claim retention policy";
    DryRun "dry-run" "the API server was asked with a dry run";
    PodSecurity "pod-security" "the namespace's Pod Security level refuses the pods";
    Forbidden "forbidden" "the caller may not make the change";
    Raised "raised" "the number or quantity goes up";
    Lowered "lowered" "the number or quantity goes down";
    Added "added" "the field is not there before";
    Removed "removed" "the field is not there afterwards";

    // Storage and custom resources.

    // Images and versions.

    // Workloads and probes.

    // Traffic, references and ownership.
    InBoth "in-both" "it is the same in from";
    MayBeMade "may-be-made" "an operator, a hook or a container may make what is missing";
    InternalAddress "internal-address" "the load balancer has no public address";
    PinnedAddress "pinned-address" "the address is reserved by name";
    NeverAssigned "never-assigned" "the cloud never assigned an address";
    Allocated "allocated" "the server chose the number, no manifest names it";
    PathOnly "path-only" "the host stays, only a path goes";
    ServedElsewhere "served-elsewhere" "a live object outside the release serves the host too";
    PodsCreated "pods-created" "the workload is only being created";
    ControllerOwned "controller-owned" "a controller shifts the weights";
    RollbackWindow "rollback-window" "the rollback window takes the target back without steps";
    CanaryUnfinished "canary-unfinished" "the canary is not through, its stable version still runs";
    BlueGreen "blue-green" "both versions run side by side";
    Suspended "suspended" "the controller is told to do nothing";
    LeftOver "left-over" "the controller has written nothing: the label may be left over";
    HoldsTarget "holds-target" "objects of to are created in it";
    PodsOnly "pods-only" "only pods are refused, nothing that Helm writes";
    NotUsed "not-used" "nothing of the release belongs to the API group";
    CertificateGoesBack "certificate-goes-back" "the certificate of the same release goes back too";
    AccountDeleted "account-deleted" "the account itself is deleted";
    WithItsPods "with-its-pods" "the pods under the policy are only in the revision that has it";

    // Outside the cluster.
}

impl Change {
    /// The text behind a placeholder; falls back to the object and path of the change itself.
    pub fn param(&self, name: &str) -> Option<String> {
        if let Some(text) = self.params.get(name) {
            return Some(text.clone());
        }
        let object = self.object.as_ref();
        match name {
            "object" => object.map(ToString::to_string),
            "kind" => object.map(|id| id.kind.clone()),
            "name" => object.map(|id| id.name.clone()),
            "namespace" => object.and_then(|id| id.namespace.clone()),
            "path" => self.path.clone(),
            "ref" => object.map(kubectl_arguments),
            _ => self.params.get(name.strip_suffix("_ref")?).map(|text| displayed_as_arguments(text)),
        }
    }
}

/// `persistentvolumeclaim/cache -n prod`, `statefulset.apps/db -n prod`, `namespace/x`.
fn kubectl_arguments(id: &crate::release::ObjectRef) -> String {
    let kind = id.kind.to_lowercase();
    let kind = if id.group().is_empty() { kind } else { format!("{kind}.{}", id.group()) };
    match &id.namespace {
        Some(namespace) => format!("{kind}/{} -n {namespace}", id.name),
        None => format!("{kind}/{}", id.name),
    }
}

/// The same for an object written as `Kind/namespace/name`.
fn displayed_as_arguments(object: &str) -> String {
    let parts: Vec<&str> = object.splitn(3, '/').collect();
    match parts.as_slice() {
        [kind, namespace, name] => format!("{}/{name} -n {namespace}", kind.to_lowercase()),
        [kind, name] => format!("{}/{name}", kind.to_lowercase()),
        _ => object.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_files() {
        for kind in ChangeKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for fact in Fact::ALL {
            assert_eq!(serde_json::to_value(fact).unwrap(), fact.as_str());
        }
    }

    #[test]
    fn discriminators_are_placeholders_of_the_kind() {
        for kind in ChangeKind::ALL {
            for param in kind.discriminators() {
                assert!(kind.placeholders().contains(param), "{}: {param}", kind.as_str());
            }
        }
    }

    #[test]
    fn kubectl_gets_the_group_where_there_is_one() {
        let set = crate::release::ObjectRef::new("apps/v1", "StatefulSet", Some("prod"), "db");
        assert_eq!(kubectl_arguments(&set), "statefulset.apps/db -n prod");
        let namespace = crate::release::ObjectRef::new("v1", "Namespace", None, "x");
        assert_eq!(kubectl_arguments(&namespace), "namespace/x");
    }
}
