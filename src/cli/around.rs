//! What every command is given besides its own arguments.

use anyhow::Result;

use crate::release::redact::Redactor;
use crate::settings::{LoadOptions, Settings};

use super::CalledAs;
use super::args::{AcceptArgs, CheckArgs};
use super::console::Console;
use super::env::Env;
use super::kube::KubeArgs;
use super::options::{self, Given};
use super::run::Session;

/// The flags that all commands share, and the world around them.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    pub kube: &'a KubeArgs,
    pub env: &'a Env,
    pub called_as: CalledAs,
    pub debug: bool,
    pub console: &'a Console,
    pub redactor: &'a Redactor,
}

impl<'a> Around<'a> {
    /// Validated options of a command that makes a report; `accept` is given where it may act on it.
    ///
    /// # Errors
    /// As [`options::settings`].
    pub fn settings(&self, check: &CheckArgs, accept: Option<&AcceptArgs>) -> Result<Settings> {
        options::settings(&self.given(check, accept), self.env)
    }

    /// What a command needs that only reads: no policy has a say in it.
    ///
    /// # Errors
    /// As [`options::load`].
    pub fn load_options(&self, check: &CheckArgs) -> Result<LoadOptions> {
        options::load(&self.given(check, None), self.env)
    }

    pub fn session<'b>(&self, settings: &'b Settings, check: &'b CheckArgs) -> Session<'b>
    where
        'a: 'b,
    {
        Session { settings, given: &check.rollback, console: self.console, redactor: self.redactor }
    }

    fn given<'b>(&self, check: &'b CheckArgs, accept: Option<&'b AcceptArgs>) -> Given<'b>
    where
        'a: 'b,
    {
        Given { check, accept, kube: self.kube, debug: self.debug, called_as: self.called_as }
    }
}
