//! One call: its deadline, its repetitions, and what a gRPC status means for the caller.

use std::error::Error;
use std::time::Duration;

use prost::Message;
use rejoin_api::{CONFLICT_REPORT_TYPE_URL, ERROR_DOMAIN, Reason, proto};
use tonic::{Code, ConnectError, Status};
use tonic_types::{StatusExt, pb};

use crate::conflict_report::ConflictReport;
use crate::error::{CallError, Refusal};
use crate::options::ClientOptions;
use crate::route::Route;

/// Whether a call may be sent more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Safety {
    /// A read, or a call that does the same however often it arrives.
    Repeatable,
    /// A write with a request id, or one that finds nothing left to do: nodes do it once, however often it arrives and wherever.
    Named,
    /// A write: sent once, and unknown if no answer arrives.
    Once,
}

impl Safety {
    /// Whether the call may be sent again after this error, at the same address or another one.
    fn allows_again(self, error: &CallError) -> bool {
        match self {
            Self::Repeatable => error.is_temporary(),
            Self::Named => error.is_temporary() || matches!(error, CallError::Unknown { .. }),
            Self::Once => false,
        }
    }

    /// Whether the call may go to another address after this error: this one cannot be reached or is stopping, and the call has done nothing there
    /// or may be done again.
    fn allows_elsewhere(self, error: &CallError) -> bool {
        match error {
            CallError::Unreachable { .. } | CallError::Untrusted { .. } => true,
            CallError::Unknown { .. } => self == Self::Named,
            CallError::Refused(refusal) => refusal.kind() == Some(Reason::ShuttingDown),
            CallError::TooLarge(_) | CallError::Protocol { .. } => false,
        }
    }
}

/// An answer, and what an attempt before it met whose own answer was lost: that one may have been done, whatever this one says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answered<T> {
    pub(crate) answer: T,
    pub(crate) unknown: Option<CallError>,
}

/// Runs `attempt`, which goes to the current address of `route`, under the deadline: at the next addresses while one cannot be reached, and, where
/// that is safe, again while the nodes are unavailable. `patience` is what an attempt may take beside, because it lets a node wait for others.
pub(crate) async fn run<T, F, A>(
    options: &ClientOptions,
    route: &Route,
    safety: Safety,
    patience: Duration,
    attempt: F,
) -> Result<Answered<T>, CallError>
where
    F: Fn() -> A,
    A: Future<Output = Result<T, Status>>,
{
    let deadline = attempt_deadline(options, route, patience);
    let all = deadline.saturating_mul(u32::try_from(route.len()).unwrap_or(u32::MAX));
    tokio::time::timeout(all, repeat(options, route, safety, deadline, attempt))
        .await
        .unwrap_or_else(|_| Err(no_answer(route.address(route.current()), safety, all)))
}

/// How long one attempt may take: of several addresses each has its part of the deadline.
pub(crate) fn attempt_deadline(options: &ClientOptions, route: &Route, patience: Duration) -> Duration {
    let addresses = u32::try_from(route.len()).unwrap_or(u32::MAX).max(1);
    (options.deadline / addresses).saturating_add(patience)
}

async fn repeat<T, F, A>(
    options: &ClientOptions,
    route: &Route,
    safety: Safety,
    deadline: Duration,
    attempt: F,
) -> Result<Answered<T>, CallError>
where
    F: Fn() -> A,
    A: Future<Output = Result<T, Status>>,
{
    let mut wait = options.backoff_min;
    let (mut attempts, mut rounds) = (1, 1);
    // The first attempt of a write whose answer was lost: whatever later ones meet, that one may have been done.
    let mut unknown = None;
    loop {
        let place = route.current();
        let address = route.address(place);
        let error = match tokio::time::timeout(deadline, attempt()).await {
            Ok(Ok(answer)) => return Ok(Answered { answer, unknown }),
            Ok(Err(status)) => from_status(address, safety, &status),
            Err(_) => no_answer(address, safety, deadline),
        };
        if unknown.is_none() && matches!(error, CallError::Unknown { .. }) {
            unknown = Some(error.clone());
        }
        if route.len() > 1 && safety.allows_elsewhere(&error) {
            route.failed(place);
            if attempts < rounds * route.len() {
                attempts += 1;
                continue;
            }
        }
        if !safety.allows_again(&error) || rounds >= options.attempts_max as usize {
            return Err(unknown.unwrap_or(error));
        }
        tokio::time::sleep(wait).await;
        wait = wait.saturating_mul(2).min(options.backoff_max);
        (attempts, rounds) = (rounds * route.len() + 1, rounds + 1);
    }
}

