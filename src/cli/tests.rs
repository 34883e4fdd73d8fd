//! From words to settings.

use clap::CommandFactory;

use super::*;
use crate::gate::OnInconclusive;
use crate::helm::{ServerSide, Wait};
use crate::rules::Severity;
use crate::settings::{Driver, Format, Settings, Source, TargetRequest};

fn parse(line: &str, env: Env) -> Result<Settings> {
    parse_as(line, env, CalledAs::HelmPlugin)
}

fn parse_as(line: &str, env: Env, called_as: CalledAs) -> Result<Settings> {
    let args = std::iter::once("x").chain(line.split_whitespace()).map(OsString::from).collect();
    let mut definition = Cli::command();
    let words = argv::command_first(args, &definition);
    let cli = Cli::from_arg_matches(&definition.try_get_matches_from_mut(words)?)?;
    let (check, accept) = match &cli.command {
        Command::Run(args) => (&args.check, Some(&args.accept)),
        Command::Check(args) => (args, None),
        other => panic!("no check: {other:?}"),
    };
    options::settings(&options::Given { check, accept, kube: &cli.kube, debug: false, called_as }, &env)
}

fn settings(line: &str) -> Settings {
    parse(line, Env::default()).unwrap_or_else(|error| panic!("{line}: {error:#}"))
}

#[test]
fn without_a_command_it_acts() {
    assert!(settings("shop").act);
    assert!(settings("run shop 5").act);
    assert!(!settings("check shop").act);
    assert!(!settings("shop --dry-run").act);
    assert!(!settings("shop --dry-run=server").act);
    assert!(settings("shop --dry-run=none").act);
    assert!(settings("shop --dry-run=false").act);
}

#[test]
fn targets() {
    assert_eq!(settings("shop").load.target, TargetRequest::Best);
    assert_eq!(settings("shop 0").load.target, TargetRequest::HelmDefault);
    assert_eq!(settings("shop 05").load.target, TargetRequest::Revision(5));
    assert_eq!(settings("--wait shop 5").load.target, TargetRequest::Revision(5));
}

#[test]
fn namespaces_in_every_form() {
    for line in ["shop -n prod", "shop -nprod", "shop --namespace=prod", "-nprod shop", "shop --namespace test -n prod"] {
        assert_eq!(settings(line).load.kube.namespace.as_deref(), Some("prod"), "{line}");
    }
    let inherited = parse("shop", Env::from([("HELM_NAMESPACE", "prod")])).unwrap();
    assert_eq!(inherited.load.kube.namespace.as_deref(), Some("prod"));
}

#[test]
fn flags_that_helm_takes_everywhere_are_taken() {
    let line = "shop --debug --debug=true --burst-limit 5 --qps=3 --content-cache /x --registry-config /x --repository-config /x \
        --repository-cache /x --color never --colour=always -v 5 --v=5 --vmodule x=1 --log_dir /x --add_dir_header --skip-headers=true \
        --kube-as-user me --kube-as-group a --kube-as-group b --kube-apiserver https://x --kube-ca-file /x --kube-tls-server-name x \
        --kube-insecure-skip-tls-verify --kube-token t --kubeconfig /x";
    let kube = settings(line).load.kube;
    assert_eq!((kube.burst_limit, kube.qps), (Some(5), Some(3.0)));
    assert_eq!(kube.as_groups, ["a", "b"]);
    assert!(kube.insecure_skip_tls_verify);
    let kubectl = settings("shop --context c --as me --as-group a --server https://x --token t").load.kube;
    assert_eq!((kubectl.context.as_deref(), kubectl.as_user.as_deref()), (Some("c"), Some("me")));
}

#[test]
fn an_insecure_flag_does_not_swallow_the_release() {
    let settings = settings("--kube-insecure-skip-tls-verify shop 5");
    assert_eq!(settings.load.release, "shop");
    assert!(settings.load.kube.insecure_skip_tls_verify);
}

#[test]
fn rollback_flags_of_both_lines() {
    let line = "shop 5 --no-hooks --wait --wait-for-jobs --timeout 90s --cleanup-on-fail=true --history-max=3 --force --recreate-pods=false";
    let three = settings(line);
    let flags = &three.load.flags;
    assert!(flags.no_hooks && flags.wait_for_jobs && flags.cleanup_on_fail && flags.force_replace && !flags.recreate_pods);
    assert_eq!((flags.wait, flags.history_max), (Wait::Watcher, 3));
    let mut passed = three.helm_flags.clone();
    passed.sort();
    let expected = [
        "--cleanup-on-fail",
        "--force",
        "--history-max=3",
        "--no-hooks",
        "--recreate-pods=false",
        "--timeout=90s",
        "--wait",
        "--wait-for-jobs",
    ];
    assert_eq!(passed, expected);

    let four = settings("shop --wait=legacy --server-side true --force-conflicts --description=back");
    assert_eq!((four.load.flags.wait, four.load.flags.server_side), (Wait::Legacy, ServerSide::True));
    assert_eq!(four.helm_flags, ["--force-conflicts", "--wait=legacy", "--server-side=true", "--description=back"]);
    assert_eq!(settings("shop --wait --wait=false").load.flags.wait, Wait::HookOnly, "the last one counts");
}

