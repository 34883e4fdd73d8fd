//! Migrations that ran between *to* and *from*: Helm goes back, what they did stays.

use std::collections::BTreeMap;

use super::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::input::Input;
use crate::k8s::glob::glob;
use crate::k8s::pods;
use crate::release::{Hook, HookEvent, Object, ObjectRef, Revision, Value};
use crate::rules::EvidenceSource;
use crate::table;

/// Migration tools and how their runs look: framework, field, pattern, confidence, source.
const TABLE: &str = include_str!("../../rules/tables/migration-tools.csv");

/// What a Job or Pod gives away about the migration it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// `any` where only a convention was recognised.
    pub framework: &'static str,
    /// Which field matched which pattern; holds no values.
    pub because: String,
    pub confidence: Confidence,
}

struct Row {
    framework: &'static str,
    field: &'static str,
    pattern: &'static str,
    confidence: Confidence,
}

fn rows() -> impl Iterator<Item = Row> {
    table::records(TABLE).map(|record| {
        let confidence = match record.field(3) {
            "certain" => Confidence::Certain,
            "likely" => Confidence::Likely,
            _ => Confidence::Possible,
        };
        Row { framework: record.field(0), field: record.field(1), pattern: record.field(2), confidence }
    })
}

/// Recognises a migration by image, command, arguments, environment or name; the surest row wins.
pub fn recognise(body: &Value, name: &str) -> Option<Recognised> {
    let spec = pods::spec(body);
    let containers = || spec.get("containers").as_list().iter().chain(spec.get("initContainers").as_list());
    let mut best: Option<Recognised> = None;
    for row in rows() {
        let matched = match row.field {
            "command" => containers().any(|container| runs(container, row.pattern)),
            "image" => containers().any(|container| image_matches(container, row.pattern)),
            "env" => containers().any(|container| env_matches(container, row.pattern)),
            _ => glob(row.pattern, name),
        };
        if matched && best.as_ref().is_none_or(|found| found.confidence < row.confidence) {
            best = Some(Recognised {
                framework: row.framework,
                because: format!("{} matches \"{}\"", row.field, row.pattern),
                confidence: row.confidence,
            });
        }
    }
    best
}

/// Words of command and arguments, shell text included, paths cut to their last part.
fn words(container: &Value) -> Vec<String> {
    let parts = container.get("command").as_list().iter().chain(container.get("args").as_list());
    let split = |text: &str| -> Vec<String> {
        let is_separator = |c: char| c.is_whitespace() || matches!(c, ';' | '&' | '|' | '(' | ')' | '"' | '\'' | ',');
        text.split(is_separator).filter(|word| !word.is_empty()).map(last_part).collect()
    };
    parts.filter_map(Value::as_str).flat_map(split).collect()
}

fn last_part(word: &str) -> String {
    if word.starts_with('-') { word.to_owned() } else { word.rsplit('/').next().unwrap_or(word).to_owned() }
}

/// Whether the pattern's words stand in this order; `*` stands for up to twelve others, a single space for none.
fn runs(container: &Value, pattern: &str) -> bool {
    let words = words(container);
    let pattern: Vec<&str> = pattern.split(' ').collect();
    (0..words.len()).any(|start| words_match(&words[start..], &pattern))
}

fn words_match(words: &[String], pattern: &[&str]) -> bool {
    match pattern {
        [] => true,
        ["*", rest @ ..] => (0..=words.len().min(12)).any(|skipped| words_match(&words[skipped..], rest)),
        [first, rest @ ..] => words.first().is_some_and(|word| glob(first, word)) && words_match(&words[1..], rest),
    }
}

fn image_matches(container: &Value, pattern: &str) -> bool {
    let image = container.get("image").as_str().unwrap_or("");
    let repository = image.split('@').next().unwrap_or(image);
    let repository = match repository.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => repository,
    };
    glob(pattern, repository) || repository.ends_with(&format!("/{pattern}"))
}

fn env_matches(container: &Value, pattern: &str) -> bool {
    container.get("env").as_list().iter().filter_map(|env| env.get("name").as_str()).any(|name| glob(pattern, name))
}

/// One run of a migration.
pub(super) struct Run<'a> {
    pub revision: Revision,
    pub id: ObjectRef,
    pub body: &'a Value,
    event: Option<HookEvent>,
    phase: &'a str,
    at: String,
}

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let mut latest: BTreeMap<ObjectRef, Change> = BTreeMap::new();
    for run in runs_since(context.input) {
        if let Some(change) = change(context, &run) {
            // A later revision's run of the same object says the same thing: the newest speaks.
            latest.insert(run.id.clone(), change);
        }
    }
    latest.into_values().collect()
}

/// Hooks and plain Jobs of every revision after *to*, oldest first.
pub(super) fn runs_since(input: &Input) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    for between in input.between.iter().filter(|between| between.restores.is_none()) {
        runs.extend(hook_runs(&between.hooks, between.revision));
        runs.extend(job_runs(between.jobs.iter(), between.revision));
    }
    let from = &input.from;
    if from.restores().is_none() && from.revision > input.to.revision {
        runs.extend(hook_runs(&from.hooks, from.revision));
        runs.extend(job_runs(from.objects.iter().filter(|object| object.id.is("batch", "Job")), from.revision));
    }
    runs
}

