//! Records as they are read, and events and commands to be.

use crate::error::{c_text, call, text, Result};
use crate::ffi;
use std::ffi::CString;

/// A record, copied from what the library lends.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub sequence: u64,
    pub stream: String,
    pub stream_version: u64,
    pub event_type: String,
    pub source: String,
    pub data: Vec<u8>,
    pub tags: Vec<String>,
    pub id: [u8; 16],
    pub correlation: String,
    pub time_ns: i64,
    pub recorded_ns: i64,
}

unsafe fn bytes(start: *const u8, length: usize) -> Vec<u8> {
    if length == 0 {
        return Vec::new();
    }
    std::slice::from_raw_parts(start, length).to_vec()
}

fn int(json: &[u8], pointer: &str) -> Result<i64> {
    let (pointer, mut value) = (c_text(pointer)?, 0);
    call(|error| unsafe { ffi::skafu_json_int64(json.as_ptr(), json.len(), pointer.as_ptr(), &mut value, error) })?;
    Ok(value)
}

impl Record {
    /// Safety: the pointer is a record that the library lends.
    pub(crate) unsafe fn copy(lent: *const ffi::Record) -> Self {
        let lent = &*lent;
        let (mut tags, mut at) = (Vec::new(), lent.tags);
        for _ in 0..lent.tag_count {
            let tag = std::ffi::CStr::from_ptr(at);
            at = at.add(tag.to_bytes().len() + 1);
            tags.push(tag.to_string_lossy().into_owned());
        }
        Self {
            sequence: lent.sequence,
            stream: text(lent.stream),
            stream_version: lent.stream_version,
            event_type: text(lent.type_),
            source: text(lent.source),
            data: bytes(lent.data, lent.data_length as usize),
            tags,
            id: *(lent.id as *const [u8; 16]),
            correlation: text(lent.correlation),
            time_ns: lent.time_ns,
            recorded_ns: lent.recorded_ns,
        }
    }

    /// An integer of the payload, by its JSON pointer: "/amount".
    pub fn int(&self, pointer: &str) -> Result<i64> {
        int(&self.data, pointer)
    }
}

/// A record to be.  Only the type must be given, and the stream where no handler knows it.
#[derive(Debug, Clone, Default)]
pub struct Event {
    pub event_type: String,
    pub stream: Option<String>,
    pub source: Option<String>,
    pub data: Option<Vec<u8>>,
    pub tags: Vec<String>,
    pub correlation: Option<String>,
    pub id: Option<[u8; 16]>,
}

impl Event {
    pub fn new(event_type: &str) -> Self {
        Self { event_type: event_type.into(), ..Self::default() }
    }

    pub fn stream(mut self, stream: &str) -> Self {
        self.stream = Some(stream.into());
        self
    }

    pub fn source(mut self, domain: &str) -> Self {
        self.source = Some(domain.into());
        self
    }

    pub fn data(mut self, json: impl Into<Vec<u8>>) -> Self {
        self.data = Some(json.into());
        self
    }

    pub fn tag(mut self, tag: &str) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Run a function with the struct; what it points to lives as long.
    pub(crate) fn with<T>(&self, run: impl FnOnce(&ffi::NewRecord) -> Result<T>) -> Result<T> {
        let mut made = ffi::NewRecord::new();
        let event_type = c_text(&self.event_type)?;
        let (stream, source) = (optional(&self.stream)?, optional(&self.source)?);
        let correlation = optional(&self.correlation)?;
        let tags = self.tags.iter().map(|tag| c_text(tag)).collect::<Result<Vec<_>>>()?;
        let tag_pointers: Vec<_> = tags.iter().map(|tag| tag.as_ptr()).collect();
        made.type_ = event_type.as_ptr();
        made.stream = pointer(&stream);
        made.source = pointer(&source);
        made.correlation = pointer(&correlation);
        made.tags = tag_pointers.as_ptr();
        made.tag_count = tags.len();
        if let Some(data) = &self.data {
            made.data = data.as_ptr().cast();
            made.data_length = data.len();
        }
        made.id = self.id.as_ref().map_or(std::ptr::null(), |id| id.as_ptr());
        run(&made)
    }
}

pub(crate) fn optional(value: &Option<String>) -> Result<Option<CString>> {
    value.as_deref().map(c_text).transpose()
}

pub(crate) fn pointer(value: &Option<CString>) -> ffi::Text {
    value.as_ref().map_or(std::ptr::null(), |text| text.as_ptr())
}

/// What somebody wants.
#[derive(Debug, Clone, Default)]
pub struct Command {
    pub command_type: String,
    pub stream: Option<String>,
    pub data: Vec<u8>,
    pub key: Option<String>,
}

impl Command {
    pub fn new(command_type: &str, stream: &str, json: impl Into<Vec<u8>>) -> Self {
        Self { command_type: command_type.into(), stream: Some(stream.into()), data: json.into(), key: None }
    }

    /// Decided once under this key, answered alike later.
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.into());
        self
    }

    pub fn int(&self, pointer: &str) -> Result<i64> {
        int(&self.data, pointer)
    }

    /// Safety: the pointer is the command that a decider is given.
    pub(crate) unsafe fn copy(lent: *const ffi::Command) -> Self {
        let lent = &*lent;
        let said = |value: ffi::Text| if value.is_null() { None } else { Some(text(value)) };
        Self {
            command_type: text(lent.type_),
            stream: said(lent.stream),
            data: bytes(lent.data, lent.data_length),
            key: said(lent.key),
        }
    }
}
