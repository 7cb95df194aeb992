"""What libskafu refuses or fails becomes one of these exceptions, with the code and the particulars."""


class SkafuError(Exception):
    """code and name ("SKAFU_ECONFLICT"); os, sequence, version, condition, item, batch and pid where they apply, else 0."""

    def __init__(self, code, name, message, **particulars):
        super().__init__(f"{name}: {message}")
        self.code, self.name, self.message = code, name, message
        for field in ("os", "sequence", "version", "condition", "item", "batch", "pid"):
            setattr(self, field, particulars.get(field, 0))


class Conflict(SkafuError):
    """The store is not as the append expects: read again, decide again."""


class Retriable(SkafuError):
    """Nothing was changed, and the same call may succeed later."""


class Timeout(Retriable, TimeoutError):
    """The time is over."""


class NotFound(SkafuError, LookupError):
    """There is no such store, stream, record, row or handler."""


class HostError(SkafuError):
    """A function of the host raised; __cause__ is what it raised."""
