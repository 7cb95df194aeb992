"""libskafu from Python, over ctypes: append events, read them, follow them, decide, project, react.

    with skafu.Store("bank.skafu") as store:
        store.append("Paid", "account-anna", {"amount": 30})
        for record in store.read(stream="account-anna"):
            print(record.stream_version, record.type, record.json())

The library is found by the environment variable SKAFU_LIBRARY, else where the system keeps its libraries.
"""
from .errors import Conflict, HostError, NotFound, Retriable, SkafuError, Timeout
from .library import FOREVER, NO_LIMIT, C as _c, const
from .model import Model, Rules, View, count_value, retry_policy
from .record import Command, Event, Outcome, Record
from .run import Engine, Subscription, dead_letters, processes, timers
from .store import Batch, Cursor, Query, Rows, Store, Waiter
from .watch import Watch

__all__ = [
    "Batch", "Command", "Conflict", "Cursor", "Engine", "Event", "FOREVER", "HostError", "Model", "NO_LIMIT",
    "NotFound", "Outcome", "Query", "Record", "Retriable", "Rows", "Rules", "SkafuError", "Store", "Subscription",
    "Timeout", "View", "Waiter", "Watch", "const", "count_value", "dead_letters", "processes", "retry_policy",
    "timers", "version",
]


def version():
    """The version of the library that is loaded."""
    return _c["version_text"]().decode()
