//! `countersign-fuzz [--cases N] [--seed S] [--only CASE] [AIM…]`: runs each aim's corpus and then N cases made of it.
//!
//! Ends with 1 at the first broken promise, and prints what breaks it: the case's number, by which `--only` runs it
//! again, and its line for the corpus.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use countersign_fuzz::dice::{self, Dice};
use countersign_fuzz::{AIMS, Aim, corpus};

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
    let made = |case| dice::case(&mut Dice::of(wanted.seed, case), &corpus, aim.words);
    if let Some(case) = wanted.only {
        return held(aim, &made(case)).map_err(|line| told(&line, &format!("case {case}")));
    }
    for case in &corpus {
        held(aim, case).map_err(|line| told(&line, "in the corpus"))?;
    }
    // Each worker takes the next number: which of them runs a case changes nothing about it.
    let next = AtomicU64::new(0);
    let broken = Mutex::new(None::<(u64, String)>);
    let work = || {
        loop {
            let case = next.fetch_add(1, Ordering::Relaxed);
            if case >= wanted.cases {
                return;
            }
            if let Err(line) = held(aim, &made(case)) {
                next.store(wanted.cases, Ordering::Relaxed);
                let mut broken = broken.lock().unwrap_or_else(|held| held.into_inner());
                if broken.as_ref().is_none_or(|(known, _)| case < *known) {
                    *broken = Some((case, line));
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    if let Some((case, line)) = broken.into_inner().unwrap_or_else(|held| held.into_inner()) {
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
    Ok(())
}

/// The case as a line of the corpus, if a promise is broken by it; why, the panic has said by then.
fn held(aim: Aim, case: &[u8]) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| (aim.run)(case))).map_err(|_| corpus::line_of(case))
}

fn told(line: &str, place: &str) -> String {
    format!("a promise is broken ({place}) by\n{line}")
}
