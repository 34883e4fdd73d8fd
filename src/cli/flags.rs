//! The flags of `helm rollback`, of both lines: read for the forecast, kept as given for Helm.

use clap::Args;

use crate::helm::{HelmVersion, RollbackFlags, ServerSide, Wait};
use crate::input::Known;
use crate::release::ApplyMethod;

use super::env::Env;

/// Longest `--description`, in characters (Helm 4.3 `pkg/action/rollback.go` `MaxDescriptionLength`).
const MAX_DESCRIPTION: usize = 256;

/// Revisions kept where nothing is said (`pkg/cli/environment.go` `defaultMaxHistory`).
const DEFAULT_HISTORY: i64 = 10;

/// Booleans take `=true` and `=false` like Go's `pflag`; given more than once, the last counts.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Flags of helm rollback (passed on to Helm)")]
pub struct RollbackArgs {
    /// Only check: the same as the command `check`
    #[arg(long, value_name = "none|client|server", num_args = 0..=1, require_equals = true, default_missing_value = "client", value_parser = dry_run)]
    pub dry_run: Option<bool>,
    /// Do not run hooks
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub no_hooks: Option<bool>,
    /// Wait for objects to be ready; Helm 4 takes a strategy: watcher, hookOnly, legacy
    #[arg(long, value_name = "STRATEGY", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = wait)]
    pub wait: Option<String>,
    /// With --wait: wait for Jobs too
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub wait_for_jobs: Option<bool>,
    /// How long Helm waits for any single operation, for example 5m0s
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<String>,
    /// Delete what this rollback created if it fails
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub cleanup_on_fail: Option<bool>,
    /// Revisions to keep, 0 for all [default: HELM_MAX_HISTORY or 10]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub history_max: Option<i64>,
    /// Replace objects instead of patching them (Helm 3; deprecated name in Helm 4)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub force: Option<bool>,
    /// Replace objects instead of patching them (Helm 4)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub force_replace: Option<bool>,
    /// Take fields from other managers (Helm 4, server-side apply)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub force_conflicts: Option<bool>,
    /// true, false or auto (Helm 4)
    #[arg(long, value_name = "MODE", value_parser = server_side)]
    pub server_side: Option<ServerSide>,
    /// Restart pods (Helm 3)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub recreate_pods: Option<bool>,
    /// Description of the new revision, at most 256 characters (Helm 4.3)
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
}

impl RollbackArgs {
    /// What the forecast needs.
    pub fn flags(&self, env: &Env) -> RollbackFlags {
        let on = |flag: Option<bool>| flag.unwrap_or(false);
        let history = self.history_max.or_else(|| env.number("HELM_MAX_HISTORY")).unwrap_or(DEFAULT_HISTORY);
        RollbackFlags {
            no_hooks: on(self.no_hooks),
            force_replace: on(self.force) || on(self.force_replace),
            force_conflicts: on(self.force_conflicts),
            server_side: self.server_side.unwrap_or_default(),
            wait: self.wait.as_deref().map_or(Wait::NotGiven, wait_of),
            wait_for_jobs: on(self.wait_for_jobs),
            cleanup_on_fail: on(self.cleanup_on_fail),
            recreate_pods: on(self.recreate_pods),
            // Helm prunes only if the number is positive (`pkg/storage/storage.go` `Create`).
            history_max: u32::try_from(history.max(0)).unwrap_or(u32::MAX),
            description: self.description.clone().filter(|text| !text.is_empty()),
            timeout: self.timeout.clone(),
        }
    }

    /// The same flags for Helm's own command line, without `--dry-run`.
    pub fn pass_on(&self) -> Vec<String> {
        let booleans = [
            ("--no-hooks", self.no_hooks),
            ("--wait-for-jobs", self.wait_for_jobs),
            ("--cleanup-on-fail", self.cleanup_on_fail),
            ("--force", self.force),
            ("--force-replace", self.force_replace),
            ("--force-conflicts", self.force_conflicts),
            ("--recreate-pods", self.recreate_pods),
        ];
        let mut words: Vec<String> = booleans
            .into_iter()
            .filter_map(|(name, value)| value.map(|on| if on { name.to_owned() } else { format!("{name}=false") }))
            .collect();
        if let Some(wait) = &self.wait {
            words.push(if wait == "true" { "--wait".to_owned() } else { format!("--wait={wait}") });
        }
        let values = [
            ("--timeout", self.timeout.clone()),
            ("--history-max", self.history_max.map(|number| number.to_string())),
            ("--server-side", self.server_side.map(|mode| server_side_name(mode).to_owned())),
            ("--description", self.description.clone()),
        ];
        words.extend(values.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}"))));
        words
    }
}

