#!/usr/bin/env python3
"""Lesson 1 from another language: append and read through the C interface, with nothing but Python's ctypes.

Usage: hello_ctypes.py [library [directory]]     The library may also be named by SKAFU_LIBRARY.

Structs are written as skafu_store.h has them, with their size first; results below 0 become exceptions that carry the
message; what C lends is copied before the next step.
"""
import ctypes
import os
import sys
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

STORE_CREATE = 0x1
WAIT_FOREVER = NO_LIMIT = 2**64 - 1


class Sized(ctypes.Structure):
    """A struct that tells the library how large the caller believes it to be."""

    def __init__(self, **members):
        super().__init__(size=ctypes.sizeof(self), **members)


class StoreOpts(Sized):
    _fields_ = [
        ("size", c_uint32), ("flags", c_uint32), ("allocator", c_void_p), ("log", c_void_p), ("log_user", c_void_p),
        ("log_free", c_void_p), ("store_bytes_max", c_uint64), ("name_bytes_max", c_uint32), ("tags_max", c_uint32),
        ("payload_bytes_max", c_uint32), ("batch_bytes_max", c_uint32), ("json_depth_max", c_uint32),
        ("readers_max", c_uint32), ("overlay_bytes_max", c_uint64), ("cache_bytes_max", c_uint64),
        ("fold_records", c_uint32), ("reserved", c_uint32),
    ]


class NewRecord(Sized):
    _fields_ = [
        ("size", c_uint32), ("flags", c_uint32), ("kind", c_uint32), ("event_version", c_uint32),
        ("stream", c_char_p), ("type", c_char_p), ("source", c_char_p), ("content_type", c_char_p),
        ("data", c_char_p), ("data_length", c_size_t), ("metadata", c_char_p), ("metadata_length", c_size_t),
        ("tags", POINTER(c_char_p)), ("tag_count", c_size_t), ("id", c_char_p), ("causation", c_char_p),
        ("correlation", c_char_p), ("time_ns", c_int64), ("severity", c_uint32), ("hops", c_uint32),
    ]


class Appended(Sized):
    _fields_ = [
        ("size", c_uint32), ("flags", c_uint32), ("commit", c_uint64), ("first_sequence", c_uint64),
        ("last_sequence", c_uint64), ("stream_version", c_uint64), ("recorded_ns", c_int64),
    ]


class Record(ctypes.Structure):
    _fields_ = [
        ("size", c_uint32), ("kind", c_uint32), ("flags", c_uint32), ("event_version", c_uint32),
        ("sequence", c_uint64), ("commit", c_uint64), ("stream_version", c_uint64), ("time_ns", c_int64),
        ("recorded_ns", c_int64), ("id", c_void_p), ("causation", c_void_p), ("stream", c_char_p),
        ("type", c_char_p), ("source", c_char_p), ("correlation", c_char_p), ("content_type", c_char_p),
        ("tags", c_void_p), ("data", c_void_p), ("metadata", c_void_p), ("data_length", c_uint32),
        ("metadata_length", c_uint32), ("tag_count", c_uint32), ("severity", c_uint32), ("hops", c_uint32),
        ("reserved", c_uint32),
    ]


class SkafuError(Exception):
    def __init__(self, name, message):
        super().__init__(f"{name}: {message}")


class Library:
    """The functions of libskafu that this lesson needs, with their types."""

    HANDLE = POINTER(c_void_p)
    CALLS = {
        "skafu_store_open": [c_char_p, POINTER(StoreOpts), HANDLE],
        "skafu_batch_new": [c_void_p, HANDLE],
        "skafu_batch_add": [c_void_p, POINTER(NewRecord)],
        "skafu_append": [c_void_p, c_void_p, c_uint64, POINTER(Appended)],
        "skafu_read_stream": [c_void_p, c_char_p, c_uint64, c_void_p, HANDLE],
        "skafu_cursor_next": [c_void_p, POINTER(POINTER(Record))],
    }
    FREES = ["skafu_store_close", "skafu_batch_free", "skafu_cursor_free", "skafu_error_free"]

    def __init__(self, path):
        self.c = ctypes.CDLL(path)
        for name, types in self.CALLS.items():
            function = getattr(self.c, name)
            function.restype, function.argtypes = c_int32, types + [c_void_p]
        for name in self.FREES:
            function = getattr(self.c, name)
            function.restype, function.argtypes = None, [c_void_p]
        self.c.skafu_error_new.argtypes = [self.HANDLE]
        self.c.skafu_error_message.restype, self.c.skafu_error_message.argtypes = c_char_p, [c_void_p]
        self.c.skafu_result_name.restype, self.c.skafu_result_name.argtypes = c_char_p, [c_int32]

    def call(self, name, *arguments):
        """Call a function whose last parameter is the error object."""
        error = c_void_p()
        if self.c.skafu_error_new(byref(error)) < 0:
            raise MemoryError
        try:
            result = getattr(self.c, name)(*arguments, error)
            if result < 0:
                raise SkafuError(self.c.skafu_result_name(result).decode(), self.c.skafu_error_message(error).decode())
            return result
        finally:
            self.c.skafu_error_free(error)

    def make(self, name, *arguments):
        """Call a function that hands out an object."""
        handle = c_void_p()
        self.call(name, *arguments, byref(handle))
        return handle


class Store:
    def __init__(self, library, path):
        self.library = library
        self.handle = library.make("skafu_store_open", os.fsencode(path), byref(StoreOpts(flags=STORE_CREATE)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.library.c.skafu_store_close(self.handle)

    def append(self, stream, event_type, data):
        """Append one event; returns its sequence."""
        event = NewRecord(stream=stream.encode(), type=event_type.encode(), data=data, data_length=len(data))
        place = Appended()
        batch = self.library.make("skafu_batch_new", self.handle)
        try:
            self.library.call("skafu_batch_add", batch, byref(event))
            self.library.call("skafu_append", self.handle, batch, WAIT_FOREVER, byref(place))
        finally:
            self.library.c.skafu_batch_free(batch)
        return place.last_sequence

    def read(self, stream):
        """Yield (version, type, data) of a stream."""
        record = POINTER(Record)()
        cursor = self.library.make("skafu_read_stream", self.handle, stream.encode(), NO_LIMIT, None)
        try:
            while self.library.call("skafu_cursor_next", cursor, byref(record)) > 0:
                lent = record.contents
                yield lent.stream_version, lent.type.decode(), ctypes.string_at(lent.data, lent.data_length)
        finally:
            self.library.c.skafu_cursor_free(cursor)


def main():
    library = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SKAFU_LIBRARY", "libskafu.so")
    path = sys.argv[2] if len(sys.argv) > 2 else "hello.skafu"
    try:
        with Store(Library(library), path) as store:
            print("appended Greeted, sequence", store.append("greetings", "Greeted", b'{"text":"hello, python"}'))
            for version, event_type, data in store.read("greetings"):
                print(f"read {event_type}, version {version}: {data.decode()}")
    except (SkafuError, OSError, AttributeError, MemoryError) as error:
        print(f"hello_ctypes: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
