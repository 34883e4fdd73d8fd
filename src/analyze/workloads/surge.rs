//! How many pods a rollout may start before it has stopped others (apps/v1 `RollingUpdateDeployment`).

use crate::release::Value;

/// The bounds of a rolling update in pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub surge: i64,
    pub unavailable: i64,
}

/// Of a Deployment with defaults filled in; none where it does not roll.
pub fn bounds(deployment: &Value, replicas: i64) -> Option<Bounds> {
    let strategy = deployment.at(&["spec", "strategy"]);
    if strategy.get("type").as_str() == Some("Recreate") {
        return None;
    }
    let rolling = strategy.get("rollingUpdate");
    let surge = scaled(rolling.get("maxSurge"), replicas, true)?;
    let unavailable = scaled(rolling.get("maxUnavailable"), replicas, false)?;
    // The controller lets one pod be unavailable where both round to nothing (`ResolveFenceposts`).
    let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
    Some(Bounds { surge, unavailable })
}

/// A number, or a percentage of the replicas; absent means 25 %.
fn scaled(value: &Value, replicas: i64, up: bool) -> Option<i64> {
    let percent = match value {
        Value::Null => 25,
        Value::Number(number) => return number.as_i64(),
        other => other.as_str()?.strip_suffix('%')?.parse::<i64>().ok()?,
    };
    let hundredths = percent.checked_mul(replicas)?;
    Some(if up { hundredths.checked_add(99)? / 100 } else { hundredths / 100 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn percentages_round_apart() {
        let of = |spec: serde_json::Value, replicas| bounds(&Value::from_json(json!({"spec": {"strategy": spec}})), replicas);
        assert_eq!(of(json!({}), 1), Some(Bounds { surge: 1, unavailable: 0 }));
        assert_eq!(of(json!({}), 10), Some(Bounds { surge: 3, unavailable: 2 }));
        assert_eq!(
            of(json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "10%"}}), 3),
            Some(Bounds { surge: 0, unavailable: 1 })
        );
        assert_eq!(of(json!({"type": "Recreate"}), 3), None);
    }
}
