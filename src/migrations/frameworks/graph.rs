//! Migrations that name their predecessors: Django and Alembic.
//!
//! Django `django/db/migrations/loader.py` and `graph.py`; Alembic `alembic/script/revision.py`.

use std::collections::{BTreeMap, BTreeSet};

use super::reading::{Loaded, Reading};
use super::survey::{Candidate, Strength, Survey, is_below};
use crate::migrations::code::{self, Header, Kind as CodeKind};
use crate::migrations::framework::Framework;
use crate::migrations::history::{AnomalyKind, Kind, Migration};
use crate::migrations::order::Order;
use crate::migrations::source::{directory, file_name};

pub(super) fn find(survey: &Survey<'_>) -> Vec<Candidate> {
    let mut found = of(survey, Framework::Alembic, |text| text.contains("down_revision"));
    let django = |text: &str| text.contains("migrations.Migration") || text.contains("(Migration)");
    found.extend(together(of(survey, Framework::Django, django)));
    found
}

fn of(survey: &Survey<'_>, framework: Framework, test: impl Fn(&str) -> bool + Copy) -> Vec<Candidate> {
    let candidate = |(folder, names): (&str, &[&str])| {
        let modules: Vec<&str> = names.iter().copied().filter(|name| is_module(name)).collect();
        let found = survey.sample(folder, &modules, test);
        found.then(|| Candidate::new(framework, Strength::Marker, folder, modules.len()))
    };
    survey.directories().filter_map(candidate).collect()
}

fn is_module(name: &str) -> bool {
    name.ends_with(".py") && !name.starts_with("__") && name != "env.py"
}

/// Django's applications are one history.
fn together(candidates: Vec<Candidate>) -> Option<Candidate> {
    let mut candidates = candidates.into_iter();
    let mut all = candidates.next()?;
    for candidate in candidates {
        all.count += candidate.count;
        while !is_below(&candidate.root, &all.root) {
            all.root = directory(&all.root).to_owned();
        }
    }
    all.dialect = None;
    Some(all)
}

/// A migration and what it names.
struct Node {
    migration: Migration,
    header: Header,
}

pub(super) fn read(reading: &mut Reading<'_>) {
    let root = reading.history.root.clone();
    let framework = reading.history.framework;
    let survey = reading.survey;
    let in_place = |path: &String| framework == Framework::Django || directory(path) == root;
    let paths: Vec<String> = survey.under(&root).filter(|path| is_module(file_name(path)) && in_place(path)).collect();
    let loaded: Vec<(Loaded, Header)> = paths.iter().map(|path| reading.load(path)).map(|file| header(framework, file)).collect();
    let labels = if framework == Framework::Django { labels(&loaded) } else { BTreeMap::new() };
    let mut nodes: BTreeMap<String, Node> = BTreeMap::new();
    for (loaded, mut header) in loaded {
        if !belongs(framework, &loaded, &header) {
            continue;
        }
        header.app = labels.get(directory(&loaded.path)).cloned();
        let (id, name) = identity(framework, &loaded.path, &header);
        let migration = loaded.migration(&id, &name);
        if let Some(other) = nodes.insert(id.clone(), Node { migration, header }) {
            let why = format!("{} has this version as well", other.migration.path);
            reading.anomaly(AnomalyKind::Duplicate, &id, &loaded.path, why);
        }
    }
    let aliases = squashes(reading, &mut nodes);
    let edges = edges(reading, &nodes, &aliases);
    branches(reading, &nodes, &edges);
    place(reading, nodes, &edges);
}

fn header(framework: Framework, loaded: Loaded) -> (Loaded, Header) {
    let kind = if framework == Framework::Alembic { CodeKind::Alembic } else { CodeKind::Django };
    let header = code::header(kind, &loaded.path, loaded.text());
    (loaded, header)
}

