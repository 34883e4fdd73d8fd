//! A sign of life on a terminal while something takes long.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::load::Progress;

/// How often the sign of life moves.
const TICK: Duration = Duration::from_millis(150);

/// A line on stderr that goes away when this is dropped; nothing where stderr is no terminal. `--debug` logs the steps instead.
pub struct Spinner {
    bar: ProgressBar,
}

impl Spinner {
    pub fn new(debug: bool) -> Spinner {
        // indicatif itself draws nothing to what is no terminal. Debug messages would tear the line apart.
        let target = if debug { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} …") {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Spinner { bar }
    }
}

impl Progress for Spinner {
    fn step(&self, text: &str) {
        tracing::debug!("{text}");
        self.bar.set_message(text.to_owned());
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
