//! The state over restarts, clocks, crashes and disks.

use std::fs;
use std::net::Ipv4Addr;
use std::ops::Bound;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use redb::StorageBackend;
use redb::backends::FileBackend;
use tempfile::TempDir;

use super::file::NAME;
use super::*;
use crate::address::Address;
use crate::challenge::Question;
use crate::challenge::tests::{question, verified};
use crate::grant::Grant;
use crate::limit;
use crate::message::Channel;
use crate::name::Name;
use crate::peer::{Network, Peer};
use crate::phone::Phone;
use crate::store::counters::Part;
use crate::store::quarantine::Weight;
use crate::store::{Settings, Store};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// When the stories begin: both clocks agree, as they do when a process starts.
const START: u64 = 1_800_000_000;

fn at(seconds: u64) -> Moment {
    Moment {
        unix: START + seconds,
        mono: Duration::from_secs(START + seconds),
    }
}

/// A disk that need not be waited for, unless a test makes it slow; and which can be full.
#[derive(Debug)]
struct Disk {
    file: FileBackend,
    state: Arc<Condition>,
}

#[derive(Debug, Default)]
struct Condition {
    full: AtomicBool,
    /// Whoever holds it stops the disk.
    turning: Mutex<()>,
}

impl Disk {
    fn room(&self) -> Result<(), std::io::Error> {
        drop(lock(&self.state.turning));
        if self.state.full.load(Ordering::SeqCst) {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

type Outcome<T> = Result<T, std::io::Error>;

impl StorageBackend for Disk {
    fn len(&self) -> Outcome<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Outcome<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Outcome<()> {
        self.room()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Outcome<()> {
        self.room()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Outcome<()> {
        self.room()?;
        self.file.write(offset, data)
    }

    fn close(&self) -> Outcome<()> {
        self.file.close()
    }

    fn try_lock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, redb::BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), redb::BackendError> {
        self.file.unlock_range(start, end)
    }
}

fn disk(state: &Arc<Condition>) -> Opener {
    let state = Arc::clone(state);
    Arc::new(move |file| {
        let state = Arc::clone(&state);
        let file = FileBackend::new(file)?;
        file::builder().create_with_backend(Disk { file, state })
    })
}

fn fast() -> Opener {
    disk(&Arc::default())
}

fn open_on(directory: &Path, now: Moment, opener: Opener) -> Result<Store, NotOpened> {
    let (journal, kept) = Journal::open_with(directory, now, opener)?;
    Ok(Store::restored(
        limit::Settings::default(),
        100,
        journal,
        kept,
    ))
}

fn open(directory: &Path, now: Moment) -> Store {
    open_on(directory, now, fast()).unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn network(n: u8) -> Network {
    Peer {
        address: Ipv4Addr::new(203, 0, n, 7).into(),
        https: true,
    }
    .network()
}

fn phone(n: u8) -> Address {
    Address::Phone(Phone::parse(&format!("+120255501{n:02}")).unwrap())
}

fn asked(n: u8) -> Question {
    question("login", &format!("user{n}"))
}

fn grant(n: u8, now: Moment) -> Grant {
    Grant::issue(verified("login", "ann"), [n; 16], now)
}

fn send(store: &Store, n: u8, channel: Channel, now: Moment) -> Result<(), limit::Over> {
    let (site, scope) = (
        Name::parse("portal").unwrap(),
        Name::parse("login").unwrap(),
    );
    store.counters.send(&phone(n), &site, &scope, channel, now)
}

/// One thing that is done, and what came of it as text.
#[derive(Clone, Debug)]
enum Step {
    Fail(u8, bool),
    Pass(u8, bool),
    Network(u8, bool),
    Send(u8, bool),
    Revoke(u8),
    Put(u8, u8, bool),
    Lift(u8),
    Look(u8),
    Sweep,
    Wait(u64),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let few = 0..3_u8;
    let step = prop_oneof![
        6 => (few.clone(), any::<bool>()).prop_map(|(n, known)| Step::Fail(n, known)),
        1 => (few.clone(), any::<bool>()).prop_map(|(n, known)| Step::Pass(n, known)),
        4 => (few.clone(), any::<bool>()).prop_map(|(n, voice)| Step::Network(n, voice)),
        4 => (few.clone(), any::<bool>()).prop_map(|(n, voice)| Step::Send(n, voice)),
        1 => few.clone().prop_map(Step::Revoke),
        2 => (few.clone(), few.clone(), any::<bool>()).prop_map(|(n, owner, named)| Step::Put(n, owner, named)),
        1 => few.clone().prop_map(Step::Lift),
        1 => few.prop_map(Step::Look),
        1 => Just(Step::Sweep),
        4 => prop_oneof![0..90_u64, 0..2 * HOUR, 0..2 * DAY].prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..120)
}

fn part(known: bool) -> Part {
    if known { Part::Known } else { Part::Stranger }
}

fn channel(voice: bool) -> Channel {
    if voice { Channel::Voice } else { Channel::Sms }
}

fn act(store: &Store, step: &Step, now: Moment) -> String {
    match *step {
        // Several at once, or hardly any walk would come to a limit.
        Step::Fail(n, known) => {
            let fail = |_| store.counters.failure(&asked(n), part(known), now);
            let counted: Vec<_> = (0..4).map(fail).collect();
            format!(
                "{counted:?} {:?}",
                store.counters.locked(&asked(n), part(known), now)
            )
        }
        Step::Pass(n, known) => {
            store.counters.success(&asked(n), part(known));
            String::new()
        }
        Step::Network(n, voice) => {
            let count = |_| store.counters.network(network(n), channel(voice), now);
            format!("{:?}", (0..6).map(count).collect::<Vec<_>>())
        }
        Step::Send(n, voice) => {
            let sent = (0..2).map(|_| send(store, n, channel(voice), now));
            format!("{:?}", sent.collect::<Vec<_>>())
        }
        Step::Revoke(n) => format!("{:?}", store.revoked.revoke(&grant(n, at(0)), now)),
        Step::Put(n, owner, named) => {
            let weight = if named { Weight::Named } else { Weight::Seen };
            store.quarantine.put([owner; 16], &[([n; 16], weight)], now);
            String::new()
        }
        Step::Lift(owner) => {
            store.quarantine.lift(&[owner; 16]);
            String::new()
        }
        Step::Look(n) => {
            let kept = store.quarantine.look(&[n; 16], now).map(|mut kept| {
                kept.owners.sort_unstable();
                kept
            });
            let revoked = store.revoked.view().contains(&grant(n, at(0)));
            format!("{kept:?} {revoked} {}", store.quarantine.is_empty())
        }
        Step::Sweep => {
            store.sweep(now);
            String::new()
        }
        Step::Wait(_) | Step::Restart => String::new(),
    }
}

/// What would be refused now, thing by thing. Asking counts, so that a store is asked once.
fn refused(store: &Store, now: Moment) -> Vec<bool> {
    let view = store.revoked.view();
    let mut refused = Vec::new();
    for n in 0..3 {
        for either in [false, true] {
            refused.push(
                store
                    .counters
                    .locked(&asked(n), part(either), now)
                    .is_some(),
            );
            refused.push(
                store
                    .counters
                    .failure(&asked(n), part(either), now)
                    .is_err(),
            );
            refused.push(
                store
                    .counters
                    .network(network(n), channel(either), now)
                    .is_err(),
            );
            refused.push(send(store, n, channel(either), now).is_err());
        }
        refused.push(view.contains(&grant(n, at(0))));
        refused.push(store.quarantine.look(&[n; 16], now).is_some());
    }
    refused
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done, a store that is closed and opened again and again answers as one that never was.
    #[test]
    fn a4_s5_a_restart_changes_no_answer(steps in steps()) {
        let folder = folder();
        let twin = Store::new(limit::Settings::default());
        let mut store = open(folder.path(), at(0));
        let mut seconds = 0;
        for step in &steps {
            match step {
                Step::Wait(more) => seconds += more,
                Step::Restart => {
                    drop(store);
                    store = open(folder.path(), at(seconds));
                }
                step => prop_assert_eq!(act(&store, step, at(seconds)), act(&twin, step, at(seconds)), "{:?}", step),
            }
        }
        drop(store);
        let store = open(folder.path(), at(seconds));
        prop_assert_eq!(refused(&store, at(seconds)), refused(&twin, at(seconds)));
    }

    /// Whatever the wall clock does, before a restart or over it: what is refused at the stop is refused at the start.
    #[test]
    fn a5_no_clock_makes_a_limit_easier(
        steps in steps(),
        set_while_running in -400_i64 * 86_400..400 * 86_400,
        set_while_down in -400_i64 * 86_400..0,
        down in 0..2 * DAY,
    ) {
        let folder = folder();
        let twin = Store::new(limit::Settings::default());
        let store = open(folder.path(), at(0));
        let mut seconds = 0;
        for step in &steps {
            if let Step::Wait(more) = step {
                seconds += more;
            }
            act(&store, step, at(seconds));
            act(&twin, step, at(seconds));
        }
        let unix = at(seconds).unix.saturating_add_signed(set_while_running);
        let stop = Moment { unix, ..at(seconds) };
        store.sweep(stop);
        drop(store);
        let unix = unix.saturating_add_signed(set_while_down) + down;
        let start = Moment { unix, mono: Duration::from_secs(unix) };
        let store = open(folder.path(), start);
        // As much time has really passed, and the one that never stopped knows. What could not come back is forgotten.
        let later = at(seconds + down);
        twin.sweep(later);
        let (kept, known) = (refused(&store, start), refused(&twin, later));
        let easier = kept.iter().zip(&known).any(|(kept, known)| *known && !*kept);
        prop_assert!(!easier, "{kept:?}\n{known:?}");
    }
}

#[test]
fn a4_s5_what_is_used_up_stays_so_over_a_restart_and_for_as_long() {
    let folder = folder();
    let store = open(folder.path(), at(0));
    for n in 0..10 {
        store
            .counters
            .failure(&asked(1), Part::Stranger, at(n))
            .unwrap();
    }
    for _ in 0..5 {
        send(&store, 1, Channel::Sms, at(0)).unwrap();
    }
    for _ in 0..20 {
        store
            .counters
            .network(network(1), Channel::Sms, at(0))
            .unwrap();
    }
    store.revoked.revoke(&grant(1, at(0)), at(0)).unwrap();
    store
        .quarantine
        .put([1; 16], &[([1; 16], Weight::Named)], at(0));
    drop(store);
    let store = open(folder.path(), at(30));
    let locked = store
        .counters
        .locked(&asked(1), Part::Stranger, at(30))
        .unwrap();
    assert_eq!(locked.wait, Some(Duration::from_secs(39)));
    assert!(
        store
            .counters
            .failure(&asked(1), Part::Known, at(30))
            .is_ok()
    );
    let hour = Err(limit::Over(Duration::from_secs(HOUR - 30)));
    assert_eq!(send(&store, 1, Channel::Sms, at(30)), hour);
    assert_eq!(
        store.counters.network(network(1), Channel::Sms, at(30)),
        hour
    );
    assert!(store.revoked.view().contains(&grant(1, at(0))));
    assert!(!store.revoked.view().contains(&grant(2, at(0))));
    let kept = store.quarantine.look(&[1; 16], at(30)).unwrap();
    assert_eq!(
        (kept.weight, &*kept.owners),
        (Weight::Named, &[[1; 16]][..])
    );
    drop(store);
    let store = open(folder.path(), at(HOUR));
    assert_eq!(send(&store, 1, Channel::Sms, at(HOUR)), Ok(()));
    drop(store);
    let store = open(folder.path(), at(DAY));
    assert!(store.quarantine.look(&[1; 16], at(DAY)).is_none());
}

#[test]
fn c4_a_right_answer_clears_the_failures_over_a_restart_too() {
    let folder = folder();
    let fail = |store: &Store| {
        for _ in 0..9 {
            store
                .counters
                .failure(&asked(1), Part::Stranger, at(0))
                .unwrap();
        }
    };
    let store = open(folder.path(), at(0));
    fail(&store);
    store.counters.success(&asked(1), Part::Stranger);
    drop(store);
    let store = open(folder.path(), at(0));
    fail(&store);
    assert!(
        store
            .counters
            .locked(&asked(1), Part::Stranger, at(0))
            .is_none()
    );
}

#[test]
fn what_is_forgotten_goes_from_the_file_too() {
    let folder = folder();
    let store = open(folder.path(), at(0));
    for n in 0..3 {
        let _ = (
            act(&store, &Step::Fail(n, true), at(0)),
            act(&store, &Step::Send(n, true), at(0)),
        );
        let _ = (
            act(&store, &Step::Network(n, true), at(0)),
            act(&store, &Step::Revoke(n), at(0)),
        );
        act(&store, &Step::Put(n, n, true), at(0));
    }
    let rows = |now| {
        let (journal, kept) = Journal::open_with(folder.path(), now, fast()).unwrap();
        journal.close();
        let tallies = kept.numbers.len() + kept.networks.len() + kept.scopes.len();
        (
            kept.failures.len() + tallies,
            kept.revoked.len() + kept.quarantined.len(),
        )
    };
    drop(store);
    assert_eq!(rows(at(1)), (3 + 3 + 3 + 1, 3 + 3));
    let store = open(folder.path(), at(3 * DAY));
    store.sweep(at(3 * DAY));
    assert!(store.quarantine.is_empty());
    drop(store);
    assert_eq!(rows(at(3 * DAY)), (0, 0));
}

#[test]
fn what_a_scope_refused_is_not_counted_for_the_number_after_a_restart_either() {
    let folder = folder();
    let limits = |all| limit::Settings {
        all_per_hour: all,
        ..limit::Settings::default()
    };
    let open = |all| {
        let (journal, kept) = Journal::open_with(folder.path(), at(0), fast()).unwrap();
        Store::restored(limits(all), 100, journal, kept)
    };
    let store = open(1);
    send(&store, 1, Channel::Sms, at(0)).unwrap();
    for _ in 0..10 {
        assert!(send(&store, 2, Channel::Sms, at(0)).is_err());
    }
    drop(store);
    let store = open(100);
    for n in 0..5 {
        assert_eq!(send(&store, 2, Channel::Sms, at(0)), Ok(()), "send {n}");
    }
}

#[test]
fn a_crowd_is_forgotten_in_steps() {
    let folder = folder();
    let store = open(folder.path(), at(0));
    for n in 0..5000 {
        let who = question("login", &format!("user{n}"));
        store.counters.failure(&who, Part::Stranger, at(0)).unwrap();
    }
    drop(store);
    // An answer that comes meanwhile waits for two thousand rows, not for all.
    for left in [3000, 1000, 0, 0] {
        let store = open(folder.path(), at(DAY));
        store.sweep(at(DAY));
        drop(store);
        let (journal, kept) = Journal::open_with(folder.path(), at(DAY), fast()).unwrap();
        journal.close();
        assert_eq!(kept.failures.len(), left);
    }
}

#[test]
fn no_number_network_or_name_is_in_the_file() {
    let folder = folder();
    let store = open(folder.path(), at(0));
    let secret = question("login", "zaphod.beeblebrox");
    store
        .counters
        .failure(&secret, Part::Stranger, at(0))
        .unwrap();
    send(&store, 43, Channel::Sms, at(0)).unwrap();
    store
        .counters
        .network(network(113), Channel::Sms, at(0))
        .unwrap();
    store.revoked.revoke(&grant(1, at(0)), at(0)).unwrap();
    drop(store);
    let bytes = fs::read(folder.path().join(NAME)).unwrap();
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"failures"), "the file is there and not packed");
    for needle in [
        &b"zaphod"[..],
        b"beeblebrox",
        b"2025550143",
        b"5550143",
        b"portal",
        b"203.0.113",
        &[203, 0, 113, 0],
        &[0, 113, 0, 203],
    ] {
        assert!(!holds(needle), "{needle:?}");
    }
    // The same number has another print in another file.
    let prints = |path: &Path| {
        let (journal, kept) = Journal::open_with(path, at(0), fast()).unwrap();
        journal.close();
        kept.numbers[0].0
    };
    let other = self::folder();
    send(&open(other.path(), at(0)), 43, Channel::Sms, at(0)).unwrap();
    assert_ne!(prints(folder.path()), prints(other.path()));
}

#[test]
fn only_its_owner_reads_the_state() {
    let folder = folder();
    let directory = folder.path().join("a/b");
    drop(open(&directory, at(0)));
    let mode = |path: PathBuf| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(directory.clone()), 0o700);
    assert_eq!(mode(directory.join(NAME)), 0o600);
    let mut names: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["state.lock", NAME]);
    // One that was opened to others is closed again.
    let open_to_all = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(directory.join(NAME), open_to_all).unwrap();
    drop(open(&directory, at(0)));
    assert_eq!(mode(directory.join(NAME)), 0o600);
}

#[test]
fn two_processes_cannot_count_apart() {
    let folder = folder();
    let first = open(folder.path(), at(0));
    let second = open_on(folder.path(), at(0), fast());
    assert!(matches!(second, Err(NotOpened::Locked(_))), "{second:?}");
    first.close();
    open(folder.path(), at(0));
}

#[test]
fn what_a_later_version_wrote_is_not_read_and_not_touched() {
    let folder = folder();
    drop(open(folder.path(), at(0)));
    let path = folder.path().join(NAME);
    let database = redb::Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction
        .open_table(restore::ONCE)
        .unwrap()
        .insert(restore::SCHEMA_KEY, &2_u32.to_be_bytes()[..])
        .unwrap();
    transaction.commit().unwrap();
    database.close().unwrap();
    let refused = open_on(folder.path(), at(0), fast());
    assert!(
        matches!(refused, Err(NotOpened::Newer(_, 2))),
        "{refused:?}"
    );
    assert!(path.exists() && fs::read_dir(folder.path()).unwrap().count() == 2);
}

#[test]
fn a_first_start_that_was_cut_off_is_begun_again() {
    let folder = folder();
    fs::write(folder.path().join("state.redb.new"), b"half").unwrap();
    let store = open(folder.path(), at(0));
    assert!(
        !refused(&store, at(0)).contains(&true),
        "and nothing is used up"
    );
}

#[test]
fn a_directory_out_of_reach_is_named() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let refused = open_on(&file.join("state"), at(0), fast());
    assert!(
        matches!(refused, Err(NotOpened::Unreachable(..))),
        "{refused:?}"
    );
}