/// The label of each directory's application: the one under which its files name each other, else the directory above it.
fn labels(files: &[(Loaded, Header)]) -> BTreeMap<String, String> {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (loaded, _) in files {
        names.entry(directory(&loaded.path)).or_default().insert(file_name(&loaded.path).trim_end_matches(".py"));
    }
    let mut votes: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (loaded, header) in files {
        let folder = directory(&loaded.path);
        // Many applications have files of one name; none builds on itself.
        let itself = file_name(&loaded.path).trim_end_matches(".py");
        let named = header.dependencies.iter().chain(&header.replaces).filter_map(|name| name.split_once('.'));
        let beside = |name: &str| name != itself && names.get(folder).is_some_and(|names| names.contains(name));
        for (app, _) in named.filter(|(_, name)| beside(name)) {
            *votes.entry(folder).or_default().entry(app).or_default() += 1;
        }
    }
    let above = |folder: &str| file_name(directory(folder)).to_owned();
    let voted = |folder: &str| {
        let counts = votes.get(folder)?;
        let default = above(folder);
        counts.iter().max_by_key(|(app, count)| (**app == default, **count)).map(|(app, _)| (*app).to_owned())
    };
    names.keys().map(|folder| ((*folder).to_owned(), voted(folder).unwrap_or_else(|| above(folder)))).collect()
}

fn belongs(framework: Framework, loaded: &Loaded, header: &Header) -> bool {
    match framework {
        Framework::Alembic => header.id.is_some(),
        _ => loaded.text().contains("class Migration"),
    }
}

/// The stored version, and a name.
fn identity(framework: Framework, path: &str, header: &Header) -> (String, String) {
    let stem = file_name(path).trim_end_matches(".py");
    if framework == Framework::Alembic {
        let id = header.id.clone().unwrap_or_default();
        let name = stem.strip_prefix(id.as_str()).map_or(stem, |name| name.trim_start_matches('_')).to_owned();
        return (id, name);
    }
    match header.app.as_deref().filter(|app| !app.is_empty()) {
        Some(app) => (format!("{app}.{stem}"), stem.to_owned()),
        None => (stem.to_owned(), stem.to_owned()),
    }
}

/// Django's squashed migrations: where all that they replace is here, they are not run; else they stand for it.
fn squashes(reading: &mut Reading<'_>, nodes: &mut BTreeMap<String, Node>) -> BTreeMap<String, Vec<String>> {
    let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let ids: Vec<String> = nodes.iter().filter(|(_, node)| !node.header.replaces.is_empty()).map(|(id, _)| id.clone()).collect();
    for id in ids {
        let Some(node) = nodes.get(&id) else { continue };
        let replaced = node.header.replaces.clone();
        if replaced.iter().all(|id| nodes.contains_key(id)) {
            if let Some(mut node) = nodes.remove(&id) {
                node.migration.kind = Kind::Baseline;
                reading.history.baselines.push(node.migration);
            }
            aliases.insert(id, replaced);
        } else {
            for old in replaced {
                nodes.remove(&old);
                aliases.insert(old, vec![id.clone()]);
            }
        }
    }
    aliases
}

type Edges = BTreeMap<String, BTreeSet<String>>;

/// For each migration, those that run before it.
fn edges(reading: &mut Reading<'_>, nodes: &BTreeMap<String, Node>, aliases: &BTreeMap<String, Vec<String>>) -> Edges {
    let mut edges: Edges = nodes.keys().map(|id| (id.clone(), BTreeSet::new())).collect();
    for (id, node) in nodes {
        for name in node.header.parents.iter().chain(&node.header.dependencies) {
            let targets = resolve(name, nodes, aliases);
            if targets.is_empty() && is_expected(reading.history.framework, name, nodes) {
                reading.anomaly(
                    AnomalyKind::Missing,
                    name,
                    &node.migration.path,
                    format!("{id} builds on it and it is not here"),
                );
            }
            edges.entry(id.clone()).or_default().extend(targets.into_iter().filter(|target| target != id));
        }
        for after in node.header.run_before.iter().flat_map(|name| resolve(name, nodes, aliases)) {
            edges.entry(after).or_default().insert(id.clone());
        }
    }
    edges
}

