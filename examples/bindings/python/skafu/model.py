"""Domains, deciders, projections, reactions, processes: definitions in Python, run inside calls of this program."""
import ctypes

from . import callbacks as cb
from .library import (C, NO_LIMIT, S, Handle, call, const, nanoseconds, number, plain, produce, raw, span, taken, text,
                      texts)
from .record import own_outcome, version_number
from .store import Rows, key_range


class _Functions:
    """A definition put together from single functions."""

    def __init__(self, **functions):
        self.__dict__.update({name: function for name, function in functions.items() if function is not None})


def retry_policy(*, attempts=0, delay=0, delay_max=0, constant=False, then=None, jitter_percent=0):
    """then: "go on", "park" or "halt"."""
    steps = {None: 0, "go on": const.THEN_GO_ON, "park": const.THEN_PARK_KEY, "halt": const.THEN_HALT}
    return S["retry_policy"](
        attempts_max=attempts, delay_ns=nanoseconds(delay), delay_ns_max=nanoseconds(delay_max), then=steps[then],
        backoff=const.BACKOFF_CONSTANT if constant else const.BACKOFF_EXPONENTIAL, jitter_percent=jitter_percent)


def source(*, types=(), rule=None, start=None, partitions=0, kinds=0, partition_by=None):
    """Which records a consumer takes.  start: None, "now", or a sequence; partition_by: None, "correlation", or a tag's
    beginning, "customer:"."""
    array, count = texts(types)
    made = S["source"](types=array and ctypes.addressof(array), type_count=count, rule=text(rule),
                       partitions=partitions, kinds=kinds)
    made.keep = array
    if start == "now":
        made.start = const.START_NOW
    elif start is not None:
        made.start, made.start_after = const.START_AFTER, start
    if partition_by == "correlation":
        made.partition_by = const.PARTITION_CORRELATION
    elif partition_by is not None:
        made.partition_by, made.partition_tag = const.PARTITION_TAG, text(partition_by)
    return made


def address_of(struct):
    return ctypes.addressof(struct) if struct is not None else None