/// A file with something in every table: as a stop leaves it, and as a crash a while after the last note does.
fn files() -> [Vec<u8>; 2] {
    let folder = folder();
    let store = open(folder.path(), at(0));
    for n in 0..40 {
        let _ = store.counters.network(network(n), Channel::Sms, at(0));
    }
    for _ in 0..20 {
        act(&store, &Step::Fail(0, false), at(0));
        act(&store, &Step::Network(1, true), at(0));
        act(&store, &Step::Send(2, true), at(0));
    }
    act(&store, &Step::Revoke(1), at(0));
    act(&store, &Step::Put(1, 2, true), at(0));
    drop(store);
    let path = folder.path().join(NAME);
    let stopped = fs::read(&path).unwrap();
    let (mut file, _) = StateFile::open(folder.path(), at(0), fast()).unwrap();
    let locked = limit::Failures {
        locked_until: Some(at(HOUR).mono),
        ..limit::Failures::default()
    };
    let print = {
        let (_, kept) = reopened(&stopped);
        kept.prints.print(
            crate::store::print::Kind::Failures,
            &[b"portal", b"login", b"user2", b"known"],
        )
    };
    let row = Row::Failures(print);
    let notes = |value| Notes::from([(row, value)]);
    file.write(&notes(None), at(0)).unwrap();
    file.write(&notes(Some(record::failures(&locked))), at(0))
        .unwrap();
    file.write(&Notes::new(), at(0)).unwrap();
    [stopped, fs::read(&path).unwrap()]
}

