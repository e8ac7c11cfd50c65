//! `rejoin user`: the file of users. It calls no node; one that runs reads the file again on SIGHUP.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Output;
use super::table::Table;
use super::user_password::PasswordSource;
use crate::access::{
    Place, Role, RoleArgument, TokenHash, TokenRecord, User, UserName, UsersError, UsersFile, generate,
};

/// What is said after each change.
const NEXT: &str = "a node that runs reads the file again on SIGHUP";

/// Make, list and change the users of the file that `rejoin serve --users FILE` reads
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user
    Add(Add),
    /// List the users with their roles and the names of their tokens
    List(FileOfUsers),
    /// Give a user other roles, in place of those that it has
    Roles(Roles),
    /// Give a user another password
    Password(Password),
    /// Make a token for a user and print it, which happens this once; or remove one
    Token(Token),
    /// Remove a user
    Remove(Remove),
}

/// The file.
#[derive(Debug, Args)]
pub struct FileOfUsers {
    /// The file of users; it is made where it is missing
    #[arg(long, value_name = "FILE", env = "REJOIN_ACCESS_USERS")]
    users: PathBuf,
    /// Print JSON for programs, errors too (on standard error)
    #[arg(long)]
    json: bool,
}

/// `rejoin user add`.
#[derive(Debug, Args)]
pub struct Add {
    /// The name: 1 to 64 of a-z A-Z 0-9 . _ @ + -
    name: UserName,
    /// What the user may do where, e.g. customers=writer; reader, writer or admin, and * for all databases; may be repeated
    #[arg(long, value_name = "DATABASE=ROLE")]
    role: Vec<RoleArgument>,
    /// The user has no password, and comes with tokens only
    #[arg(long, conflicts_with = "password_stdin")]
    no_password: bool,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    file: FileOfUsers,
}

/// `rejoin user roles`.
#[derive(Debug, Args)]
pub struct Roles {
    /// The user
    name: UserName,
    /// What the user may do where; without any it may do nothing
    #[arg(long, value_name = "DATABASE=ROLE")]
    role: Vec<RoleArgument>,
    #[command(flatten)]
    file: FileOfUsers,
}

/// `rejoin user password`.
#[derive(Debug, Args)]
pub struct Password {
    /// The user
    name: UserName,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    file: FileOfUsers,
}

/// `rejoin user token`.
#[derive(Debug, Args)]
pub struct Token {
    /// The user
    name: UserName,
    /// What the token is called, to remove it by
    #[arg(long, value_name = "TOKEN", default_value = "default")]
    label: UserName,
    /// Remove the token instead
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    file: FileOfUsers,
}

/// `rejoin user remove`.
#[derive(Debug, Args)]
pub struct Remove {
    /// The user
    name: UserName,
    #[command(flatten)]
    file: FileOfUsers,
}

/// A user for programs: no secret, and no hash of one.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a UserName,
    roles: &'a BTreeMap<Place, Role>,
    password: bool,
    tokens: Vec<&'a UserName>,
}

impl UserCommand {
    /// Runs the command and says how it went. Prints the error, if there was one.
    pub fn run(&self) -> ExitStatus {
        match self.dispatch() {
            Ok(()) => ExitStatus::Success,
            Err(failure) => {
                failure.print(self.file().json);
                failure.exit_status()
            }
        }
    }

    fn file(&self) -> &FileOfUsers {
        match self {
            Self::Add(command) => &command.file,
            Self::List(file) => file,
            Self::Roles(command) => &command.file,
            Self::Password(command) => &command.file,
            Self::Token(command) => &command.file,
            Self::Remove(command) => &command.file,
        }
    }

    fn dispatch(&self) -> Result<(), Failure> {
        match self {
            Self::Add(command) => command.run(),
            Self::List(file) => file.list(),
            Self::Roles(command) => command.run(),
            Self::Password(command) => command.run(),
            Self::Token(command) => command.run(),
            Self::Remove(command) => command.run(),
        }
    }
}

impl FileOfUsers {
    /// Changes one user that there is.
    fn change<T>(&self, name: &UserName, change: impl FnOnce(&mut User) -> Result<T, Failure>) -> Result<T, Failure> {
        UsersFile::change(&self.users, |file| {
            change(file.users.get_mut(name).ok_or_else(|| absent(name))?)
        })
    }

    /// Says what was done.
    fn say(&self, name: &UserName, done: &str) -> Result<(), Failure> {
        let mut output = Output::stdout();
        match self.json {
            true => output.json(&BTreeMap::from([("user", name)]))?,
            false => output.line(format_args!("{done}; {NEXT}"))?,
        }
        output.finish()
    }

