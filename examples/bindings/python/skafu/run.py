"""The engine, subscriptions, and lists of what runs."""
import asyncio
import ctypes

from . import callbacks as cb
from .library import C, FOREVER, NO_LIMIT, S, Handle, call, const, nanoseconds, number, plain, produce, text, texts, walk
from .model import _Functions, address_of, source
from .record import own_outcome, own_record, record_at


def _subscription_opts(volatile, retry, open_max, sources):
    wanted = source(**sources)
    made = S["subscription_opts"](flags=const.SUBSCRIPTION_VOLATILE if volatile else 0, open_max=open_max,
                                  source=ctypes.addressof(wanted), retry=address_of(retry))
    made.keep = (wanted, retry)
    return made


class Subscription(Handle):
    """Follow the log, from history into the present.  Durable under its name; one thread at a time."""

    def __init__(self, model, name, *, volatile=False, retry=None, open_max=0, **sources):
        opts = _subscription_opts(volatile, retry, open_max, sources)
        super().__init__("subscription_close",
                         produce("subscription_open", model.handle, text(name), ctypes.byref(opts)))

    def next(self, limit=256, timeout=0):
        """Up to so many records; none when the time is over."""
        array = ctypes.c_void_p()
        count = call("subscription_next", self.handle, limit, nanoseconds(timeout), ctypes.byref(array))
        addresses = (ctypes.c_void_p * count).from_address(array.value) if count else ()
        return [record_at(address) for address in addresses]

    def ack(self, record):
        call("subscription_ack", self.handle, getattr(record, "sequence", record))

    def ack_in(self, record, batch):
        """Output and checkpoint in one commit."""
        call("subscription_ack_in", self.handle, getattr(record, "sequence", record), batch.handle)

    def fail(self, record, message, code=None):
        code = const.EHOST if code is None else code
        call("subscription_fail", self.handle, getattr(record, "sequence", record), code, text(message))


class Engine(Handle):
    """Does the work of a model's consumers inside step(), run() and drain(), in the thread that calls them."""

    def __init__(self, model, *, consumers=(), hops_max=0):
        array, count = texts(consumers)
        opts = S["engine_opts"](hops_max=hops_max, consumers=address_of(array), consumer_count=count)
        super().__init__("engine_close", produce("engine_open", model.handle, ctypes.byref(opts)))
        self.model = model

    def subscribe(self, name, react, *, volatile=False, retry=None, open_max=0, **sources):
        """Call react(record, turn) for each record; returning acknowledges it."""
        opts = _subscription_opts(volatile, retry, open_max, sources)
        call("engine_subscribe", self.handle, text(name), ctypes.byref(opts), cb.address(cb.react),
             cb.put(_Functions(react=react)), cb.address(cb.free_user))

    def step(self, inputs=256):
        """True when there is more to do."""
        return call("engine_step", self.handle, inputs) == 1

    def drain(self, timeout=None):
        call("engine_drain", self.handle, nanoseconds(timeout))

    def run(self, timeout=None):
        """Until stop(), from any thread; Timeout when the time is over first.  Control-C is seen between waits, so
        programs that want it give a timeout and come back."""
        call("engine_run", self.handle, nanoseconds(timeout))

    def stop(self):
        C["engine_stop"](self.handle)

    def fileno(self):
        return C["engine_fd"](self.handle)

    def timeout_ns(self):
        return number("u64", "engine_timeout", self.handle)

    async def serve(self):
        """Step inside a loop of asyncio, until the task is cancelled."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        descriptor = self.fileno()
        if descriptor >= 0:
            loop.add_reader(descriptor, woken.set)
        try:
            while True:
                woken.clear()
                if self.step():
                    await asyncio.sleep(0)
                    continue
                wait_ns = self.timeout_ns()
                if wait_ns:
                    await _woken(woken, None if wait_ns == FOREVER else wait_ns / 1e9)
                else:
                    await asyncio.sleep(0)
        finally:
            if descriptor >= 0:
                loop.remove_reader(descriptor)

    def send(self, command, timeout=None):
        place = S["appended"]()
        call("engine_send", self.handle, ctypes.byref(command.struct()), nanoseconds(timeout), ctypes.byref(place))
        return plain(place, ("size",))

    def execute(self, command, timeout=None):
        """Send a command through the log and step until its outcome is recorded."""
        return own_outcome(produce("engine_execute", self.handle, ctypes.byref(command.struct()),
                                   nanoseconds(timeout)))

    def await_record(self, correlation, pattern, timeout=None):
        """Step until a record of this correlation matches the pattern: the end of a flow."""
        return own_record(produce("engine_await", self.handle, text(correlation), text(pattern),
                                  nanoseconds(timeout)))

    def stats(self):
        made = S["engine_stats"]()
        call("engine_stats_get", self.handle, ctypes.byref(made))
        return plain(made)


async def _woken(event, seconds):
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except asyncio.TimeoutError:
        pass


def timers(store, before_ns=2**63 - 1):
    opened = produce("timer_list_open", store.handle, before_ns, NO_LIMIT)
    return walk(Handle("timer_list_free", opened), "timer_list_next", "timer_info", plain)


def processes(store, name=None, states=0):
    opened = produce("process_list_open", store.handle, text(name), states, NO_LIMIT)
    return walk(Handle("process_list_free", opened), "process_list_next", "process_info", plain)


def dead_letters(store):
    opened = produce("dead_letter_list_open", store.handle, None, NO_LIMIT)
    return walk(Handle("dead_letter_list_free", opened), "dead_letter_list_next", "dead_letter", plain)