fn reopened(bytes: &[u8]) -> (TempDir, Restored) {
    let folder = folder();
    fs::write(folder.path().join(NAME), bytes).unwrap();
    let (journal, kept) = Journal::open_with(folder.path(), at(1), fast()).unwrap();
    journal.close();
    (folder, kept)
}

/// What is refused of a file with these bytes, and whether it was set aside.
fn read(bytes: &[u8]) -> (Vec<bool>, bool) {
    let folder = folder();
    fs::write(folder.path().join(NAME), bytes).unwrap();
    let store = open(folder.path(), at(1));
    let aside = format!("{NAME}.damaged-{}", at(1).unix);
    let damaged = fs::read(folder.path().join(aside));
    if let Ok(damaged) = &damaged {
        assert_eq!(damaged.len(), bytes.len(), "it is kept as it was");
    }
    (refused(&store, at(1)), damaged.is_ok())
}

#[test]
fn a4_a_damaged_file_is_never_believed_half() {
    for (which, bytes) in files().iter().enumerate() {
        let (whole, damaged) = read(bytes);
        assert!(!damaged && whole.contains(&true) && whole.contains(&false));
        // Everything but what nobody put in quarantine: in these hours no grant can be earned that would open it.
        let full: Vec<bool> = (0..whole.len()).map(|n| n % 10 != 9).collect();
        let mut seen = [0, 0];
        let mut check = |bytes: &[u8], what: &str| {
            let (refused, damaged) = read(bytes);
            seen[usize::from(damaged)] += 1;
            let expected = if damaged { &full } else { &whole };
            assert_eq!(
                &refused, expected,
                "file {which}, {what}, set aside: {damaged}"
            );
        };
        for length in (0..64).chain((64..bytes.len()).step_by(bytes.len() / 50)) {
            check(&bytes[..length], &format!("cut at {length}"));
        }
        check(&[bytes.as_slice(), &[0; 4096]].concat(), "a page longer");
        check(&[b'x'; 10_000], "no database at all");
        check(&vec![0; bytes.len()], "zeros");
        // The head with its two slots, bit by bit where one bit says which slot counts; then every part that is used.
        let head = (0..320).map(|place| (place, 1 << (place % 8)));
        let switches = (0..8).map(|bit| (9, 1 << bit));
        let used = (320..bytes.len()).filter(|place| bytes[*place] != 0);
        let body = used.step_by(97).map(|place| (place, 0xff));
        for (place, bits) in head.chain(switches).chain(body) {
            let mut bytes = bytes.clone();
            bytes[place] ^= bits;
            check(&bytes, &format!("byte {place} ^ {bits}"));
        }
        assert!(seen[0] > 0 && seen[1] > 100, "{seen:?}");
    }
}

