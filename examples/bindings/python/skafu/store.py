"""The log: open, append, read, rows, wait."""
import asyncio
import contextlib
import ctypes

from .library import (C, FOREVER, NO_LIMIT, S, Handle, call, const, nanoseconds, number, peek, plain, produce, span,
                      taken, text, walk)
from .record import Event, exported, own_record, record_at


class Query(Handle):
    """Which events: Query().item(types=["A"], tags=["x:1"]).item(...): items are OR'd, the tags of one AND'd."""

    def __init__(self, *, types=(), tags=()):
        super().__init__("query_free", produce("query_new"))
        if types or tags:
            self.item(types=types, tags=tags)

    def item(self, *, types=(), tags=()):
        call("query_add_item", self.handle)
        return add_to_query(self.handle, types, tags) or self


def add_to_query(handle, types, tags):
    for value in types:
        call("query_add_type", handle, text(value))
    for value in tags:
        call("query_add_tag", handle, text(value))


class Batch(Handle):
    """What becomes one commit: records, rows, conditions.  Can be refilled and used again."""

    def __init__(self, store):
        super().__init__("batch_free", produce("batch_new", store.handle))

    def add(self, event, stream=None, data=None, **members):
        """An Event, or its type, stream, data and other members."""
        if not isinstance(event, Event):
            event = Event(event, stream, data, **members)
        call("batch_add", self.handle, ctypes.byref(event.struct()))
        return self

    def __len__(self):
        return C["batch_count"](self.handle)

    def clear(self):
        C["batch_clear"](self.handle)

    def name(self, identifier):
        """The commit's id: the same content again under it is recorded once."""
        call("batch_set_id", self.handle, getattr(identifier, "bytes", identifier))
        return self

    def expect_version(self, stream, version):
        call("batch_expect_stream", self.handle, text(stream), const.EXPECT_EXACT, version)
        return self

    def expect_absent(self, stream):
        call("batch_expect_stream", self.handle, text(stream), const.EXPECT_NONE, 0)
        return self

    def expect_exists(self, stream):
        call("batch_expect_stream", self.handle, text(stream), const.EXPECT_EXISTS, 0)
        return self

    def expect_no_match(self, query, after=0):
        call("batch_expect_no_match", self.handle, query.handle, after)
        return self

    def put_row(self, table, key, value):
        call("batch_put_row", self.handle, text(table), *span(key), *span(value))
        return self

    def delete_row(self, table, key):
        call("batch_delete_row", self.handle, text(table), *span(key))
        return self

    def expect_row(self, table, key, value):
        call("batch_expect_row", self.handle, text(table), *span(key), *span(value))
        return self

    def expect_no_row(self, table, key):
        call("batch_expect_no_row", self.handle, text(table), *span(key))
        return self

    def set_timer(self, name, due_ns, event):
        call("batch_set_timer", self.handle, text(name), due_ns, ctypes.byref(event.struct()))
        return self

    def cancel_timer(self, name):
        call("batch_cancel_timer", self.handle, text(name))
        return self


class Cursor(Handle):
    """An iterator of records.  head: the `after` of an append that decides upon what was read."""

    BATCH = 256

    def __init__(self, handle):
        super().__init__("cursor_free", handle)
        self.head = C["cursor_head"](handle)
        self._ready = iter(())

    def __iter__(self):
        return self

    def __next__(self):
        record = next(self._ready, None)
        if record is None:
            self._ready = iter(self._more())
            record = next(self._ready, None)
        if record is None:
            raise StopIteration
        return record

    def _more(self):
        array = ctypes.c_void_p()
        count = call("cursor_next_batch", self.handle, self.BATCH, ctypes.byref(array))
        addresses = (ctypes.c_void_p * count).from_address(array.value) if count else ()
        return [record_at(address) for address in addresses]


class Rows(Handle):
    """An iterator of (key, value)."""

    def __init__(self, handle):
        super().__init__("rows_free", handle)

    def __iter__(self):
        return self

    def __next__(self):
        row = ctypes.c_void_p()
        if call("rows_next", self.handle, ctypes.byref(row)) == 0:
            self.close()
            raise StopIteration
        lent = peek("row", row.value)
        return ctypes.string_at(lent.key, lent.key_length), \
            ctypes.string_at(lent.value, lent.value_length) if lent.value_length else b""


def key_range(start, end):
    """The struct for start <= key < end, None where it is open; it holds on to what it points to."""
    made = S["key_range"]()
    for name, key in (("from", start), ("to", end)):
        if key is not None:
            key, length = span(key)
            buffer = ctypes.create_string_buffer(key, length)
            setattr(made, name, ctypes.addressof(buffer))
            setattr(made, name + "_length", length)
            setattr(made, "keep_" + name, buffer)
    return made


class Waiter(Handle):
    """A descriptor for event loops."""

    def __init__(self, store):
        super().__init__("waiter_free", produce("waiter_new", store.handle))

    def fileno(self):
        return C["waiter_fd"](self.handle)

    def arm(self, after):
        """True: the descriptor will tell; False: there is something newer already."""
        return call("waiter_arm", self.handle, after) == 0

    def clear(self):
        call("waiter_clear", self.handle)


