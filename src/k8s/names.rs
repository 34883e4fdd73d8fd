//! Names that the API server takes (Kubernetes `apimachinery/pkg/api/validation`, `pkg/apis/*/validation`).

use crate::release::ObjectRef;

/// Why the name of a new object is refused; none where it is fine or the kind has rules of its own.
pub fn refusal(id: &ObjectRef) -> Option<String> {
    // Names of RBAC objects are path segments: nearly anything goes (`ValidatePathSegmentName`).
    if id.group() == "rbac.authorization.k8s.io" || is_subdomain(&id.name) {
        return None;
    }
    Some(format!("{} is invalid: metadata.name: Invalid value: a lowercase RFC 1123 subdomain is needed", id.kind))
}

/// Lower-case letters, digits, `-` and `.`, each part starting and ending with a letter or digit, 253 characters at most.
fn is_subdomain(name: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label = |label: &str| {
        label.starts_with(is_alphanumeric)
            && label.ends_with(is_alphanumeric)
            && label.chars().all(|c| is_alphanumeric(c) || c == '-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subdomains() {
        assert!(is_subdomain("a-b.c1") && is_subdomain("0"));
        assert!(
            !is_subdomain("BAD") && !is_subdomain("a_b") && !is_subdomain("-a") && !is_subdomain("a..b") && !is_subdomain("")
        );
        let role = ObjectRef::new("rbac.authorization.k8s.io/v1", "ClusterRole", None, "system:x");
        assert_eq!(refusal(&role), None);
    }
}