/// The error of a call that took longer than `after`.
pub(crate) fn no_answer(address: &str, safety: Safety, after: Duration) -> CallError {
    lost(address, safety, format!("no answer within {after:?}"))
}

/// The error of a call whose answer did not arrive for another cause.
pub(crate) fn lost(address: &str, safety: Safety, problem: String) -> CallError {
    let address = address.to_owned();
    match safety {
        Safety::Repeatable => CallError::Unreachable { address, problem },
        Safety::Named | Safety::Once => CallError::Unknown { address, problem },
    }
}

/// What a status means: a refusal by the node, a message over a bound, a foreign answer, or no answer at all.
pub(crate) fn from_status(address: &str, safety: Safety, status: &Status) -> CallError {
    if let Some(refusal) = refusal(status) {
        if refusal.reason == Reason::OutcomeUnknown.as_str() {
            return lost(address, safety, refusal.message);
        }
        return CallError::Refused(Box::new(refusal));
    }
    // The call was never sent, so that it was a write does not matter.
    match connect_problem(status) {
        Some((problem, false)) => {
            return CallError::Unreachable {
                address: address.to_owned(),
                problem,
            };
        }
        Some((problem, true)) => {
            return CallError::Untrusted {
                address: address.to_owned(),
                problem,
            };
        }
        None => {}
    }
    match status.code() {
        // What is too large to be sent was not sent, and a node says so with a reason: this is its answer that is too large to be taken.
        Code::OutOfRange if safety == Safety::Repeatable => CallError::TooLarge(status.message().to_owned()),
        Code::Unimplemented | Code::InvalidArgument | Code::Unauthenticated | Code::PermissionDenied => {
            CallError::Protocol {
                address: address.to_owned(),
                problem: describe(status),
            }
        }
        _ => lost(address, safety, describe(status)),
    }
}

/// The node's own refusal, recognised by the domain of its `ErrorInfo`.
fn refusal(status: &Status) -> Option<Refusal> {
    let info = status
        .get_details_error_info()
        .filter(|info| info.domain == ERROR_DOMAIN)?;
    Some(Refusal {
        reason: info.reason,
        message: status.message().to_owned(),
        metadata: info.metadata.into_iter().collect(),
        conflict: conflict_report(status),
    })
}

fn conflict_report(status: &Status) -> Option<ConflictReport> {
    let details = pb::Status::decode(status.details()).ok()?.details;
    let detail = details
        .into_iter()
        .find(|detail| detail.type_url == CONFLICT_REPORT_TYPE_URL)?;
    let report = proto::ConflictReport::decode(detail.value.as_slice()).ok()?;
    ConflictReport::from_proto(report).ok()
}

/// Why no connection was made, with the innermost cause: the outer ones only say "transport error". And whether it is for want of trust.
fn connect_problem(status: &Status) -> Option<(String, bool)> {
    let mut next = status.source();
    while let Some(error) = next {
        if error.is::<ConnectError>() {
            let innermost = innermost(error);
            let failed = innermost
                .downcast_ref::<std::io::Error>()
                .and_then(std::io::Error::get_ref);
            let distrust = failed.is_some_and(|inner| inner.is::<rejoin_tls::Problem>());
            return Some((innermost.to_string(), distrust));
        }
        next = error.source();
    }
    None
}

