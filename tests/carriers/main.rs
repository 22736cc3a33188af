//! The carriers' adapters against the real thing: published contracts behind Prism, the vendors' own SDKs as oracles,
//! Debian's Kannel and gammu, a real SMTP server.

mod bandwidth;
mod bench;
mod gammu;
mod kannel;
mod smtp;
mod twilio;
