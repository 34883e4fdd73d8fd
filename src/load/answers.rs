//! What an API server has answered, for commands that look at one release several times.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::cluster::ApiError;

/// Bound of what is remembered, in bytes; more is asked for again.
const MOST: usize = 256 * 1024 * 1024;

/// Answers by question (path, form and body of the request).
#[derive(Default)]
pub struct Answers(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    answers: BTreeMap<String, Result<Bytes, ApiError>>,
    bytes: usize,
}

impl Answers {
    pub fn find(&self, question: &str) -> Option<Result<Bytes, ApiError>> {
        self.kept().answers.get(question).cloned()
    }

    /// Keeps an answer of the server's own; what broke off on the way may go better next time.
    pub fn keep(&self, question: String, answer: &Result<Bytes, ApiError>) {
        let size = match answer {
            Ok(body) => body.len(),
            Err(ApiError::NotFound(_) | ApiError::Forbidden(_)) => 0,
            Err(_) => return,
        };
        let mut kept = self.kept();
        if kept.bytes.saturating_add(size) <= MOST {
            kept.bytes += size;
            kept.answers.insert(question, answer.clone());
        }
    }

    /// A panic elsewhere while it was held leaves a map that is as good as before.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_kept_and_failures_on_the_way_are_not() {
        let answers = Answers::default();
        answers.keep("a".to_owned(), &Ok(Bytes::from_static(b"x")));
        answers.keep("b".to_owned(), &Err(ApiError::NotFound("no b".to_owned())));
        answers.keep("c".to_owned(), &Err(ApiError::Unreachable("broke off".to_owned())));
        assert_eq!(answers.find("a"), Some(Ok(Bytes::from_static(b"x"))));
        assert!(matches!(answers.find("b"), Some(Err(ApiError::NotFound(_)))));
        assert_eq!(answers.find("c"), None);
    }
}
