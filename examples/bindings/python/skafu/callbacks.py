"""Functions of Python that the library calls.

There is one C function for each kind of callback, made when this module is loaded and never released.  Its user pointer
is no pointer but a number, under which `table` holds the definition; free_user takes the number out.  States of deciders
are numbers of the same sort.  So no object of Python is ever addressed from C, and a late or double call finds nothing
instead of freed memory.

No exception leaves a callback: it becomes a code and a message in the error that the library hands in, and is kept in the
thread for the call that ran the callback.
"""
import copy
import ctypes
import functools
import itertools
import json
import traceback
from ctypes import c_int32, c_size_t, c_uint32, c_void_p

from .library import C, S, SkafuError, call, const, peek, span, text, thread
from .record import command_at, record_at
from .turn import Edit, Scope, Turn, Upcast

table = {}
_numbers = itertools.count(1)


def put(thing):
    """The number under which the library can name a thing."""
    key = next(_numbers)
    table[key] = thing
    return key


def _raised(exception, error):
    """Tell the library; returns the code."""
    thread.raised = exception
    if isinstance(exception, SkafuError):
        code, message = exception.code, exception.message
    else:
        code = const.EHOST
        message = traceback.format_exception_only(type(exception), exception)[-1].strip()
    if error:
        C["error_set"](error, code, message.encode(errors="replace").replace(b"\0", b"?"))
    return code


def _guarded(function):
    """A callback whose last argument is the library's error object."""
    @functools.wraps(function)
    def run(user, *arguments):
        thread.callbacks += 1
        try:
            return function(table[user], *arguments[:-1]) or 0
        except BaseException as exception:  # whatever it is, it must not leave through C
            return _raised(exception, arguments[-1])
        finally:
            thread.callbacks -= 1
    return run


def _fn(*types):
    """Make a guarded C function that returns a code: the types are those between user and error."""
    return lambda function: ctypes.CFUNCTYPE(c_int32, c_void_p, *types, c_void_p)(_guarded(function))


def _forget(key):
    """What goes with the entry may own objects of the library, which must not be released in here."""
    thread.callbacks += 1
    try:
        table.pop(key, None)
    finally:
        thread.callbacks -= 1


@ctypes.CFUNCTYPE(None, c_void_p)
def free_user(user):
    _forget(user)


# ---- states: what `user` names has initial(), evolve(), and may have copy, save and load ----

class Slot:
    """A state of Python's under a number."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


def _out(address, value):
    c_void_p.from_address(address).value = put(Slot(value))


@_fn(c_void_p)
def state_make(definition, out_state):
    _out(out_state, definition.initial())


@ctypes.CFUNCTYPE(None, c_void_p, c_void_p)
def state_drop(_user, state):
    _forget(state)


@_fn(c_void_p, c_void_p)
def state_copy(definition, state, out_state):
    _out(out_state, getattr(definition, "copy", copy.deepcopy)(table[state].value))


@_fn(c_void_p, c_void_p)
def state_save(definition, state, writer):
    save = getattr(definition, "save", lambda value: json.dumps(value).encode())
    call("writer_put", writer, *span(save(table[state].value)))


@_fn(c_void_p, c_size_t, c_void_p)
def state_load(definition, saved, length, out_state):
    _out(out_state, getattr(definition, "load", json.loads)(ctypes.string_at(saved, length)))


@_fn(c_void_p, c_void_p)
def evolve(definition, state, record):
    """What evolve() returns is the new state; None: it changed the one that it was given."""
    slot = table[state]
    value = definition.evolve(slot.value, record_at(record))
    if value is not None:
        slot.value = value


# ---- deciders ----

@_fn(c_void_p, c_void_p, c_void_p)
def decide(definition, command, state, turn):
    with Turn(turn) as open_turn:
        definition.decide(command_at(command), table[state].value if state else None, open_turn)


@_fn(c_void_p, c_void_p, c_void_p)
def scope(definition, command, read, guard):
    with Scope(read) as to_read, Scope(guard) as to_guard:
        definition.scope(command_at(command), to_read, to_guard)


@_fn(c_void_p)
def check(definition, event):
    lent = peek("new_record", event)
    definition.check(lent.type.decode(), ctypes.string_at(lent.data, lent.data_length) if lent.data else b"")


@_fn(c_void_p, c_void_p)
def upcast(definition, stored, out):
    with Upcast(out) as adding:
        definition.upcast(record_at(stored), adding)


# ---- projections ----

@_fn(c_void_p, c_void_p)
def each(definition, event, edit):
    with Edit(edit) as open_edit:
        definition.each(record_at(event), open_edit)


@_fn(c_void_p, c_uint32, c_void_p)
def batch(definition, events, count, edit):
    addresses = (c_void_p * count).from_address(events)
    with Edit(edit) as open_edit:
        definition.batch([record_at(address) for address in addresses], open_edit)


@_fn(c_void_p, c_void_p)
def key(definition, event, edit):
    for name in definition.key(record_at(event)):
        call("edit_key", edit, *span(name))


@_fn(c_void_p, c_void_p)
def fold(definition, given, writer):
    """fold() gets the key, the value or None, and the events; returns the new value, None: the row goes."""
    lent = peek("fold", given)
    events = (c_void_p * lent.event_count).from_address(lent.events)
    value = definition.fold(
        ctypes.string_at(lent.key, lent.key_length),
        ctypes.string_at(lent.value, lent.value_length) if lent.value else None,
        [record_at(address) for address in events])
    if value is None:
        return 1
    call("writer_put", writer, *span(value))
    return 0


# ---- reactions and processes ----

@_fn(c_void_p, c_void_p)
def react(definition, record, turn):
    with Turn(turn) as open_turn:
        definition.react(record_at(record), open_turn)


@_fn(c_void_p, c_void_p)
def route(definition, record, writer):
    """route() returns None, or ("start" | "continue" | "stop", instance)."""
    way = definition.route(record_at(record))
    if way is None:
        return const.ROUTE_IGNORE
    call("writer_put", writer, *span(text(way[1])))
    return {"start": const.ROUTE_START, "continue": const.ROUTE_CONTINUE, "stop": const.ROUTE_STOP}[way[0]]


@_fn(c_void_p, c_void_p, c_void_p)
def act(definition, record, state, turn):
    with Turn(turn) as open_turn:
        definition.act(record_at(record), table[state].value if state else None, open_turn)


def address(function):
    return ctypes.cast(function, c_void_p).value


def state_def(definition, version):
    """The struct for a managed state; snapshots are possible where save() and load() are."""
    return S["state_def"](
        version=version, make=address(state_make), drop=address(state_drop), copy=address(state_copy),
        save=address(state_save), load=address(state_load))
