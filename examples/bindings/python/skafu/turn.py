"""What a handler is given to act with.  Each is good inside the handler only, and says so afterwards."""
import ctypes
import json

from .library import C, call, span, text
from .record import version_number


class _Lent:
    def __init__(self, handle):
        self._handle = handle

    @property
    def handle(self):
        if self._handle is None:
            raise ValueError(f"a {type(self).__name__} is good only inside the handler that was given it")
        return self._handle

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._handle = None


class Turn(_Lent):
    """All of it is recorded in one commit, or nothing."""

    def emit(self, event):
        call("turn_emit", self.handle, ctypes.byref(event.struct()))

    def refuse(self, code, message):
        call("turn_refuse", self.handle, text(code), text(message))

    @property
    def now_ns(self):
        return C["turn_now"](self.handle)

    def send(self, command):
        call("turn_send", self.handle, ctypes.byref(command.struct()))

    def set_timer(self, name, due_ns, event):
        call("turn_set_timer", self.handle, text(name), due_ns, ctypes.byref(event.struct()))

    def cancel_timer(self, name):
        call("turn_cancel_timer", self.handle, text(name))

    def undo_with(self, command):
        call("turn_undo_with", self.handle, ctypes.byref(command.struct()))

    def compensate(self, code, message):
        call("turn_compensate", self.handle, text(code), text(message))

    def complete(self):
        call("turn_complete", self.handle)

    def effect(self, name):
        """The key for something done to the world outside, or None: this is a replay, do not."""
        key = ctypes.create_string_buffer(16)
        return key.raw if call("effect", self.handle, text(name), key) else None


class Scope(_Lent):
    """The query of a decider with a scope."""

    def item(self, *, types=(), tags=()):
        call("query_add_item", self.handle)
        for value in types:
            call("query_add_type", self.handle, text(value))
        for value in tags:
            call("query_add_tag", self.handle, text(value))


class Upcast(_Lent):
    def add(self, event_type, version, data):
        body = data if isinstance(data, (str, bytes)) else json.dumps(data)
        call("upcast_add", self.handle, text(event_type), version_number(version), *span(body))


class Edit(_Lent):
    """The rows of a projection."""

    def get(self, key, table=None):
        value, length = ctypes.c_void_p(), ctypes.c_size_t()
        found = call("edit_get", self.handle, text(table), *span(key), ctypes.byref(value), ctypes.byref(length))
        return ctypes.string_at(value, length.value) if found else None

    def put(self, key, value, table=None):
        call("edit_put", self.handle, text(table), *span(key), *span(value))

    def delete(self, key, table=None):
        call("edit_delete", self.handle, text(table), *span(key))

    def count(self, key, delta=1, table=None):
        call("edit_count", self.handle, text(table), *span(key), delta)
