//! Patterns in which `*` stands for any run of characters.

/// Whether the whole text is what the pattern says.
pub fn glob(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or("");
    for part in parts {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text) in
            [("*", ""), ("a*c", "abc"), ("*migrat*", "db-migration"), ("x", "x"), ("a*b*c", "a1b2c"), ("a*", "a")]
        {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a*c", "ab"), ("x", "xy"), ("aa*aa", "aaa"), ("a*b", "a"), ("", "x")] {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }
}
