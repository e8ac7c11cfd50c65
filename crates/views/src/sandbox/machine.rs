//! One JavaScript engine for one call.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::context::intrinsic::{Date, Eval, Json, MapSet, Promise, RegExp, RegExpCompiler};
use rquickjs::prelude::Opt;
use rquickjs::{Context, Ctx, Error, Exception, Function, Runtime, Value};

use super::limits::STEPS_PER_POLL;
use super::{Emitted, MapError, SandboxLimits};

/// Takes away what a map function must not have, and adds CouchDB's helpers.
const PRELUDE: &str = include_str!("prelude.js");

/// Makes dates independent of where and when they are looked at.
const DATES: &str = include_str!("dates.js");

/// Memory for what every engine needs before it runs anything. The engine must not run out of memory while it is made: it checks its own state with
/// assertions, and those end the process.
const BASE_BYTES: usize = 1 << 20;

/// Why a call ended early.
pub(super) enum Stopped {
    /// An exception of the function's own.
    Threw(String),
    /// A bound of ours.
    Bound(MapError),
}

/// What a call has done so far. A bound that was passed once stays passed, whatever the function catches.
struct Account {
    limits: SandboxLimits,
    rows: RefCell<Vec<Emitted>>,
    bytes: Cell<usize>,
    passed: RefCell<Option<MapError>>,
}

/// An engine with a fresh heap.
pub(super) struct Machine {
    context: Context,
    runtime: Runtime,
    account: Rc<Account>,
    memory_bytes_max: usize,
    dates: bool,
}

impl Machine {
    /// An engine for a function with this text.
    pub(super) fn new(source: &str, limits: SandboxLimits, document_bytes: usize) -> Result<Self, MapError> {
        let memory_bytes_max = limits.memory_bytes_max.saturating_add(document_bytes.saturating_mul(8));
        let out_of_memory = |_| MapError::OutOfMemory {
            bytes_max: memory_bytes_max,
        };
        let runtime = Runtime::new().map_err(out_of_memory)?;
        runtime.set_memory_limit(memory_bytes_max.saturating_add(BASE_BYTES));
        runtime.set_max_stack_size(limits.stack_bytes_max);
        let builder = Context::builder()
            .with::<Eval>()
            .with::<Json>()
            .with::<RegExpCompiler>()
            .with::<RegExp>()
            .with::<MapSet>()
            .with::<Promise>(); // async functions are made of it; what they put off never runs
        // Most functions have no use for dates, and making them harmless takes a third of the time of a call.
        let dates = source.contains("Date");
        let context = if dates {
            builder.with::<Date>().build(&runtime)
        } else {
            builder.build(&runtime)
        };
        let context = context.map_err(out_of_memory)?;
        let account = Rc::new(Account {
            limits,
            rows: RefCell::default(),
            bytes: Cell::default(),
            passed: RefCell::default(),
        });
        let machine = Self {
            context,
            runtime,
            account,
            memory_bytes_max,
            dates,
        };
        machine.count_steps();
        Ok(machine)
    }

    /// Whether the text is a function.
    pub(super) fn compile(&self, source: &str) -> Result<bool, Stopped> {
        self.run(|ctx| Ok(evaluate(ctx, source)?.is_function()))
    }

    /// Calls the function with the document.
    pub(super) fn call(&self, source: &str, document: &str) -> Result<Vec<Emitted>, Stopped> {
        self.run(|ctx| {
            let emit = emitter(Rc::clone(&self.account));
            ctx.globals()
                .set("emit", Function::new(ctx.clone(), emit)?.with_name("emit")?)?;
            let function: Function<'_> = evaluate(ctx, source)?.get()?;
            let document = ctx.json_parse(document)?;
            function.call::<_, Value<'_>>((document,)).map(drop)
        })?;
        Ok(self.account.rows.take())
    }

    fn count_steps(&self) {
        let account = Rc::clone(&self.account);
        let limits = self.account.limits;
        let started = limits.patience.map(|patience| (patience.clock)());
        let mut polls: u64 = 0;
        self.runtime.set_interrupt_handler(Some(Box::new(move || {
            polls += 1;
            if polls.saturating_mul(STEPS_PER_POLL) > limits.steps_max {
                account.pass(MapError::TooManySteps {
                    steps_max: limits.steps_max,
                });
            }
            if let (Some(patience), Some(started)) = (limits.patience, started)
                && (patience.clock)().saturating_sub(started) > patience.time_max
            {
                account.pass(MapError::TooSlow {
                    time_max: patience.time_max,
                });
            }
            // A bound that an emit passed ends the call too: the function may have caught its exception.
            account.passed.borrow().is_some()
        })));
    }

