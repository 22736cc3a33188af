//! The webhook adapter against Debian's Kannel.
