//! How many files the system lets this process have open, and how many of them visitors may take (A7).
//!
//! Who finds no file for a visitor finds none for an application, the state or a carrier either. So the newest visitor is
//! turned away while there still are some.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Limits;

/// Three visitors are three files, what they ask of applications are three more, and a seventh is for those with a grant
/// who ask for more than one thing at once.
const SHARES: (usize, usize) = (3, 7);

/// For everything that is not a visitor's: listeners, runtimes, the state, carriers, directories, the log.
const KEPT: usize = 64;

/// However few files there are, so many connections of a worker are tried.
const LEAST: usize = 8;

impl Limits {
    /// Connections to applications that go with these: whoever comes in finds one that they can have, and a quarter of
    /// them is left for those with a grant (A1).
    pub fn applications(&self) -> usize {
        self.connections + self.connections / SHARES.0
    }

    /// These limits, or lower ones where the system does not let this process open files enough for so many workers.
    /// It is asked for more first, as far as that needs no privilege: a shell's 1,024 are for programs of another kind.
    #[must_use]
    pub fn affordable(self, workers: usize) -> Self {
        let each = self.connections + self.applications();
        let wanted = each.saturating_mul(workers) + KEPT;
        let files = open_files(wanted);
        let affordable = self.clone().within(files, workers);
        if affordable.connections < self.connections {
            tracing::warn!(
                event = "few_files",
                files,
                connections = affordable.connections.saturating_mul(workers),
                "the system allows few open files, so that fewer visitors are let in at once: raise LimitNOFILE or ulimit -n"
            );
        }
        affordable
    }

    /// With so many files. One source leaves half of what there is to others.
    fn within(mut self, files: usize, workers: usize) -> Self {
        let files = files.saturating_sub(KEPT) / workers.max(1);
        let share = files / SHARES.1 * SHARES.0;
        self.connections = self.connections.min(share.max(LEAST));
        self.per_source = self.per_source.min(self.connections.div_ceil(2));
        self
    }
}

/// How many there may be, after asking for `wanted`.
fn open_files(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
    let asked = maximum.map_or(wanted, |maximum| wanted.min(maximum));
    let raised = Rlimit {
        current: Some(asked),
        maximum,
    };
    // Where it is refused, as under a filter of system calls, what there was is what there is.
    let more = current.is_some_and(|current| current < asked)
        && setrlimit(Resource::Nofile, raised).is_ok();
    let files = if more { Some(asked) } else { current };
    files.map_or(usize::MAX, |files| {
        usize::try_from(files).unwrap_or(usize::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a7_visitors_leave_files_for_what_they_ask_for() {
        let limits = |files, workers| {
            let within = Limits::default().within(files, workers);
            let each = within.connections + within.applications();
            assert!(each <= (files.saturating_sub(KEPT) / workers).max(LEAST * 7 / 3));
            (within.connections, within.per_source)
        };
        assert_eq!(limits(usize::MAX, 2), (20_000, 1_000));
        assert_eq!(limits(131_072, 2), (20_000, 1_000));
        assert_eq!(limits(131_072, 8), (7_017, 1_000));
        assert_eq!(limits(1_024, 2), (204, 102));
        assert_eq!(limits(128, 2), (12, 6));
        assert_eq!(limits(64, 2), (LEAST, LEAST / 2), "some, at any rate");
        assert_eq!(limits(3, 64), (LEAST, LEAST / 2));
    }

    #[test]
    fn a7_the_limit_goes_up_as_far_as_is_allowed_and_never_down() {
        let before = getrlimit(Resource::Nofile);
        let files =
            |limit: Option<u64>| limit.map_or(usize::MAX, |most| usize::try_from(most).unwrap());
        assert_eq!(open_files(1), files(before.current));
        assert_eq!(getrlimit(Resource::Nofile), before);
        if before.maximum.is_some() {
            assert_eq!(open_files(usize::MAX), files(before.maximum));
        }
        assert_eq!(getrlimit(Resource::Nofile).maximum, before.maximum);
    }
}
