//! Three clients of one datacenter who had read the same revision: one is first, one merges, one is refused and told why.

use anyhow::{Context, bail};

use super::plan::Plan;
use super::stage::Stage;
use super::table::{Table, say};
use crate::history::{Json, Outcome};
use crate::process::EAST;
use crate::workload::{Attempt, Session, Sight};

/// Plays the scene at dc-east.
///
/// # Errors
/// The node does not answer, or not as it promises.
pub(super) async fn meet(stage: &Stage, plan: &Plan) -> anyhow::Result<()> {
    let document = plan.colleagues.as_str();
    let mut clerks = Vec::new();
    for name in ["e5", "e6", "e7"] {
        clerks.push(stage.session(name, EAST)?);
    }
    let [first, second, third] = clerks.as_mut_slice() else {
        bail!("there are three clerks")
    };
    let sight = first.read(document).await?;
    let revision = sight
        .view
        .as_ref()
        .map(|view| view.revision.clone())
        .context("the document is missing")?;
    println!();
    say(&format!(
        "Three clients of dc-east had read {document} at revision {revision:.8}…, and sent:"
    ));
    println!();
    let mut table = Table::new([("client", 6), ("member", 8), ("value", 18), ("answer", 56)]);
    for (clerk, path, value) in [
        (&mut *first, "/phone", "+00 555 010"),
        (&mut *second, "/email", "me@new.example"),
        (&mut *third, "/phone", "+00 555 020"),
    ] {
        let attempt = change(clerk, document, &sight, path, value).await?;
        table.row([
            clerk.name().to_owned(),
            path.to_owned(),
            value.to_owned(),
            answer(&attempt),
        ]);
    }
    // The refused one looks again and decides.
    let sight = third.read(document).await?;
    let attempt = change(third, document, &sight, "/phone", "+00 555 020").await?;
    table.row([
        third.name().to_owned(),
        "/phone".to_owned(),
        "+00 555 020".to_owned(),
        answer(&attempt),
    ]);
    table.print();
    Ok(())
}

async fn change(
    clerk: &mut Session,
    document: &str,
    sight: &Sight,
    path: &str,
    value: &str,
) -> anyhow::Result<Attempt> {
    let mut body = sight.view.as_ref().context("the document is missing")?.body.clone();
    body.set(path, &Json::string(value))?;
    clerk.write(document, sight, &body).await
}

fn answer(attempt: &Attempt) -> String {
    let text = |value: &Option<bytes::Bytes>| {
        value
            .as_deref()
            .map_or("nothing".into(), String::from_utf8_lossy)
            .into_owned()
    };
    match (&attempt.outcome, &attempt.report) {
        (
            Outcome::Ok {
                revision, merged: true, ..
            },
            _,
        ) => format!("{revision:.8}…, merged with the other's change"),
        (Outcome::Ok { revision, .. }, _) => format!("{revision:.8}…"),
        (Outcome::Refused { reason }, Some(report)) => match report.conflicts.as_slice() {
            [only] => format!(
                "{reason}: it is {} now, was {}",
                text(&only.our_value),
                text(&only.base_value)
            ),
            conflicts => format!("{reason} at {} paths", conflicts.len()),
        },
        (Outcome::Refused { reason }, None) => reason.clone(),
        (Outcome::Unknown { problem }, _) => format!("no answer: {problem}"),
    }
}
