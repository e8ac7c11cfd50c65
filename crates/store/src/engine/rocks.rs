//! RocksDB as an engine: a column family per key family. No other file names the library.

use std::path::{Path, PathBuf};

use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, CompactOptions, DB, DBCompressionType,
    DBRecoveryMode, Direction, FlushOptions, IteratorMode, Options, ReadOptions, SnapshotWithThreadMode, WriteBatch,
    WriteOptions, properties,
};

use super::flipped::flipped_header;
use super::leftovers::{remove_tables_but, table_number};
use super::{
    Batch, Durability, Engine, EngineError, Entries, Family, KeyRange, Mutation, Read, RocksOpenError, RocksOptions,
};

/// How the system says that a disk is full.
const NO_SPACE: &str = "No space left on device";

/// What an operator does about damaged files.
const WHEN_DAMAGED: &str = "files of the data directory are damaged: stop the node, and restore a backup or wipe the directory and let the peers refill it";

/// An open RocksDB directory. It holds the directory's lock until it is dropped.
pub struct RocksEngine {
    db: DB,
    path: PathBuf,
}

impl RocksEngine {
    /// Opens a directory and creates it if it is missing. Everything that was written with [`Durability::Synced`] is there.
    ///
    /// # Errors
    /// [`RocksOpenError`] says what an operator should do.
    pub fn open(path: impl AsRef<Path>, options: &RocksOptions) -> Result<Self, RocksOpenError> {
        let path = path.as_ref();
        std::fs::create_dir_all(path).map_err(|source| RocksOpenError::Directory {
            path: path.into(),
            source,
        })?;
        check_contents(path)?;
        check_logs(path)?;
        let general = general_options(options).map_err(|error| open_error(path, &error))?;
        check_families(path, &general)?;
        let open =
            || DB::open_cf_descriptors(&general, path, families(options)).map_err(|error| open_error(path, &error));
        let db = match open() {
            Err(RocksOpenError::NoSpace { .. }) if remove_leftovers(path, &general, options) => open(),
            opened => opened,
        }?;
        Ok(Self { db, path: path.into() })
    }

    fn column(&self, family: Family) -> Result<&ColumnFamily, EngineError> {
        self.db
            .cf_handle(family.name())
            .ok_or_else(|| EngineError::new("find", format!("the key family {}", family.name())))
    }
}

/// Whether there is more room now: tables that a process was writing when it was killed are gone.
fn remove_leftovers(path: &Path, general: &Options, options: &RocksOptions) -> bool {
    let live = || {
        // This reads which tables are in use, without writing anything, and takes no lock.
        let files = DB::open_cf_descriptors_read_only(general, path, families(options), false)
            .and_then(|db| db.live_files())
            .map_err(std::io::Error::other)?;
        Ok(files.iter().filter_map(|file| table_number(&file.name)).collect())
    };
    match remove_tables_but(path, live) {
        Ok(bytes) => {
            tracing::warn!(
                bytes,
                "the disk is full: tables that a killed process had not finished are removed"
            );
            bytes > 0
        }
        Err(error) => {
            tracing::warn!(%error, "the disk is full, and tables that are not in use cannot be removed");
            false
        }
    }
}

fn families(options: &RocksOptions) -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(options.block_cache_bytes);
    let describe = |family: Family| ColumnFamilyDescriptor::new(family.name(), family_options(family, &cache, options));
    Family::ALL.map(describe).into()
}

fn general_options(options: &RocksOptions) -> Result<Options, rocksdb::Error> {
    let mut general = Options::default();
    general.create_if_missing(true);
    general.create_missing_column_families(true);
    general.set_db_write_buffer_size(options.write_buffer_bytes);
    general.set_max_total_wal_size(options.log_bytes_max);
    general.set_max_open_files(options.open_files_max);
    general.set_max_background_jobs(options.background_jobs_max);
    general.set_keep_log_file_num(4);
    // By default the log is read up to the first record that is damaged, and acknowledged writes after it are gone without a word. Only a record that
    // ends with the file is what a power cut leaves: nobody was told that it is durable.
    general.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    // A new log would take the room of a whole one at once, and it is from that room that a small disk's memory is written out.
    general.get_options_from_string("allow_fallocate=false")
}

fn family_options(family: Family, cache: &Cache, options: &RocksOptions) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_bloom_filter(options.bloom_bits_per_key, false);
    // Filters and indexes live in the cache, so that memory stays bounded however many documents there are.
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_format_version(5);
    let mut column = Options::default();
    column.set_block_based_table_factory(&blocks);
    column.set_level_compaction_dynamic_level_bytes(true);
    // Fast where data is young, small where most of it ends.
    column.set_compression_type(DBCompressionType::Lz4);
    let last = if family == Family::Digest {
        DBCompressionType::None
    } else {
        DBCompressionType::Zstd
    };
    column.set_bottommost_compression_type(last);
    column
}