#[test]
fn a4_after_damage_limits_are_full_for_their_windows_and_a_restart_does_not_lift_them() {
    let folder = folder();
    fs::write(folder.path().join(NAME), b"garbage").unwrap();
    drop(open(folder.path(), at(0)));
    let store = open(folder.path(), at(10));
    let wait = |seconds| Duration::from_secs(seconds);
    let (lock, hour, day) = (wait(HOUR - 10), wait(HOUR - 10), wait(DAY - 10));
    let locked = store.counters.failure(&asked(1), Part::Known, at(10));
    assert_eq!(locked, Err(limit::Locked { wait: Some(lock) }));
    assert_eq!(
        store
            .counters
            .locked(&asked(1), Part::Known, at(10))
            .unwrap()
            .wait,
        Some(lock)
    );
    assert_eq!(
        store.counters.network(network(1), Channel::Sms, at(10)),
        Err(limit::Over(hour))
    );
    assert_eq!(send(&store, 1, Channel::Sms, at(10)), Err(limit::Over(day)));
    // Which grants were revoked is not known: those of before are over, later ones are not.
    let view = store.revoked.view();
    assert!(view.contains(&grant(1, at(0))) && !view.contains(&grant(2, at(1))));
    drop(store);
    let store = open(folder.path(), at(HOUR));
    assert_eq!(
        store.counters.failure(&asked(1), Part::Known, at(HOUR)),
        Ok(())
    );
    assert_eq!(
        store.counters.network(network(1), Channel::Sms, at(HOUR)),
        Ok(())
    );
    assert!(send(&store, 1, Channel::Sms, at(HOUR)).is_err());
    assert!(store.revoked.view().contains(&grant(1, at(0))));
    drop(store);
    let store = open(folder.path(), at(DAY));
    assert_eq!(send(&store, 1, Channel::Sms, at(DAY)), Ok(()));
    drop(store);
    // The way to begin with empty limits at once.
    fs::remove_file(folder.path().join(NAME)).unwrap();
    assert!(!refused(&open(folder.path(), at(DAY)), at(DAY)).contains(&true));
}

