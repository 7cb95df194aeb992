//! The log: open, append, read, wait.

use crate::error::{c_bytes, c_text, call, constant, Result};
use crate::ffi::{self, Handle};
use crate::record::{Event, Record};
use crate::FOREVER;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{null, null_mut};

/// An object of the library and the function that releases it.
pub(crate) struct Owned {
    pub handle: Handle,
    free: unsafe extern "C" fn(Handle),
}

// An object may move from thread to thread; which of them may be used by several at once is said where they are wrapped.
unsafe impl Send for Owned {}

impl Owned {
    pub fn new(
        free: unsafe extern "C" fn(Handle), make: impl FnOnce(*mut Handle, Handle) -> i32,
    ) -> Result<Self> {
        let mut handle = null_mut();
        call(|error| make(&mut handle, error))?;
        Ok(Self { handle, free })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        unsafe { (self.free)(self.handle) }
    }
}

/// The places of a commit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Appended {
    pub commit: u64,
    pub first_sequence: u64,
    pub last_sequence: u64,
    pub stream_version: u64,
}

/// A store; any thread.
pub struct Store(pub(crate) Owned);

unsafe impl Sync for Store {}

impl Store {
    /// Open the store in a directory; make it when there is none.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = c_bytes(path.as_ref().as_os_str().as_bytes())?;
        let mut opts = ffi::StoreOpts::new();
        opts.flags = constant("SKAFU_STORE_CREATE") as u32;
        Owned::new(ffi::skafu_store_close, |out, error| unsafe {
            ffi::skafu_store_open(path.as_ptr(), &opts, out, error)
        })
        .map(Self)
    }

    /// A store that vanishes with its handle, for tests.
    pub fn memory() -> Result<Self> {
        Owned::new(ffi::skafu_store_close, |out, error| unsafe { ffi::skafu_store_open_memory(null(), out, error) })
            .map(Self)
    }

    pub fn batch(&self) -> Result<Batch> {
        Owned::new(ffi::skafu_batch_free, |out, error| unsafe { ffi::skafu_batch_new(self.0.handle, out, error) })
            .map(Batch)
    }

    /// Append one event.
    pub fn append(&self, event: &Event) -> Result<Appended> {
        let mut batch = self.batch()?;
        batch.add(event)?;
        self.commit(&mut batch)
    }

    /// Append a batch as one commit.
    pub fn commit(&self, batch: &mut Batch) -> Result<Appended> {
        let mut place = ffi::Appended::new();
        call(|error| unsafe { ffi::skafu_append(self.0.handle, batch.0.handle, FOREVER, &mut place, error) })?;
        Ok(Appended {
            commit: place.commit,
            first_sequence: place.first_sequence,
            last_sequence: place.last_sequence,
            stream_version: place.stream_version,
        })
    }

    /// All that a query matches, or everything, from a sequence on.
    pub fn read(&self, query: Option<&Query>, from: u64, limit: u64) -> Result<Cursor> {
        let mut opts = ffi::ReadOpts::new();
        opts.from = from;
        let query = query.map_or(null_mut(), |query| query.0.handle);
        Owned::new(ffi::skafu_cursor_free, |out, error| unsafe {
            ffi::skafu_read(self.0.handle, query, limit, &opts, out, error)
        })
        .map(Cursor)
    }

    pub fn read_stream(&self, stream: &str, limit: u64) -> Result<Cursor> {
        let stream = c_text(stream)?;
        Owned::new(ffi::skafu_cursor_free, |out, error| unsafe {
            ffi::skafu_read_stream(self.0.handle, stream.as_ptr(), limit, null(), out, error)
        })
        .map(Cursor)
    }

    pub fn head(&self) -> Result<u64> {
        let mut head = 0;
        call(|error| unsafe { ffi::skafu_store_head(self.0.handle, &mut head, error) })?;
        Ok(head)
    }

    /// The head, when there is a record later than `after`.
    pub fn wait(&self, after: u64, timeout_ns: u64) -> Result<u64> {
        let mut head = 0;
        call(|error| unsafe { ffi::skafu_store_wait(self.0.handle, after, timeout_ns, &mut head, error) })?;
        Ok(head)
    }

    /// End all waits.
    pub fn interrupt(&self) {
        unsafe { ffi::skafu_store_interrupt(self.0.handle) }
    }

    pub fn row(&self, table: &str, key: &[u8]) -> Result<Vec<u8>> {
        let table = c_text(table)?;
        taken(|out, length, error| unsafe {
            ffi::skafu_row_get(self.0.handle, table.as_ptr(), key.as_ptr(), key.len(), out, length, error)
        })
    }
}

