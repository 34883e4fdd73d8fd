//! The rules that ship with the program.

use super::fault::Faults;
use super::set::RuleSet;

/// One shipped rule: its file and its generated page.
pub struct Shipped {
    /// `rules/<family>/<id>.yaml`.
    pub path: &'static str,
    pub text: &'static str,
    pub page: &'static str,
}

/// One list for the embedded texts and for one test per rule, so that `cargo test pvc_removed` runs one.
macro_rules! builtin_rules {
    ($($test:ident: $path:literal,)*) => {
        pub const BUILTIN: &[Shipped] = &[$(Shipped {
            path: concat!("rules/", $path, ".yaml"),
            text: include_str!(concat!("../../rules/", $path, ".yaml")),
            page: include_str!(concat!("../../rules/", $path, ".md")),
        },)*];

        #[cfg(test)]
        mod each {
            $(#[test]
            fn $test() {
                crate::rules::proof::check($path);
            })*
        }
    };
}

builtin_rules! {
    ca_bundle_changed: "access/ca-bundle-changed",
    change_forbidden: "access/change-forbidden",
    cloud_identity_lost: "access/cloud-identity-lost",
    deletion_forbidden: "access/deletion-forbidden",
    pod_security_rejects: "access/pod-security-rejects",
    policy_in_one_revision: "access/policy-in-one-revision",
    role_ref_changed: "access/role-ref-changed",
    security_fix_reverted: "access/security-fix-reverted",
    service_account_alias: "access/service-account-alias",
    api_deprecated: "api/api-deprecated",
    api_not_served: "api/api-not-served",
    object_in_two_groups: "api/object-in-two-groups",
    chart_refuses_cluster: "cluster/chart-refuses-cluster",
    dry_run_refused: "cluster/dry-run-refused",
    limit_range_rejects: "cluster/limit-range-rejects",
    no_node_fits: "cluster/no-node-fits",
    quota_demands_resources: "cluster/quota-demands-resources",
    quota_exceeded: "cluster/quota-exceeded",
    removed_feature_used: "cluster/removed-feature-used",
    server_warns: "cluster/server-warns",
    config_without_restart: "config/config-without-restart",
    generated_secret_reverted: "config/generated-secret-reverted",
    immutable_config_changed: "config/immutable-config-changed",
    key_material_removed: "config/key-material-removed",
    key_material_reverted: "config/key-material-reverted",
    reference_missing: "config/reference-missing",
    secret_overwritten: "config/secret-overwritten",
    crd_change_rejected: "crd/crd-change-rejected",
    crd_conversion_dropped: "crd/crd-conversion-dropped",
    crd_fields_pruned: "crd/crd-fields-pruned",
    crd_removed: "crd/crd-removed",
    crd_schema_tightens: "crd/crd-schema-tightens",
    crd_version_not_served: "crd/crd-version-not-served",
    custom_resource_immutable: "crd/custom-resource-immutable",
    hook_leftover: "hooks/hook-leftover",
    rollback_hook_not_run: "hooks/rollback-hook-not-run",
    data_format_downgrade: "images/data-format-downgrade",
    floating_image: "images/floating-image",
    image_family_swap: "images/image-family-swap",
    image_location_gone: "images/image-location-gone",
    operator_downgrade: "images/operator-downgrade",
    stateful_app_downgrade: "images/stateful-app-downgrade",
    migration_stays: "migrations/migration-stays",
    api_service_down: "network/api-service-down",
    cluster_webhook_blocks: "network/cluster-webhook-blocks",
    endpoints_emptied: "network/endpoints-emptied",
    foreign_route_broken: "network/foreign-route-broken",
    host_lost: "network/host-lost",
    live_weights_differ: "network/live-weights-differ",
    new_webhook_blocks: "network/new-webhook-blocks",
    node_port_lost: "network/node-port-lost",
    node_port_taken: "network/node-port-taken",
    own_webhook_blocks: "network/own-webhook-blocks",
    public_address_lost: "network/public-address-lost",
    route_to_nothing: "network/route-to-nothing",
    service_immutable_field: "network/service-immutable-field",
    service_selects_nothing: "network/service-selects-nothing",
    sticky_sessions: "network/sticky-sessions",
    traffic_moves_early: "network/traffic-moves-early",
    weights_sum_to_zero: "network/weights-sum-to-zero",
    cache_keeps_newer_entries: "outside/cache-keeps-newer-entries",
    certificate_expired: "outside/certificate-expired",
    external_database: "outside/external-database",
    external_secret_source_changed: "outside/external-secret-source-changed",
    feature_flags_stay: "outside/feature-flags-stay",
    outside_names_change: "outside/outside-names-change",
    queue_keeps_newer_messages: "outside/queue-keeps-newer-messages",
    schema_registry_compatibility: "outside/schema-registry-compatibility",
    stored_content_stays: "outside/stored-content-stays",
    liveness_kills_early: "probes/liveness-kills-early",
    probe_port_missing: "probes/probe-port-missing",
    readiness_too_early: "probes/readiness-too-early",
    switch_less_gentle: "probes/switch-less-gentle",
    wait_too_short: "probes/wait-too-short",
    apply_conflict: "release/apply-conflict",
    apply_method_switches: "release/apply-method-switches",
    gitops_reverts: "release/gitops-reverts",
    keep_not_live: "release/keep-not-live",
    manual_change_overwritten: "release/manual-change-overwritten",
    many_revisions_skipped: "release/many-revisions-skipped",
    namespace_removed: "release/namespace-removed",
    not_restored: "release/not-restored",
    object_kept: "release/object-kept",
    object_recreated: "release/object-recreated",
    object_terminating: "release/object-terminating",
    operation_pending: "release/operation-pending",
    release_namespace_removed: "release/release-namespace-removed",
    retry_leaks_objects: "release/retry-leaks-objects",
    rollback_fails: "release/rollback-fails",
    rollback_stuck: "release/rollback-stuck",
    status_label_differs: "release/status-label-differs",
    takeover_foreign_object: "release/takeover-foreign-object",
    takeover_own_leftover: "release/takeover-own-leftover",
    takeover_unowned_object: "release/takeover-unowned-object",
    target_failed: "release/target-failed",
    target_never_worked: "release/target-never-worked",
    target_pruned_by_history_max: "release/target-pruned-by-history-max",
    update_rejected: "release/update-rejected",
    migrated_data_lost: "schema/migrated-data-lost",
    migration_altered: "schema/migration-altered",
    old_code_differs: "schema/old-code-differs",
    old_code_fails: "schema/old-code-fails",
    old_migrator_reapplies: "schema/old-migrator-reapplies",
    old_migrator_refuses: "schema/old-migrator-refuses",
    claim_recreated_empty: "storage/claim-recreated-empty",
    custom_resource_removed: "storage/custom-resource-removed",
    data_path_moves: "storage/data-path-moves",
    operator_data_removed: "storage/operator-data-removed",
    pvc_cannot_grow: "storage/pvc-cannot-grow",
    pvc_grows: "storage/pvc-grows",
    pvc_removed: "storage/pvc-removed",
    pvc_shrunk: "storage/pvc-shrunk",
    pvc_spec_changed: "storage/pvc-spec-changed",
    reclaim_policy_to_delete: "storage/reclaim-policy-to-delete",
    snapshot_policy_to_delete: "storage/snapshot-policy-to-delete",
    storage_class_changed: "storage/storage-class-changed",
    storage_class_removed: "storage/storage-class-removed",
    volume_attach_deadlock: "storage/volume-attach-deadlock",
    volume_claims_cascade: "storage/volume-claims-cascade",
    volume_removed: "storage/volume-removed",
    volume_snapshot_removed: "storage/volume-snapshot-removed",
    autoscaled_replicas_drop: "workloads/autoscaled-replicas-drop",
    autoscaler_floor_lowered: "workloads/autoscaler-floor-lowered",
    autoscaler_removed: "workloads/autoscaler-removed",
    cronjob_resumes: "workloads/cronjob-resumes",
    cronjob_schedule_changed: "workloads/cronjob-schedule-changed",
    deployment_paused: "workloads/deployment-paused",
    eviction_blocked: "workloads/eviction-blocked",
    idle_workload_wakes: "workloads/idle-workload-wakes",
    install_job_runs_again: "workloads/install-job-runs-again",
    job_suspended: "workloads/job-suspended",
    job_template_changed: "workloads/job-template-changed",
    progress_deadline_raised: "workloads/progress-deadline-raised",
    progressive_delivery_restarts: "workloads/progressive-delivery-restarts",
    requests_below_recommendation: "workloads/requests-below-recommendation",
    rollout_gap: "workloads/rollout-gap",
    statefulset_immutable_field: "workloads/statefulset-immutable-field",
    statefulset_stuck: "workloads/statefulset-stuck",
    update_strategy_holds: "workloads/update-strategy-holds",
    update_strategy_refused: "workloads/update-strategy-refused",
    workload_selector_changed: "workloads/workload-selector-changed",
}

