"""The loaded library: calls that raise, objects that release themselves, texts and bytes on their way in and out.

Invariants that the rest of the package leans on:
- A call that fails raises with what its own error object says.  Error objects come from a stack of the thread, so a
  call from within a callback never spoils the one that the outer call fills in.
- An object is released once: by close(), or by the garbage collector.  The collector may strike in the middle of a
  callback, where the library must not be called; what it finds there is released after the outermost call.
- What a callback raised waits in its thread until the call that ran the callback returns.
"""
import ctypes
import ctypes.util
import os
import threading
import weakref

from . import abi
from .errors import Conflict, HostError, NotFound, Retriable, SkafuError, Timeout

S = abi.structs


def _load():
    path = os.environ.get("SKAFU_LIBRARY") or ctypes.util.find_library("skafu") or "libskafu.so.0"
    return ctypes.CDLL(path)


C = abi.declare(_load())


class _Constants:
    """const.STORE_CREATE is SKAFU_STORE_CREATE, as the library that is loaded has it."""

    def __getattr__(self, name):
        value = ctypes.c_int64()
        if C["constant"](b"SKAFU_" + name.encode(), ctypes.byref(value)) < 0:
            raise AttributeError(f"libskafu has no constant SKAFU_{name}")
        setattr(self, name, value.value)
        return value.value


const = _Constants()
FOREVER = NO_LIMIT = 2**64 - 1


class _ErrorObject:
    def __init__(self):
        self.handle = ctypes.c_void_p()
        if C["error_new"](ctypes.byref(self.handle)) < 0:
            raise MemoryError
        self._free = C["error_free"]

    def __del__(self):
        if self.handle:
            self._free(self.handle)


class _Thread(threading.local):
    def __init__(self):
        self.errors = []      # error objects that no call is using
        self.depth = 0        # calls under way
        self.callbacks = 0    # callbacks under way
        self.raised = None    # what a callback raised
        self.release = []     # what was found to be garbage during a callback


thread = _Thread()


def _failure(code, error):
    particulars = {name: C["error_" + name](error)
                   for name in ("os", "sequence", "version", "condition", "item", "batch", "pid")}
    message = C["error_message"](error).decode(errors="replace")
    kinds = {const.ETIMEOUT: Timeout, const.ENOTFOUND: NotFound, const.EHOST: HostError}
    kind = kinds.get(code)
    if not kind:
        kind = Conflict if C["result_is_conflict"](code) else \
            Retriable if C["result_is_retriable"](code) else SkafuError
    return kind(code, C["result_name"](code).decode(), message, **particulars)


def _settle():
    """The outermost call is over: release what waited for that."""
    while thread.release:
        function, handle = thread.release.pop()
        C[function](handle)


def call(name, *arguments):
    """Call a function whose last parameter is the error object; its result, or its failure as an exception."""
    error = thread.errors.pop() if thread.errors else _ErrorObject()
    thread.depth += 1
    try:
        code = C[name](*arguments, error.handle)
        failure = _failure(code, error.handle) if code < 0 else None
    finally:
        thread.depth -= 1
        thread.errors.append(error)
    if thread.depth == 0:
        _settle()
        raised, thread.raised = thread.raised, None
        # Control-C in a callback is no failure of a handler: it ends the program's call, whatever the library did.
        if raised and not isinstance(raised, Exception):
            raise raised
        if failure:
            raise failure from (raised if isinstance(failure, HostError) else None)
    elif failure:
        raise failure
    return code


def produce(name, *arguments):
    """Call a function whose last parameter before the error is an object that it hands out."""
    handle = ctypes.c_void_p()
    call(name, *arguments, ctypes.byref(handle))
    return handle.value


def number(kind, name, *arguments):
    """Call a function whose last parameter before the error is a number that it fills in."""
    value = abi.TYPES[kind]()
    call(name, *arguments, ctypes.byref(value))
    return value.value


def _release(function, handle):
    if thread.callbacks:
        thread.release.append((function, handle))
        return
    thread.depth += 1
    try:
        C[function](handle)
    finally:
        thread.depth -= 1
    if thread.depth == 0:
        _settle()


class Handle:
    """Something of the library's with a function that releases it."""

    def __init__(self, free, handle):
        self._handle = handle
        self._finalizer = weakref.finalize(self, _release, free, handle)

    @property
    def handle(self):
        if not self._finalizer.alive:
            raise ValueError(f"this {type(self).__name__} is closed")
        return self._handle

    def close(self):
        self._finalizer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def text(value):
    """A text for the library, which takes a NUL for its end."""
    if value is None:
        return None
    raw = value.encode() if isinstance(value, str) else os.fsencode(value)
    if b"\0" in raw:
        raise ValueError("a text for libskafu must not hold a NUL")
    return raw


def raw(value):
    """Bytes for the library: bytes as they are, texts in UTF-8."""
    return value.encode() if isinstance(value, str) else bytes(value)


def span(value):
    """Pointer and length, as two arguments.  None is no bytes at all, unlike b""."""
    if value is None:
        return None, 0
    value = raw(value)
    return value, len(value)


def texts(values):
    """An array of texts, which the caller keeps for the call, and its length."""
    values = [text(value) for value in values or ()]
    return (ctypes.c_char_p * len(values))(*values) if values else None, len(values)


def peek(struct, address):
    return S[struct].from_address(address)


def taken(name, *arguments, free="bytes_free"):
    """Call a function that hands out bytes; a copy of them."""
    address, length = ctypes.c_void_p(), ctypes.c_size_t()
    call(name, *arguments, ctypes.byref(address), ctypes.byref(length))
    try:
        return ctypes.string_at(address, length.value)
    finally:
        C[free](address)


def nanoseconds(seconds):
    """None is for ever."""
    return FOREVER if seconds is None else max(0, int(seconds * 1e9))


def walk(listing, name, struct, copy):
    """Yield a copy of each entry of a list, then release it."""
    entry = ctypes.c_void_p()
    with listing:
        while call(name, listing.handle, ctypes.byref(entry)) > 0:
            yield copy(peek(struct, entry.value))


def plain(struct, leave=("size", "reserved")):
    """The members of a struct without pointers but texts, as a dict."""
    members = {}
    for name, _ in struct._fields_:
        if name not in leave:
            value = getattr(struct, name)
            members[name] = value.decode(errors="replace") if isinstance(value, bytes) else value
    return members
