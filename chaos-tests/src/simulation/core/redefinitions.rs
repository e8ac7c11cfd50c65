//! Changes of rules: paths that have values and are being written get another rule at one datacenter, or different ones at two, and the others learn it
//! when it comes to them.

use rejoin_document::{Rule, RuleSet};
use rejoin_store::{DatabaseChange, Operation};

use super::faults::Begun;
use super::run::Run;

/// What clients write to, and the rules that say something about it.
const TURNS: [(&str, &[Rule]); 6] = [
    (
        "/stock",
        &[Rule::Register, Rule::Counter, Rule::Latest, Rule::Max, Rule::Min],
    ),
    (
        "/high",
        &[Rule::Counter, Rule::Min, Rule::Register, Rule::Max, Rule::Latest],
    ),
    ("/seen", &[Rule::Register, Rule::Latest, Rule::Max]),
    ("/tags", &[Rule::Register, Rule::Set, Rule::Latest]),
    ("/note", &[Rule::Latest, Rule::Register]),
    ("/name", &[Rule::Latest, Rule::Register]),
];

impl Run {
    /// Somebody gives a path another rule at this datacenter; now and then somebody else, who does not know of that, another one at the next.
    pub(super) fn change_rules(&mut self, node: usize, draw: u64) -> Begun {
        let (path, rules) = match self.plan.workload.rules_change {
            true => TURNS[self.weather.index(TURNS.len())],
            // The definition goes round all the same.
            false => ("/unused", &[Rule::Max, Rule::Min][..]),
        };
        if !self.redefine(node, path, rules) {
            return Begun::Void;
        }
        if draw.is_multiple_of(3) {
            let other = (node + 1) % self.world.datacenters;
            self.redefine(other, path, rules);
        }
        Begun::Struck
    }

    /// Whether the node goes by another rule now.
    fn redefine(&mut self, node: usize, path: &str, rules: &[Rule]) -> bool {
        if self.world.nodes[node].stopped || self.world.nodes[node].unaware.is_some() {
            return false;
        }
        let now = self.rules_at(node).rule_of(path);
        let others: Vec<Rule> = rules.iter().copied().filter(|rule| *rule != now).collect();
        let Some(rule) = others.get(self.weather.index(others.len().max(1))).copied() else {
            return false;
        };
        // Who has no rule any more and who has the rule `register` go by the same.
        let removes = rule == Rule::Register && self.weather.percent(50);
        let Ok(set_rules) = RuleSet::new((!removes).then_some((path, rule))) else {
            return false;
        };
        let change = DatabaseChange {
            set_rules,
            remove_rules: removes.then(|| path.to_owned()).into_iter().collect(),
            ..DatabaseChange::of(self.database.clone())
        };
        self.turned.insert(path.to_owned());
        self.world.commit(node, Operation::UpdateDatabase(change)).is_ok()
    }
}