/// Other applications' migrations need not be in the tree.
fn is_expected(framework: Framework, name: &str, nodes: &BTreeMap<String, Node>) -> bool {
    let Some((app, _)) = name.split_once('.').filter(|_| framework == Framework::Django) else {
        return framework != Framework::Django;
    };
    nodes.values().any(|node| node.header.app.as_deref() == Some(app))
}

fn resolve(name: &str, nodes: &BTreeMap<String, Node>, aliases: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        match aliases.get(&name) {
            Some(others) => open.extend(others.iter().cloned()),
            None => found.extend(direct(&name, nodes)),
        }
    }
    found.into_iter().collect()
}

/// `app.name`, `app.__first__`, `app.__latest__`, a bare name, or the start of an Alembic revision.
fn direct(name: &str, nodes: &BTreeMap<String, Node>) -> Option<String> {
    if nodes.contains_key(name) {
        return Some(name.to_owned());
    }
    if let Some((app, which)) = name.split_once('.') {
        let mut of_app = nodes.iter().filter(|(_, node)| node.header.app.as_deref() == Some(app)).map(|(id, _)| id.clone());
        return match which {
            "__first__" => of_app.next(),
            "__latest__" => of_app.next_back(),
            _ => nodes.get(which).filter(|node| node.header.app.is_none()).map(|_| which.to_owned()),
        };
    }
    let starting = nodes.range(name.to_owned()..).next().map(|(id, _)| id);
    starting.filter(|id| !name.is_empty() && id.starts_with(name)).cloned()
}

/// More than one migration that nothing follows: Alembic and Django both refuse to run.
fn branches(reading: &mut Reading<'_>, nodes: &BTreeMap<String, Node>, edges: &Edges) {
    let app = |id: &str| nodes.get(id).and_then(|node| node.header.app.clone());
    let followed: BTreeSet<&str> = edges
        .iter()
        .flat_map(|(id, before)| before.iter().filter(move |other| app(id) == app(other)).map(String::as_str))
        .collect();
    let mut heads: BTreeMap<Option<String>, Vec<&str>> = BTreeMap::new();
    for id in nodes.keys().filter(|id| !followed.contains(id.as_str())) {
        heads.entry(app(id)).or_default().push(id);
    }
    for heads in heads.into_values().filter(|heads| heads.len() > 1) {
        let shown = heads.iter().take(10).copied().collect::<Vec<_>>().join(", ");
        let why = format!("nothing follows any of {shown}");
        let path = nodes.get(heads[0]).map(|node| node.migration.path.clone()).unwrap_or_default();
        reading.anomaly(AnomalyKind::Branch, heads[0], &path, why);
    }
}

/// Puts each migration behind those it builds on; of those that may run, the one of the lowest name.
fn place(reading: &mut Reading<'_>, mut nodes: BTreeMap<String, Node>, edges: &Edges) {
    let mut waiting: BTreeMap<&str, usize> = edges.iter().map(|(id, before)| (id.as_str(), before.len())).collect();
    let mut followers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, before) in edges {
        before.iter().for_each(|other| followers.entry(other).or_default().push(id));
    }
    let key = |id: &str| (Order::natural(id.rsplit('.').next().unwrap_or(id)), id.to_owned());
    let mut ready: BTreeSet<(Order, String)> = waiting.iter().filter(|(_, count)| **count == 0).map(|(id, _)| key(id)).collect();
    let mut position = 0;
    while let Some((_, id)) = ready.pop_first() {
        if let Some(node) = nodes.remove(&id) {
            reading.add(Order::position(position), node.migration);
            position += 1;
        }
        for follower in followers.get(id.as_str()).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(follower) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(key(follower));
                }
            }
        }
    }
    let left: Vec<String> = nodes.keys().cloned().collect();
    if let Some(first) = left.first() {
        let path = nodes.get(first).map(|node| node.migration.path.clone()).unwrap_or_default();
        let shown = left.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
        reading.anomaly(
            AnomalyKind::Cycle,
            first,
            &path,
            format!("each waits for another of {shown}: taken in the order of their names"),
        );
    }
    for (node, position) in nodes.into_values().zip(position..) {
        reading.add(Order::position(position), node.migration);
    }
}
