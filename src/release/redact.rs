//! Secret values become keyed digests on the way in, and are scrubbed from foreign text on the way out.
