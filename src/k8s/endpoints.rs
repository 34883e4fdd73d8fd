//! Pods behind a Service, as its EndpointSlices tell them.

use crate::release::Value;

/// How many endpoints of a slice take requests; one without a `ready` condition does (discovery.k8s.io/v1 `EndpointConditions`).
pub fn ready(slice: &Value) -> usize {
    let endpoints = slice.get("endpoints").as_list().iter();
    endpoints.filter(|endpoint| endpoint.at(&["conditions", "ready"]).as_bool() != Some(false)).count()
}
