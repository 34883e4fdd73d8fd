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
    ObjectDeleted "object-deleted" "Helm deletes the object" ["template", "loss"] [] true
        [BoundVolume, NeverBound, ReclaimDelete, ReclaimRetain, ReclaimUnknown, NotLive, LiveUnknown, KeepOnlyInManifest, KeepLostToDuplicateKey, ReleaseNamespace, HasCustomResources, NoCustomResources, CountUnknown, RetentionPolicy, DestroysData, LosesDerived, KeepsData, ControllerDecides, NoSignOfData, KeyMaterial, KeysElsewhere, WrittenByController];
    ObjectKept "object-kept" "an object that only from has is not deleted" [] [] true [Forbidden, LiveUnknown];
    Cascade "cascade" "goes away with a deleted object" ["with", "with_ref", "count"] ["with"] true
        [BoundVolume, NeverBound, ReclaimDelete, ReclaimRetain, ReclaimUnknown, RetentionPolicy];
    ObjectCreated "object-created" "an object that only to has is created" ["template"] [] true
        [LiveUnknown];
    FieldChanged "field-changed" "a field of an object in both revisions changes" ["from", "to"] [] true
        [Raised, Lowered, Added, Removed, NotLive, LiveUnknown];
    ObjectRecreated "object-recreated" "in both revisions, gone in the cluster, created again" [] [] false
        [NotLive];
    UpdateRejected "update-rejected" "the API server refuses the change" ["reason", "row", "from", "to"] [] false
        [NotLive, LiveUnknown, Shrinks, CannotExpand, Forbidden, DryRun, PortTaken];
    ServerWarns "server-warns" "the API server accepts the change in a dry run, and warns" ["warning"] [] false [PodSecurity];
    ApplyConflict "apply-conflict" "another field manager owns the field" ["manager"] ["manager"] false
        [NotLive, LiveUnknown];
    ObjectTakenOver "object-taken-over" "a live object that from does not have is taken over" ["owner"] [] true
        [OtherRelease, Unowned, OwnRelease, LiveUnknown];
    ApiNotServed "api-not-served" "the API server does not serve the kind" ["api_version", "revision", "explanation"] ["api_version", "revision"] false
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
    MigratedDataLost "migrated-data-lost" "migrations destroyed stored values of a table" ["table", "objects", "origin", "what"] ["table", "origin"] true
        [OnlyPossible, DownAvailable];
    OldCodeFails "old-code-fails" "statements of old code on a table fail on the new schema" ["table", "objects", "origin", "what"] ["table", "origin"] true
        [ReadsFail, WritesFail, OnlyPossible, DownAvailable];
    OldCodeDiffers "old-code-differs" "statements of old code on a table may be refused or mean something else" ["table", "objects", "origin", "what"] ["table", "origin"] true
        [WritesRefused, OtherResults, ValuesMoved, OnlyPossible, DownAvailable];
    OldMigrator "old-migrator" "the target's migrator meets a history that it does not know" ["framework", "origin"] ["origin"] true
        [Refuses, Reapplies];
    MigrationAltered "migration-altered" "a migration of both revisions has another text, is missing or out of order" ["version", "origin"] ["version", "origin"] true [];
    MigrationRan "migration-ran" "a migration ran after the target and stays done" ["framework", "revision", "event", "image"] ["revision", "event", "image"] true
        [FrameworkKnown, RunSucceeded, RunFailed, RunUnknown, IsHook, SqlRead];
    EndpointsEmptied "endpoints-emptied" "a Service goes back, the workload behind it cannot" ["workload", "workload_ref", "field"] ["workload"] true [];
    ServiceAccountAlias "service-account-alias" "the pod template keeps the deleted ServiceAccount" ["service_account", "workload", "workload_ref"] ["workload"] true [];
    OwnWebhook "own-webhook" "a webhook of the release intercepts the rollback's writes" ["operation"] ["operation"] false [ComesWithTarget];
    JobRunsAgain "job-runs-again" "a Job is created again and runs" ["revision"] [] false
        [NotLive, LiveUnknown, FrameworkKnown];
    ObjectsLeaked "objects-leaked" "left by an earlier failed attempt, deleted by nothing" ["revision", "count"] ["revision"] true [];
    SecretReverted "secret-reverted" "Secret content goes back" ["keys"] [] true
        [Generated, DataStoreCredential, KeyMaterial, WrittenByController];
    ApplyMethodChanges "apply-method-changes" "later upgrades change their apply method" ["from", "to"] [] false [];
    NotRestored "not-restored" "not as to says although Helm reports success" ["reason"] ["reason"] false [];

    // Storage and custom resources.
    DataMoved "data-moved" "the target's pods look for their data elsewhere" ["moves"] [] false
        [OtherVolume, OrdinalsMoved, OtherDirectory, VolumeReplaced, MountMoved, NotMounted, ImageChanges, NeverBound];
    SecretOverwritten "secret-overwritten" "stored Secret content is written over another one that is live" ["keys"] [] false
        [DataStoreCredential, KeyMaterial, WrittenByController];
    CrdNarrows "crd-narrows" "a CustomResourceDefinition goes back to one that takes less" ["what"] [] true
        [FieldsPruned, PreserveDropped, ConversionDropped, VersionNotServed, SchemaTightens, HasCustomResources, NoCustomResources, CountUnknown];
    CustomResourceRefused "custom-resource-refused" "the definition's rules do not let the field change" ["from", "to", "rule"] [] false
        [ImmutableByRule, MayRefuse, LiveUnknown];

    // Images and versions.
    DataFormatDowngraded "data-format-downgraded" "a program goes back across a change of its data format, with the data kept" ["software", "from", "to", "condition", "place", "container"] ["software"] false
        [DowngradeImpossible, DowngradeUnsupported, DowngradeConditional, DowngradeSafe, FailsUnprepared, MostlyWorks, VersionUnknown, ExternalDatabase, ThroughOperator, LiveUnknown];
    StatefulAppDowngraded "stateful-app-downgraded" "a program of unknown data format goes back with its volume kept" ["software", "from", "to", "place", "like"] [] false
        [MajorVersion, MountedLikeKnown, LiveUnknown];
    ImageFamilySwapped "image-family-swapped" "another program, or another packager's image, on the same volume" ["software", "from", "to", "condition", "place"] [] false
        [DowngradeSafe, LiveUnknown];
    OperatorDowngraded "operator-downgraded" "an operator goes below the version that wrote its custom resources" ["operator", "from", "to"] [] false
        [MajorVersion, LiveUnknown];
    ImagePlaceDoubtful "image-place-doubtful" "an image that only to needs comes from a dead or moved place" ["image", "images", "known", "instead"] [] true
        [PlaceGone, PlaceMoved, PlaceFrozen, PlaceInFrom, OnEveryNode, OnSomeNode];
    FloatingImage "floating-image" "a tag that may name other bits on each pull, the same in both revisions" ["image"] [] true
        [DigestsDiffer];
    ApiDeprecated "api-deprecated" "the next minor version of Kubernetes removes a kind of to" ["api_version", "server_version", "explanation"] ["api_version"] false
        [KindInFrom];
    ChartRefusesCluster "chart-refuses-cluster" "the cluster's version is outside of what the target's chart supports" ["constraint", "server_version", "chart"] [] false
        [ConstraintInFrom];
    RemovedFeatureUsed "removed-feature-used" "pods of to rely on what newer nodes do not have" ["feature", "known", "instead"] [] true
        [CsiMigrated, AnnotationIgnored];
    NoNodeFits "no-node-fits" "no node fits what pods of to ask for" ["nodes", "demand"] [] false
        [NodesMayCome];
    HardeningReverted "hardening-reverted" "a protection of the present revision goes back" ["what"] [] false
        [HostAccess, RightsWidened, PatchReverted, LiveUnknown];

    // Workloads and probes.
    AutoscaledReplicas "autoscaled-replicas" "replicas of the manifest undercut what an autoscaler has set" ["from", "to", "scaler"] [] false
        [LargeDrop, LiveUnknown, ScalerPaused];
    IdleWakes "idle-wakes" "replicas of the manifest start what an autoscaler holds at zero" ["to", "scaler"] [] false
        [ScalerPaused];
    AutoscalerRemoved "autoscaler-removed" "an autoscaler goes, the workload it scales stays" ["workload", "workload_ref", "from", "to"] ["workload"] true
        [LargeDrop, LiveUnknown];
    PodsNotReplaced "pods-not-replaced" "the pod template goes back, the pods do not" ["setting", "pods"] ["setting"] false
        [StuckPod, Starting, OnDelete, Partition, Paused, InBoth];
    ConfigNotReloaded "config-not-reloaded" "configuration goes back, the pods that read it go on" ["config", "reloader"] [] true
        [ReadAtStart, Reloaded];
    ReadinessWeak "readiness-weak" "pods of the target count as ready too early" ["weaknesses"] [] false
        [ReadinessMissing, InBoth, NewWorkload];
    ProbePortMissing "probe-port-missing" "a probe asks a port that the pod does not have" ["container", "probe", "port"] [] false
        [NamedPort, InBoth];
    LivenessImpatient "liveness-impatient" "a liveness probe kills early" ["container", "budget", "started"] [] false
        [SlowStarter, StartsFaster, InBoth];
    WaitTooShort "wait-too-short" "--wait gives up before the pods can be ready" ["needed", "timeout", "pods"] [] false
        [Measured];
    SwitchLessGentle "switch-less-gentle" "settings that protect the switch between pods go back" ["lost"] [] true
        [];
    AttachDeadlock "attach-deadlock" "the new pod waits for a volume that the old pod holds" ["claim", "mode"] [] false
        [OnePodOnly, OneNode, InBoth];
    RolloutGap "rollout-gap" "for a moment no pod serves" ["why"] [] false
        [BackToRecreate];
    CronJobResumes "cron-job-resumes" "a suspended CronJob goes on" ["schedule", "deadline"] [] false
        [StartingDeadline];
    QuotaExceeded "quota-exceeded" "a quota leaves no room for the rollout" ["lacks"] [] false
        [RollsInPlace];
    PodsRefused "pods-refused" "admission refuses the target's pods" ["by", "reasons"] ["by"] false
        [PodSecurity, LimitRange, QuotaDemands, InBoth];
    EvictionBlocked "eviction-blocked" "a disruption budget allows no eviction" ["setting", "workload", "replicas"] [] false
        [InBoth];
    RequestsTooLow "requests-too-low" "requests or limits go below what was measured" ["short", "scaler"] [] true
        [];
    RevisionsSkipped "revisions-skipped" "many revisions lie between" ["count"] [] true
        [];

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
    OutsideSystem "outside-system" "a workload goes back beside a system whose content does not" ["system", "product", "because", "images", "names", "workloads"] ["system"] false
        [UsesCache, UsesQueue, UsesSchemaRegistry, UsesStore, UsesFeatureFlags, UsesDatabase, NamesDiffer, AppGoesBack, EntriesKeyed, MigrationKnown];
    SecretSourceMoves "secret-source-moves" "another remote key, version or store of secrets is named" ["fields"] [] true [];
    CertificateExpires "certificate-expires" "a certificate of the target is expired or expires within a week" ["subject", "expiry"] [] false
        [CertificateUsed, CertificateManaged, CertificateUnchanged, OldRoot];
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
    NoCustomResources "no-custom-resources" "no custom resource of the definition exists, nothing is in the namespace";
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
    SqlRead "sql-read" "the SQL of the run was read, and every statement understood";
    ReadsFail "reads-fail" "a SELECT of old code fails";
    WritesFail "writes-fail" "an INSERT, UPDATE or DELETE of old code fails whatever the data";
    WritesRefused "writes-refused" "writes of old code are refused for some values";
    OtherResults "other-results" "statements of old code succeed and mean something else";
    ValuesMoved "values-moved" "values lie elsewhere in the database";
    OnlyPossible "only-possible" "it depends on particular values or on statements that only some code issues";
    DownAvailable "down-available" "down scripts bring the old schema back";
    Refuses "refuses" "the program refuses to start";
    Reapplies "reapplies" "the program runs again what ran before";
    RunSucceeded "run-succeeded" "the record says that the run succeeded";
    RunFailed "run-failed" "the record says that the run failed";
    RunUnknown "run-unknown" "no record of a run";
    IsHook "is-hook" "a hook, not a plain Job";
    Generated "generated" "the content looks generated";
    DataStoreCredential "data-store-credential" "a running data store was initialised with it";
    OldResultCounts "old-result-counts" "the finished object's old result counts as this run's";
    Shrinks "shrinks" "the request would fall below the live capacity";
    CannotExpand "cannot-expand" "the claim would grow, and its class does not allow that";
    RetentionPolicy "retention-policy" "removed by the StatefulSet's claim retention policy";
    DryRun "dry-run" "the API server was asked with a dry run";
    PortTaken "port-taken" "another Service has the node port";
    Forbidden "forbidden" "the caller may not make the change";
    Raised "raised" "the number or quantity goes up";
    Lowered "lowered" "the number or quantity goes down";
    Added "added" "the field is not there before";
    Removed "removed" "the field is not there afterwards";

    // Storage and custom resources.
    OtherVolume "other-volume" "another claim is mounted at the path";
    OrdinalsMoved "ordinals-moved" "the StatefulSet starts at another ordinal";
    OtherDirectory "other-directory" "another directory of the same volume is mounted at the path";
    VolumeReplaced "volume-replaced" "something that keeps nothing is mounted at the path";
    MountMoved "mount-moved" "the same volume is mounted at another path";
    NotMounted "not-mounted" "the volume is not mounted any more";
    ImageChanges "image-changes" "an image of the workload goes back too";
    DestroysData "destroys-data" "deleting the object destroys data";
    LosesDerived "loses-derived" "what goes with the object can be made again from somewhere else";
    KeepsData "keeps-data" "the data outlives the object";
    ControllerDecides "controller-decides" "an unknown custom resource that may have content behind it";
    NoSignOfData "no-sign-of-data" "an unknown custom resource without a sign of content behind it";
    KeyMaterial "key-material" "the names of the Secret's keys say that they open stored data";
    KeysElsewhere "keys-elsewhere" "another Secret of the target has keys of the same names";
    WrittenByController "written-by-controller" "a controller writes the Secret's content";
    FieldsPruned "fields-pruned" "the older schema does not have the fields";
    PreserveDropped "preserve-dropped" "unknown fields were kept and are not any more";
    ConversionDropped "conversion-dropped" "the conversion webhook goes";
    VersionNotServed "version-not-served" "a version is not served any more";
    SchemaTightens "schema-tightens" "values that were allowed are refused";
    ImmutableByRule "immutable-by-rule" "a CEL transition rule forbids the change";
    MayRefuse "may-refuse" "a CEL transition rule may refuse the change";

    // Images and versions.
    DowngradeImpossible "downgrade-impossible" "the older program refuses the data";
    DowngradeUnsupported "downgrade-unsupported" "the vendor does not support the way back";
    DowngradeConditional "downgrade-conditional" "the way back works under a condition";
    DowngradeSafe "downgrade-safe" "the vendor allows the way back";
    FailsUnprepared "fails-unprepared" "the condition does not hold unless somebody prepared for it";
    MostlyWorks "mostly-works" "the condition holds with few exceptions";
    VersionUnknown "version-unknown" "the tag tells no version";
    ExternalDatabase "external-database" "the data is in a database that the program migrates";
    ThroughOperator "through-operator" "a custom resource tells an operator which version to run";
    MajorVersion "major-version" "the first number of the version goes down";
    MountedLikeKnown "mounted-like-known" "the volume is mounted where a known product keeps its data";
    PlaceGone "place-gone" "images of this kind left the place";
    PlaceMoved "place-moved" "the place is served from somewhere else, in part";
    PlaceFrozen "place-frozen" "the place gets nothing new";
    OnEveryNode "on-every-node" "every node holds the image";
    OnSomeNode "on-some-node" "some node holds the image";
    DigestsDiffer "digests-differ" "live pods run the same tag with different digests";
    PlaceInFrom "place-in-from" "the present revision pulls from the same place";
    KindInFrom "kind-in-from" "from has the kind too";
    ConstraintInFrom "constraint-in-from" "the present chart says the same";
    CsiMigrated "csi-migrated" "a CSI driver takes over what the volume plugin did";
    NodesMayCome "nodes-may-come" "an autoscaler may add nodes, or there is none now";
    AnnotationIgnored "annotation-ignored" "nodes ignore the annotation, and the pod runs all the same";
    HostAccess "host-access" "the pod gets back rights on its node";
    RightsWidened "rights-widened" "a role allows more";
    PatchReverted "patch-reverted" "a lower patch version of the same image";

    // Workloads and probes.
    LargeDrop "large-drop" "capacity falls by 30 % or more";
    InBoth "in-both" "what runs now is the same in this";
    StuckPod "stuck-pod" "the controller waits for a pod that is not Ready";
    Starting "starting" "the pod may only be starting";
    OnDelete "on-delete" "updateStrategy is OnDelete";
    Partition "partition" "a partition holds pods back";
    Paused "paused" "the rollout is paused";
    ReadAtStart "read-at-start" "read through the environment or a subPath mount: fixed while the container runs";
    Reloaded "reloaded" "a tool that watches configuration is at work";
    ReadinessMissing "readiness-missing" "a container behind a Service has no readiness probe";
    NewWorkload "new-workload" "the rollback creates the workload";
    NamedPort "named-port" "the port is asked for by its name";
    SlowStarter "slow-starter" "image, environment or command names a runtime that starts slowly";
    StartsFaster "starts-faster" "pods seen live were ready sooner";
    OnePodOnly "one-pod-only" "the volume serves one pod at a time";
    OneNode "one-node" "the cluster has one node";
    BackToRecreate "back-to-recreate" "the strategy goes back to Recreate";
    StartingDeadline "starting-deadline" "startingDeadlineSeconds bounds what is made up for";
    RollsInPlace "rolls-in-place" "the rollout stops old pods first";
    PodSecurity "pod-security" "the namespace's Pod Security level";
    LimitRange "limit-range" "a LimitRange of the namespace";
    ComesWithTarget "comes-with-target" "this very rollback brings it, together with what answers for it";
    QuotaDemands "quota-demands" "a ResourceQuota of the namespace that counts what the containers do not state";
    ScalerPaused "scaler-paused" "the autoscaler is told to leave the number alone";
    Measured "measured" "by what pods that run now took, not by the manifest alone";

    // Traffic, references and ownership.
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
    UsesCache "uses-cache" "a cache is used";
    UsesQueue "uses-queue" "a queue or log is used";
    UsesSchemaRegistry "uses-schema-registry" "a schema registry is used";
    UsesStore "uses-store" "object storage, a search index or a vector store is used";
    UsesFeatureFlags "uses-feature-flags" "a service of feature flags or remote settings is used";
    UsesDatabase "uses-database" "a database is used";
    NamesDiffer "names-differ" "names of topics, queues, buckets, indices or groups differ";
    AppGoesBack "app-goes-back" "a major or minor version of the application's image goes down";
    EntriesKeyed "entries-keyed" "a prefix or version that separates entries goes back with the application";
    MigrationKnown "migration-known" "a migration that ran is reported on its own";
    CertificateUsed "certificate-used" "a pod, an Ingress, a Gateway or the API server goes by it";
    CertificateManaged "certificate-managed" "cert-manager writes it again";
    CertificateUnchanged "certificate-unchanged" "the same certificate is there before the rollback";
    OldRoot "old-root" "an authority among others that are valid";
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
