//! Finding the revisions of a release with `get` alone.
//!
//! Revisions are a window of numbers: pruning takes the oldest, and the window moves up with every operation. Ranges that
//! grow are asked for until something is found, then its neighbours until a whole stretch is empty.

use std::collections::BTreeMap;
use std::future::Future;

use futures::future::join_all;

use crate::release::Revision;

/// Answer for one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look<T> {
    Found(T),
    Missing,
    Denied,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Probed<T> {
    pub seen: BTreeMap<Revision, T>,
    /// Numbers that could not be asked for.
    pub denied: usize,
    /// First and last revision found, in words.
    pub range: String,
    /// Which numbers were asked for, in words.
    pub searched: String,
}

/// Numbers asked for at once beside known revisions: Helm keeps ten revisions by default.
const STRETCH: Revision = 16;
/// Where the search gives up if nothing was found.
const LAST: Revision = 2048;

/// Looks for revisions, first around `hint` if there is one.
pub async fn probe<T, E, F, A>(hint: Option<Revision>, look: F) -> Result<Probed<T>, E>
where
    F: Fn(Revision) -> A,
    A: Future<Output = Result<Look<T>, E>>,
{
    let mut search = Search { seen: BTreeMap::new(), denied: 0, asked: BTreeMap::new(), look };
    let mut ranges = vec![(1, STRETCH), (STRETCH + 1, 128), (129, 512), (513, LAST)];
    if let Some(hint) = hint {
        ranges.insert(0, (hint.saturating_sub(STRETCH).max(1), hint.saturating_add(STRETCH)));
    }
    for (first, last) in ranges {
        search.ask(first, last).await?;
        if !search.seen.is_empty() {
            break;
        }
    }
    search.upwards().await?;
    search.downwards().await?;
    Ok(search.result())
}

struct Search<T, F> {
    seen: BTreeMap<Revision, T>,
    denied: usize,
    asked: BTreeMap<Revision, ()>,
    look: F,
}

impl<T, E, F, A> Search<T, F>
where
    F: Fn(Revision) -> A,
    A: Future<Output = Result<Look<T>, E>>,
{
    async fn ask(&mut self, first: Revision, last: Revision) -> Result<(), E> {
        let numbers: Vec<Revision> = (first..=last).filter(|n| !self.asked.contains_key(n)).collect();
        let answers = join_all(numbers.iter().map(|n| (self.look)(*n))).await;
        for (number, answer) in numbers.into_iter().zip(answers) {
            self.asked.insert(number, ());
            match answer? {
                Look::Found(found) => drop(self.seen.insert(number, found)),
                Look::Denied => self.denied += 1,
                Look::Missing => {}
            }
        }
        Ok(())
    }

    async fn upwards(&mut self) -> Result<(), E> {
        while let Some(newest) = self.seen.keys().next_back().copied() {
            self.ask(newest.saturating_add(1), newest.saturating_add(STRETCH)).await?;
            if self.seen.keys().next_back() == Some(&newest) {
                break;
            }
        }
        Ok(())
    }

    async fn downwards(&mut self) -> Result<(), E> {
        while let Some(oldest) = self.seen.keys().next().copied() {
            self.ask(oldest.saturating_sub(STRETCH).max(1), oldest.saturating_sub(1)).await?;
            if self.seen.keys().next() == Some(&oldest) {
                break;
            }
        }
        Ok(())
    }

    fn result(self) -> Probed<T> {
        let span = |first: Option<&Revision>, last: Option<&Revision>| match (first, last) {
            (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
            (Some(only), _) => only.to_string(),
            _ => "none".to_owned(),
        };
        let range = span(self.seen.keys().next(), self.seen.keys().next_back());
        let searched = span(self.asked.keys().next(), self.asked.keys().next_back());
        Probed { seen: self.seen, denied: self.denied, range, searched }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    async fn found(existing: &[Revision], hint: Option<Revision>) -> (Vec<Revision>, usize) {
        let asked = Cell::new(0);
        let look = |n: Revision| {
            asked.set(asked.get() + 1);
            let answer = if existing.contains(&n) { Look::Found(()) } else { Look::Missing };
            std::future::ready(Ok::<_, ()>(answer))
        };
        let probed = probe(hint, look).await.unwrap();
        (probed.seen.into_keys().collect(), asked.get())
    }

    #[tokio::test]
    async fn windows_are_found_whole() {
        assert_eq!(found(&[1], None).await, (vec![1], 17));
        let window: Vec<Revision> = (37..=46).collect();
        assert_eq!(found(&window, None).await.0, window);
        let long: Vec<Revision> = (1..=50).collect();
        assert_eq!(found(&long, None).await.0, long);
        let high: Vec<Revision> = (700..=760).collect();
        assert_eq!(found(&high, None).await.0, high);
    }

    #[tokio::test]
    async fn a_hint_saves_the_search() {
        let window: Vec<Revision> = (9037..=9046).collect();
        let (seen, asked) = found(&window, Some(9040)).await;
        assert_eq!(seen, window);
        assert!(asked < 60, "{asked}");
        assert!(found(&window, None).await.0.is_empty());
    }

    #[tokio::test]
    async fn denied_numbers_are_counted() {
        let look = |n: Revision| std::future::ready(Ok::<_, ()>(if n == 3 { Look::Found(n) } else { Look::Denied }));
        let probed = probe(None, look).await.unwrap();
        assert_eq!((probed.seen.len(), probed.range.as_str(), probed.searched.as_str()), (1, "3", "1 to 19"));
        assert_eq!(probed.denied, 18);
    }
}
