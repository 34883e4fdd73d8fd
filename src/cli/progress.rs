//! A sign of life on a terminal while something takes long.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::load;

/// How often the spinner turns, in milliseconds; a read that ends sooner shows none.
const TICK_MS: u64 = 250;

/// A spinner on stderr; nothing where stderr is no terminal. `--debug` sees each step as a line.
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
        bar.enable_steady_tick(Duration::from_millis(TICK_MS));
        Progress { bar }
    }
}

impl load::Progress for Progress {
    fn step(&self, text: &str) {
        tracing::debug!("{text}");
        self.bar.set_message(text.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