const RUN_EVENTS: [HookEvent; 4] = [HookEvent::PreInstall, HookEvent::PostInstall, HookEvent::PreUpgrade, HookEvent::PostUpgrade];

/// Hooks that the record says were started; a hook without a phase did not run.
fn hook_runs(hooks: &[Hook], revision: Revision) -> impl Iterator<Item = Run<'_>> {
    hooks.iter().filter_map(move |hook| {
        let event = hook.events.iter().copied().filter(|event| RUN_EVENTS.contains(event)).max()?;
        let object = hook.object.as_ref()?;
        let ran = !hook.last_run.phase.is_empty();
        ran.then(|| Run {
            revision,
            id: object.id.clone(),
            body: &object.body,
            event: Some(event),
            phase: &hook.last_run.phase,
            at: hook.path.clone(),
        })
    })
}

fn job_runs<'a>(jobs: impl Iterator<Item = &'a Object>, revision: Revision) -> impl Iterator<Item = Run<'a>> {
    jobs.map(move |object| Run {
        revision,
        id: object.id.clone(),
        body: &object.body,
        event: None,
        phase: "",
        at: object.origin.to_string(),
    })
}

fn change(context: &Context<'_>, run: &Run<'_>) -> Option<Change> {
    let recognised = recognise(run.body, &run.id.name)?;
    if same_in_target(context.input, run) {
        return None;
    }
    let fact = match run.phase {
        "Succeeded" => Fact::RunSucceeded,
        "Failed" => Fact::RunFailed,
        _ => Fact::RunUnknown,
    };
    let event = run.event.map_or("plain Job", HookEvent::as_str);
    let image = pods::spec(run.body)
        .get("containers")
        .as_list()
        .first()
        .map(|container| container.get("image").display())
        .unwrap_or_default();
    let phase = if run.phase.is_empty() { "no recorded result".to_owned() } else { format!("result {}", run.phase) };
    Some(
        Change::of(ChangeKind::MigrationRan, &run.id)
            .confidence(if run.event.is_some() { recognised.confidence } else { recognised.confidence.min(Confidence::Likely) })
            .fact(fact)
            .fact_if(recognised.framework != "any", Fact::FrameworkKnown)
            .fact_if(run.event.is_some(), Fact::IsHook)
            .fact_if(sql_was_read(context, run.body), Fact::SqlRead)
            .with("framework", if recognised.framework == "any" { "a migration" } else { recognised.framework })
            .with("revision", run.revision)
            .with("event", event)
            .with("image", &image)
            .evidence(EvidenceSource::History, format!("revision {} {}", run.revision, run.at), format!("{event}, {phase}"))
            .evidence(EvidenceSource::Table, "migration-tools.csv", recognised.because),
    )
}

/// The pod mounts a ConfigMap of migrations that was analysed, every statement understood.
fn sql_was_read(context: &Context<'_>, body: &Value) -> bool {
    let volumes = pods::spec(body).get("volumes").as_list();
    let mounted = |name: &str| volumes.iter().any(|volume| volume.at(&["configMap", "name"]).as_str() == Some(name));
    context.schema.iter().any(|found| {
        let understood = found.report.understood == found.report.statements;
        understood && found.object.as_ref().is_some_and(|object| mounted(&object.name))
    })
}

/// The target has the same object with the same pod: it had run before, and running it again brought nothing new.
pub(super) fn same_in_target(input: &Input, run: &Run<'_>) -> bool {
    let to = &input.to;
    let mut same_name =
        to.hook_objects().chain(&to.objects).filter(|object| object.id.kind == run.id.kind && object.id.name == run.id.name);
    same_name.any(|object| pods::spec(&object.body) == pods::spec(run.body) && !moving_image(run.body))
}

/// A tag that may name other bits on each pull.
fn moving_image(body: &Value) -> bool {
    let containers = pods::spec(body).get("containers").as_list();
    containers.iter().filter_map(|container| container.get("image").as_str()).any(|image| {
        let name = image.rsplit('/').next().unwrap_or(image);
        !image.contains('@') && (!name.contains(':') || name.ends_with(":latest"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(command: &str) -> Value {
        Value::from_json(serde_json::json!({"spec": {"template": {"spec": {"containers": [
            {"image": "ghcr.io/acme/app:1.2", "command": ["sh", "-c", command]}]}}}}))
    }

    fn framework(command: &str) -> Option<&'static str> {
        recognise(&job(command), "x").map(|found| found.framework)
    }

    #[test]
    fn recognises_commands() {
        assert_eq!(framework("cd /app && python ./manage.py migrate --noinput"), Some("Django"));
        assert_eq!(framework("bundle exec rails db:migrate"), Some("Rails"));
        assert_eq!(framework("/usr/local/bin/migrate -path /migrations -database x up"), Some("golang-migrate"));
        assert_eq!(framework("bin/app eval MyApp.Release.migrate"), Some("Ecto"));
        assert_eq!(framework("echo hello"), None);
    }

    #[test]
    fn recognises_images_and_names() {
        let body = Value::from_json(serde_json::json!({"spec": {"template": {"spec": {"containers": [
            {"image": "docker.io/flyway/flyway:10"}]}}}}));
        assert_eq!(recognise(&body, "x").map(|found| found.framework), Some("Flyway"));
        assert_eq!(recognise(&job("true"), "shop-migrations").map(|found| found.confidence), Some(Confidence::Possible));
    }
}
