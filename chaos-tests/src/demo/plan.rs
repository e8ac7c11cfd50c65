//! What is written during the partition: which documents, on which side, and in which way the writes meet.

use crate::history::Json;
use crate::process::{EAST, WEST};
use crate::view::Body;

use super::customers::Customer;

/// How the writes of a document meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Encounter {
    /// Each side changes other members.
    DifferentMembers,
    /// Both sides change one member.
    SameMember,
    /// One side removes the member that the other edits.
    RemovalAndEdit,
    /// One side deletes the document that the other edits.
    DeleteAndEdit,
    /// Both sides add to a counter.
    Counter,
    /// Both sides add to a set, and one takes from it.
    Set,
    /// Both sides write a member under the rule `latest`.
    Latest,
    /// A client reads and overwrites what another client of its side has just written.
    Chain,
    /// One side creates a document.
    NewDocument,
    /// Both sides create a document with one id.
    SameNewId,
}

impl Encounter {
    /// All of them, in the order of the story.
    pub(super) const ALL: [Self; 10] = [
        Self::DifferentMembers,
        Self::Counter,
        Self::Set,
        Self::Latest,
        Self::Chain,
        Self::NewDocument,
        Self::SameMember,
        Self::RemovalAndEdit,
        Self::DeleteAndEdit,
        Self::SameNewId,
    ];

    /// What happens, for people.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::DifferentMembers => "different members of one document",
            Self::SameMember => "the same member, two values",
            Self::RemovalAndEdit => "a removal against an edit",
            Self::DeleteAndEdit => "a delete against an edit",
            Self::Counter => "a counter on both sides",
            Self::Set => "a set on both sides",
            Self::Latest => "a member with the rule `latest`",
            Self::Chain => "a chain: read and overwritten",
            Self::NewDocument => "new documents",
            Self::SameNewId => "one new id on both sides",
        }
    }
}