    fn list(&self) -> Result<(), Failure> {
        let file = UsersFile::load(&self.users)?;
        let mut output = Output::stdout();
        if self.json {
            let mut list = output.json_list("users")?;
            for (name, user) in &file.users {
                list.item(&Listed {
                    name,
                    roles: &user.roles,
                    password: user.password.is_some(),
                    tokens: user.tokens.iter().map(|token| &token.name).collect(),
                })?;
            }
            list.end()?;
            return output.finish();
        }
        let mut table = Table::new(["user", "roles", "password", "tokens"]).whole([0]);
        for (name, user) in &file.users {
            let password = if user.password.is_some() { "yes" } else { "no" };
            let tokens: Vec<&str> = user.tokens.iter().map(|token| token.name.as_str()).collect();
            table.row([
                name.to_string(),
                in_words(&user.roles),
                password.to_owned(),
                tokens.join(" "),
            ]);
        }
        output.line(table)?;
        output.finish()
    }
}

impl Add {
    fn run(&self) -> Result<(), Failure> {
        let password = match self.no_password {
            true => None,
            false => Some(self.password.ask(self.name.as_str())?),
        };
        let roles = roles(&self.role);
        let said = format!("added {} with {}", self.name, in_words(&roles));
        UsersFile::change(&self.file.users, |file| {
            if file.users.contains_key(&self.name) {
                let message = format!(
                    "there is a user {} already; `rejoin user roles` and `rejoin user password` change it",
                    self.name
                );
                return Err(Failure::Usage(message));
            }
            let user = User {
                password,
                roles,
                tokens: Vec::new(),
            };
            file.users.insert(self.name.clone(), user);
            Ok(())
        })?;
        self.file.say(&self.name, &said)
    }
}

impl Roles {
    fn run(&self) -> Result<(), Failure> {
        let roles = roles(&self.role);
        let said = format!("{} has {} now", self.name, in_words(&roles));
        self.file.change(&self.name, |user| {
            user.roles = roles;
            Ok(())
        })?;
        self.file.say(&self.name, &said)
    }
}

impl Password {
    fn run(&self) -> Result<(), Failure> {
        let password = self.password.ask(self.name.as_str())?;
        self.file.change(&self.name, |user| {
            user.password = Some(password);
            Ok(())
        })?;
        self.file
            .say(&self.name, &format!("changed the password of {}", self.name))
    }
}

impl Token {
    fn run(&self) -> Result<(), Failure> {
        match self.remove {
            true => self.remove(),
            false => self.make(),
        }
    }

    fn make(&self) -> Result<(), Failure> {
        let token = generate();
        self.file.change(&self.name, |user| {
            if user.tokens.iter().any(|token| token.name == self.label) {
                let message = format!(
                    "{} has a token {} already; choose another --label, or remove that one with --remove",
                    self.name, self.label
                );
                return Err(Failure::Usage(message));
            }
            user.tokens.push(TokenRecord {
                name: self.label.clone(),
                hash: TokenHash::of(&token),
            });
            Ok(())
        })?;
        let mut output = Output::stdout();
        match self.file.json {
            true => output.json(&BTreeMap::from([
                ("label", self.label.as_str()),
                ("token", token.expose()),
                ("user", self.name.as_str()),
            ]))?,
            // Alone, so that it can be sent to a file.
            false => output.line(token.expose())?,
        }
        output.finish()
    }

    fn remove(&self) -> Result<(), Failure> {
        self.file.change(&self.name, |user| {
            let before = user.tokens.len();
            user.tokens.retain(|token| token.name != self.label);
            match user.tokens.len() < before {
                true => Ok(()),
                false => Err(Failure::Usage(format!("{} has no token {}", self.name, self.label))),
            }
        })?;
        self.file.say(
            &self.name,
            &format!("removed the token {} of {}", self.label, self.name),
        )
    }
}

impl Remove {
    fn run(&self) -> Result<(), Failure> {
        UsersFile::change(&self.file.users, |file| {
            let removed = file.users.remove(&self.name);
            removed.map(drop).ok_or_else(|| absent(&self.name))
        })?;
        self.file.say(&self.name, &format!("removed {}", self.name))
    }
}

impl From<UsersError> for Failure {
    fn from(error: UsersError) -> Self {
        let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
        let message = format!("{error}{}", source.unwrap_or_default());
        match error {
            UsersError::Write { .. } => Self::Local(io::Error::other(message)),
            _ => Self::Usage(message),
        }
    }
}

fn absent(name: &UserName) -> Failure {
    Failure::Usage(format!("there is no user {name}; `rejoin user list` lists all"))
}

fn roles(arguments: &[RoleArgument]) -> BTreeMap<Place, Role> {
    let roles = arguments.iter().map(|argument| (argument.place.clone(), argument.role));
    roles.collect()
}

fn in_words(roles: &BTreeMap<Place, Role>) -> String {
    if roles.is_empty() {
        return "no role".to_owned();
    }
    let roles = roles.iter().map(|(place, role)| format!("{place}={role}"));
    roles.collect::<Vec<_>>().join(" ")
}
