//! Kinds of change, and the facts that qualify them. What they are called and mean is in [`super::vocabulary`].

use serde::{Deserialize, Serialize};

/// What rules select by. Closed: a rule that names another kind is refused when it is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Helm deletes the object.
    ObjectDeleted,
    /// Helm would delete the object, and the live `keep` annotation or a missing permission prevents it.
    ObjectKept,
    /// Something that goes away with a deleted object.
    Cascade,
    /// An object that only *to* has is created.
    ObjectCreated,
    /// A field of an object in both revisions changes (`path` = the field). Live beats *from* where it is known.
    FieldChanged,
    /// The object exists in *from*, is gone live, and is created again.
    ObjectRecreated,
    /// The API server refuses the change to the object (`path` = the field).
    UpdateRejected,
    /// The API server accepts the change in a dry run, and warns.
    ServerWarns,
    /// Server-side apply meets a field that another manager owns (`path` = the field).
    ApplyConflict,
    /// A live object that is in *to* but not in *from* is taken over.
    ObjectTakenOver,
    /// A kind of *from* or *to* is not served.
    ApiNotServed,
    /// One object under two API groups.
    ObjectInTwoGroups,
    /// The target revision is not known to have worked.
    TargetDoubtful,
    /// `--history-max` removes the target's record.
    TargetPruned,
    /// The newest record is pending.
    OperationPending,
    /// The `status` label of a record differs from its payload.
    StatusLabelDiffers,
    /// The forecast's outcome is *fails*.
    RollbackFails,
    /// The forecast's outcome is *stuck*.
    RollbackStuck,
    /// A rollback hook of *from* that does not run.
    HookNotRun,
    /// A leftover of an earlier hook run is in the way.
    HookLeftover,
    /// A migration ran between *to* and *from* and stays done.
    MigrationRan,
    /// Migrations between *to* and *from* destroyed stored values of a table.
    MigratedDataLost,
    /// Statements of old code on a table fail on the schema that the migrations made.
    OldCodeFails,
    /// Statements of old code on a table may be refused, or mean something else.
    OldCodeDiffers,
    /// The migrator of *to* meets a history that it does not know.
    OldMigrator,
    /// A migration that both revisions have has another text, or one is missing or out of order.
    MigrationAltered,
    /// A Service's selector goes back while the workload behind it cannot.
    EndpointsEmptied,
    /// The pod template keeps the deleted ServiceAccount by its alias field.
    ServiceAccountAlias,
    /// A webhook of the release that intercepts the rollback's own writes.
    OwnWebhook,
    /// A Job that is created again and runs.
    JobRunsAgain,
    /// Objects of an earlier failed attempt that nothing deletes any more.
    ObjectsLeaked,
    /// Secret content goes back while what it opens may have moved on.
    SecretReverted,
    /// Later upgrades change their apply method.
    ApplyMethodChanges,
    /// Not as *to* says although Helm reports success.
    NotRestored,
    // Storage and custom resources.
    /// The target's pods look for their data elsewhere.
    DataMoved,
    /// The stored content of a Secret is written over another one that is live.
    SecretOverwritten,
    /// A CustomResourceDefinition goes back to one that takes less.
    CrdNarrows,
    /// The definition's own rules do not let the field of a custom resource change.
    CustomResourceRefused,
    // Images and versions.
    /// A program goes below a version at which its vendor changed the format of kept data, which stays (`path` = the image).
    DataFormatDowngraded,
    /// A program nobody tabulated goes below a minor version with its claim kept.
    StatefulAppDowngraded,
    /// Another program, or another packager's image of it, on the same claim.
    ImageFamilySwapped,
    /// An operator goes below the version that wrote its custom resources.
    OperatorDowngraded,
    /// An image that only the target needs comes from a place that is dead or has moved.
    ImagePlaceDoubtful,
    /// A tag that may name other bits on each pull, the same in both revisions.
    FloatingImage,
    /// The next minor version of Kubernetes removes a kind of *to*.
    ApiDeprecated,
    /// The cluster's version is outside of what the target's chart says it supports.
    ChartRefusesCluster,
    /// The target's pods rely on something that newer nodes do not have (`path` = where).
    RemovedFeatureUsed,
    /// No node fits what the target's pods ask for (`path` = the pod spec).
    NoNodeFits,
    /// A protection of the present revision goes back (`path` = the first field).
    HardeningReverted,
    // Workloads and probes.
    /// The manifest's replicas undercut what an autoscaler has set.
    AutoscaledReplicas,
    /// The manifest's replicas start what an autoscaler holds at zero.
    IdleWakes,
    /// Helm deletes an autoscaler whose workload stays.
    AutoscalerRemoved,
    /// The pod template changes, and the controller replaces no pod, or not all.
    PodsNotReplaced,
    /// Only configuration changes, and no pod that reads it is replaced.
    ConfigNotReloaded,
    /// Pods of the target count as ready although they may not be.
    ReadinessWeak,
    /// A probe of the target asks a port that the pod does not have.
    ProbePortMissing,
    /// A liveness probe of the target kills early.
    LivenessImpatient,
    /// `--wait` gives up before the pods can be ready.
    WaitTooShort,
    /// Settings that protect the switch between pods go back.
    SwitchLessGentle,
    /// The new pod waits for a volume that the old pod holds.
    AttachDeadlock,
    /// For a moment no pod of the workload serves.
    RolloutGap,
    /// A suspended CronJob goes on.
    CronJobResumes,
    /// A ResourceQuota leaves no room for the pods of the rollout.
    QuotaExceeded,
    /// Admission refuses the target's pods.
    PodsRefused,
    /// A disruption budget of the target allows no eviction.
    EvictionBlocked,
    /// Requests or limits go below what was measured.
    RequestsTooLow,
    /// Many revisions lie between *to* and *from*.
    RevisionsSkipped,
    // Traffic, references and ownership.
    /// A Service of the target selects no pod that the target runs.
    ServiceSelectsNothing,
    /// A route of the target names a backend that will not be there.
    RouteToNothing,
    /// A route outside the release leads to a Service that Helm deletes.
    ForeignRouteBroken,
    /// Pods of the target refer to something that will not be there.
    ReferenceDangles,
    /// A Service loses its load balancer and with it its address.
    AddressLost,
    /// A Service loses node ports that clients may know.
    NodePortLost,
    /// Hosts, paths or certificates that only *from* serves.
    HostLost,
    /// A backend's share of the traffic grows while its pods are only being made.
    WeightsMove,
    /// Live weights are neither those of *from* nor those of *to*.
    WeightsShifted,
    /// All weights of a rule are zero.
    WeightsZero,
    /// A controller that rolls out in steps takes the rollback for a new update.
    RolloutRestarts,
    /// Clients are bound to pods of the version that goes away.
    StickySessions,
    /// A GitOps controller applies the objects of the release and undoes the rollback.
    GitopsOwned,
    /// A field that a person changed in the cluster is overwritten.
    EditLost,
    /// An object of the target, or the namespace it is created in, is being deleted.
    ObjectTerminating,
    /// A webhook of the cluster that nothing answers for judges what the rollback writes.
    ClusterWebhook,
    /// An extension API server does not answer.
    ApiServiceDown,
    /// A webhook or APIService trusts another certificate afterwards.
    CaBundleChanges,
    /// A ServiceAccount loses its identity in a cloud.
    IdentityLost,
    /// A traffic policy that only one revision has.
    PolicyInOneRevision,
    // Outside the cluster.
    /// A workload whose code or names go back uses a system whose content does not.
    OutsideSystem,
    /// An object names another remote key, version or store of secrets.
    SecretSourceMoves,
    /// A certificate of the target is expired or expires within a week (`path` = where it stands).
    CertificateExpires,
}

