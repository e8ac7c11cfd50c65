//! All that one node shows of a database, and how it differs from what another shows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context;
use rejoin_client::{Client, ConflictFilter, DocumentConflicts};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::View;
use crate::process::poll_until;

/// Documents a page.
const PAGE: u32 = 500;

/// All that a node shows of a database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// The root digest, in hexadecimal digits.
    pub digest: String,
    /// The documents that are not deleted.
    pub documents: BTreeMap<String, View>,
    /// The ids that the index of open conflicts lists, with the paths.
    pub conflicts: BTreeMap<String, Vec<String>>,
}

impl Picture {
    /// Reads everything from a node at which nothing is being written.
    ///
    /// # Errors
    /// The node does not answer, or shows something that is not JSON.
    pub async fn take(client: &Client, database: &str) -> anyhow::Result<Self> {
        let digest = hexadecimal(&client.digest().await?);
        let mut documents = BTreeMap::new();
        let mut after = None;
        loop {
            let page = client.list(database, PAGE, after).await?;
            for document in &page.items {
                documents.insert(document.id.clone(), View::of(document)?);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let conflicts = all_conflicts(client, database).await?;
        let paths = |document: &DocumentConflicts| {
            document
                .conflicts
                .iter()
                .map(|(conflict, _)| conflict.path.clone())
                .collect()
        };
        let conflicts = conflicts
            .iter()
            .map(|document| (document.id.clone(), paths(document)))
            .collect();
        Ok(Self {
            digest,
            documents,
            conflicts,
        })
    }

    /// What is wrong with this picture by itself: the conflict list must be that of the documents.
    pub fn contradictions(&self) -> Vec<String> {
        let shown = self.documents.iter().filter(|(_, view)| !view.conflicts.is_empty());
        let shown: BTreeMap<String, Vec<String>> = shown
            .map(|(id, view)| {
                (
                    id.clone(),
                    view.conflicts.iter().map(|conflict| conflict.path.clone()).collect(),
                )
            })
            .collect();
        let ids: BTreeSet<&String> = shown.keys().chain(self.conflicts.keys()).collect();
        let differing = ids.into_iter().filter(|id| shown.get(*id) != self.conflicts.get(*id));
        differing
            .map(|id| {
                format!(
                    "{id}: shows conflicts at {:?}, the list has {:?}",
                    shown.get(id),
                    self.conflicts.get(id)
                )
            })
            .collect()
    }

    /// How this picture differs from another node's, in words; empty: they are equal.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.digest != other.digest {
            found.push("the digests differ".to_owned());
        }
        let ids: BTreeSet<&String> = self.documents.keys().chain(other.documents.keys()).collect();
        for id in ids {
            match (self.documents.get(id), other.documents.get(id)) {
                (Some(one), Some(two)) => {
                    found.extend(view_differences(one, two).map(|difference| format!("{id}: {difference}")))
                }
                _ => found.push(format!("{id}: only one node has it")),
            }
        }
        found
    }
}

fn view_differences<'a>(one: &'a View, two: &'a View) -> impl Iterator<Item = String> + use<'a> {
    let revisions = (one.revision != two.revision).then(|| format!("revisions {} and {}", one.revision, two.revision));
    // Texts are compared, so that the order of members counts.
    let (first, second) = (one.body.to_bytes(), two.body.to_bytes());
    let bodies = (first != second).then(|| format!("bodies {first:?} and {second:?}"));
    // Which datacenter a replica belongs to is learnt later than the writes it made: what competes is compared without.
    let strip = |view: &View| {
        let mut conflicts = view.conflicts.clone();
        conflicts
            .iter_mut()
            .flat_map(|conflict| &mut conflict.candidates)
            .for_each(|candidate| candidate.datacenter = None);
        conflicts
    };
    let (mine, theirs) = (strip(one), strip(two));
    let conflicts = (mine != theirs).then(|| format!("conflicts {mine:?} and {theirs:?}"));
    revisions.into_iter().chain(bodies).chain(conflicts)
}

/// A digest as a history keeps it.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All documents with open conflicts.
///
/// # Errors
/// The node does not answer.
pub async fn all_conflicts(client: &Client, database: &str) -> anyhow::Result<Vec<DocumentConflicts>> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = client
            .conflicts(database, &ConflictFilter::default(), PAGE, after)
            .await?;
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

/// Waits until the digests of all nodes are equal; answers how long that took.
///
/// # Errors
/// A node does not answer, or the deadline passes.
pub async fn await_equal_digests(clients: &[Client], deadline: Duration) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let asked = poll_until(deadline, async || {
        let mut digests = BTreeSet::new();
        for client in clients {
            digests.insert(client.digest().await?);
        }
        Ok((digests.len() == 1).then_some(()))
    });
    asked.await.context("the nodes do not become equal")?;
    Ok(begun.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::planted::{conflict, view};

    fn picture(documents: &[(&str, View)]) -> Picture {
        let conflicts = documents.iter().filter(|(_, view)| !view.conflicts.is_empty());
        let paths = |view: &View| view.conflicts.iter().map(|conflict| conflict.path.clone()).collect();
        Picture {
            digest: "01".to_owned(),
            conflicts: conflicts.map(|(id, view)| ((*id).to_owned(), paths(view))).collect(),
            documents: documents
                .iter()
                .map(|(id, view)| ((*id).to_owned(), view.clone()))
                .collect(),
        }
    }

    #[test]
    fn equal_pictures_have_no_differences() {
        let one = picture(&[("a", view(r#"{"x":1}"#)), ("b", view(r#"{"y":2}"#))]);
        assert_eq!(one.differences(&one.clone()), Vec::<String>::new());
        assert_eq!(one.contradictions(), Vec::<String>::new());
    }

    #[test]
    fn each_kind_of_difference_is_seen() {
        let one = picture(&[("a", view(r#"{"x":1,"y":2}"#))]);
        let other_digest = Picture {
            digest: "02".to_owned(),
            ..one.clone()
        };
        assert_eq!(one.differences(&other_digest), ["the digests differ"]);
        assert_eq!(one.differences(&picture(&[])), ["a: only one node has it"]);
        assert!(one.differences(&picture(&[("a", view(r#"{"y":2,"x":1}"#))]))[0].starts_with("a: bodies"));
        let other_revision = View {
            revision: "9-f".to_owned(),
            ..view(r#"{"x":1,"y":2}"#)
        };
        assert!(one.differences(&picture(&[("a", other_revision)]))[0].starts_with("a: revisions"));
        let mut in_conflict = view(r#"{"x":1,"y":2}"#);
        in_conflict.conflicts.push(conflict("/x", &["1", "3"]));
        assert!(one.differences(&picture(&[("a", in_conflict)]))[0].starts_with("a: conflicts"));
    }

    #[test]
    fn a_conflict_that_the_list_does_not_have_is_seen() {
        let mut in_conflict = view(r#"{"x":1}"#);
        in_conflict.conflicts.push(conflict("/x", &["1", "3"]));
        let mut one = picture(&[("a", in_conflict)]);
        assert_eq!(one.contradictions(), Vec::<String>::new());
        one.conflicts.clear();
        assert_eq!(one.contradictions().len(), 1);
        one.documents.clear();
        one.conflicts.insert("b".to_owned(), vec!["/x".to_owned()]);
        assert_eq!(one.contradictions().len(), 1);
    }
}