#[test]
fn a_second_damage_in_the_same_second_keeps_both_files() {
    let folder = folder();
    for bytes in [b"one", b"two"] {
        fs::write(folder.path().join(NAME), bytes).unwrap();
        drop(open(folder.path(), at(0)));
    }
    for (more, bytes) in [("", b"one"), ("-1", b"two")] {
        let aside = format!("{NAME}.damaged-{}{more}", at(0).unix);
        assert_eq!(fs::read(folder.path().join(aside)).unwrap(), bytes);
    }
}

#[tokio::test]
async fn a4_what_was_settled_survives_a_crash() {
    let folder = folder();
    let store = open(folder.path(), at(0));
    for n in 0..3 {
        act(&store, &Step::Revoke(n), at(0));
        act(&store, &Step::Put(n, n, true), at(0));
        store.settled().await.unwrap();
        // What a crash at this moment leaves.
        let crashed = fs::read(folder.path().join(NAME)).unwrap();
        let (_folder, kept) = reopened(&crashed);
        assert_eq!(
            (kept.revoked.len(), kept.quarantined.len()),
            (usize::from(n) + 1, usize::from(n) + 1)
        );
    }
}

#[tokio::test]
async fn a_thousand_answers_share_few_transactions() {
    let folder = folder();
    let state = Arc::new(Condition::default());
    let store = open_on(folder.path(), at(0), disk(&state)).unwrap();
    let before = store.journal.commits();
    let stopped = lock(&state.turning);
    let answers: Vec<_> = (0..1000)
        .map(|n| {
            let who = question("login", &format!("user{n}"));
            store.counters.failure(&who, Part::Stranger, at(0)).unwrap();
            store.settled()
        })
        .collect();
    drop(stopped);
    for answer in answers {
        answer.await.unwrap();
    }
    // What was there when the writer woke up, and the rest.
    let commits = store.journal.commits() - before;
    assert!((1..=2).contains(&commits), "{commits}");
    drop(store);
    let (journal, kept) = Journal::open_with(folder.path(), at(0), fast()).unwrap();
    journal.close();
    assert_eq!(kept.failures.len(), 1000);
}

