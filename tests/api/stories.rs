//! What an application does with Bandwidth's SDK, played with each of them.

use serde_json::{Value, json};

use super::gate::{Api, OTHER_ACCOUNT, PAPER};
use super::sdk::{Call, Kind, Sdk};
use super::support::gate::other_than;

const ANN: &str = "+12025550143";
const BOB: &str = "+12025550167";

const VALID: fn(bool) -> (u64, Value) = |valid| (200, json!({ "valid": valid }));

#[test]
fn python_23() {
    everything(Kind::Python23, false);
}

#[test]
fn python_23_by_oauth2() {
    everything(Kind::Python23, true);
}

#[test]
fn python_14() {
    everything(Kind::Python14, false);
}

#[test]
fn node_8() {
    everything(Kind::Node8, false);
}

#[test]
fn a_code_ends_when_whoever_asks_says_so() {
    for kind in [Kind::Python23, Kind::Python14, Kind::Node8] {
        let api = Api::here(PAPER);
        let Some(mut sdk) = Sdk::start(kind, &api.url()) else {
            continue;
        };
        sdk.make(&Call::messaging(ANN, "login"));
        let code = api.messages.code(1);
        let verify = |minutes: f64| {
            Call::verify(ANN, "login", &code).with("expirationTimeInMinutes", minutes)
        };
        api.later(61);
        assert_eq!(sdk.make(&verify(1.0)), VALID(false), "{kind:?}");
        assert_eq!(sdk.make(&verify(1.5)), VALID(true), "{kind:?}");
        // After the lock the right code is right again.
        sdk.make(&Call::messaging(ANN, "login"));
        let code = api.messages.code(2);
        for _ in 0..5 {
            let wrong = Call::verify(ANN, "login", &other_than(&code));
            assert_eq!(sdk.make(&wrong), VALID(false), "{kind:?}");
        }
        let right = Call::verify(ANN, "login", &code);
        assert_eq!(sdk.make(&right).0, 429, "{kind:?}");
        api.later(121);
        assert_eq!(sdk.make(&right), VALID(true), "{kind:?}");
    }
}

/// All of it but the time, against the program.
fn everything(kind: Kind, oauth: bool) {
    let api = Api::program(PAPER);
    let Some(mut sdk) = Sdk::start(kind, &api.url()) else {
        return;
    };
    let mut make = |call: Call| sdk.make(&call.oauth(oauth));

    // By message: wrong, another scope, right, used.
    let (status, sent) = make(Call::messaging(ANN, "login"));
    assert_eq!(status, 200, "{sent}");
    assert!(!sent["messageId"].as_str().unwrap().is_empty());
    let code = api.messages.code(1);
    assert!(
        api.messages
            .all()
            .contains(&format!("Example login: Your code is {code}."))
    );
    assert_eq!(
        make(Call::verify(ANN, "login", &other_than(&code))),
        VALID(false)
    );
    assert_eq!(make(Call::verify(ANN, "admin", &code)), VALID(false));
    assert_eq!(make(Call::verify(BOB, "login", &code)), VALID(false));
    assert_eq!(make(Call::verify(ANN, "login", &code)), VALID(true));
    assert_eq!(make(Call::verify(ANN, "login", &code)), VALID(false));

    // By call.
    let (status, called) = make(Call::voice(ANN, "login"));
    assert_eq!(status, 200, "{called}");
    assert!(!called["callId"].as_str().unwrap().is_empty());
    // It is read from a pipe: what was printed is there once its code is.
    let code = api.messages.code(2);
    assert!(api.messages.all().contains(&format!("call to {ANN}")));
    assert_eq!(make(Call::verify(ANN, "login", &code)), VALID(true));

    // A number that nobody can have.
    let (status, told) = make(Call::messaging("+11115551234", "login"));
    let expected = "to number is invalid: 111 is no area code of country code 1";
    assert_eq!((status, told["error"].as_str()), (400, Some(expected)));
    assert_eq!(told["requestId"].as_str().map(str::len), Some(36));

    // Nobody, and somebody else.
    let nobody = || Call::verify(ANN, "login", "123456").by("example", "wrong");
    if !oauth {
        // With OAuth2 the SDK does not look at the status that it gets for a token, and stumbles by itself.
        let unauthorized = (401, json!({ "message": "Unauthorized" }));
        assert_eq!(make(nobody()), unauthorized);
    }
    let (status, told) = make(Call::messaging(ANN, "login").of_account(OTHER_ACCOUNT));
    assert_eq!(status, 403);
    assert!(told["message"].is_string(), "{told}");

    // Too many wrong ones.
    make(Call::messaging(BOB, "login"));
    let code = api.messages.code(3);
    for _ in 0..4 {
        // One was wrong above.
        assert_eq!(
            make(Call::verify(BOB, "login", &other_than(&code))),
            VALID(false)
        );
    }
    let (status, told) = make(Call::verify(BOB, "login", &code));
    let expected = "This number has exceeded verification attempts, please wait 2 minutes";
    assert_eq!((status, told["error"].as_str()), (429, Some(expected)));

    // The classes of what is raised are those that an application catches.
    let raised = [
        sdk.raises(&Call::messaging("+11115551234", "login")),
        sdk.raises(&nobody()),
        sdk.raises(&nobody().by("other", "another")),
        sdk.raises(&Call::verify(BOB, "login", &code)),
    ];
    let expected = match kind {
        Kind::Python23 => [
            "BadRequestException",
            "UnauthorizedException",
            "ForbiddenException",
            "ApiException",
        ],
        Kind::Python14 => [
            "ErrorWithRequestException",
            "UnauthorizedRequestException",
            "ForbiddenRequestException",
            "ErrorWithRequestException",
        ],
        Kind::Node8 => ["AxiosError"; 4],
    };
    assert_eq!(raised, expected);

    // And nothing of it is in the log (C8).
    drop(sdk);
    let codes = [
        api.messages.code(1),
        api.messages.code(2),
        api.messages.code(3),
    ];
    let log = api.log();
    for event in [
        "api.sent",
        "api.verified",
        "api.failed",
        "api.locked",
        "api.malformed",
        "api.login_failed",
    ] {
        assert!(log.contains(event), "{event}: {log}");
    }
    for secret in ["2025550143", "2025550167", "a password", "1115551234"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    for code in codes {
        // Times have six digits behind the point as well.
        let stamped = log.matches(&format!(".{code}Z")).count();
        assert_eq!(log.matches(&code).count(), stamped, "{code}: {log}");
    }
}