impl RuleSet {
    /// The shipped rules.
    pub fn builtin() -> RuleSet {
        let texts = BUILTIN.iter().map(|rule| (rule.path.to_owned(), rule.text.to_owned())).collect();
        // A test loads exactly these texts, so a fault cannot reach a user.
        RuleSet::from_texts(texts).expect("the shipped rules are checked by tests")
    }
}

/// Whether this is the file of a shipped rule in a checkout of the project.
pub fn is_shipped(path: &str) -> bool {
    BUILTIN.iter().any(|rule| path.ends_with(rule.path))
}

/// The shipped rules as a checkout has them now: each text takes the place of the embedded one.
pub fn with_edited(edited: Vec<(String, String)>) -> Result<RuleSet, Faults> {
    let untouched = BUILTIN.iter().filter(|rule| !edited.iter().any(|(path, _)| path.ends_with(rule.path)));
    let mut texts: Vec<(String, String)> = untouched.map(|rule| (rule.path.to_owned(), rule.text.to_owned())).collect();
    texts.extend(edited);
    RuleSet::from_texts(texts)
}

/// The generated page of a shipped rule.
pub fn page(id: &str) -> Option<&'static str> {
    BUILTIN.iter().find(|rule| super::file::stem(rule.path) == id).map(|rule| rule.page)
}
