//! Which callers are answered at all.

use std::sync::Arc;

use rejoin_tls::{Cause, Problem};

use super::{Caller, Standing};

/// What a node wants of every caller, over gRPC and HTTP.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gate {
    /// Whether the node has certificates, so that all its callers were asked who they are.
    pub asks: bool,
    /// Whether a caller needs a certificate itself.
    pub needs_certificate: bool,
}

impl Gate {
    /// Why `caller` gets no answer; `None` if it gets one. A request that tells nothing of its caller is taken for one in plain text.
    pub(crate) fn refusal(self, caller: Option<&Caller>) -> Option<Arc<Problem>> {
        let because = |cause| {
            let who = caller.map_or_else(|| "the caller".to_owned(), Caller::place);
            Some(Arc::new(Problem { who, cause }))
        };
        match caller.map(|caller| &caller.standing) {
            Some(Standing::Refused(problem)) => Some(Arc::clone(problem)),
            Some(Standing::Certified(_)) => None,
            Some(Standing::Anonymous) if self.needs_certificate => because(Cause::NoCertificate),
            Some(Standing::Anonymous) => None,
            Some(Standing::Unasked) | None if self.asks => because(Cause::CallsPlainly),
            Some(Standing::Unasked) | None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(gate: Gate, standing: Standing) -> Option<Cause> {
        let caller = Caller {
            standing,
            ..Caller::default()
        };
        gate.refusal(Some(&caller)).map(|problem| problem.cause.clone())
    }

    #[test]
    fn a_node_without_certificates_answers_everybody() {
        assert_eq!(told(Gate::default(), Standing::Unasked), None);
        assert!(Gate::default().refusal(None).is_none());
    }

    #[test]
    fn a_node_with_certificates_answers_nobody_in_plain_text_even_if_a_listener_forgot_to_ask() {
        let gate = Gate {
            asks: true,
            needs_certificate: false,
        };
        assert_eq!(told(gate, Standing::Unasked), Some(Cause::CallsPlainly));
        assert!(gate.refusal(None).is_some());
        assert_eq!(told(gate, Standing::Anonymous), None);
    }

    #[test]
    fn where_clients_need_a_certificate_one_without_is_refused() {
        let gate = Gate {
            asks: true,
            needs_certificate: true,
        };
        assert_eq!(told(gate, Standing::Anonymous), Some(Cause::NoCertificate));
    }
}