class Model(Handle):
    """The definitions of this process over one store.  Define first, then use."""

    def __init__(self, store):
        super().__init__("model_close", produce("model_open", store.handle, None))
        self.store = store

    def _add(self, function, definition, struct):
        # From here on the number is the library's: it calls free_user once, also when it refuses.
        struct.user, struct.free_user = cb.put(definition), cb.address(cb.free_user)
        call(function, self.handle, ctypes.byref(struct))

    def freeze(self):
        call("model_freeze", self.handle)

    def domain(self, name, events=()):
        """A domain and the types of its events."""
        call("model_add_domain", self.handle, text(name))
        for event_type in events:
            self.event(name, event_type)

    def event(self, domain, event_type, *, version=None, check=None):
        """check(type, data) raises when an event is not as it should be."""
        made = S["event_def"](domain=text(domain), type=text(event_type), event_version=version_number(version),
                              check=cb.address(cb.check) if check else None)
        self._add("model_add_event", _Functions(check=check), made)

    def upcaster(self, event_type, upcast, *, version, to, revision=0):
        """upcast(record, out) brings `version` of a type to the forms in to, [(type, version)], with out.add()."""
        array, count = texts([name for name, _ in to])
        versions = (ctypes.c_uint32 * len(to))(*[version_number(form) for _, form in to])
        made = S["upcaster_def"](
            type=text(event_type), from_version=version_number(version), revision=revision, to_count=count,
            to_types=address_of(array), to_versions=ctypes.addressof(versions), upcast=cb.address(cb.upcast))
        self._add("model_add_upcaster", _Functions(upcast=upcast), made)

    def decider(self, domain, name, definition, *, commands, version=1, snapshot_every=0):
        """definition has decide(command, state, turn) and, where there is a state, initial() and evolve(state, event);
        for a boundary of its own scope(command, read, guard); for a state that is no JSON value copy, save and load."""
        array, count = texts(commands)
        made = S["decider_def"](domain=text(domain), name=text(name), commands=address_of(array), command_count=count,
                                snapshot_every=snapshot_every, decide=cb.address(cb.decide))
        state = None
        if hasattr(definition, "initial"):
            state = cb.state_def(definition, version)
            made.state, made.evolve = ctypes.addressof(state), cb.address(cb.evolve)
        if hasattr(definition, "scope"):
            made.scope = cb.address(cb.scope)
        self._add("model_add_decider", definition, made)

    def projection(self, domain, name, each=None, *, batch=None, key=None, fold=None, types=(), rule=None, version=1):
        """each(event, edit); or batch(events, edit); or key(event) -> keys with fold(key, value, events) -> value."""
        array, count = texts(types)
        made = S["projection_def"](domain=text(domain), name=text(name), types=address_of(array), type_count=count,
                                   rule=text(rule), version=version)
        functions = {"each": each, "batch": batch, "key": key, "fold": fold}
        for kind, function in functions.items():
            if function:
                setattr(made, kind, cb.address(getattr(cb, kind)))
        self._add("model_add_projection", _Functions(**functions), made)

    def reaction(self, domain, name, react, *, retry=None, **sources):
        """react(event, turn)"""
        wanted = source(**sources)
        made = S["reaction_def"](domain=text(domain), name=text(name), source=ctypes.addressof(wanted),
                                 retry=address_of(retry), react=cb.address(cb.react))
        self._add("model_add_reaction", _Functions(react=react), made)

    def process(self, domain, name, definition, *, version=1, retry=None, **sources):
        """definition has route(record), act(record, state, turn) and, where there is a state, initial() and evolve()."""
        wanted = source(**sources)
        made = S["process_def"](domain=text(domain), name=text(name), version=version,
                                source=ctypes.addressof(wanted), retry=address_of(retry), route=cb.address(cb.route),
                                act=cb.address(cb.act))
        state = None
        if hasattr(definition, "initial"):
            state = cb.state_def(definition, version)
            made.state, made.evolve = ctypes.addressof(state), cb.address(cb.evolve)
        self._add("model_add_process", definition, made)

    # ---- use ----

    def execute(self, command, *, timeout=None, wait=(), attempts=0):
        """Decide a command and append what it emits.  A refusal is an answer: look at the outcome's `accepted`."""
        array, count = texts(wait)
        opts = S["execute_opts"](attempts_max=attempts, wait_views=address_of(array), wait_view_count=count)
        return own_outcome(produce("model_execute", self.handle, ctypes.byref(command.struct()), nanoseconds(timeout),
                                   ctypes.byref(opts)))

    def state(self, command, at=0):
        """The state upon which its decider would decide this command, as of a sequence (0: now)."""
        loaded = produce("state_load", self.handle, ctypes.byref(command.struct()), at)
        with Handle("state_free", loaded):
            return cb.table[C["state_data"](loaded)].value

    def view(self, projection, *, at=0, timeout=None):
        return View(self, projection, at, timeout)

    def rebuild(self, projection):
        call("projection_rebuild", self.handle, text(projection))

    def step(self, projection, events=1024):
        return call("projection_step", self.handle, text(projection), events) == 1

    def info(self, projection):
        made = S["projection_info"]()
        call("projection_info_get", self.handle, text(projection), ctypes.byref(made))
        return plain(made)


class View(Handle):
    """What a projection made.  refresh() makes what is read from then on as new as the log."""

    def __init__(self, model, projection, at, timeout):
        super().__init__("view_close",
                         produce("view_open", model.handle, text(projection), at, nanoseconds(timeout)))

    def refresh(self, sequence=None, timeout=None):
        """Returns how far the view is now."""
        freshness = const.FRESH_HEAD if sequence is None else const.FRESH_SEQUENCE
        return number("u64", "view_refresh", self.handle, freshness, sequence or 0, nanoseconds(timeout))

    def get(self, key, table=None):
        return taken("view_get", self.handle, text(table), *span(key))

    def count(self, key, table=None):
        """The number in a row that edit.count() keeps."""
        return count_value(self.get(key, table))

    def rows(self, table=None, start=None, end=None, limit=NO_LIMIT):
        wanted = key_range(start, end)
        return Rows(produce("view_rows", self.handle, text(table), ctypes.byref(wanted), limit))

    def prefix(self, prefix, table=None, limit=NO_LIMIT):
        return Rows(produce("view_prefix", self.handle, text(table), *span(prefix), limit))


def count_value(value):
    return number("i64", "count_value", *span(value))


class Rules(Handle):
    """Patterns of the EventBridge language; match() gives the numbers of those that match a JSON text."""

    def __init__(self, *patterns):
        super().__init__("rules_free", produce("rules_new"))
        self.size = 0
        for pattern in patterns:
            self.add(pattern)

    def add(self, pattern):
        added = number("u32", "rules_add", self.handle, *span(pattern))
        self.size += 1
        return added

    def match(self, event):
        numbers = (ctypes.c_uint32 * max(1, self.size))()
        found = call("rules_match_json", self.handle, *span(raw(event)), numbers, self.size)
        return list(numbers[:found])
