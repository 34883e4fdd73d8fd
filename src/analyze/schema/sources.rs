//! Where the migrations of a release are: ConfigMaps, files of the chart in the record, directories that were named.

use std::collections::BTreeMap;

use crate::input::{Input, MigrationFiles};
use crate::migrations::applied::{self, Applied};
use crate::migrations::frameworks::history;
use crate::migrations::history::{History, Language, Options};
use crate::migrations::source::{Content, Tree};
use crate::release::chart_files;
use crate::release::{Object, ObjectRef, Release};

/// One history as both sides have it.
#[derive(Clone, Debug)]
pub struct Pair {
    /// `ConfigMap/prod/db-migrations`, `files of the chart`, the directory that was named.
    pub origin: String,
    /// The ConfigMap, where it is one.
    pub object: Option<ObjectRef>,
    /// None where only the older side has it.
    pub from: Option<History>,
    pub to: Option<History>,
    /// The history table of the database that they are applied to.
    pub applied: Option<Applied>,
}

/// Files of one side in one place, by the key that pairs the sides.
type Side = BTreeMap<String, Place>;

#[derive(Clone, Debug)]
struct Place {
    origin: String,
    object: Option<ObjectRef>,
    tree: Tree,
}

/// Every history of the two records, with the directories that the user named.
pub fn pairs(input: &Input) -> Vec<Pair> {
    let mut to = side(&input.to, input.schema.to.as_ref());
    let mut from = side(&input.from, input.schema.from.as_ref());
    pair_renamed(&mut from, &mut to);
    let mut keys: Vec<String> = from.keys().chain(to.keys()).cloned().collect();
    keys.sort();
    keys.dedup();
    let mut pairs: Vec<Pair> = keys.iter().filter_map(|key| pair(from.get(key), to.get(key))).collect();
    for pair in &mut pairs {
        let known = pair.from.as_ref().and_then(|history| applied::choose(&input.schema.applied, history));
        pair.applied = known.cloned();
    }
    pairs
}

fn pair(from: Option<&Place>, to: Option<&Place>) -> Option<Pair> {
    let place = from.or(to)?;
    let newer = from.map(|place| history(&place.tree, &Options::default())).filter(is_history);
    let options = newer
        .as_ref()
        .map_or_else(Options::default, |found| Options { framework: Some(found.framework), dialect: found.dialect });
    let older = to.map(|place| history(&place.tree, &options)).filter(is_history);
    let (origin, object) = (place.origin.clone(), place.object.clone());
    (newer.is_some() || older.is_some()).then_some(Pair { origin, object, from: newer, to: older, applied: None })
}

/// One script alone, with nothing that gives it a place in a row, is somebody's query or set-up script.
fn is_history(found: &History) -> bool {
    !found.migrations.is_empty()
}

fn side(release: &Release, named: Option<&MigrationFiles>) -> Side {
    let mut side = Side::new();
    for object in config_maps(release) {
        if let Some(tree) = config_map(object) {
            let place = Place { origin: object.id.to_string(), object: Some(object.id.clone()), tree };
            side.insert(chart_files::of_config_map(&object.id), place);
        }
    }
    if !release.chart.files.is_empty() {
        let files = release.chart.files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes()));
        let place = Place { origin: "files of the chart".to_owned(), object: None, tree: Tree::from_files(files) };
        side.insert(chart_files::OF_CHART.to_owned(), place);
    }
    if let Some(named) = named {
        side.insert("named".to_owned(), Place { origin: named.origin.clone(), object: None, tree: named_tree(named) });
    }
    side
}

fn config_maps(release: &Release) -> impl Iterator<Item = &Object> {
    release.objects.iter().chain(release.hook_objects()).filter(|object| object.id.is("", "ConfigMap"))
}

/// Keys that may be scripts; none where no key is.
fn config_map(object: &Object) -> Option<Tree> {
    let data = object.body.get("data");
    let entries = data.as_map().into_iter().flat_map(|map| map.iter());
    let files: Vec<(String, Vec<u8>)> = entries
        .filter(|(key, _)| Language::of(key).is_some())
        .map(|(key, value)| (key.to_string(), value.display().into_bytes()))
        .collect();
    (!files.is_empty()).then(|| Tree::from_files(files))
}

fn named_tree(named: &MigrationFiles) -> Tree {
    let mut tree = Tree::from_files(named.texts.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())));
    for (path, why) in &named.unread {
        tree.insert(path, Content::Missing(why.clone()));
    }
    tree
}

/// ConfigMaps whose name carries a digest or a version have another one on each side: one left over on both sides is the same.
fn pair_renamed(from: &mut Side, to: &mut Side) {
    let lonely = |side: &Side, other: &Side| -> Vec<String> {
        side.iter()
            .filter(|(key, place)| place.object.is_some() && !other.contains_key(*key))
            .map(|(key, _)| key.clone())
            .collect()
    };
    let (newer, older) = (lonely(from, to), lonely(to, from));
    if let ([newer], [older]) = (newer.as_slice(), older.as_slice())
        && let Some(place) = to.remove(older)
    {
        to.insert(newer.clone(), place);
    }
}