/// A copy of bytes that a function hands out.
pub(crate) fn taken(get: impl FnOnce(*mut Handle, *mut usize, Handle) -> i32) -> Result<Vec<u8>> {
    let (mut start, mut length) = (null_mut(), 0);
    call(|error| get(&mut start, &mut length, error))?;
    let copied = match length {
        0 => Vec::new(),
        _ => unsafe { std::slice::from_raw_parts(start as *const u8, length) }.to_vec(),
    };
    unsafe { ffi::skafu_bytes_free(start) };
    Ok(copied)
}

/// What becomes one commit; one thread at a time.
pub struct Batch(pub(crate) Owned);

impl Batch {
    pub fn add(&mut self, event: &Event) -> Result<&mut Self> {
        event.with(|made| call(|error| unsafe { ffi::skafu_batch_add(self.0.handle, made, error) }))?;
        Ok(self)
    }

    /// The stream must be at exactly this version; 0: it has no events.
    pub fn expect_version(&mut self, stream: &str, version: u64) -> Result<&mut Self> {
        let (stream, exact) = (c_text(stream)?, constant("SKAFU_EXPECT_EXACT") as u32);
        call(|error| unsafe {
            ffi::skafu_batch_expect_stream(self.0.handle, stream.as_ptr(), exact, version, error)
        })?;
        Ok(self)
    }

    /// No event later than `after` may match.
    pub fn expect_no_match(&mut self, query: &Query, after: u64) -> Result<&mut Self> {
        call(|error| unsafe { ffi::skafu_batch_expect_no_match(self.0.handle, query.0.handle, after, error) })?;
        Ok(self)
    }

    pub fn put_row(&mut self, table: &str, key: &[u8], value: &[u8]) -> Result<&mut Self> {
        let table = c_text(table)?;
        call(|error| unsafe {
            ffi::skafu_batch_put_row(
                self.0.handle, table.as_ptr(), key.as_ptr(), key.len(), value.as_ptr(), value.len(), error,
            )
        })?;
        Ok(self)
    }
}

/// Which events: items are OR'd, the types of one OR'd, its tags AND'd.
pub struct Query(Owned);

impl Query {
    pub fn new() -> Result<Self> {
        Owned::new(ffi::skafu_query_free, |out, error| unsafe { ffi::skafu_query_new(out, error) }).map(Self)
    }

    pub fn item(self, types: &[&str], tags: &[&str]) -> Result<Self> {
        call(|error| unsafe { ffi::skafu_query_add_item(self.0.handle, error) })?;
        for name in types {
            let name = c_text(name)?;
            call(|error| unsafe { ffi::skafu_query_add_type(self.0.handle, name.as_ptr(), error) })?;
        }
        for tag in tags {
            let tag = c_text(tag)?;
            call(|error| unsafe { ffi::skafu_query_add_tag(self.0.handle, tag.as_ptr(), error) })?;
        }
        Ok(self)
    }
}

/// An iterator of records, as the log was when it was opened.
pub struct Cursor(Owned);

impl Cursor {
    /// The `after` of an append that decides upon what was read.
    pub fn head(&self) -> u64 {
        unsafe { ffi::skafu_cursor_head(self.0.handle) }
    }
}

impl Iterator for Cursor {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = null();
        match call(|error| unsafe { ffi::skafu_cursor_next(self.0.handle, &mut record, error) }) {
            Ok(0) => None,
            Ok(_) => Some(Ok(unsafe { Record::copy(record) })),
            Err(failure) => Some(Err(failure)),
        }
    }
}
