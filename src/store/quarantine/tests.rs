//! Values, owners and places: against a plain list that does the same slowly, and under many hands.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::challenge::tests::at;

const ANN: Owner = [1; 16];
const BOB: Owner = [2; 16];
const ONE: Print = [11; 16];
const TWO: Print = [12; 16];

#[test]
fn a_value_of_several_logins_is_free_when_the_last_of_them_is_over() {
    let quarantine = Quarantine::default();
    assert!(quarantine.is_empty() && quarantine.look(&ONE, at(0)).is_none());
    quarantine.put(ANN, &[(ONE, Weight::Seen), (TWO, Weight::Seen)], at(0));
    quarantine.put(BOB, &[(ONE, Weight::Named)], at(0));
    let kept = quarantine.look(&ONE, at(0)).unwrap();
    assert_eq!(
        (kept.weight, &*kept.owners),
        (Weight::Named, &[ANN, BOB][..])
    );
    assert_eq!(quarantine.look(&TWO, at(0)).unwrap().weight, Weight::Seen);
    quarantine.lift(&BOB);
    let kept = quarantine.look(&ONE, at(0)).unwrap();
    assert_eq!((kept.weight, &*kept.owners), (Weight::Seen, &[ANN][..]));
    quarantine.lift(&ANN);
    quarantine.lift(&ANN);
    assert!(quarantine.is_empty() && quarantine.look(&ONE, at(0)).is_none());
}

/// A login of the same person in the same browser that was given up keeps back what it brought, unless that is free now.
#[test]
fn a_right_code_frees_its_values_from_the_same_persons_attempts_and_no_others() {
    let quarantine = Quarantine::default();
    let attempt = [3; 16];
    for (owner, value) in [(ANN, ONE), (attempt, ONE), (attempt, TWO), (BOB, ONE)] {
        quarantine.put(owner, &[(value, Weight::Named)], at(0));
    }
    quarantine.free(&ANN, |other| *other == attempt);
    assert_eq!(&*quarantine.look(&ONE, at(0)).unwrap().owners, &[BOB]);
    assert_eq!(&*quarantine.look(&TWO, at(0)).unwrap().owners, &[attempt]);
    assert_eq!(quarantine.len(), 2);
    quarantine.lift(&BOB);
    quarantine.lift(&attempt);
    assert!(quarantine.is_empty() && quarantine.owners.is_empty());
}

#[test]
fn a_value_that_is_put_there_again_is_one_place_no_less_firm_and_lives_on() {
    let quarantine = Quarantine::default();
    quarantine.put(ANN, &[(ONE, Weight::Named)], at(0));
    quarantine.put(
        ANN,
        &[(ONE, Weight::Seen), (ONE, Weight::Seen)],
        at(LIFE - 1),
    );
    assert_eq!(quarantine.len(), 1);
    assert_eq!(
        quarantine.look(&ONE, at(LIFE)).unwrap().weight,
        Weight::Named
    );
    quarantine.sweep(at(LIFE));
    assert!(quarantine.look(&ONE, at(2 * LIFE - 2)).is_some());
    assert!(
        quarantine.look(&ONE, at(2 * LIFE - 1)).is_none(),
        "24 hours"
    );
    assert!(
        !quarantine.is_empty(),
        "not swept yet: no request may take that for nothing"
    );
    quarantine.sweep(at(2 * LIFE - 1));
    assert!(quarantine.is_empty() && quarantine.owners.is_empty());
}

#[test]
fn a1_places_are_kept_free_before_a_login_is_sent_on() {
    let quarantine = Quarantine::default();
    let most = quarantine.reserve(MOST).unwrap();
    assert_eq!(quarantine.reserve(1).unwrap_err(), Full);
    drop(most);
    let values: Vec<_> = (0..MOST as u64)
        .map(|n| ((u128::from(n)).to_be_bytes(), Weight::Seen))
        .collect();
    quarantine.put(ANN, &values[2..], at(0));
    let two = quarantine.reserve(2).unwrap();
    assert_eq!(quarantine.reserve(1).unwrap_err(), Full);
    // A login that brings more than was thought is kept back all the same.
    quarantine.put(
        BOB,
        &[
            (ONE, Weight::Named),
            (TWO, Weight::Named),
            (values[0].0, Weight::Named),
        ],
        at(0),
    );
    assert_eq!(quarantine.len(), MOST + 1);
    drop(two);
    assert_eq!(quarantine.reserve(0).unwrap_err(), Full);
    quarantine.lift(&ANN);
    let place = quarantine.reserve(MOST - 3).unwrap();
    assert_eq!(quarantine.reserve(1).unwrap_err(), Full);
    drop(place);
    assert_eq!(
        quarantine.reserved.load(Ordering::Relaxed),
        0,
        "what was refused is given back"
    );
}

#[test]
fn many_hands_leave_nothing_behind_and_lose_nothing() {
    let quarantine = Quarantine::default();
    std::thread::scope(|scope| {
        for owner in 0..8_u8 {
            let quarantine = &quarantine;
            scope.spawn(move || {
                for round in 0..500_u64 {
                    // The first is everybody's, the second is its own.
                    let values = [([0; 16], Weight::Seen), ([owner + 1; 16], Weight::Named)];
                    quarantine.put([owner; 16], &values, at(round));
                    assert!(!quarantine.is_empty());
                    for (value, _) in &values {
                        let kept = quarantine.look(value, at(round)).expect("it is mine");
                        assert!(kept.owners.contains(&[owner; 16]));
                    }
                    quarantine.sweep(at(round));
                    quarantine.lift(&[owner; 16]);
                }
            });
        }
    });
    assert!(quarantine.is_empty() && quarantine.values.is_empty() && quarantine.owners.is_empty());
}

proptest! {
    #[test]
    fn it_does_what_a_plain_list_does(steps in prop::collection::vec((0..5_u8, 0..4_u8, 0..4_u8, any::<bool>(), 0..LIFE / 2), 1..60)) {
        let quarantine = Quarantine::default();
        let mut list: BTreeMap<(Print, Owner), (Weight, u64)> = BTreeMap::new();
        let mut now = 0;
        for (step, value, owner, named, wait) in steps {
            let (print, owner) = ([value; 16], [owner; 16]);
            let weight = if named { Weight::Named } else { Weight::Seen };
            match step {
                0 | 1 => {
                    quarantine.put(owner, &[(print, weight)], at(now));
                    let place = list.entry((print, owner)).or_insert((weight, 0));
                    *place = (place.0.max(weight), now + LIFE);
                }
                2 => {
                    quarantine.lift(&owner);
                    list.retain(|(_, of), _| *of != owner);
                }
                3 => now += wait,
                _ => {
                    quarantine.sweep(at(now));
                    list.retain(|_, (_, until)| *until > now);
                }
            }
            prop_assert_eq!(quarantine.is_empty(), list.is_empty());
            prop_assert_eq!(quarantine.len(), list.len());
            for value in 0..4 {
                let of: Vec<_> = list.iter().filter(|((print, _), (_, until))| *print == [value; 16] && *until > now).collect();
                let seen = quarantine.look(&[value; 16], at(now)).map(|mut kept| {
                    kept.owners.sort_unstable();
                    (kept.weight, kept.owners.to_vec())
                });
                let weight = of.iter().map(|(_, (weight, _))| *weight).max();
                let expected = weight.map(|weight| (weight, of.iter().map(|((_, owner), _)| *owner).collect()));
                prop_assert_eq!(seen, expected);
            }
        }
    }
}