    fn run<T>(&self, body: impl FnOnce(&Ctx<'_>) -> rquickjs::Result<T>) -> Result<T, Stopped> {
        self.context.with(|ctx| {
            let dates = if self.dates { DATES } else { "" };
            let prepared = ctx.eval::<(), _>(PRELUDE).and_then(|()| ctx.eval(dates));
            let result = prepared.and_then(|()| body(&ctx));
            let message = result.as_ref().err().map(|error| describe(&ctx, error));
            if let Some(error) = self.account.passed.take() {
                return Err(Stopped::Bound(error));
            }
            // Where not even room for an exception is left, the engine throws `null`.
            let out_of_memory = message
                .as_ref()
                .is_some_and(|message| message.contains("out of memory") || message == "null");
            match (result, message) {
                (Ok(value), _) => Ok(value),
                (Err(_), _) if out_of_memory => Err(Stopped::Bound(MapError::OutOfMemory {
                    bytes_max: self.memory_bytes_max,
                })),
                (Err(_), message) => Err(Stopped::Threw(message.unwrap_or_default())),
            }
        })
    }
}

impl Account {
    fn emit<'js>(&self, ctx: &Ctx<'js>, key: Option<Value<'js>>, value: Option<Value<'js>>) -> rquickjs::Result<()> {
        let row = Emitted {
            key: json(ctx, key)?,
            value: json(ctx, value)?,
        };
        let (limits, bytes) = (
            &self.limits,
            self.bytes.get().saturating_add(row.key.len() + row.value.len()),
        );
        let key_bytes = row.key.len();
        let error = if self.rows.borrow().len() >= limits.rows_max {
            MapError::TooManyRows {
                rows_max: limits.rows_max,
            }
        } else if key_bytes > limits.key_bytes_max {
            MapError::KeyTooLong {
                bytes: key_bytes,
                bytes_max: limits.key_bytes_max,
            }
        } else if bytes > limits.emitted_bytes_max {
            MapError::TooManyBytes {
                bytes_max: limits.emitted_bytes_max,
            }
        } else {
            self.bytes.set(bytes);
            self.rows.borrow_mut().push(row);
            return Ok(());
        };
        let thrown = Exception::throw_range(ctx, &error.to_string());
        self.pass(error);
        Err(thrown)
    }

    /// The first bound that is passed is the one that is told.
    fn pass(&self, error: MapError) {
        self.passed.borrow_mut().get_or_insert(error);
    }
}

/// `emit` as the function sees it. Written as a function, because no closure may say that its arguments share a lifetime.
fn emitter(
    account: Rc<Account>,
) -> impl for<'js> Fn(Ctx<'js>, Opt<Value<'js>>, Opt<Value<'js>>) -> rquickjs::Result<()> {
    fn typed<F>(emit: F) -> F
    where
        F: for<'js> Fn(Ctx<'js>, Opt<Value<'js>>, Opt<Value<'js>>) -> rquickjs::Result<()>,
    {
        emit
    }
    typed(move |ctx, key, value| account.emit(&ctx, key.0, value.0))
}

/// The value of an expression. The line break ends a comment on its last line.
fn evaluate<'js>(ctx: &Ctx<'js>, source: &str) -> rquickjs::Result<Value<'js>> {
    let mut options = EvalOptions::default();
    options.strict = false; // as CouchDB reads it
    ctx.eval_with_options(format!("({source}\n)"), options)
}

/// A value as JSON text, as `JSON.stringify` gives it; `null` for what has none, as in CouchDB.
fn json<'js>(ctx: &Ctx<'js>, value: Option<Value<'js>>) -> rquickjs::Result<String> {
    let text = match value {
        Some(value) => ctx.json_stringify(value)?,
        None => None,
    };
    text.map_or_else(|| Ok("null".to_owned()), |text| text.to_string())
}

/// The words of an exception.
fn describe(ctx: &Ctx<'_>, error: &Error) -> String {
    const CHARACTERS_MAX: usize = 500;
    if !error.is_exception() {
        return error.to_string();
    }
    let thrown = ctx.catch();
    let text = match thrown.as_exception() {
        Some(exception) => {
            let name = exception.as_object().get::<_, String>("name").unwrap_or_default();
            let message = exception.message().unwrap_or_default();
            format!("{name}: {message}")
        }
        None => match ctx.json_stringify(thrown) {
            Ok(Some(text)) => text.to_string().unwrap_or_default(),
            _ => "something that has no text".to_owned(),
        },
    };
    text.chars().take(CHARACTERS_MAX).collect()
}
