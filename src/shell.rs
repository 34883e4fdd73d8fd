//! Words of commands that people copy into a shell.

/// POSIX quoting, where it is needed.
pub(crate) fn word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn plain_words_stay_and_others_cannot_leave_their_place() {
        assert_eq!(word("20240101_a"), "20240101_a");
        assert_eq!(word(""), "''");
        assert_eq!(word("a'; rm -rf /"), r"'a'\''; rm -rf /'");
    }
}
