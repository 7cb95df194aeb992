"""Records and events: copies of what the library lends, and structs of what it is to record."""
import ctypes
import json
import uuid
from dataclasses import dataclass, field

from .library import C, S, const, peek, raw, taken, text, texts


def version_number(value):
    """"2.1" or (2, 1) as the library counts it."""
    if not value:
        return 0
    major, minor = (int(part) for part in value.split(".")) if isinstance(value, str) else value
    return major << 16 | minor


@dataclass(frozen=True)
class Record:
    """A record that was read, on its own memory."""
    sequence: int
    kind: int
    stream: str
    stream_version: int
    type: str
    source: str
    data: bytes
    metadata: bytes
    content_type: str
    tags: tuple
    id: uuid.UUID
    causation: uuid.UUID
    correlation: str
    event_version: str
    time_ns: int
    recorded_ns: int
    commit: int
    flags: int
    severity: int
    hops: int

    def json(self):
        """The payload as a value; that of an erased record is None."""
        return json.loads(self.data) if self.data else None


def record_at(address):
    """A copy of the skafu_record at an address."""
    lent = peek("record", address)
    tags, at = [], lent.tags
    for _ in range(lent.tag_count):
        tag = ctypes.string_at(at)
        tags.append(tag.decode())
        at += len(tag) + 1
    version = lent.event_version
    return Record(
        lent.sequence, lent.kind, lent.stream.decode(), lent.stream_version, lent.type.decode(), lent.source.decode(),
        ctypes.string_at(lent.data, lent.data_length) if lent.data_length else b"",
        ctypes.string_at(lent.metadata, lent.metadata_length) if lent.metadata_length else b"",
        lent.content_type.decode(), tuple(tags), uuid.UUID(bytes=ctypes.string_at(lent.id, 16)),
        uuid.UUID(bytes=ctypes.string_at(lent.causation, 16)), lent.correlation.decode(),
        f"{version >> 16}.{version & 0xffff}", lent.time_ns, lent.recorded_ns, lent.commit, lent.flags,
        lent.severity, lent.hops)


def own_record(address):
    """A copy of a record that the library has handed out, which is then freed."""
    try:
        return record_at(address)
    finally:
        C["record_free"](address)


def exported(address):
    return taken("record_to_json", address, free="text_free").decode()


def _body(value):
    """A payload: bytes and texts as they are, every other value as JSON; None is left out."""
    if value is None or isinstance(value, (bytes, bytearray, memoryview)):
        return value
    return value if isinstance(value, str) else json.dumps(value)


def _id(value):
    return value.bytes if isinstance(value, uuid.UUID) else value


def _fill(struct, value, keep):
    """The members that records and commands have in common.  What they point to goes into keep."""
    for name in ("data", "metadata"):
        body = _body(getattr(value, name))
        if body is not None:
            body = raw(body)
            keep.append(ctypes.create_string_buffer(body, len(body) + 1))
            setattr(struct, name, ctypes.addressof(keep[-1]))
            setattr(struct, name + "_length", len(body))
    for name in ("id", "causation"):
        identifier = _id(getattr(value, name))
        if identifier is not None:
            if len(identifier) != 16:
                raise ValueError("an id has 16 bytes")
            keep.append(ctypes.create_string_buffer(identifier, 16))
            setattr(struct, name, ctypes.addressof(keep[-1]))
    array, struct.tag_count = texts(value.tags)
    keep.append(array)
    struct.tags = ctypes.addressof(array) if array else None
    struct.stream, struct.type = text(value.stream), text(value.type)
    struct.content_type, struct.correlation = text(value.content_type), text(value.correlation)
    struct.keep = keep
    return struct


@dataclass
class Event:
    """A record to be.  Only the type must be given, and the stream where no handler knows it."""
    type: str
    stream: str = None
    data: object = None
    tags: tuple = ()
    metadata: object = None
    source: str = None
    content_type: str = None
    event_version: object = None
    id: object = None
    causation: object = None
    correlation: str = None
    time_ns: int = None
    kind: int = 0
    severity: int = 0

    def struct(self):
        made = S["new_record"](kind=self.kind, severity=self.severity, source=text(self.source),
                               event_version=version_number(self.event_version))
        if self.time_ns is not None:
            made.flags, made.time_ns = const.RECORD_TIME, self.time_ns
        return _fill(made, self, [])


@dataclass
class Command:
    """What somebody wants."""
    type: str
    stream: str = None
    data: object = None
    key: str = None
    domain: str = None
    tags: tuple = ()
    metadata: object = None
    content_type: str = None
    id: object = None
    causation: object = None
    correlation: str = None
    expires_ns: int = field(default=None)

    def struct(self):
        made = S["command"](domain=text(self.domain), key=text(self.key))
        if self.expires_ns is not None:
            made.flags, made.expires_ns = const.COMMAND_EXPIRES, self.expires_ns
        return _fill(made, self, [])

    def json(self):
        return json.loads(self.data) if self.data else None


def command_at(address):
    """A copy of a skafu_command that a handler is given."""
    lent = peek("command", address)

    def held(pointer, length):
        return ctypes.string_at(pointer, length) if pointer else None

    def said(value):
        return value.decode() if value is not None else None

    tags = (ctypes.c_char_p * lent.tag_count).from_address(lent.tags) if lent.tag_count else ()
    return Command(
        lent.type.decode(), said(lent.stream), held(lent.data, lent.data_length), said(lent.key), said(lent.domain),
        tuple(tag.decode() for tag in tags), held(lent.metadata, lent.metadata_length), said(lent.content_type),
        held(lent.id, 16), held(lent.causation, 16), said(lent.correlation),
        lent.expires_ns if lent.flags & const.COMMAND_EXPIRES else None)


@dataclass(frozen=True)
class Outcome:
    """What became of a command."""
    accepted: bool
    repeated: bool
    code: str
    message: str
    attempts: int
    commit: int
    first_sequence: int
    last_sequence: int
    stream_version: int
    correlation: str
    event_count: int
    wait_result: int


def own_outcome(address):
    try:
        lent = peek("outcome", address)
        return Outcome(
            lent.decision == const.DECISION_ACCEPTED, bool(lent.flags & const.OUTCOME_REPEATED), lent.code.decode(),
            lent.message.decode(), lent.attempts, lent.commit, lent.first_sequence, lent.last_sequence,
            lent.stream_version, lent.correlation.decode(), lent.event_count, lent.wait_result)
    finally:
        C["outcome_free"](address)
