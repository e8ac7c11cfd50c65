//! A JSON object that keeps the order in which its members came.

use std::sync::Arc;

use super::{Value, write_canonical_object, write_json_object};

/// Members in order, each name once. Equality ignores the order.
///
/// Lookups are a binary search over an index by name: no hashing, so nothing here depends on a random seed.
///
/// A clone shares the members: a conflict of containers shows them once for each level on which somebody disagrees.
#[derive(Debug, Clone, Default)]
pub struct Object(Arc<Members>);

#[derive(Debug, Clone, Default)]
struct Members {
    list: Vec<(Arc<str>, Value)>,
    /// The places of the members, ascending by name (bytewise).
    by_name: Vec<u32>,
}

impl Object {
    /// The empty object.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.list.len()
    }

    /// Are there no members?
    pub fn is_empty(&self) -> bool {
        self.0.list.is_empty()
    }

    /// The member's value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let found = self.position(name).ok()?;
        self.0.list.get(self.0.by_name[found] as usize).map(|(_, value)| value)
    }

    /// Sets the member: in its place if it is there, else at the end. Takes time in proportion to the number of members: build large objects by
    /// collecting.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        let position = self.position(&name);
        let members = Arc::make_mut(&mut self.0);
        match position {
            Ok(found) => members.list[members.by_name[found] as usize].1 = value,
            Err(place) => {
                members.by_name.insert(place, members.list.len() as u32);
                members.list.push((name, value));
            }
        }
    }

    /// The members in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Value)> {
        self.0.list.iter().map(|(name, value)| (name, value))
    }

    /// The members ascending by name (bytewise).
    pub fn iter_sorted(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Value)> {
        self.0.by_name.iter().map(|place| {
            let (name, value) = &self.0.list[*place as usize];
            (name, value)
        })
    }

    /// Compact JSON text, members in their order.
    pub fn to_json(&self) -> String {
        let mut text = String::new();
        write_json_object(self, &mut text);
        text
    }

    /// Compact JSON text, members sorted bytewise: equal for equal objects.
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        write_canonical_object(self, &mut text);
        text
    }

    /// What stands at a JSON pointer (RFC 6901). Arrays are not entered: to the model an array is one value.
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        let mut tokens = pointer.strip_prefix('/')?.split('/').map(crate::fields::unescape);
        let first = self.get(&tokens.next()??)?;
        tokens.try_fold(first, |value, token| value.as_object()?.get(&token?))
    }

    /// Equal, and every member in the same place.
    pub(crate) fn is_identical(&self, other: &Self) -> bool {
        let mut pairs = self.iter().zip(other.iter());
        self.len() == other.len() && pairs.all(|((a, one), (b, other))| a == b && one.is_identical(other))
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        let Members { list, by_name } = &*self.0;
        by_name.binary_search_by(|place| (*list[*place as usize].0).cmp(name))
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter_sorted().eq(other.iter_sorted())
    }
}

impl Eq for Object {}

/// Of several members with one name the last wins, in the last place, as in CouchDB.
impl FromIterator<(Arc<str>, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(members: I) -> Self {
        let mut members: Vec<_> = members.into_iter().collect();
        let mut by_name: Vec<u32> = (0..members.len() as u32).collect();
        by_name.sort_by(|a, b| members[*a as usize].0.cmp(&members[*b as usize].0));
        // The sort is stable, so of equal names the last in order is the last of its run.
        let superseded = |pair: &[u32]| (members[pair[0] as usize].0 == members[pair[1] as usize].0).then_some(pair[0]);
        let dropped: Vec<u32> = by_name.windows(2).filter_map(superseded).collect();
        if dropped.is_empty() {
            return Self(Arc::new(Members { list: members, by_name }));
        }
        let mut keep = vec![true; members.len()];
        dropped.iter().for_each(|place| keep[*place as usize] = false);
        let mut flags = keep.into_iter();
        members.retain(|_| flags.next().unwrap_or(true));
        members.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(members: &[(&str, i64)]) -> Object {
        members
            .iter()
            .map(|(name, value)| (Arc::from(*name), Value::from(*value)))
            .collect()
    }

    #[test]
    fn of_duplicate_members_the_last_wins_in_the_last_place() {
        assert_eq!(
            object(&[("a", 1), ("b", 0), ("a", 2), ("c", 1), ("a", 3)]).to_json(),
            r#"{"b":0,"c":1,"a":3}"#
        );
    }

    #[test]
    fn equality_ignores_the_order_of_members_and_identity_does_not() {
        let (one, other) = (object(&[("a", 1), ("b", 2)]), object(&[("b", 2), ("a", 1)]));
        assert_eq!(one, other);
        assert!(!one.is_identical(&other) && one.is_identical(&one.clone()));
        assert_ne!(one, object(&[("a", 1), ("b", 3)]));
        assert_eq!(one.canonical(), other.canonical());
    }

    #[test]
    fn members_are_found_and_replaced_in_place() {
        let mut object = object(&[("z", 1), ("a", 2)]);
        object.insert("z", 5);
        object.insert("m", 6);
        assert_eq!(object.to_json(), r#"{"z":5,"a":2,"m":6}"#);
        assert_eq!(object.get("m"), Some(&Value::from(6)));
        assert_eq!(object.get("x"), None);
    }

    #[test]
    fn a_pointer_leads_through_escaped_names() {
        let mut inner = Object::new();
        inner.insert("~b", 1);
        let mut outer = Object::new();
        outer.insert("a/", inner);
        assert_eq!(outer.pointer("/a~1/~0b"), Some(&Value::from(1)));
        assert_eq!(outer.pointer("/a~1/x"), None);
    }
}