/// A new store begins in an empty directory: a wrong path must not mix a node's files with somebody else's.
fn check_contents(path: &Path) -> Result<(), RocksOpenError> {
    if path.join("CURRENT").exists() {
        return Ok(());
    }
    let unreadable = |source| RocksOpenError::Directory {
        path: path.into(),
        source,
    };
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        // A fresh file system has the former; a start that was killed before RocksDB was complete leaves the others.
        let text = name.to_string_lossy();
        let harmless = ["lost+found", "LOCK", "IDENTITY"].contains(&text.as_ref())
            || ["LOG", "MANIFEST-", "OPTIONS-"]
                .iter()
                .any(|start| text.starts_with(start))
            || [".log", ".dbtmp"].iter().any(|end| text.ends_with(end));
        if !harmless {
            return Err(RocksOpenError::Foreign {
                path: path.into(),
                found: name,
            });
        }
    }
    Ok(())
}

/// RocksDB takes some flipped bits for the end of a log, and is caught by others in a loop.
fn check_logs(path: &Path) -> Result<(), RocksOpenError> {
    let unreadable = |source| RocksOpenError::Directory {
        path: path.into(),
        source,
    };
    let Ok(manifest) = std::fs::read_to_string(path.join("CURRENT")) else {
        return Ok(());
    };
    let mut logs = vec![path.join(manifest.trim())];
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_some_and(|extension| extension == "log") {
            logs.push(file);
        }
    }
    // What is missing RocksDB tells by itself.
    for log in logs.iter().filter(|log| log.exists()) {
        if let Some(place) = flipped_header(log).map_err(unreadable)? {
            let message = format!("a bit has flipped in {} at byte {place}", log.display());
            return Err(RocksOpenError::Engine {
                path: path.into(),
                source: EngineError::new("read", message),
            });
        }
    }
    Ok(())
}

/// A directory of a later version may hold families that this one would not carry along.
fn check_families(path: &Path, general: &Options) -> Result<(), RocksOpenError> {
    if !path.join("CURRENT").exists() {
        return Ok(());
    }
    let found = DB::list_cf(general, path).map_err(|error| open_error(path, &error))?;
    let known = |name: &str| {
        name == rocksdb::DEFAULT_COLUMN_FAMILY_NAME || Family::ALL.iter().any(|family| family.name() == name)
    };
    match found.into_iter().find(|name| !known(name)) {
        Some(family) => Err(RocksOpenError::UnknownFamily {
            path: path.into(),
            family,
        }),
        None => Ok(()),
    }
}

fn open_error(path: &Path, error: &rocksdb::Error) -> RocksOpenError {
    let (path, message) = (PathBuf::from(path), error.to_string());
    // RocksDB has no code of its own for a held lock: its text names the file.
    if error.kind() == rocksdb::ErrorKind::IOError && message.contains("lock") && message.contains("LOCK") {
        return RocksOpenError::InUse { path };
    }
    let source = EngineError::new("open", message);
    if source.message.contains(NO_SPACE) {
        return RocksOpenError::NoSpace {
            path,
            source: source.without_space(),
        };
    }
    RocksOpenError::Engine { path, source }
}

/// What RocksDB says, with what to do if it is of damaged files: its own words name them.
fn message(error: rocksdb::Error) -> String {
    let is_damage = error.kind() == rocksdb::ErrorKind::Corruption;
    let message = error.into_string();
    match is_damage {
        true => format!("{message}; {WHEN_DAMAGED}"),
        false => message,
    }
}

/// RocksDB has a code of its own for a full disk, which its bindings do not pass on: its text tells.
fn write_error(error: rocksdb::Error) -> EngineError {
    let message = message(error);
    let no_space = message.contains(NO_SPACE) || message.contains("NoSpace");
    let error = EngineError::new("write", message);
    if no_space { error.without_space() } else { error }
}

fn read_error(error: rocksdb::Error) -> EngineError {
    EngineError::new("read", message(error))
}

/// Where an iterator starts, and the bounds that it keeps to by itself.
fn bounds(range: KeyRange, direction: Direction) -> (ReadOptions, Vec<u8>) {
    let mut options = ReadOptions::default();
    if let Some(to) = range.to {
        options.set_iterate_upper_bound(to);
    }
    if matches!(direction, Direction::Reverse) {
        options.set_iterate_lower_bound(range.from.clone());
    }
    (options, range.from)
}

/// Backwards an iterator starts at the greatest key below its upper bound.
fn mode(from: &[u8], direction: Direction) -> IteratorMode<'_> {
    match direction {
        Direction::Forward => IteratorMode::From(from, direction),
        Direction::Reverse => IteratorMode::End,
    }
}

impl RocksEngine {
    fn iterate(&self, family: Family, range: KeyRange, direction: Direction) -> Entries<'_> {
        let column = match self.column(family) {
            Ok(column) if !range.is_empty() => column,
            Ok(_) => return Box::new(std::iter::empty()),
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let (options, from) = bounds(range, direction);
        let entries = self.db.iterator_cf_opt(column, options, mode(&from, direction));
        Box::new(entries.map(|entry| entry.map_err(read_error)))
    }
}