#[tokio::test]
async fn a7_a_full_disk_settles_nothing_until_there_is_room() {
    let folder = folder();
    let state = Arc::new(Condition::default());
    let store = open_on(folder.path(), at(0), disk(&state)).unwrap();
    store.settled().await.unwrap();
    state.full.store(true, Ordering::SeqCst);
    let count = |n| {
        let who = question("login", &format!("user{n}"));
        store.counters.failure(&who, Part::Stranger, at(n))
    };
    for n in 0..3 {
        count(n).unwrap();
        assert_eq!(store.settled().await, Err(NotKept), "try {n}");
    }
    state.full.store(false, Ordering::SeqCst);
    // The writer tries again by itself.
    let shared = store.journal.0.as_ref().unwrap();
    let mut progress = shared.progress.subscribe();
    progress
        .wait_for(|progress| !progress.failing)
        .await
        .unwrap();
    count(3).unwrap();
    store.settled().await.unwrap();
    drop(store);
    let (journal, kept) = Journal::open_with(folder.path(), at(4), fast()).unwrap();
    journal.close();
    assert_eq!(kept.failures.len(), 4, "nothing was lost meanwhile");
}

#[test]
fn a7_what_could_not_be_written_does_not_overtake_what_is_newer() {
    let (one, two) = (Row::Number([1; 16]), Row::Number([2; 16]));
    let mut pending = Pending {
        notes: Notes::new(),
        noted: 0,
        taken: 0,
        now: at(0),
        due: 0,
        closing: false,
    };
    pending.add(Some((one, Some(vec![1]))));
    pending.add(Some((two, Some(vec![1]))));
    let batch = pending.take();
    pending.add(Some((one, None)));
    pending.give_back(batch.notes);
    assert_eq!(
        pending.notes,
        Notes::from([(one, None), (two, Some(vec![1]))])
    );
}