/// Why the Helm at hand would refuse these flags: some at once, some only after it has written the new record
/// (`pkg/kube/client.go` `Update`), which leaves a failed revision behind. Empty if it takes them.
///
/// With an unknown version only what no Helm takes is refused.
pub fn refusals(helm: &Known<HelmVersion>, args: &RollbackArgs, target: Option<ApplyMethod>) -> Vec<String> {
    let mut refused = contradictions(args);
    if let Some(helm) = helm.yes() {
        refused.extend(unknown_to(helm, args));
        if helm.major >= 4 {
            refused.extend(apply_conflict(args, target));
        }
    }
    refused
}

/// What is wrong whatever Helm it is.
pub fn contradictions(args: &RollbackArgs) -> Vec<String> {
    let mut refused = Vec::new();
    // cobra's `MarkFlagsMutuallyExclusive` looks at what was given, not at its value.
    if args.force_conflicts.is_some() && (args.force.is_some() || args.force_replace.is_some()) {
        refused.push("--force-conflicts and --force-replace (or --force) exclude each other".to_owned());
    }
    let length = args.description.as_ref().map_or(0, |text| text.chars().count());
    if length > MAX_DESCRIPTION {
        refused.push(format!("--description takes at most {MAX_DESCRIPTION} characters, this one has {length}"));
    }
    refused
}

fn unknown_to(helm: &HelmVersion, args: &RollbackArgs) -> Vec<String> {
    let mut refused = Vec::new();
    let mut only = |given: bool, known: bool, flag: &str, since: &str| {
        if given && !known {
            refused.push(format!("Helm {helm} has no {flag} for rollback: {since}"));
        }
    };
    let four = helm.major >= 4;
    only(args.recreate_pods.is_some(), !four, "--recreate-pods", "it was removed with Helm 4");
    only(args.server_side.is_some(), four, "--server-side", "it came with Helm 4");
    only(args.force_replace.is_some(), four, "--force-replace", "it came with Helm 4; Helm 3 calls it --force");
    only(args.force_conflicts.is_some(), four, "--force-conflicts", "it came with Helm 4");
    only(args.description.is_some(), helm.at_least(4, 3, 0), "--description", "it came with Helm 4.3");
    let strategy = args.wait.as_deref().filter(|wait| !matches!(*wait, "true" | "false"));
    only(strategy.is_some(), four, &format!("--wait={}", strategy.unwrap_or_default()), "strategies came with Helm 4");
    refused
}

/// Helm 4 finds these out after the record was created: it ends `failed`, and what was deployed `superseded`.
fn apply_conflict(args: &RollbackArgs, target: Option<ApplyMethod>) -> Option<String> {
    let mode = args.server_side.unwrap_or_default();
    let (server_side, why) = match mode {
        ServerSide::True => (true, "--server-side=true asks for server-side apply"),
        ServerSide::False => (false, "--server-side=false asks for client-side apply"),
        ServerSide::Auto if target == Some(ApplyMethod::ServerSide) => (true, "the target revision was applied server-side"),
        ServerSide::Auto => (false, "the target revision was applied client-side"),
    };
    let replace = args.force == Some(true) || args.force_replace == Some(true);
    if replace && server_side {
        return Some(format!(
            "--force-replace does not work here: {why}, and Helm cannot replace then; use --server-side=false with it"
        ));
    }
    if args.force_conflicts == Some(true) && !server_side {
        return Some(format!(
            "--force-conflicts does not work here: {why}, and there are no conflicts to force then; use --server-side=true with it"
        ));
    }
    None
}

/// What Go's `strconv.ParseBool` takes.
pub fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