/// Tags that qualify a change; closed like [`ChangeKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The claim is bound to a volume, or may be (not known).
    BoundVolume,
    /// Live state says that no volume was ever bound.
    NeverBound,
    ReclaimDelete,
    ReclaimRetain,
    ReclaimUnknown,
    /// The object is not there (any more) in the cluster.
    NotLive,
    /// Live state could not be read.
    LiveUnknown,
    /// The manifest says `keep`, the live object does not.
    KeepOnlyInManifest,
    /// `keep` is lost to a duplicate key.
    KeepLostToDuplicateKey,
    /// The namespace that holds the release's own records.
    ReleaseNamespace,
    /// The CRD has custom resources.
    HasCustomResources,
    /// The CRD has none.
    NoCustomResources,
    /// Content could not be counted.
    CountUnknown,
    /// The live object belongs to another Helm release.
    OtherRelease,
    /// The live object belongs to nobody Helm knows.
    Unowned,
    /// The live object carries this release's own ownership annotations.
    OwnRelease,
    /// The kind is only in *from*.
    OnlyInFrom,
    /// The kind is in *to*.
    InTo,
    /// A CustomResourceDefinition of the same manifest would bring the kind.
    CrdInTo,
    /// The record says that it failed.
    TargetFailed,
    /// The record never left a pending status.
    TargetPending,
    /// Nothing shows that the revision worked.
    TargetUnproven,
    /// The framework was recognised from image, command or arguments.
    FrameworkKnown,
    /// The record says that the run succeeded.
    RunSucceeded,
    /// The SQL that the run executes was read, and every statement understood.
    SqlRead,
    /// A SELECT of old code fails.
    ReadsFail,
    /// An INSERT, UPDATE or DELETE of old code fails whatever the data.
    WritesFail,
    /// Writes of old code are refused for some values.
    WritesRefused,
    /// Statements of old code succeed and mean something else.
    OtherResults,
    /// Values lie elsewhere in the database.
    ValuesMoved,
    /// It depends on particular values, or on statements that only some old code would issue.
    OnlyPossible,
    /// Down scripts bring the old schema back.
    DownAvailable,
    /// The program refuses to start.
    Refuses,
    /// The program runs again what ran before.
    Reapplies,
    RunFailed,
    /// No record of a run.
    RunUnknown,
    /// A hook, not a plain Job.
    IsHook,
    /// The content looks generated (random, certificate, key).
    Generated,
    /// The key that a running data store was initialised with.
    DataStoreCredential,
    /// The finished object's old result would count as this run's.
    OldResultCounts,
    /// The claim's value would go below its live capacity.
    Shrinks,
    /// The claim would grow, and its class does not allow that.
    CannotExpand,
    /// Claims of a StatefulSet go with it by its retention policy.
    RetentionPolicy,
    /// The caller may not make the change.
    Forbidden,
    /// The API server was asked with a dry run.
    DryRun,
    /// Another Service has the node port.
    PortTaken,
    /// The number or quantity goes up.
    Raised,
    /// The number or quantity goes down.
    Lowered,
    /// The field is not there before.
    Added,
    /// The field is not there afterwards.
    Removed,
    // Storage and custom resources.
    /// Another claim is mounted at the path. Moves are declared worst first.
    OtherVolume,
    /// The StatefulSet starts at another ordinal, so its pods take other claims.
    OrdinalsMoved,
    /// Another directory of the same volume (`subPath`).
    OtherDirectory,
    /// Something that keeps nothing takes the path.
    VolumeReplaced,
    /// The same volume at another path.
    MountMoved,
    /// The volume is not mounted any more.
    NotMounted,
    /// The image goes back too.
    ImageChanges,
    /// Deleting the object destroys data, by its operator or by garbage collection.
    DestroysData,
    /// What goes can be made again from somewhere else.
    LosesDerived,
    /// The operator's default or a field of the object keeps the data.
    KeepsData,
    /// A custom resource of a kind nobody knows, with signs of content behind it, or not seen live.
    ControllerDecides,
    /// A custom resource of a kind nobody knows; the live object shows no sign of content behind it.
    NoSignOfData,
    /// Keys of a Secret whose names say that they open stored data.
    KeyMaterial,
    /// Another Secret of the target has keys of the same names.
    KeysElsewhere,
    /// A controller writes the Secret's content.
    WrittenByController,
    /// The older schema does not have fields, so they are pruned.
    FieldsPruned,
    /// A place kept unknown fields and does not any more.
    PreserveDropped,
    /// The conversion webhook goes.
    ConversionDropped,
    /// A version is not served any more.
    VersionNotServed,
    /// Values that were allowed are refused.
    SchemaTightens,
    /// A CEL transition rule forbids the change whatever the values are.
    ImmutableByRule,
    /// A CEL transition rule may refuse the change.
    MayRefuse,
    // Images and versions.
    /// The older program refuses the data.
    DowngradeImpossible,
    /// The vendor does not support the way back.
    DowngradeUnsupported,
    /// The way back works under a condition.
    DowngradeConditional,
    /// The vendor allows the way back.
    DowngradeSafe,
    /// The condition does not hold unless somebody prepared for it.
    FailsUnprepared,
    /// The condition holds with few exceptions.
    MostlyWorks,
    /// The tag tells no version.
    VersionUnknown,
    /// The data is in a database that the program migrates.
    ExternalDatabase,
    /// A custom resource tells an operator which version to run.
    ThroughOperator,
    /// The first number of the version goes down.
    MajorVersion,
    /// The volume is mounted where a known product keeps its data.
    MountedLikeKnown,
    /// Images of this kind left the place.
    PlaceGone,
    /// The place is served from somewhere else, in part.
    PlaceMoved,
    /// The place gets nothing new.
    PlaceFrozen,
    /// Every node holds the image.
    OnEveryNode,
    /// Some node holds the image.
    OnSomeNode,
    /// Live pods run the same tag with different digests.
    DigestsDiffer,
    /// The present revision pulls from the same place.
    PlaceInFrom,
    /// *From* has the kind too.
    KindInFrom,
    /// The present chart says the same.
    ConstraintInFrom,
    /// A CSI driver takes over what the volume plugin did.
    CsiMigrated,
    /// The node lists miss what would be added: autoscaling is in use, or there is no node.
    NodesMayCome,
    /// Nodes ignore the annotation, and the pod runs all the same.
    AnnotationIgnored,
    /// The pod gets back rights on its node: privileged, host namespaces, or host paths.
    HostAccess,
    /// Roles allow more.
    RightsWidened,
    /// A lower patch version of the same image.
    PatchReverted,
    // Workloads and probes.
    /// Capacity falls by 30 % or more.
    LargeDrop,
    /// What runs now is the same in this.
    InBoth,
    /// The controller waits for a pod that is not Ready.
    StuckPod,
    /// The pod may only be starting.
    Starting,
    /// The update strategy is OnDelete.
    OnDelete,
    /// A partition holds pods back.
    Partition,
    /// The rollout is paused.
    Paused,
    /// Read through the environment or a `subPath` mount: fixed while the container runs.
    ReadAtStart,
    /// A tool that watches configuration is at work.
    Reloaded,
    /// A container behind a Service has no readiness probe.
    ReadinessMissing,
    /// The rollback creates the workload.
    NewWorkload,
    /// The port is asked for by its name.
    NamedPort,
    /// Image, environment or command names a runtime that starts slowly.
    SlowStarter,
    /// Pods seen live were ready sooner.
    StartsFaster,
    /// The volume serves one pod at a time.
    OnePodOnly,
    /// The cluster has one node.
    OneNode,
    /// The strategy goes back to Recreate.
    BackToRecreate,
    /// `startingDeadlineSeconds` bounds what is made up for.
    StartingDeadline,
    /// The rollout stops old pods first where it finds no room.
    RollsInPlace,
    /// The namespace's Pod Security level.
    PodSecurity,
    /// A LimitRange of the namespace.
    LimitRange,
    /// This very rollback brings it, together with what answers for it.
    ComesWithTarget,
    /// A ResourceQuota of the namespace that counts what the containers do not state.
    QuotaDemands,
    /// The autoscaler is told to leave the number alone.
    ScalerPaused,
    /// By what pods that run now took, not by the manifest alone.
    Measured,
    // Traffic, references and ownership.
    /// An operator, a hook or a container may make what is missing.
    MayBeMade,
    /// The load balancer has no public address.
    InternalAddress,
    /// The address is reserved by name.
    PinnedAddress,
    /// The cloud never assigned an address.
    NeverAssigned,
    /// The number was allocated by the server, no manifest names it.
    Allocated,
    /// The host stays; only a path goes.
    PathOnly,
    /// A live object outside the release serves the host too.
    ServedElsewhere,
    /// The workload is only being created.
    PodsCreated,
    /// A controller shifts the weights.
    ControllerOwned,
    /// The Rollout's rollback window takes the target back without steps.
    RollbackWindow,
    /// The canary is not through: its stable version still runs.
    CanaryUnfinished,
    /// Both versions run side by side, traffic is switched.
    BlueGreen,
    /// The controller is told to do nothing.
    Suspended,
    /// Field managers show that the controller has not written: the label may be left over.
    LeftOver,
    /// The namespace that the target's objects are created in.
    HoldsTarget,
    /// Only pods are refused, nothing that Helm itself writes.
    PodsOnly,
    /// Nothing of the release belongs to the API group, and no namespace is deleted.
    NotUsed,
    /// The certificate of the same release goes back too.
    CertificateGoesBack,
    /// The account itself is deleted.
    AccountDeleted,
    /// The pods under the policy are only in the revision that has it.
    WithItsPods,
    // Outside the cluster.
    UsesCache,
    UsesQueue,
    UsesSchemaRegistry,
    /// Object storage, a search index or a vector store.
    UsesStore,
    UsesFeatureFlags,
    UsesDatabase,
    /// Topics, queues, buckets, indices or groups have other names.
    NamesDiffer,
    /// The major or minor version of the application's image goes down.
    AppGoesBack,
    /// Each version has entries of its own, by prefix or version.
    EntriesKeyed,
    /// A migration that ran is reported on its own.
    MigrationKnown,
    /// A pod, an Ingress, a Gateway or the API server goes by the certificate.
    CertificateUsed,
    /// cert-manager writes it again.
    CertificateManaged,
    /// The same certificate is there before the rollback.
    CertificateUnchanged,
    /// An authority among others that are valid.
    OldRoot,
}
