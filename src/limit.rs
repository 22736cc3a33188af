//! How often something may happen: pure counters; `store` keeps them.
/// `[limits]`, as counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Wrong answers that spend a challenge (C4).
    pub wrong_per_challenge: u8,
    /// Wrong answers an hour for one subject and scope, in each of the two parts (C4).
    pub wrong_per_hour: u32,
    /// Sends of one challenge, the first included (C6).
    pub sends_per_challenge: u8,
    /// Sends an hour to one number (C6).
    pub number_per_hour: u32,
    /// Sends a day to one number (C6).
    pub number_per_day: u32,
    /// Sends an hour asked for from one source network (C6).
    pub network_per_hour: u32,
    /// Sends an hour for one scope (C6).
    pub all_per_hour: u32,
    /// Sends a day for one scope (C6).
    pub all_per_day: u32,
}
impl Default for Settings {
    fn default() -> Self {
        Self {
            wrong_per_challenge: 5,
            wrong_per_hour: 10,
            sends_per_challenge: 4,
            number_per_hour: 5,
            number_per_day: 10,
            network_per_hour: 20,
            all_per_hour: 500,
            all_per_day: 2000,
        }
    }
}
