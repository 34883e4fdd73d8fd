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
    policy_in_one_revision: "access/policy-in-one-revision",
    role_ref_changed: "access/role-ref-changed",
    service_account_alias: "access/service-account-alias",
    api_not_served: "api/api-not-served",
    object_in_two_groups: "api/object-in-two-groups",
    dry_run_refused: "cluster/dry-run-refused",
    server_warns: "cluster/server-warns",
    generated_secret_reverted: "config/generated-secret-reverted",
    immutable_config_changed: "config/immutable-config-changed",
    reference_missing: "config/reference-missing",
    crd_change_rejected: "crd/crd-change-rejected",
    crd_removed: "crd/crd-removed",
    hook_leftover: "hooks/hook-leftover",
    rollback_hook_not_run: "hooks/rollback-hook-not-run",
    migration_stays: "migrations/migration-stays",
    api_service_down: "network/api-service-down",
    cluster_webhook_blocks: "network/cluster-webhook-blocks",
    endpoints_emptied: "network/endpoints-emptied",
    foreign_route_broken: "network/foreign-route-broken",
    host_lost: "network/host-lost",
    live_weights_differ: "network/live-weights-differ",
    node_port_lost: "network/node-port-lost",
    own_webhook_blocks: "network/own-webhook-blocks",
    public_address_lost: "network/public-address-lost",
    route_to_nothing: "network/route-to-nothing",
    service_immutable_field: "network/service-immutable-field",
    service_selects_nothing: "network/service-selects-nothing",
    sticky_sessions: "network/sticky-sessions",
    traffic_moves_early: "network/traffic-moves-early",
    weights_sum_to_zero: "network/weights-sum-to-zero",
    apply_conflict: "release/apply-conflict",
    apply_method_switches: "release/apply-method-switches",
    gitops_reverts: "release/gitops-reverts",
    keep_not_live: "release/keep-not-live",
    manual_change_overwritten: "release/manual-change-overwritten",
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
    claim_recreated_empty: "storage/claim-recreated-empty",
    pvc_removed: "storage/pvc-removed",
    pvc_shrunk: "storage/pvc-shrunk",
    pvc_spec_changed: "storage/pvc-spec-changed",
    volume_claims_cascade: "storage/volume-claims-cascade",
    install_job_runs_again: "workloads/install-job-runs-again",
    job_template_changed: "workloads/job-template-changed",
    progressive_delivery_restarts: "workloads/progressive-delivery-restarts",
    statefulset_immutable_field: "workloads/statefulset-immutable-field",
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