#[tokio::test]
async fn a4_a_quiet_journal_writes_once_more_so_that_one_damage_forgets_nothing() {
    let folder = folder();
    let store = open(folder.path(), at(0));
    store.touch();
    store.settled().await.unwrap();
    let mut progress = store.journal.0.as_ref().unwrap().progress.subscribe();
    let echoed = progress.wait_for(|progress| progress.echoes > 0);
    assert_eq!(echoed.await.unwrap().echoes, 1);
}

#[tokio::test]
async fn a7_what_is_noted_after_the_end_is_not_settled() {
    let folder = folder();
    let store = open(folder.path(), at(0));
    store.close();
    store.settled().await.unwrap();
    store
        .counters
        .failure(&asked(1), Part::Stranger, at(0))
        .unwrap();
    assert_eq!(store.settled().await, Err(NotKept));
    store.close();
}

#[tokio::test]
async fn c7_who_is_not_counted_costs_the_disk_as_much() {
    let folder = folder();
    let store = open(folder.path(), at(0));
    let before = store.journal.commits();
    store.touch();
    store.settled().await.unwrap();
    assert_eq!(store.journal.commits(), before + 1);
    // What comes afterwards is not waited for.
    let settled = store.settled();
    store.touch();
    settled.await.unwrap();
}