/// Whether nothing may be changed. Helm 4 takes words, Helm 3 booleans; for a rollback all of them mean the same.
fn dry_run(text: &str) -> Result<bool, String> {
    match text {
        "none" => Ok(false),
        "client" | "server" => Ok(true),
        _ => go_bool(text).map_err(|_| "expected none, client, server, true or false".to_owned()),
    }
}

fn wait(text: &str) -> Result<String, String> {
    match (text, go_bool(text)) {
        ("watcher" | "hookOnly" | "legacy", _) => Ok(text.to_owned()),
        (_, Ok(on)) => Ok(on.to_string()),
        _ => Err("expected watcher, hookOnly, legacy, true or false".to_owned()),
    }
}

fn wait_of(text: &str) -> Wait {
    match text {
        "false" | "hookOnly" => Wait::HookOnly,
        "legacy" => Wait::Legacy,
        _ => Wait::Watcher,
    }
}

fn server_side(text: &str) -> Result<ServerSide, String> {
    match text {
        "auto" => Ok(ServerSide::Auto),
        "true" => Ok(ServerSide::True),
        "false" => Ok(ServerSide::False),
        _ => Err("expected true, false or auto".to_owned()),
    }
}

fn server_side_name(mode: ServerSide) -> &'static str {
    match mode {
        ServerSide::Auto => "auto",
        ServerSide::True => "true",
        ServerSide::False => "false",
    }
}