/// One write: the client reads the document, does this to it and sends it with the revision it had read.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Puts a value, made unique by the client, at a path: `{}` stands for the nonce.
    Set(&'static str, String),
    /// Removes a member.
    Remove(&'static str),
    /// Adds to a counter.
    Increment(&'static str, i128),
    /// Adds an element; `{}` stands for the nonce.
    AddElement(&'static str, String),
    /// Takes the first element away.
    DropElement(&'static str),
    /// Deletes the document.
    Delete,
    /// Creates the document.
    Create(Body),
}

/// The steps of one client on one document.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// The datacenter.
    pub(super) datacenter: &'static str,
    /// The document.
    pub(super) document: String,
    /// Why.
    pub(super) encounter: Encounter,
    /// What to do, in this order.
    pub(super) steps: Vec<Step>,
}

/// The partition's tasks: several hundred writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// All tasks, in no order that matters.
    pub(super) tasks: Vec<Task>,
    /// One document of each encounter, to be shown.
    pub(super) examples: Vec<(Encounter, String)>,
    /// The document that colleagues of one datacenter meet on.
    pub(super) colleagues: String,
}

/// The record that everybody looks at.
pub(super) const BAARD: &str = "baard";

impl Plan {
    /// Plans with these customers.
    ///
    /// # Errors
    /// There are too few.
    pub(super) fn new(customers: &[Customer]) -> anyhow::Result<Self> {
        let mut plan = Self::default();
        plan.baard();
        // Every seventh record: other countries, nothing that another encounter touches.
        let mut others = customers.iter().filter(|customer| customer.id != BAARD).step_by(7);
        let mut next = || others.next().ok_or_else(|| anyhow::anyhow!("too few customers"));
        for _ in 0..60 {
            plan.different_members(next()?);
        }
        for _ in 0..30 {
            plan.counter(next()?);
            plan.set(next()?);
        }
        for _ in 0..20 {
            plan.both(Encounter::Latest, &next()?.id, || {
                Step::Set("/last_seen", "2026-04-01 {}".to_owned())
            });
        }
        for _ in 0..10 {
            plan.chain(next()?);
        }
        for _ in 0..8 {
            plan.both(Encounter::SameMember, &next()?.id, || {
                Step::Set("/phone", "+00 555 {}".to_owned())
            });
        }
        for _ in 0..5 {
            let id = &next()?.id;
            plan.task(EAST, Encounter::RemovalAndEdit, id, vec![Step::Remove("/notes")]);
            plan.task(
                WEST,
                Encounter::RemovalAndEdit,
                id,
                vec![Step::Set("/notes", "Called, see {}".to_owned())],
            );
        }
        for _ in 0..4 {
            let id = &next()?.id;
            plan.task(
                EAST,
                Encounter::DeleteAndEdit,
                id,
                vec![Step::Set("/address/street", "Harbour St. {}".to_owned())],
            );
            plan.task(WEST, Encounter::DeleteAndEdit, id, vec![Step::Delete]);
        }
        plan.new_documents(next()?)?;
        plan.colleagues.clone_from(&next()?.id);
        Ok(plan)
    }

    /// A few documents whose counter both sides change.
    pub(super) fn counters(&self) -> Vec<&str> {
        let both = self
            .tasks
            .iter()
            .filter(|task| task.encounter == Encounter::Counter && task.datacenter == EAST);
        [BAARD]
            .into_iter()
            .chain(both.map(|task| task.document.as_str()).take(4))
            .collect()
    }

    fn task(&mut self, datacenter: &'static str, encounter: Encounter, document: &str, steps: Vec<Step>) {
        if self.examples.iter().all(|(known, _)| *known != encounter) {
            self.examples.push((encounter, document.to_owned()));
        }
        self.tasks.push(Task {
            datacenter,
            document: document.to_owned(),
            encounter,
            steps,
        });
    }

    fn both(&mut self, encounter: Encounter, document: &str, step: impl Fn() -> Step) {
        for datacenter in [EAST, WEST] {
            self.task(datacenter, encounter, document, vec![step()]);
        }
    }

    /// As in Sesam's example: both sides correct the first name, and each something else besides.
    fn baard(&mut self) {
        let set = |path, value: &str| Step::Set(path, value.to_owned());
        let points = |by| Step::Increment("/loyalty_points", by);
        self.tasks.extend([
            Task {
                datacenter: EAST,
                document: BAARD.to_owned(),
                encounter: Encounter::SameMember,
                steps: vec![set("/first_name", "Brad"), set("/phone", "+47 555 000 471"), points(10)],
            },
            Task {
                datacenter: WEST,
                document: BAARD.to_owned(),
                encounter: Encounter::SameMember,
                steps: vec![set("/first_name", "Bird"), set("/last_name", "Johnson"), points(5)],
            },
        ]);
        self.examples.push((Encounter::SameMember, BAARD.to_owned()));
    }

    fn different_members(&mut self, customer: &Customer) {
        let mail = Step::Set("/email", "{}@new.test".to_owned());
        let street = Step::Set("/address/street", "Market Sq. {}".to_owned());
        self.task(EAST, Encounter::DifferentMembers, &customer.id, vec![mail]);
        self.task(WEST, Encounter::DifferentMembers, &customer.id, vec![street]);
    }

    fn counter(&mut self, customer: &Customer) {
        let points = |by| Step::Increment("/loyalty_points", by);
        self.task(EAST, Encounter::Counter, &customer.id, vec![points(10), points(-3)]);
        self.task(WEST, Encounter::Counter, &customer.id, vec![points(5)]);
    }

    fn set(&mut self, customer: &Customer) {
        let add = |text: &str| Step::AddElement("/tags", text.to_owned());
        self.task(EAST, Encounter::Set, &customer.id, vec![add("coupon {}")]);
        self.task(
            WEST,
            Encounter::Set,
            &customer.id,
            vec![add("voucher {}"), Step::DropElement("/tags")],
        );
    }

    /// Four clients of one side, one after the other on one member.
    fn chain(&mut self, customer: &Customer) {
        let step = || Step::Set("/preferences/channel", "post, then {}".to_owned());
        self.task(
            EAST,
            Encounter::Chain,
            &customer.id,
            vec![step(), step(), step(), step()],
        );
    }

    /// New customers on both sides, made from one record so that they look like one; three ids twice.
    fn new_documents(&mut self, model: &Customer) -> anyhow::Result<()> {
        for (datacenter, town) in [(EAST, "Hamar"), (WEST, "Kotor")] {
            for number in 0..33 {
                let (id, encounter) = match number {
                    0..30 => (format!("{datacenter}-{:02}", number + 1), Encounter::NewDocument),
                    _ => (format!("walk-in-{:02}", number - 29), Encounter::SameNewId),
                };
                let mut body = model.body.clone();
                body.set("/first_name", &Json::string("Walk-in"))?;
                body.set("/last_name", &Json::string(&format!("{town} {}", number + 1)))?;
                body.set(
                    "/email",
                    &Json::string(&format!("{number}@{town}.example").to_lowercase()),
                )?;
                body.set("/address/city", &Json::string(town))?;
                body.set(
                    "/tags",
                    &Json::array(&[Json::string("walk-in"), Json::string(datacenter)]),
                )?;
                body.set("/loyalty_points", &Json::integer(0))?;
                self.task(datacenter, encounter, &id, vec![Step::Create(body)]);
            }
        }
        Ok(())
    }
}
