//! Results below 0 become errors with what the library says; errors and panics of callbacks become results again.

use crate::ffi;
use std::ffi::{CStr, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// A failure: the code, its name ("SKAFU_ECONFLICT"), a sentence, and particulars, 0 when they do not apply.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    pub code: i32,
    pub name: String,
    pub message: String,
    pub sequence: u64,
    pub version: u64,
    pub condition: u32,
    pub pid: i64,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A failure of the host, which a callback returns.
    pub fn host(message: impl Into<String>) -> Self {
        let code = constant("SKAFU_EHOST") as i32;
        Self { code, name: name_of(code), message: message.into(), sequence: 0, version: 0, condition: 0, pid: 0 }
    }

    pub fn is_conflict(&self) -> bool {
        unsafe { ffi::skafu_result_is_conflict(self.code) == 1 }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(out, "{}: {}", self.name, self.message)
    }
}

impl std::error::Error for Error {}

/// The value of a constant of the library that is loaded, by its name in C.
pub fn constant(name: &str) -> i64 {
    let mut value = 0;
    let c_name = CString::new(name).expect("a name without NUL");
    let code = unsafe { ffi::skafu_constant(c_name.as_ptr(), &mut value) };
    assert!(code == 0, "libskafu has no constant {name}");
    value
}

/// A text of the library's.  Safety: it ends in a NUL.
pub unsafe fn text(lent: ffi::Text) -> String {
    CStr::from_ptr(lent).to_string_lossy().into_owned()
}

fn name_of(code: i32) -> String {
    unsafe { text(ffi::skafu_result_name(code)) }
}

/// A text for the library, which takes a NUL for its end.
pub fn c_text(value: &str) -> Result<CString> {
    c_bytes(value.as_bytes())
}

pub fn c_bytes(value: &[u8]) -> Result<CString> {
    CString::new(value).map_err(|_| {
        let code = constant("SKAFU_EINVAL") as i32;
        Error { code, name: name_of(code), message: "a text holds a NUL".into(), ..Error::host("") }
    })
}

/// Call a function with an error object of its own; a negative result becomes the error.
pub fn call(function: impl FnOnce(ffi::Handle) -> i32) -> Result<i32> {
    let mut error = std::ptr::null_mut();
    // Without memory for an error object the call says its code all the same.
    unsafe { ffi::skafu_error_new(&mut error) };
    let code = function(error);
    let result = if code >= 0 { Ok(code) } else { Err(unsafe { explain(code, error) }) };
    unsafe { ffi::skafu_error_free(error) };
    result
}

unsafe fn explain(code: i32, error: ffi::Handle) -> Error {
    Error {
        code,
        name: name_of(code),
        message: if error.is_null() { String::new() } else { text(ffi::skafu_error_message(error)) },
        sequence: ffi::skafu_error_sequence(error),
        version: ffi::skafu_error_version(error),
        condition: ffi::skafu_error_condition(error),
        pid: ffi::skafu_error_pid(error),
    }
}

/// Run the body of a callback.  Neither an error nor a panic may leave it: unwinding into C is undefined.
pub fn guard(error: ffi::Handle, body: impl FnOnce() -> Result<()>) -> i32 {
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return 0,
        Ok(Err(failure)) => failure,
        Err(panic) => {
            let said = panic.downcast_ref::<&str>().map(|s| s.to_string());
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
            Error::host(format!("panic: {}", said.unwrap_or_default()))
        }
    };
    let message = CString::new(failure.message.replace('\0', "?")).unwrap_or_default();
    unsafe { ffi::skafu_error_set(error, failure.code, message.as_ptr()) };
    failure.code
}
