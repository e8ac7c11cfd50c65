//! What was merged: the same members before the cut, on each side at its end, and after the heal.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{BAARD, Encounter, Plan};
use super::stage::Stage;
use super::table::{Table, heading, say};
use crate::history::Json;
use crate::ledger::{NodeReader, Reader};
use crate::view::View;

/// The members that are shown of each encounter.
const SHOWN: [(Encounter, &[&str]); 6] = [
    (Encounter::DifferentMembers, &["/email", "/address/street"]),
    (Encounter::Counter, &["/loyalty_points"]),
    (Encounter::Set, &[TAGS]),
    (Encounter::Latest, &["/last_seen"]),
    (Encounter::Chain, &["/preferences/channel"]),
    (Encounter::NewDocument, &["/last_name"]),
];
const BAARD_SHOWN: [&str; 3] = ["/phone", "/last_name", "/loyalty_points"];
const TAGS: &str = "/tags";
const NOTHING: &str = "–";

/// What both sides showed of the examples at one time.
#[derive(Debug)]
pub(super) struct Scene(BTreeMap<String, [Option<View>; 2]>);

impl Scene {
    /// Reads the examples on both sides.
    ///
    /// # Errors
    /// A node does not answer.
    pub(super) async fn take(stage: &Stage, plan: &Plan) -> anyhow::Result<Self> {
        let [east, west] = stage
            .sides()
            .map(|(name, client)| NodeReader::new(name, client.clone(), &stage.shared.database));
        let mut scene = BTreeMap::new();
        for (_, document) in &plan.examples {
            scene.insert(
                document.clone(),
                [east.read(document).await?, west.read(document).await?],
            );
        }
        Ok(Self(scene))
    }

    fn view(&self, document: &str, side: usize) -> Option<&View> {
        self.0.get(document)?.get(side)?.as_ref()
    }

    fn value(&self, document: &str, side: usize, path: &str) -> Option<Json> {
        self.view(document, side)?.body.get(path)
    }

    fn elements(&self, document: &str, side: usize) -> BTreeSet<Json> {
        let elements = self.view(document, side).and_then(|view| view.body.elements(TAGS));
        elements.unwrap_or_default().into_iter().collect()
    }
}

/// The scenes before the cut, at its end and after the heal.
#[derive(Debug)]
pub(super) struct Story {
    /// Before the cut.
    pub(super) before: Scene,
    /// At its end.
    pub(super) parted: Scene,
    /// After the heal.
    pub(super) after: Scene,
}

impl Story {
    /// Prints the examples that merged.
    pub(super) fn print(&self, plan: &Plan) {
        heading("6  What was merged");
        say("A few of the documents, with what each side had written meanwhile:");
        println!();
        let mut table = Table::new([
            ("member", 21),
            ("before", 15),
            ("dc-east", 17),
            ("dc-west", 17),
            ("now, on both", 17),
        ]);
        table.row([BAARD, "", "", "", ""].map(str::to_owned));
        BAARD_SHOWN.iter().for_each(|path| table.row(self.member(BAARD, path)));
        for (encounter, paths) in SHOWN {
            let Some((_, document)) = plan.examples.iter().find(|(known, _)| *known == encounter) else {
                continue;
            };
            table.row([document, "", "", "", ""].map(str::to_owned));
            for path in paths {
                if *path == TAGS {
                    self.elements(document).into_iter().for_each(|row| table.row(row));
                } else {
                    table.row(self.member(document, path));
                }
            }
        }
        table.print();
    }

    fn member(&self, document: &str, path: &str) -> [String; 5] {
        let value = |scene: &Scene, side| {
            scene
                .value(document, side, path)
                .map_or(NOTHING.to_owned(), |it| it.plain())
        };
        // What a side had not touched is left out.
        let own = |side| {
            let touched = self.parted.value(document, side, path) != self.before.value(document, side, path);
            if touched {
                value(&self.parted, side)
            } else {
                String::new()
            }
        };
        [
            format!("  {path}"),
            value(&self.before, 0),
            own(0),
            own(1),
            value(&self.after, 0),
        ]
    }

    /// One row for each element that a side added or removed.
    fn elements(&self, document: &str) -> Vec<[String; 5]> {
        let (before, after) = (self.before.elements(document, 0), self.after.elements(document, 0));
        let parted = [self.parted.elements(document, 0), self.parted.elements(document, 1)];
        let touched: BTreeSet<&Json> = parted
            .iter()
            .flat_map(|side| side.symmetric_difference(&before))
            .collect();
        let own = |side: usize, element: &Json| match (before.contains(element), parted[side].contains(element)) {
            (false, true) => "added",
            (true, false) => "removed",
            _ => "",
        };
        let is_in = |set: &BTreeSet<Json>, element: &Json| if set.contains(element) { "in" } else { NOTHING };
        let row = |element: &&Json| {
            let cells = [
                is_in(&before, element),
                own(0, element),
                own(1, element),
                is_in(&after, element),
            ];
            let [was, east, west, is] = cells.map(str::to_owned);
            [format!("  {TAGS} {}", element.plain()), was, east, west, is]
        };
        touched.iter().map(row).collect()
    }
}