/// A duration in the form of Go's `time.ParseDuration`: `5m0s`, `1.5h`, `300ms`, `0`. Kept as text, for Helm reads it itself.
fn duration(text: &str) -> Result<String, String> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut rest = unsigned;
    while !rest.is_empty() && unsigned != "0" {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, tail) = rest.split_at(number);
        let valid = digits.chars().any(|c| c.is_ascii_digit()) && digits.matches('.').count() <= 1;
        // Longer units first: `m` is a prefix of `ms`.
        let unit = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"].into_iter().find(|unit| tail.starts_with(unit));
        match unit {
            Some(unit) if valid => rest = &tail[unit.len()..],
            _ => return Err("expected a duration such as 5m0s or 90s".to_owned()),
        }
    }
    if unsigned.is_empty() { Err("expected a duration such as 5m0s or 90s".to_owned()) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(change: impl FnOnce(&mut RollbackArgs)) -> RollbackArgs {
        let mut args = RollbackArgs::default();
        change(&mut args);
        args
    }

    fn helm(text: &str) -> Known<HelmVersion> {
        Known::Yes(HelmVersion::parse(text).expect("a version"))
    }

    #[test]
    fn each_line_refuses_the_other_lines_flags() {
        let table: [(&str, RollbackArgs, bool); 20] = [
            ("4.3.1", given(|a| a.recreate_pods = Some(true)), true),
            ("4.3.1", given(|a| a.recreate_pods = Some(false)), true),
            ("3.22.0", given(|a| a.recreate_pods = Some(true)), false),
            ("3.22.0", given(|a| a.server_side = Some(ServerSide::Auto)), true),
            ("4.0.0", given(|a| a.server_side = Some(ServerSide::Auto)), false),
            ("3.22.0", given(|a| a.force_replace = Some(true)), true),
            ("3.22.0", given(|a| a.force = Some(true)), false),
            ("4.2.4", given(|a| a.force = Some(true)), false),
            ("3.22.0", given(|a| a.force_conflicts = Some(true)), true),
            ("4.2.4", given(|a| a.description = Some("x".to_owned())), true),
            ("3.22.0", given(|a| a.description = Some("x".to_owned())), true),
            ("4.3.0", given(|a| a.description = Some("x".to_owned())), false),
            ("4.3", given(|a| a.description = Some("x".to_owned())), false),
            ("4.3.0", given(|a| a.description = Some("ä".repeat(256))), false),
            ("4.3.0", given(|a| a.description = Some("ä".repeat(257))), true),
            ("3.22.0", given(|a| a.wait = Some("legacy".to_owned())), true),
            ("3.22.0", given(|a| a.wait = Some("true".to_owned())), false),
            ("4.0.0", given(|a| a.wait = Some("hookOnly".to_owned())), false),
            ("4.0.0", given(|a| (a.force_conflicts, a.force_replace) = (Some(true), Some(false))), true),
            ("4.0.0", given(|a| a.cleanup_on_fail = Some(true)), false),
        ];
        for (row, (version, args, refused)) in table.into_iter().enumerate() {
            let said = refusals(&helm(version), &args, None);
            assert_eq!(!said.is_empty(), refused, "row {row}: {version} {args:?} {said:?}");
        }
    }

    #[test]
    fn the_apply_method_decides_what_can_be_forced() {
        use ApplyMethod::{ClientSide, ServerSide as Ssa};
        let replace = |mode: Option<ServerSide>| given(|a| (a.force_replace, a.server_side) = (Some(true), mode));
        let conflicts = |mode: Option<ServerSide>| given(|a| (a.force_conflicts, a.server_side) = (Some(true), mode));
        let table = [
            (replace(None), Some(Ssa), true),
            (replace(None), Some(ClientSide), false),
            (replace(None), None, false),
            (replace(Some(ServerSide::False)), Some(Ssa), false),
            (replace(Some(ServerSide::True)), None, true),
            (conflicts(None), Some(Ssa), false),
            (conflicts(None), Some(ClientSide), true),
            (conflicts(None), None, true),
            (conflicts(Some(ServerSide::True)), None, false),
            (conflicts(Some(ServerSide::False)), Some(Ssa), true),
            (given(|a| a.force = Some(true)), Some(Ssa), true),
        ];
        for (row, (args, target, refused)) in table.into_iter().enumerate() {
            let said = refusals(&helm("4.3.1"), &args, target);
            assert_eq!(!said.is_empty(), refused, "row {row}: {said:?}");
        }
        let replace = given(|a| a.force = Some(true));
        assert!(refusals(&helm("3.22.0"), &replace, Some(Ssa)).is_empty(), "Helm 3 knows no apply method");
    }

    #[test]
    fn an_unknown_helm_refuses_only_what_none_takes() {
        let unknown = Known::No("no binary".to_owned());
        assert!(refusals(&unknown, &given(|a| a.recreate_pods = Some(true)), None).is_empty());
        assert_eq!(refusals(&unknown, &given(|a| a.description = Some("x".repeat(257))), None).len(), 1);
    }

    #[test]
    fn flags_reach_forecast_and_helm_alike() {
        let args = given(|a| {
            (a.no_hooks, a.cleanup_on_fail) = (Some(true), Some(false));
            a.wait = Some("true".to_owned());
            a.timeout = Some("90s".to_owned());
            a.history_max = Some(3);
            a.server_side = Some(ServerSide::False);
            a.description = Some("back; again".to_owned());
            a.dry_run = Some(true);
        });
        let flags = args.flags(&Env::default());
        assert!(flags.no_hooks && !flags.cleanup_on_fail && flags.wait == Wait::Watcher && flags.history_max == 3);
        assert_eq!(
            args.pass_on(),
            [
                "--no-hooks",
                "--cleanup-on-fail=false",
                "--wait",
                "--timeout=90s",
                "--history-max=3",
                "--server-side=false",
                "--description=back; again"
            ]
        );
    }

    #[test]
    fn history_comes_from_flag_then_variable_then_default() {
        let none = RollbackArgs::default();
        assert_eq!(none.flags(&Env::default()).history_max, 10);
        assert_eq!(none.flags(&Env::from([("HELM_MAX_HISTORY", "25")])).history_max, 25);
        assert_eq!(none.flags(&Env::from([("HELM_MAX_HISTORY", "many")])).history_max, 10);
        assert_eq!(given(|a| a.history_max = Some(-1)).flags(&Env::from([("HELM_MAX_HISTORY", "25")])).history_max, 0);
    }

    #[test]
    fn durations_are_go_durations() {
        for good in ["5m0s", "90s", "1.5h", "300ms", "0", "1h2m3s", "-1s", "2µs"] {
            assert_eq!(duration(good), Ok(good.to_owned()));
        }
        for bad in ["", "5", "s", "5x", "5 m", "1.2.3s", "+", ".s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
