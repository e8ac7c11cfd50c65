//! Invariant: a node that is killed and starts again a thousand times has states, session tokens and hellos that are as large as they were.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, bail};
use rejoin_chaos::checker::{Checked, bounded_sizes};
use rejoin_chaos::history::{Event, History, Restart, Rules, Sizes};
use rejoin_chaos::simulation::sizes;
use rejoin_document::{DatabaseName, Edit, Granularity, Limits, Patch, RequestName, Rule, RuleSet, Value};
use rejoin_store::{
    Action, Conditions, DatabaseDefinition, DatabaseSettings, Engine, Operation, RocksEngine, RocksOptions, Store,
    StoreOptions, WriteRequest,
};

const RESTARTS: u32 = 1_000;

/// As many show a growth, which begins with the first restart.
const RESTARTS_OF_A_FAULTY_NODE: u32 = 60;

const DOCUMENT: &str = "counted";

const DIRECTORY: &str = "REJOIN_RESTARTS_DIRECTORY";
const NUMBER: &str = "REJOIN_RESTARTS_NUMBER";
const RESTORED: &str = "REJOIN_RESTARTS_RESTORED";
const MEASURED: &str = "measured ";

#[test]
fn a_thousand_restarts_leave_states_tokens_and_hellos_as_large_as_they_were() -> anyhow::Result<()> {
    let checked = restarts(RESTARTS, false)?;
    assert_eq!(checked.items, 3, "states, tokens and hellos");
    assert_eq!(checked.violations, []);
    Ok(())
}

#[test]
fn a_node_that_takes_another_identity_at_each_restart_is_noticed() -> anyhow::Result<()> {
    let checked = restarts(RESTARTS_OF_A_FAULTY_NODE, true)?;
    assert!(!checked.violations.is_empty());
    Ok(())
}

/// The process that is killed: does nothing in an ordinary run of the tests.
#[test]
fn child() -> anyhow::Result<()> {
    let (Ok(directory), Ok(number)) = (std::env::var(DIRECTORY), std::env::var(NUMBER)) else {
        return Ok(());
    };
    let store = open(directory.as_ref(), std::env::var(RESTORED).is_ok())?;
    let database: DatabaseName = "documents".parse()?;
    let Sizes {
        token_bytes,
        hello_bytes,
        ..
    } = sizes(&store, &database);
    // The whole of it: what is written here again and again is of one size.
    let states = store.states(&database, &[DOCUMENT.parse()?]).unwrap_or_default();
    let state_bytes = states.iter().map(|item| item.state.len()).sum::<usize>();
    write(&store, &database, number.parse()?)?;
    // One call, and a line of its own: the test harness prints before it on the same one.
    let line = format!("\n{MEASURED}{state_bytes} {token_bytes} {hello_bytes}\n");
    std::io::stdout().write_all(line.as_bytes())?;
    loop {
        std::thread::park();
    }
}

/// Starts a node again and again, lets it write, and kills it.
fn restarts(count: u32, restored: bool) -> anyhow::Result<Checked> {
    let directory = tempfile::tempdir()?;
    let mut history = History::new(Rules::default(), ["dc-east".to_owned()]);
    for number in 0..count {
        let measured = run_and_kill(directory.path(), number, restored)?;
        let tick = u64::from(number);
        history.events.push(Event::Restart(Restart {
            datacenter: "dc-east".to_owned(),
            how: "sigkill".to_owned(),
            same_disk: true,
            stopped: tick,
            at: tick,
            ms: u64::from(number),
            knowledge: None,
            sizes: Some(measured),
        }));
    }
    Ok(bounded_sizes::check(&history))
}

/// A process that is killed when this is dropped, too.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run_and_kill(directory: &Path, number: u32, restored: bool) -> anyhow::Result<Sizes> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["child", "--exact", "--nocapture"]);
    command.env(DIRECTORY, directory).env(NUMBER, number.to_string());
    if restored {
        command.env(RESTORED, "1");
    }
    let mut child = Killed(command.stdout(Stdio::piped()).spawn()?);
    let output = child.0.stdout.take().context("its output is piped")?;
    for line in BufReader::new(output).lines() {
        if let Some(sizes) = line?.strip_prefix(MEASURED) {
            return parsed(sizes);
        }
    }
    bail!("restart {number}: the process ended before it had written")
}

fn parsed(sizes: &str) -> anyhow::Result<Sizes> {
    let numbers: Vec<u64> = sizes.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let [state_bytes, token_bytes, hello_bytes] = numbers[..] else {
        bail!("{sizes:?} is not three sizes")
    };
    Ok(Sizes {
        state_bytes,
        token_bytes,
        hello_bytes,
    })
}

fn open(directory: &Path, restored: bool) -> anyhow::Result<Store> {
    let engine = Arc::new(RocksEngine::open(directory, &RocksOptions::default())?) as Arc<dyn Engine>;
    let options = StoreOptions {
        restored,
        ..StoreOptions::new("dc-east".parse()?)
    };
    Ok(Store::open(engine, options)?)
}

/// What makes a state grow if anything does: increments with and without a name, elements, other values, all in one document.
fn write(store: &Store, database: &DatabaseName, number: u32) -> anyhow::Result<()> {
    if store.digest(database).is_err() {
        let rules = RuleSet::new([("/stock", Rule::Counter), ("/tags", Rule::Set)])?;
        let definition = DatabaseDefinition {
            name: database.clone(),
            granularity: Granularity::Field,
            rules: Arc::new(rules),
            settings: DatabaseSettings::default(),
        };
        commit(store, Operation::CreateDatabase(definition))?;
    }
    let element = |number: u32| vec![Value::from(i64::from(number % 10))];
    let path = |path: &str| path.to_owned();
    let edits = [
        Edit::Increment {
            path: path("/stock"),
            by: 1,
        },
        Edit::Add {
            path: path("/tags"),
            elements: element(number),
        },
        Edit::Remove {
            path: path("/tags"),
            elements: element(number + 5),
        },
    ];
    for request in [None, Some(RequestName::of(&format!("request-{number}"), 0))] {
        let patch = Arc::new(Patch::edits(edits.to_vec())?);
        write_one(store, database, Action::Patch { patch, create: true }, request)?;
    }
    let merge = format!(r#"{{"number":"{number:04}"}}"#);
    let patch = Arc::new(Patch::merge(merge.as_bytes(), &Limits::default())?);
    write_one(store, database, Action::Patch { patch, create: true }, None)
}

fn write_one(
    store: &Store,
    database: &DatabaseName,
    action: Action,
    request: Option<RequestName>,
) -> anyhow::Result<()> {
    let write = WriteRequest {
        database: database.clone(),
        id: DOCUMENT.parse()?,
        action,
        conditions: Conditions::default(),
        request,
    };
    commit(store, Operation::Write(write))
}

fn commit(store: &Store, operation: Operation) -> anyhow::Result<()> {
    for outcome in store.commit(vec![operation]) {
        outcome?;
    }
    Ok(())
}
