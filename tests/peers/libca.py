"""DBR types straight from libca, for those that pyepics has no structure for."""

import ctypes
import struct
import threading

from epics import ca, dbr

STRING, SHORT, FLOAT, ENUM, CHAR, LONG, DOUBLE = range(7)
WIDTHS = (40, 2, 4, 2, 1, 4, 8)
LETTERS = ("40s", "h", "f", "H", "B", "i", "d")
EPOCH = 631152000
# Bytes in front of the first value, by class and native type.
STARTS = {
    0: (0,) * 7,
    1: (4, 4, 4, 4, 5, 4, 8),
    2: (12, 14, 12, 14, 15, 12, 16),
    3: (4, 24, 40, 422, 19, 36, 64),
    4: (4, 28, 48, 422, 21, 44, 80),
}


def text(raw):
    return bytes(raw).split(b"\0")[0].decode()


def size(type_):
    """Bytes of a structure with one element."""
    if type_ > 34:
        return 48 if type_ == 37 else 40
    kind, native = divmod(type_, 7)
    return STARTS[kind][native] + WIDTHS[native]


def read(chid, type_, timeout=10.0):
    """One element as this DBR type: status of libca and what is in the structure of C.

    It asks with a callback: without one libca reports a failed get as a time-out.
    """
    done, answer = threading.Event(), []

    def keep(args):
        raw = ctypes.string_at(args.raw_dbr, size(type_)) if args.status == dbr.ECA_NORMAL else None
        answer.append((args.status, raw))
        done.set()

    handler = dbr.make_callback(keep, dbr.event_handler_args)
    sent = ca.libca.ca_array_get_callback(type_, ctypes.c_ulong(1), chid, handler, None)
    assert sent == dbr.ECA_NORMAL, sent
    ca.flush_io()
    assert done.wait(timeout), "no answer"
    status, raw = answer[0]
    return status, raw and unpack(type_, raw)


def unpack(type_, raw):
    if type_ == 38:
        return {"value": text(raw[:40])}
    if type_ == 37:
        status, severity, transient, unseen = struct.unpack_from("=hhHH", raw)
        return dict(value=text(raw[8:48]), status=status, severity=severity, ackt=transient, acks=unseen)
    kind, native = divmod(type_, 7)
    (value,) = struct.unpack_from("=" + LETTERS[native], raw, STARTS[kind][native])
    found = {"value": text(value) if native == STRING else value}
    if kind > 0:
        found["status"], found["severity"] = struct.unpack_from("=hh", raw)
    if kind == 2:
        seconds, nanoseconds = struct.unpack_from("=II", raw, 4)
        found["stamp"] = EPOCH + seconds + nanoseconds * 1e-9
    if kind > 2 and native == ENUM:
        (count,) = struct.unpack_from("=h", raw, 4)
        found["labels"] = [text(raw[6 + 26 * n : 32 + 26 * n]) for n in range(count)]
    elif kind > 2 and native != STRING:
        found |= measured(kind, native, raw)
    return found


def measured(kind, native, raw):
    """Units, limits and, of floating types, the precision."""
    floating = native in (FLOAT, DOUBLE)
    units = 8 if floating else 4
    found = {"units": text(raw[units : units + 8])}
    if floating:
        (found["precision"],) = struct.unpack_from("=h", raw, 4)
    limits = 8 if kind == 4 else 6
    found["limits"] = struct.unpack_from(f"={limits}{LETTERS[native]}", raw, units + 8)
    return found