#[test]
fn sources() {
    let driver = |name: &str| parse("check shop", Env::from([("HELM_DRIVER", name)])).unwrap().load.source;
    for name in ["", "secret", "secrets"] {
        assert_eq!(driver(name), Source::Driver(Driver::Secrets));
    }
    assert_eq!(driver("configmap"), Source::Driver(Driver::ConfigMaps));
    let memory = parse("check shop", Env::from([("HELM_DRIVER", "memory"), ("HELM_MEMORY_DRIVER_DATA", "/a::/b")])).unwrap();
    assert_eq!(memory.load.source, Source::Driver(Driver::Memory { files: vec!["/a".into(), "/b".into()] }));
    let sql = Env::from([("HELM_DRIVER", "sql"), ("HELM_DRIVER_SQL_CONNECTION_STRING", "postgresql://x")]);
    assert_eq!(
        parse("check shop", sql).unwrap().load.source,
        Source::Driver(Driver::Sql { connection: "postgresql://x".to_owned() })
    );
    assert_eq!(settings("check shop --releases -").load.source, Source::Stdin);
    assert_eq!(settings("check shop --releases=x.yaml").load.source, Source::File("x.yaml".into()));
    // A driver that makes no sense does not matter where it is not used.
    assert!(parse("check shop --releases x", Env::from([("HELM_DRIVER", "etcd")])).is_ok());
}

#[test]
fn gate_outputs_and_acceptance() {
    let digest = format!("sha256:{}", "0a".repeat(32));
    let settings = settings(&format!(
        "shop --fail-on medium --on-inconclusive allow -o json=/x.json -otext --accept {digest} --accept-critical"
    ));
    assert_eq!(
        (settings.policy.flags.fail_on, settings.policy.flags.on_inconclusive),
        (Some(Severity::Medium), Some(OnInconclusive::Allow))
    );
    assert_eq!(settings.outputs.iter().map(|output| output.format).collect::<Vec<_>>(), [Format::Json, Format::Text]);
    assert_eq!((settings.acceptance.digest, settings.acceptance.critical), (Some(digest), true));
}

#[test]
fn the_command_to_accept_leads_to_the_same_report() {
    let line = "shop --context east --fail-on medium --no-live --wait --description=back --kube-token t0psecret --accept-critical --accept";
    let line = format!("{line} sha256:{}", "0".repeat(64));
    let helm = parse_as(&line, Env::default(), CalledAs::HelmPlugin).unwrap().again;
    assert_eq!(
        helm.command("shop", "prod", 5),
        "helm rollback-safe shop 5 --namespace prod --kube-context east --fail-on medium --no-live --wait --description=back"
    );
    let kubectl = parse_as("shop --context it's", Env::default(), CalledAs::KubectlPlugin).unwrap().again;
    assert_eq!(kubectl.command("shop", "prod", 5), r"kubectl rollback-safe shop 5 --namespace prod --context 'it'\''s'");
    // What Helm kept for itself is written out again, but no secret.
    let env = [("HELM_PLUGIN_NAME", "x"), ("HELM_KUBECONTEXT", "east"), ("KUBECONFIG", "/k"), ("HELM_KUBETOKEN", "t0psecret")];
    let inherited = parse("check shop", Env::from(env)).unwrap().again.command("shop", "prod", 5);
    assert_eq!(inherited, "helm rollback-safe shop 5 --namespace prod --kube-context east --kubeconfig /k");
    for line in ["check shop --releases x", "check shop --live x", "check shop --discovery x", "check shop --helm-version 4.3.1"]
    {
        assert!(!settings(line).again.can_act, "{line}");
    }
    // What is printed parses again, to the same settings.
    let words = helm.command("shop", "prod", 5);
    let again = settings(words.strip_prefix("helm rollback-safe ").unwrap());
    assert_eq!(
        (again.load.release.as_str(), again.policy.flags.fail_on, again.load.live_evidence),
        ("shop", Some(Severity::Medium), false)
    );
}

#[test]
fn names_of_releases() {
    for name in ["a", "shop", "my-shop.v2", "0a", &"x".repeat(53)] {
        assert!(parse(&format!("check {name}"), Env::default()).is_ok(), "{name}");
    }
    for name in ["A", "a_b", "a-", "a..b", ".a", "a/b", &"x".repeat(54)] {
        let error = parse(&format!("check {name}"), Env::default()).unwrap_err();
        assert_eq!(error.downcast_ref::<crate::exit::Advice>().unwrap().status, ExitStatus::Usage, "{name}");
    }
}
