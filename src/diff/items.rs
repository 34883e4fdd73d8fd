//! Pairs the items of two lists by their merge keys.

use std::collections::BTreeMap;

use crate::release::Value;

/// An item's merge keys with their values, as a path shows them.
pub(super) type ItemKey = Vec<(String, String)>;

/// One item, by its position on either side.
pub(super) struct ItemPair {
    pub key: ItemKey,
    pub from: Option<usize>,
    pub to: Option<usize>,
}

pub(super) struct Pairing {
    /// In *from*'s order, then those only in *to* in theirs.
    pub pairs: Vec<ItemPair>,
    /// The items on both sides stand in another order.
    pub reordered: bool,
}

/// Pairs items by these keys; none where an item lacks its key, or two items share one, so that the keys do not tell them apart.
pub(super) fn by_keys(from: &[Value], to: &[Value], keys: &[&str]) -> Option<Pairing> {
    let left = from.iter().map(|item| item_key(item, keys)).collect::<Option<Vec<_>>>()?;
    let right = to.iter().map(|item| item_key(item, keys)).collect::<Option<Vec<_>>>()?;
    let (left_index, right_index) = (index(&left)?, index(&right)?);
    let common: Vec<usize> = left.iter().filter_map(|key| right_index.get(key).copied()).collect();
    let reordered = !common.is_sorted();
    let both = left.iter().enumerate().map(|(position, key)| ItemPair {
        key: key.clone(),
        from: Some(position),
        to: right_index.get(key).copied(),
    });
    let added = right.iter().enumerate().filter(|(_, key)| !left_index.contains_key(key));
    let added = added.map(|(position, key)| ItemPair { key: key.clone(), from: None, to: Some(position) });
    Some(Pairing { pairs: both.chain(added).collect(), reordered })
}

fn index(keys: &[ItemKey]) -> Option<BTreeMap<&ItemKey, usize>> {
    let index: BTreeMap<&ItemKey, usize> = keys.iter().enumerate().map(|(position, key)| (key, position)).collect();
    (index.len() == keys.len()).then_some(index)
}

/// The item with these merge keys.
pub(super) fn find<'v>(items: &'v [Value], wanted: &ItemKey) -> Option<&'v Value> {
    let keys: Vec<&str> = wanted.iter().map(|(key, _)| key.as_str()).collect();
    items.iter().find(|item| item_key(item, &keys).as_ref() == Some(wanted))
}

/// The item's keys; a missing `protocol` is `TCP`, the API's default. Secret values are no keys.
fn item_key(item: &Value, keys: &[&str]) -> Option<ItemKey> {
    keys.iter()
        .map(|key| {
            let text = match item.get(key) {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Null if *key == "protocol" => "TCP".to_owned(),
                _ => return None,
            };
            Some(((*key).to_owned(), text))
        })
        .collect()
}
