//! `machines = [{ path = "/manager/text/**", from = ["10.20.0.0/16"] }]`: programs that cannot type a code, by path and network.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::target::Target;

use super::pattern::Pattern;

/// Which programs pass with their name and password alone.
///
/// It opens, so it is read as an opening route is: only what every server reads as one of its paths is on it.
#[derive(Clone, Debug)]
pub struct Machines {
    /// Any of these.
    pub paths: Vec<Pattern>,
    /// The networks they call from. Never empty: `config` sees to it.
    pub from: Vec<IpNet>,
}

impl Machines {
    /// Whether a request for this target from this address is one of theirs.
    #[must_use]
    pub fn admit(&self, target: &Target, from: IpAddr) -> bool {
        let from = from.to_canonical();
        self.from.iter().any(|network| network.contains(&from)) && self.is_on(target)
    }

    /// Whether the target is one of its paths, for every server.
    #[must_use]
    pub fn is_on(&self, target: &Target) -> bool {
        let first = target.first().exact;
        self.paths.iter().any(|path| path.opens(first))
            && target.each().all(|reading| {
                let mut paths = self.paths.iter();
                !reading.counts || paths.any(|path| path.opens_reading(reading.exact))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(path: &str, from: &str, target: &str, address: &str) -> bool {
        let machines = Machines {
            paths: vec![Pattern::parse(path).unwrap()],
            from: vec![from.parse().unwrap()],
        };
        let target = Target::parse(target.parse().unwrap()).unwrap();
        machines.admit(&target, address.parse().unwrap())
    }

    #[test]
    fn programs_pass_on_their_path_and_from_their_network_alone() {
        for (target, address, passes) in [
            ("/manager/text/list", "10.20.3.4", true),
            ("/manager/text/deploy?path=/a", "10.20.255.255", true),
            ("/manager/text/list", "::ffff:10.20.3.4", true),
            ("/manager/text/list", "10.21.0.0", false),
            ("/manager/text/list", "::1", false),
            ("/manager/html", "10.20.3.4", false),
            ("/manager/text", "10.20.3.4", false),
            ("/", "10.20.3.4", false),
        ] {
            assert_eq!(
                admits("/manager/text/**", "10.20.0.0/16", target, address),
                passes,
                "{target} {address}"
            );
        }
        assert!(admits("/dav/**", "2001:db8::/32", "/dav/a", "2001:db8::7"));
        assert!(!admits("/dav/**", "2001:db8::/32", "/dav/a", "2001:db9::7"));
    }

    /// Finding 7: whatever some server could read as another path is that path.
    #[test]
    fn r4_no_spelling_takes_a_program_off_its_path() {
        for target in [
            "/manager/text/../html",
            "/manager/text/..;/html",
            "/manager/text/%2e%2e/html",
            "/manager/text/..%2fhtml",
            "/manager/text/..\\html",
            "/manager/text/%252e%252e/html",
            "/manager/html;/manager/text/x",
            "/%6danager/html",
            "//manager/text/list",
        ] {
            let Some(target) = target
                .parse()
                .ok()
                .and_then(|path| Target::parse(path).ok())
            else {
                continue;
            };
            let machines = Machines {
                paths: vec![Pattern::parse("/manager/text/**").unwrap()],
                from: vec!["0.0.0.0/0".parse().unwrap()],
            };
            assert!(
                !machines.admit(&target, "10.20.3.4".parse().unwrap()),
                "{}",
                target.raw()
            );
        }
    }
}
