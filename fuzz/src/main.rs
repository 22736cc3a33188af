//! `countersign-fuzz [--cases N] [--seed S] [--only CASE] [AIM…]`: runs each aim's corpus and then N cases made of it.
//!
//! Ends with 1 at the first broken promise, and prints what breaks it: the case's number, by which `--only` runs it
//! again, and its line for the corpus. Prints what the cases came to, and ends with 1, too, where too few came far.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use countersign_fuzz::dice::{self, Dice};
use countersign_fuzz::{AIMS, Aim, corpus};

/// How many cases came to what.
type Tally = BTreeMap<&'static str, u64>;

/// After so many cases a line says how far it is.
const PROGRESS: u64 = 200_000;

struct Wanted {
    cases: u64,
    seed: u64,
    only: Option<u64>,
    aims: Vec<Aim>,
}

fn main() -> ExitCode {
    let wanted = match wanted(std::env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(why) => {
            eprintln!("error: {why}");
            return ExitCode::from(2);
        }
    };
    for aim in &wanted.aims {
        if let Err(why) = run(*aim, &wanted) {
            eprintln!("error: {}: {why}", aim.name);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn wanted(mut arguments: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut wanted = Wanted {
        cases: 5_000,
        seed: 1,
        only: None,
        aims: Vec::new(),
    };
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let text = arguments.next().unwrap_or_default();
            text.replace('_', "")
                .parse::<u64>()
                .map_err(|_| format!("{argument} wants a number, not `{text}`"))
        };
        match &*argument {
            "--cases" => wanted.cases = number()?,
            "--seed" => wanted.seed = number()?,
            "--only" => wanted.only = Some(number()?),
            name => {
                let aim = AIMS.iter().find(|aim| aim.name == name);
                let names: Vec<&str> = AIMS.iter().map(|aim| aim.name).collect();
                let unknown = || format!("`{name}` is none of {}", names.join(", "));
                wanted.aims.push(*aim.ok_or_else(unknown)?);
            }
        }
    }
    if wanted.aims.is_empty() {
        wanted.aims = AIMS.to_vec();
    }
    Ok(wanted)
}

fn run(aim: Aim, wanted: &Wanted) -> Result<(), String> {
    let corpus = corpus::read(aim.name).map_err(|why| format!("its corpus: {why}"))?;
    let made = |case| {
        dice::case(
            &mut Dice::of(wanted.seed, case),
            &corpus,
            aim.words,
            aim.apart,
        )
    };
    if let Some(case) = wanted.only {
        let bytes = made(case);
        let came = held(aim, &bytes).map_err(|line| told(&line, &format!("case {case}")))?;
        println!("{}: {came}\n{}", aim.name, corpus::line_of(&bytes));
        return Ok(());
    }
    for case in &corpus {
        held(aim, case).map_err(|line| told(&line, "in the corpus"))?;
    }
    // Each worker takes the next number: which of them runs a case changes nothing about it.
    let next = AtomicU64::new(0);
    let broken = Mutex::new(None::<(u64, String)>);
    let all = Mutex::new(Tally::new());
    let work = || {
        let mut tally = Tally::new();
        loop {
            let case = next.fetch_add(1, Ordering::Relaxed);
            if case >= wanted.cases {
                break;
            }
            match held(aim, &made(case)) {
                Ok(what) => *tally.entry(what).or_default() += 1,
                Err(line) => {
                    next.store(wanted.cases, Ordering::Relaxed);
                    let mut broken = broken.lock().unwrap_or_else(PoisonError::into_inner);
                    if broken.as_ref().is_none_or(|(known, _)| case < *known) {
                        *broken = Some((case, line));
                    }
                }
            }
            if case > 0 && case.is_multiple_of(PROGRESS) {
                println!("{}: {case} of {}", aim.name, wanted.cases);
            }
        }
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        for (came, cases) in tally {
            *all.entry(came).or_default() += cases;
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    if let Some((case, line)) = broken.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let place = format!("--seed {} --only {case} {}", wanted.seed, aim.name);
        return Err(told(&line, &place));
    }
    println!(
        "{}: {} of the corpus and {} cases of seed {} hold",
        aim.name,
        corpus.len(),
        wanted.cases,
        wanted.seed
    );
    deep(
        aim,
        &all.into_inner().unwrap_or_else(PoisonError::into_inner),
    )
}

/// Prints what the cases came to, and says whether enough of them came far.
fn deep(aim: Aim, tally: &Tally) -> Result<(), String> {
    let cases: u64 = tally.values().sum();
    let mut shares: Vec<_> = tally.iter().collect();
    shares.sort_by_key(|(_, cases)| Reverse(**cases));
    for (came, many) in shares {
        let thousandths = many * 1000 / cases;
        let (whole, tenth) = (thousandths / 10, thousandths % 10);
        println!("    {whole:>3}.{tenth} %  {many:>9}  {came}");
    }
    for (came, least) in aim.depth {
        let many = tally.get(came).copied().unwrap_or_default();
        // Of a few cases nothing can be said.
        if cases >= 1000 && many * 1000 < cases * least {
            return Err(format!(
                "it says little: of {cases} cases only {many} came to `{came}`, and {least} of 1000 are wanted"
            ));
        }
    }
    Ok(())
}

/// What the case came to; or it as a line of the corpus, if a promise is broken by it: why, the panic has said by then.
fn held(aim: Aim, case: &[u8]) -> Result<&'static str, String> {
    catch_unwind(AssertUnwindSafe(|| (aim.run)(case))).map_err(|_| corpus::line_of(case))
}

fn told(line: &str, place: &str) -> String {
    format!("a promise is broken ({place}) by\n{line}")
}