#[tokio::test]
async fn memory_alone_is_settled_at_once() {
    let folder = folder();
    let settings = Settings {
        path: folder.path().join("state"),
        durable: false,
    };
    let limits = limit::Settings::default();
    let store = Store::open(&settings, limits, 10, at(0)).unwrap();
    store
        .counters
        .failure(&asked(1), Part::Stranger, at(0))
        .unwrap();
    store.settled().await.unwrap();
    store.close();
    assert!(!settings.path.exists(), "and leaves nothing behind");
}

#[tokio::test]
async fn a5_a_clock_that_was_set_is_written_down_without_any_other_note() {
    let folder = folder();
    let store = open(folder.path(), at(0));
    store.settled().await.unwrap();
    let noted = || store.journal.0.as_ref().unwrap().pending().noted;
    let before = noted();
    store.sweep(at(1));
    store.sweep(Moment {
        unix: at(3).unix,
        ..at(2)
    });
    assert_eq!(noted(), before, "a second's boundary is no step");
    // Less than the minute after which the time is written down anyway.
    store.sweep(Moment {
        unix: at(30).unix,
        ..at(2)
    });
    assert_eq!(noted(), before + 1);
    store.sweep(Moment {
        unix: at(DAY).unix,
        ..at(2)
    });
    assert_eq!(noted(), before + 2);
    store.settled().await.unwrap();
}

/// Or what ended after the last note would begin again where the clock was set back before the next start.
#[tokio::test]
async fn a5_the_time_is_written_down_every_minute_and_the_next_process_knows_it() {
    let folder = folder();
    let store = open(folder.path(), at(0));
    let noted = || store.journal.0.as_ref().unwrap().pending().noted;
    let before = noted();
    for second in 0..60 {
        store.sweep(at(second));
    }
    assert_eq!(noted(), before);
    for second in 60..121 {
        store.sweep(at(second));
    }
    assert_eq!(noted(), before + 2);
    store.settled().await.unwrap();
    store.close();
    for _ in 0..2 {
        let next = open(folder.path(), at(5));
        assert_eq!(next.seen(), at(120).unix, "and the one after it");
        next.close();
    }
}

/// What one answer waits for the disk: `cargo test --lib what_an_answer_waits -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement"
)]
async fn what_an_answer_waits() {
    let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let store = Arc::new(open_on(folder.path(), at(0), file::opener()).unwrap());
    let mut waits = Vec::new();
    for n in 0..300_u64 {
        let began = std::time::Instant::now();
        let _ = store.counters.network(
            network(u8::try_from(n % 200).unwrap()),
            Channel::Sms,
            at(n * 400),
        );
        store.settled().await.unwrap();
        waits.push(began.elapsed());
    }
    waits.sort();
    println!(
        "one: median {:?}, 95 % {:?}, longest {:?}",
        waits[150], waits[285], waits[299]
    );
    let (began, before) = (std::time::Instant::now(), store.journal.commits());
    let many: Vec<_> = (0..5000_u32)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let who = question("login", &format!("user{n}"));
                store.counters.failure(&who, Part::Stranger, at(0)).unwrap();
                store.settled().await
            })
        })
        .collect();
    for one in many {
        one.await.unwrap().unwrap();
    }
    println!(
        "5000 at once: {:?} in {} transactions",
        began.elapsed(),
        store.journal.commits() - before
    );
    drop(store);
    let size = |what| {
        let bytes = fs::metadata(folder.path().join(NAME)).unwrap().len();
        println!("{what}: {} KB in the file", bytes / 1000);
    };
    size("5,000 people");
    let store = open_on(folder.path(), at(0), file::opener()).unwrap();
    for n in 0..200_000 {
        let who = question("login", &format!("user{n}"));
        let _ = store.counters.failure(&who, Part::Stranger, at(0));
    }
    let began = std::time::Instant::now();
    drop(store);
    size("200,000 people");
    let written = began.elapsed();
    let began = std::time::Instant::now();
    drop(open_on(folder.path(), at(0), file::opener()).unwrap());
    println!(
        "written in {written:?}, opened and closed in {:?}",
        began.elapsed()
    );
}
