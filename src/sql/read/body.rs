//! Bodies of routines, triggers and blocks.

use crate::sql::dialect::Dialect;
use crate::sql::statement::RoutineBody;

/// What a body does. Lines of its statements count from 1 in `text`; `depth` is how many bodies it stands in, a body at
/// [`crate::sql::cursor::MAX_DEPTH`] is opaque. A nested statement is read with [`super::read_at`] and `depth + 1`.
pub fn body(text: &str, language: &str, dialect: Dialect, depth: u32) -> RoutineBody {
    let _ = (language, dialect, depth);
    RoutineBody {
        statements: Vec::new(),
        raises: false,
        assigns: Vec::new(),
        reads: Vec::new(),
        returns_null: false,
        bound: false,
        opaque: true,
        text: text.to_owned(),
    }
}