class Store(Handle):
    """A store in a directory, made when there is none; any thread."""

    def __init__(self, path, *, create=True, readonly=False, **options):
        flags = (const.STORE_CREATE if create and not readonly else 0) | (const.STORE_READONLY if readonly else 0)
        options = S["store_opts"](flags=flags, **options)
        super().__init__("store_close", produce("store_open", text(path), ctypes.byref(options)))

    @classmethod
    def memory(cls, **options):
        """A store that vanishes with its handle, for tests."""
        store = cls.__new__(cls)
        Handle.__init__(store, "store_close", produce("store_open_memory", ctypes.byref(S["store_opts"](**options))))
        return store

    # ---- append ----

    def batch(self):
        return Batch(self)

    def append(self, *what, timeout=None, **members):
        """A batch, events, or type, stream, data of one event.  The places of the commit, as a dict."""
        if isinstance(what[0], Batch):
            return self._append(what[0], timeout)
        with self.batch() as batch:
            if isinstance(what[0], Event):
                for event in what:
                    batch.add(event)
            else:
                batch.add(*what, **members)
            return self._append(batch, timeout)

    def _append(self, batch, timeout):
        place = S["appended"]()
        call("append", self.handle, batch.handle, nanoseconds(timeout), ctypes.byref(place))
        return plain(place, ("size",))

    def append_many(self, batches, timeout=None):
        """Several commits with one flush.  For each its places, or the code with which it was refused."""
        handles = (ctypes.c_void_p * len(batches))(*[batch.handle for batch in batches])
        places = (S["appended"] * len(batches))()
        codes = (ctypes.c_int32 * len(batches))(*[const.EINTERNAL] * len(batches))
        for place in places:
            place.size = ctypes.sizeof(place)
        try:
            call("append_many", self.handle, handles, len(batches), nanoseconds(timeout), codes, places)
        except Exception:
            # Unwritten: the call itself was wrong, and nothing was judged.
            if codes[0] == const.EINTERNAL:
                raise
        return [plain(place, ("size",)) if code == 0 else code for place, code in zip(places, codes)]

    # ---- read ----

    def read(self, query=None, *, stream=None, correlation=None, domain=None, limit=NO_LIMIT, **options):
        """A cursor.  Options: start, end, backward, kinds, recorded_from_ns, recorded_to_ns."""
        opts = ctypes.byref(read_opts(**options))
        for name, value in (("stream", stream), ("correlation", correlation), ("domain", domain)):
            if value is not None:
                return Cursor(produce("read_" + name, self.handle, text(value), limit, opts))
        return Cursor(produce("read", self.handle, query.handle if query else None, limit, opts))

    def get(self, which):
        """The record at a sequence, or with an id."""
        if isinstance(which, int):
            return own_record(produce("get", self.handle, which))
        return own_record(produce("get_by_id", self.handle, getattr(which, "bytes", which)))

    def export(self, sequence):
        """The record in the exported form, a JSON text."""
        address = produce("get", self.handle, sequence)
        try:
            return exported(address)
        finally:
            C["record_free"](address)

    @property
    def head(self):
        return number("u64", "store_head", self.handle)

    def stream_version(self, stream):
        return number("u64", "stream_version", self.handle, text(stream))

    def streams(self, prefix=""):
        opened = produce("stream_list_open", self.handle, text(prefix), NO_LIMIT)
        return walk(Handle("stream_list_free", opened), "stream_list_next", "stream_info", plain)

    # ---- rows ----

    def row(self, table, key):
        return taken("row_get", self.handle, text(table), *span(key))

    def rows(self, table, start=None, end=None, limit=NO_LIMIT):
        wanted = key_range(start, end)
        return Rows(produce("rows_open", self.handle, text(table), ctypes.byref(wanted), limit))

    # ---- wait ----

    def wait(self, after, timeout=None):
        """The head, when there is a record later than `after`; other threads of Python go on meanwhile."""
        return number("u64", "store_wait", self.handle, after, nanoseconds(timeout))

    def interrupt(self):
        C["store_interrupt"](self.handle)

    async def follow(self, after=0, **options):
        """Yield every record later than `after`, now and as they come, inside a loop of asyncio."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        with Waiter(self) as waiter:
            loop.add_reader(waiter.fileno(), woken.set)
            try:
                while True:
                    with contextlib.closing(self.read(start=after + 1, **options)) as cursor:
                        for record in cursor:
                            after = record.sequence
                            yield record
                        after = max(after, cursor.head)
                    if waiter.arm(after):
                        await woken.wait()
                        woken.clear()
                        waiter.clear()
            finally:
                loop.remove_reader(waiter.fileno())

    # ---- upkeep ----

    def stats(self):
        stats = S["store_stats"]()
        call("store_stats_get", self.handle, ctypes.byref(stats))
        return plain(stats)

    def maintain(self, seconds):
        return call("store_maintain", self.handle, nanoseconds(seconds)) == 1

    def verify(self, index=True, chain=True):
        report = S["verify_report"]()
        flags = (const.VERIFY_INDEX if index else 0) | (const.VERIFY_CHAIN if chain else 0)
        call("store_verify", self.handle, flags, None, None, ctypes.byref(report))
        return plain(report)

    def backup(self, path, up_to=0):
        call("store_backup", self.handle, text(path), up_to, None, None)


def read_opts(*, start=0, end=0, backward=False, kinds=0, recorded_from_ns=None, recorded_to_ns=None):
    made = S["read_opts"](kinds=kinds, to=end)
    setattr(made, "from", start)
    made.flags = const.READ_BACKWARD if backward else 0
    if recorded_from_ns is not None:
        made.flags |= const.READ_RECORDED_FROM
        made.recorded_from_ns = recorded_from_ns
    if recorded_to_ns is not None:
        made.flags |= const.READ_RECORDED_TO
        made.recorded_to_ns = recorded_to_ns
    return made
