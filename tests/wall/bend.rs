//! More spellings: one of the list, or a plain one, with up to three more tricks played on it.

use super::gate::GUARDED;

/// How many, unless `WALL_MORE` says another number.
const MORE: usize = 3000;

/// Which draw it is, unless `WALL_SEED` says another.
const SEED: u64 = 7;

/// Folders that nothing guards.
const OPEN: [&str; 5] = ["public", "static", "x", "files", "index.php"];

/// Spellings on top of these, the same in every run.
pub fn more(listed: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let number = |name| std::env::var(name).map(|number| number.parse::<u64>().unwrap());
    let mut dice = Dice(number("WALL_SEED").unwrap_or(SEED));
    let more = number("WALL_MORE").map_or(MORE, |more| usize::try_from(more).unwrap());
    (0..more)
        .map(|_| {
            let mut target = if dice.below(3) == 0 {
                listed[dice.below(listed.len())].clone()
            } else {
                let below = ["", "/", "/users", "/index.html", "/1"];
                let plain = GUARDED[dice.below(3)].to_owned() + below[dice.below(5)];
                plain.into_bytes()
            };
            for _ in 0..=dice.below(3) {
                target = trick(&target, &mut dice);
            }
            target
        })
        .collect()
}

#[expect(clippy::too_many_lines, reason = "a line or two for each trick")]
fn trick(target: &[u8], dice: &mut Dice) -> Vec<u8> {
    let open = OPEN[dice.below(OPEN.len())];
    match dice.below(16) {
        0 => at_byte(target, dice, |byte| format!("%{byte:02x}")),
        1 => at_byte(target, dice, |byte| format!("%{byte:02X}")),
        2 => at_byte(target, dice, |byte| format!("%25{byte:02x}")),
        3 => target
            .iter()
            .map(|&b| if b.is_ascii_alphabetic() { b ^ 0x20 } else { b })
            .collect(),
        4 => at_slash(
            target,
            dice,
            &["//", "///", "/./", "/.//", "/;/", "/%2e/", "/;x=y/"],
        ),
        5 => at_slash(
            target,
            dice,
            &["%2f", "%2F", "\\", "%5c", "%252f", "%c0%af", "%ef%bc%8f"],
        ),
        6 => {
            let climb = [
                "..",
                "%2e%2e",
                ".%2e",
                "..;",
                "..;x=y",
                "%252e%252e",
                ".;/..",
                "..%00",
            ];
            let climb = climb[dice.below(climb.len())];
            [format!("/{open}/{climb}").as_bytes(), target].concat()
        }
        7 => [format!("/{open}").as_bytes(), b"..", target].concat(),
        8 => [format!("/{open}/y/../..").as_bytes(), target].concat(),
        9 => {
            let scripts = [
                "/index.php",
                "/index",
                "/x/index.php",
                "/INDEX.PHP",
                "/admin/../index.php",
            ];
            [scripts[dice.below(5)].as_bytes(), target].concat()
        }
        10 => {
            let ends = [
                ".html",
                ".php",
                ".do",
                ".",
                "%20",
                "/",
                "//",
                ";x",
                ";jsessionid=1",
                "?x",
                "?/public/",
                "#x",
                "%23",
                "%3f",
                "/.",
                "/x/..",
                "/..;/",
                ".en",
                ".html.fr",
                "%00",
                "%0a",
                "~",
                "/index.php/x",
            ];
            [target, ends[dice.below(ends.len())].as_bytes()].concat()
        }
        11 => at_slash(
            target,
            dice,
            &["/%09", "/%20", "/+", "%09/", "%20/", "/%e2%80%8b"],
        ),
        12 => [b"http://app.localhost", target].concat(),
        13 => [b"//host", target].concat(),
        14 => at_slash(
            target,
            dice,
            &[
                "/x/../",
                "/x/%2e%2e/",
                "/x/..;/",
                "/x%2f..%2f",
                "/x//../",
                "/x\\..\\",
            ],
        ),
        _ => {
            let text = String::from_utf8_lossy(target).into_owned();
            let [from, to] = [
                ["i", "%C4%B1"],
                ["k", "%E2%84%AA"],
                ["s", "%C5%BF"],
                ["a", "%EF%BD%81"],
            ][dice.below(4)];
            text.replacen(from, to, 1).into_bytes()
        }
    }
}

/// One byte written otherwise.
fn at_byte(target: &[u8], dice: &mut Dice, write: impl Fn(u8) -> String) -> Vec<u8> {
    let at = 1 + dice.below(target.len().max(2) - 1);
    let Some(&byte) = target.get(at) else {
        return target.to_vec();
    };
    [&target[..at], write(byte).as_bytes(), &target[at + 1..]].concat()
}

/// One slash written otherwise.
fn at_slash(target: &[u8], dice: &mut Dice, ways: &[&str]) -> Vec<u8> {
    let slashes: Vec<usize> = (0..target.len()).filter(|&at| target[at] == b'/').collect();
    let Some(&at) = slashes.get(dice.below(slashes.len().max(1))) else {
        return target.to_vec();
    };
    let way = ways[dice.below(ways.len())];
    [&target[..at], way.as_bytes(), &target[at + 1..]].concat()
}

/// `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(end).unwrap()).unwrap()
    }
}
