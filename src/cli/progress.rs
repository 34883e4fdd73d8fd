//! A sign of life on a terminal while something takes long.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Reads that end sooner than this need no sign of life, in milliseconds.
const PATIENCE_MS: u64 = 300;

/// A spinner on stderr; nothing where stderr is no terminal. `--debug` writes lines there instead.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub fn new() -> Progress {
        // indicatif hides what is drawn to anything but a terminal.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Progress { bar }
    }
}
