//! The email adapter against a real SMTP server.
