//! What an image reference gives away about the version of an application.

/// The last part of the repository: `ghcr.io/acme/shop:1.2@sha256:…` → `shop`.
pub(super) fn name(image: &str) -> &str {
    let last = image.split('@').next().unwrap_or(image).rsplit('/').next().unwrap_or(image);
    last.split(':').next().unwrap_or(last)
}

/// Whether a major or minor version goes down. What is no version (dates, hashes, `latest`) never does.
pub(super) fn goes_back(before: &str, after: &str) -> bool {
    match (version(before), version(after)) {
        (Some(old), Some(new)) => name(before) == name(after) && new < old,
        _ => false,
    }
}

/// Major and minor version in the tag. Years and build numbers are no versions: their distance says nothing.
fn version(image: &str) -> Option<(u32, u32)> {
    let last = image.split('@').next()?.rsplit('/').next()?;
    let (_, tag) = last.split_once(':')?;
    let number = tag.strip_prefix('v').unwrap_or(tag).split(['-', '+', '_']).next()?;
    let mut parts = number.split('.').map(|part| part.parse::<u32>().ok());
    let major = parts.next()??;
    let minor = parts.next().unwrap_or(Some(0))?;
    (major < 1000 && parts.all(|part| part.is_some())).then_some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn majors_and_minors_go_back_patches_do_not() {
        assert!(goes_back("acme/shop:2.0.0", "acme/shop:1.9.3"));
        assert!(goes_back("ghcr.io/acme/shop:v1.10.0-alpine", "docker.io/acme/shop:v1.9.0-alpine"));
        assert!(goes_back("localhost:5000/shop:3@sha256:00", "localhost:5000/shop:2"));
        for (before, after) in [
            ("acme/shop:1.2.3", "acme/shop:1.2.0"),
            ("acme/shop:1.2.3", "acme/shop:1.3.0"),
            ("acme/shop:2", "acme/cart:1"),
            ("acme/shop:2026.1", "acme/shop:2025.9"),
            ("acme/shop:8f3ac1", "acme/shop:1.0"),
            ("acme/shop", "acme/shop:1.0"),
        ] {
            assert!(!goes_back(before, after), "{before} {after}");
        }
    }
}
