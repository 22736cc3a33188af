//! The command and spool adapters against Debian's gammu-smsd with its dummy device.