impl Read for RocksEngine {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.db.get_cf(self.column(family)?, key).map_err(read_error)
    }

    fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        let column = self.column(family)?;
        self.db
            .multi_get_cf(keys.iter().map(|key| (column, key)))
            .into_iter()
            .map(|value| value.map_err(read_error))
            .collect()
    }

    fn scan(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.iterate(family, range, Direction::Forward)
    }

    fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.iterate(family, range, Direction::Reverse)
    }
}

impl Engine for RocksEngine {
    fn snapshot(&self) -> Box<dyn Read + '_> {
        Box::new(RocksSnapshot {
            engine: self,
            snapshot: self.db.snapshot(),
        })
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError> {
        let mut writes = WriteBatch::default();
        for change in batch.changes() {
            let column = self.column(change.family)?;
            match &change.mutation {
                Mutation::Put(value) => writes.put_cf(column, &change.key, value),
                Mutation::Delete => writes.delete_cf(column, &change.key),
                Mutation::SingleDelete => writes.single_delete_cf(column, &change.key),
            }
        }
        let mut options = WriteOptions::default();
        let synced = durability == Durability::Synced;
        #[cfg(debug_assertions)]
        let synced = synced && !rejoin_document::planted::is(rejoin_document::planted::Bug::NoSync);
        options.set_sync(synced);
        self.db.write_opt(writes, &options).map_err(write_error)
    }

    fn free_bytes(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.path).ok()?;
        // What is in memory and in the log is written to tables too, at the next start at the latest: without room for that there is none.
        let unwritten = Family::ALL.iter().filter_map(|family| {
            let column = self.column(*family).ok()?;
            self.db
                .property_int_value_cf(column, properties::CUR_SIZE_ALL_MEM_TABLES)
                .ok()?
        });
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        Some(free.saturating_sub(unwritten.sum()))
    }

    fn write_out(&self) {
        let mut options = FlushOptions::default();
        options.set_wait(false);
        for family in Family::ALL {
            let begun = self
                .column(family)
                .and_then(|column| self.db.flush_cf_opt(column, &options).map_err(write_error));
            if let Err(error) = begun {
                tracing::warn!(%error, "what is in memory cannot be written out");
            }
        }
    }

    fn compact(&self, family: Family, range: &KeyRange) -> Result<(), EngineError> {
        let mut options = CompactOptions::default();
        // The compactions that writes wait for go on beside it.
        options.set_exclusive_manual_compaction(false);
        let (from, to) = (Some(range.from.as_slice()), range.to.as_deref());
        self.db.compact_range_cf_opt(self.column(family)?, from, to, &options);
        Ok(())
    }

    fn checkpoint(&self, path: &Path) -> Result<(), EngineError> {
        let refused = |error: rocksdb::Error| EngineError {
            operation: "copy its files",
            ..write_error(error)
        };
        // What is in memory is written to tables first, and what is written meanwhile is in the log, of which a copy is taken at one moment.
        let checkpoint = Checkpoint::new(&self.db).map_err(refused)?;
        checkpoint.create_checkpoint(path).map_err(refused)
    }

    fn bytes_on_disk(&self) -> Result<u64, EngineError> {
        let unreadable = |error: std::io::Error| EngineError::new("measure", error.to_string());
        let mut bytes = 0;
        for entry in std::fs::read_dir(self.db.path()).map_err(unreadable)? {
            // A file may go while they are counted.
            bytes += entry
                .and_then(|entry| entry.metadata())
                .map_or(0, |file| if file.is_file() { file.len() } else { 0 });
        }
        Ok(bytes)
    }
}

struct RocksSnapshot<'a> {
    engine: &'a RocksEngine,
    snapshot: SnapshotWithThreadMode<'a, DB>,
}

impl RocksSnapshot<'_> {
    fn iterate(&self, family: Family, range: KeyRange, direction: Direction) -> Entries<'_> {
        let column = match self.engine.column(family) {
            Ok(column) if !range.is_empty() => column,
            Ok(_) => return Box::new(std::iter::empty()),
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let (options, from) = bounds(range, direction);
        let entries = self.snapshot.iterator_cf_opt(column, options, mode(&from, direction));
        Box::new(entries.map(|entry| entry.map_err(read_error)))
    }
}

impl Read for RocksSnapshot<'_> {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.snapshot
            .get_cf(self.engine.column(family)?, key)
            .map_err(read_error)
    }

    fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        let column = self.engine.column(family)?;
        self.snapshot
            .multi_get_cf(keys.iter().map(|key| (column, key)))
            .into_iter()
            .map(|value| value.map_err(read_error))
            .collect()
    }

    fn scan(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.iterate(family, range, Direction::Forward)
    }

    fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.iterate(family, range, Direction::Reverse)
    }
}
