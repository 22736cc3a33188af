//! What the API answers, status and body exactly as Bandwidth's.

use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use rand::Rng;
use serde_json::{Value, json};

/// An answer before it has a request's id in it.
pub(super) enum Answer {
    /// A carrier took the text message, and calls it so.
    Sent(String),
    /// The same for a call.
    Called(String),
    /// Whether the code is the right one.
    Valid(bool),
    /// An access token.
    Token {
        /// The token.
        token: String,
        /// How long it is good.
        life: Duration,
    },
    /// The description of the API.
    OpenApi,
    /// Something is wrong with the request: what, in words for whoever wrote the application.
    BadRequest(String),
    /// The request is none, or not to every reader the same.
    Malformed(StatusCode, String),
    /// No credentials, or wrong ones.
    Unauthorized,
    /// The credentials of another account.
    Forbidden,
    /// No such path.
    NotFound,
    /// The path takes these methods only.
    NotAllowed(&'static str),
    /// A limit is reached: what to do, in words.
    TooMany(&'static str),
    /// A carrier's fault or ours.
    Internal,
    /// A request for a token that is none (RFC 6749 section 5.2): its word for why.
    BadGrant(String),
    /// Wrong credentials in one (the same section).
    BadClient,
}

impl Answer {
    /// Too many wrong answers about one number: in Bandwidth's words.
    pub(super) fn too_many_answers() -> Self {
        Self::TooMany("This number has exceeded verification attempts, please wait 2 minutes")
    }

    /// Too many codes to one number, or for one account in all.
    pub(super) fn too_many_codes() -> Self {
        Self::TooMany("This number has been sent too many codes, please try again later")
    }

    /// Too many wrong passwords from one network.
    pub(super) fn too_many_logins() -> Self {
        Self::TooMany("Too many failed logins, please wait 10 minutes")
    }

    /// The whole response. `closing` says that its connection ends with it.
    pub(super) fn response(self, id: &RequestId, closing: bool) -> Response<Full<Bytes>> {
        let (status, body) = self.body(id);
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        let fields = response.headers_mut();
        fields.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            fields.insert(REQUEST_ID, id);
        }
        match self {
            Self::Unauthorized | Self::BadClient => {
                fields.insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Basic realm=\"countersign\", charset=\"UTF-8\""),
                );
            }
            Self::NotAllowed(methods) => {
                fields.insert(header::ALLOW, HeaderValue::from_static(methods));
            }
            _ => {}
        }
        if closing {
            // hyper drops it where it has no meaning: over HTTP/2.
            fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn body(&self, id: &RequestId) -> (StatusCode, Bytes) {
        let error = |text: &str| json!({ "error": text, "requestId": id.as_str() });
        let (status, body): (StatusCode, Value) = match self {
            Self::Sent(id) => (StatusCode::OK, json!({ "messageId": id })),
            Self::Called(id) => (StatusCode::OK, json!({ "callId": id })),
            Self::Valid(valid) => (StatusCode::OK, json!({ "valid": valid })),
            Self::Token { token, life } => (
                StatusCode::OK,
                json!({ "access_token": token, "expires_in": life.as_secs(), "token_type": "Bearer" }),
            ),
            Self::OpenApi => return (StatusCode::OK, Bytes::from_static(OPENAPI)),
            Self::BadRequest(text) => (StatusCode::BAD_REQUEST, error(text)),
            Self::Malformed(status, text) => (*status, error(text)),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                json!({ "message": "Unauthorized" }),
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                json!({ "message": "User is not authorized to access this account" }),
            ),
            Self::NotFound => (StatusCode::NOT_FOUND, json!({ "message": "Not Found" })),
            Self::NotAllowed(_) => (
                StatusCode::METHOD_NOT_ALLOWED,
                json!({ "message": "Method Not Allowed" }),
            ),
            Self::TooMany(text) => (StatusCode::TOO_MANY_REQUESTS, error(text)),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, error("Internal Error")),
            Self::BadGrant(word) => (StatusCode::BAD_REQUEST, json!({ "error": word })),
            Self::BadClient => (
                StatusCode::UNAUTHORIZED,
                json!({ "error": "invalid_client" }),
            ),
        };
        (status, Bytes::from(body.to_string()))
    }
}

/// The description of the API, as it is also in the documentation.
const OPENAPI: &[u8] = include_bytes!("../../docs/openapi.json");

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What names one request in its answer and in the log: a random UUID (RFC 9562 section 5.4).
pub(super) struct RequestId(String);

impl RequestId {
    /// Draws a new one. It opens nothing, so the thread's own generator will do.
    pub(super) fn draw() -> Self {
        let mut random = [0; 16];
        rand::rng().fill_bytes(&mut random);
        random[6] = random[6] & 0x0f | 0x40;
        random[8] = random[8] & 0x3f | 0x80;
        let mut text = String::with_capacity(36);
        for (at, byte) in random.iter().enumerate() {
            if [4, 6, 8, 10].contains(&at) {
                text.push('-');
            }
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn told(answer: Answer) -> (u16, String) {
        let response = answer.response(&RequestId("ID".to_owned()), false);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        assert_eq!(response.headers()["x-request-id"], "ID");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn status_and_body_are_those_of_bandwidths_service() {
        for (answer, status, body) in [
            (Answer::Sent("m1".to_owned()), 200, r#"{"messageId":"m1"}"#),
            (Answer::Called("c-1".to_owned()), 200, r#"{"callId":"c-1"}"#),
            (Answer::Valid(true), 200, r#"{"valid":true}"#),
            (Answer::Valid(false), 200, r#"{"valid":false}"#),
            (
                Answer::BadRequest("to number is required".to_owned()),
                400,
                r#"{"error":"to number is required","requestId":"ID"}"#,
            ),
            (Answer::Unauthorized, 401, r#"{"message":"Unauthorized"}"#),
            (
                Answer::Forbidden,
                403,
                r#"{"message":"User is not authorized to access this account"}"#,
            ),
            (Answer::NotFound, 404, r#"{"message":"Not Found"}"#),
            (
                Answer::too_many_answers(),
                429,
                r#"{"error":"This number has exceeded verification attempts, please wait 2 minutes","requestId":"ID"}"#,
            ),
            (
                Answer::Internal,
                500,
                r#"{"error":"Internal Error","requestId":"ID"}"#,
            ),
        ] {
            assert_eq!(told(answer).await, (status, body.to_owned()));
        }
    }

    #[tokio::test]
    async fn a_refusal_says_what_would_be_taken() {
        let id = RequestId::draw();
        let allow = Answer::NotAllowed("POST").response(&id, false);
        assert_eq!(
            (allow.status().as_u16(), &allow.headers()[header::ALLOW]),
            (405, &HeaderValue::from_static("POST"))
        );
        for answer in [Answer::Unauthorized, Answer::BadClient] {
            let asks = answer.response(&id, true);
            assert_eq!(asks.status(), StatusCode::UNAUTHORIZED);
            assert!(asks.headers().contains_key(header::WWW_AUTHENTICATE));
            assert_eq!(asks.headers()[header::CONNECTION], "close");
        }
    }

    #[test]
    fn an_id_is_a_random_uuid() {
        let id = RequestId::draw();
        let text = id.as_str();
        assert_eq!(text.len(), 36);
        assert!(text.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            14 => c == '4',
            19 => "89ab".contains(c),
            _ => c.is_ascii_hexdigit(),
        }));
        assert_ne!(text, RequestId::draw().as_str());
    }
}
