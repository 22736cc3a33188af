//! The bandwidth adapter against the published contracts and the vendor's own SDK.