fn describe(status: &Status) -> String {
    match status.source() {
        Some(source) => innermost(source).to_string(),
        None if status.message().is_empty() => format!("{}", status.code()),
        None => status.message().to_owned(),
    }
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::HashMap;

    use bytes::Bytes;
    use tonic_types::ErrorDetails;

    use super::*;

    const ADDRESS: &str = "http://node";

    fn fast() -> ClientOptions {
        ClientOptions {
            backoff_min: Duration::from_millis(1),
            ..ClientOptions::default()
        }
    }

    fn refused(code: Code, reason: Reason) -> Status {
        let mut details = ErrorDetails::new();
        details.set_error_info(
            reason.as_str(),
            ERROR_DOMAIN,
            HashMap::from([("path".to_owned(), "/a".to_owned())]),
        );
        Status::with_error_details(code, "no", details)
    }

    fn route(addresses: &[&str]) -> Route {
        Route::new(
            addresses.iter().map(|address| (*address).into()),
            Duration::from_secs(3600),
        )
    }

    /// The addresses that a call goes to, of two of which the first answers with `status`, and what the caller is told.
    async fn visits(safety: Safety, status: impl Fn() -> Status) -> (Vec<String>, Result<(), CallError>) {
        let (route, visits) = (route(&["http://east", "http://west"]), RefCell::new(Vec::new()));
        let result = run(&fast(), &route, safety, Duration::ZERO, || {
            let address = route.address(route.current()).to_owned();
            visits.borrow_mut().push(address.clone());
            let status = status();
            async move { if address == "http://east" { Err(status) } else { Ok(()) } }
        })
        .await;
        (visits.into_inner(), result.map(|answered| answered.answer))
    }

    #[tokio::test]
    async fn a_read_goes_to_the_next_address_at_once_and_the_calls_after_it_too() {
        let (visits, result) = visits(Safety::Repeatable, || Status::unavailable("gone")).await;
        assert_eq!(visits, ["http://east", "http://west"]);
        assert_eq!(result, Ok(()));
        let route = route(&["http://east", "http://west"]);
        route.failed(0);
        assert_eq!(route.address(route.current()), "http://west");
    }

    #[tokio::test]
    async fn a_write_without_an_answer_goes_elsewhere_only_if_it_has_a_name() {
        let (unnamed, result) = visits(Safety::Once, || Status::unavailable("gone")).await;
        assert_eq!(unnamed, ["http://east"]);
        assert!(matches!(result, Err(CallError::Unknown { .. })), "{result:?}");
        let (named, result) = visits(Safety::Named, || Status::unavailable("gone")).await;
        assert_eq!(named, ["http://east", "http://west"]);
        assert_eq!(result, Ok(()));
    }

    #[tokio::test]
    async fn a_named_write_that_was_lost_at_one_node_and_refused_by_another_may_have_been_done() {
        let route = route(&["http://east", "http://west"]);
        let result: Result<Answered<()>, CallError> = run(&fast(), &route, Safety::Named, Duration::ZERO, || {
            let status = match route.current() {
                0 => Status::unavailable("gone"),
                _ => refused(Code::Aborted, Reason::Conflict),
            };
            async { Err(status) }
        })
        .await;
        assert!(
            matches!(&result, Err(CallError::Unknown { address, .. }) if address == "http://east"),
            "{result:?}"
        );
    }

    #[tokio::test]
    async fn a_write_that_a_stopping_node_has_refused_goes_to_the_next_address() {
        let stopping = || refused(Code::Unavailable, Reason::ShuttingDown);
        let (visits, result) = visits(Safety::Once, stopping).await;
        assert_eq!(visits, ["http://east", "http://west"]);
        assert_eq!(result, Ok(()));
    }

    #[tokio::test]
    async fn a_refusal_is_not_asked_for_again_elsewhere() {
        let behind = || refused(Code::Unavailable, Reason::SessionBehind);
        for safety in [Safety::Repeatable, Safety::Named, Safety::Once] {
            let (visits, result) = visits(safety, behind).await;
            assert_eq!(visits, ["http://east"]);
            assert_eq!(result.unwrap_err().reason(), Some(Reason::SessionBehind));
        }
    }

    #[tokio::test]
    async fn of_two_addresses_that_do_not_answer_each_is_tried_as_often_as_one_alone() {
        let (route, count) = (route(&["http://east", "http://west"]), Cell::new(0));
        let result: Result<Answered<()>, CallError> = run(&fast(), &route, Safety::Repeatable, Duration::ZERO, || {
            count.set(count.get() + 1);
            async { Err(Status::unavailable("gone")) }
        })
        .await;
        assert!(matches!(result, Err(CallError::Unreachable { .. })), "{result:?}");
        assert_eq!(count.get(), 8);
    }

    async fn attempts(safety: Safety, status: impl Fn() -> Status) -> (u32, CallError) {
        let count = Cell::new(0);
        let result: Result<Answered<()>, CallError> = run(&fast(), &route(&[ADDRESS]), safety, Duration::ZERO, || {
            count.set(count.get() + 1);
            let status = status();
            async { Err(status) }
        })
        .await;
        (count.get(), result.unwrap_err())
    }

    #[tokio::test]
    async fn a_read_is_repeated_while_the_node_is_unavailable() {
        let (count, error) = attempts(Safety::Repeatable, || Status::unavailable("gone")).await;
        assert_eq!(count, 4);
        assert!(matches!(error, CallError::Unreachable { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_write_of_which_the_node_itself_does_not_know_is_unknown_and_not_refused() {
        let (count, error) = attempts(Safety::Once, || refused(Code::Unknown, Reason::OutcomeUnknown)).await;
        assert_eq!(count, 1);
        assert!(matches!(error, CallError::Unknown { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_write_whose_answer_is_lost_is_sent_once_and_unknown() {
        let (count, error) = attempts(Safety::Once, || Status::unavailable("gone")).await;
        assert_eq!(count, 1);
        assert!(matches!(error, CallError::Unknown { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_refusal_is_not_repeated_and_carries_its_reason() {
        let (count, error) = attempts(Safety::Repeatable, || refused(Code::NotFound, Reason::DocumentNotFound)).await;
        assert_eq!(count, 1);
        assert_eq!(error.reason(), Some(Reason::DocumentNotFound));
        assert_eq!(error.refusal().unwrap().metadata["path"], "/a");
    }

    #[tokio::test]
    async fn an_overloaded_node_is_asked_again_for_a_read_only() {
        let overloaded = || refused(Code::ResourceExhausted, Reason::Overloaded);
        assert_eq!(attempts(Safety::Repeatable, overloaded).await.0, 4);
        let (count, error) = attempts(Safety::Once, overloaded).await;
        assert_eq!(count, 1);
        assert_eq!(error.reason(), Some(Reason::Overloaded));
    }

    #[tokio::test]
    async fn a_write_over_its_deadline_is_unknown_and_a_read_unreachable() {
        let options = ClientOptions {
            deadline: Duration::from_millis(20),
            ..ClientOptions::default()
        };
        for safety in [Safety::Once, Safety::Repeatable] {
            let silent = std::future::pending::<Result<(), Status>>;
            let error = run(&options, &route(&[ADDRESS]), safety, Duration::ZERO, silent)
                .await
                .unwrap_err();
            assert_eq!(
                matches!(error, CallError::Unknown { .. }),
                safety == Safety::Once,
                "{error}"
            );
            assert_eq!(
                matches!(error, CallError::Unreachable { .. }),
                safety == Safety::Repeatable,
                "{error}"
            );
        }
    }

    #[test]
    fn a_write_whose_answer_is_over_the_bound_may_have_been_done() {
        let told = |safety| from_status(ADDRESS, safety, &Status::out_of_range("5 bytes, the limit is 4"));
        assert!(matches!(told(Safety::Once), CallError::Unknown { .. }));
        assert!(matches!(told(Safety::Named), CallError::Unknown { .. }));
        assert!(matches!(told(Safety::Repeatable), CallError::TooLarge(_)));
    }

    #[test]
    fn a_conflict_report_is_read_from_the_details() {
        let report = proto::ConflictReport {
            conflicts: vec![proto::PathConflict {
                path: "/a".to_owned(),
                base_value: Some(Bytes::from_static(b"1.0")),
                our_value: None,
                your_value: Some(Bytes::from_static(b"3")),
            }],
            revision: "1-23202479633c2b380f79507a776743d5".to_owned(),
            ..proto::ConflictReport::default()
        };
        let info = refused(Code::Aborted, Reason::Conflict);
        let mut wire = pb::Status::decode(info.details()).unwrap();
        let value = report.encode_to_vec();
        wire.details.push(prost_types::Any {
            type_url: CONFLICT_REPORT_TYPE_URL.to_owned(),
            value,
        });
        let status = Status::with_details(Code::Aborted, "conflict", wire.encode_to_vec().into());

        let error = from_status(ADDRESS, Safety::Once, &status);
        let report = error.refusal().and_then(|refusal| refusal.conflict.as_ref()).unwrap();
        assert_eq!(report.conflicts[0].base_value.as_deref(), Some(&b"1.0"[..]));
        assert_eq!(report.conflicts[0].our_value, None);
        assert_eq!(report.yours, None);
    }
    #[tokio::test]
    async fn an_answer_after_a_lost_attempt_comes_with_what_that_one_met() {
        let route = route(&["http://east", "http://west"]);
        let answered = run(&fast(), &route, Safety::Named, Duration::ZERO, || {
            let is_first = route.current() == 0;
            async move {
                if is_first {
                    Err(Status::unavailable("gone"))
                } else {
                    Ok(7)
                }
            }
        })
        .await
        .unwrap();
        assert_eq!(answered.answer, 7);
        assert!(
            matches!(answered.unknown, Some(CallError::Unknown { .. })),
            "{answered:?}"
        );
    }
}
