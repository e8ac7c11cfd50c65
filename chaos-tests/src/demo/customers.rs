//! The records that the demo loads: `deploy/demo/customers.ndjson`, made by the script beside it.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::view::Body;

/// One record.
#[derive(Clone, Debug)]
pub struct Customer {
    /// The document's id.
    pub id: String,
    /// The members without `_id`.
    pub body: Body,
}

/// Where the file lies in the repository.
pub fn customers_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/demo/customers.ndjson")
}

/// All records, in the order of the file.
///
/// # Errors
/// The file is not there, or has a line of another shape than the script writes.
pub fn customers() -> anyhow::Result<Vec<Customer>> {
    let path = customers_path();
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let parsed = text
        .lines()
        .enumerate()
        .map(|(number, line)| customer(line).with_context(|| format!("line {}", number + 1)));
    parsed.collect()
}

/// The script puts `_id` first, and its ids need no escapes.
fn customer(line: &str) -> anyhow::Result<Customer> {
    let rest = line
        .strip_prefix(r#"{"_id":""#)
        .context("no `_id` in the first place")?;
    let (id, members) = rest.split_once(r#"","#).context("nothing after `_id`")?;
    Ok(Customer {
        id: id.to_owned(),
        body: Body::parse(format!("{{{members}").as_bytes())?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::Command;

    use super::*;

    #[test]
    fn the_file_holds_three_thousand_different_customers_and_baard() {
        let customers = customers().unwrap();
        let ids: BTreeSet<_> = customers.iter().map(|customer| &customer.id).collect();
        assert_eq!(ids.len(), 3_000);
        let baard = customers.iter().find(|customer| customer.id == "baard").unwrap();
        assert_eq!(baard.body.get("/first_name").unwrap().plain(), "Baard");
        assert_eq!(baard.body.get("/last_name").unwrap().plain(), "Johansen");
        let limit = baard.body.get("/credit_limit").unwrap();
        assert!(
            limit
                .as_str()
                .split_once('.')
                .is_some_and(|(_, decimals)| decimals.len() == 2),
            "money keeps both decimals"
        );
    }

    #[test]
    fn the_script_reproduces_the_file_byte_for_byte() {
        let script = customers_path().with_file_name("make_customers.py");
        let Ok(output) = Command::new("python3").arg(script).output() else {
            println!("skipped: there is no python3");
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let file = std::fs::read(customers_path()).unwrap();
        // Two megabytes of difference help nobody.
        assert!(
            output.stdout == file,
            "run deploy/demo/make_customers.py > deploy/demo/customers.ndjson"
        );
    }
}
