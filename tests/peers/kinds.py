"""What clients must find in the IOC of `tests/system/kinds.rs`, and how their checks are run."""

import math
import sys
import threading
import time
import traceback

from check import wait_until

NATIVES = ("string", "short", "float", "enum", "char", "long", "double")
LENGTHS = (0, 1, 16384)
LONGEST = 10_000_000
PUTFAIL = 160
UTF8 = "µm, 10 °C, 日本語"
LABELS = ["Zero", "One", "Two, of twenty-five bytes"]
TEXTS = {0: "", 39: "x" * 39, 40: "y" * 40, 9999: "0123456789" * 999 + "012345678"}
# Upper and lower display, upper alarm, upper and lower warning, lower alarm, upper and lower control.
LIMITS = (120, 0, 90, 80, 20, 10, 110, 5)
RECORDS = {
    "string": "stringout",
    "short": "longout",
    "float": "ao",
    "enum": "mbbo",
    "char": "waveform",
    "long": "longout",
    "double": "ao",
}
# Status and severity: HIGH and MINOR, STATE and MINOR.
ALARMS = {name: (4, 1) for name in ("short", "float", "long", "double")} | {"enum": (7, 1)}
AS_TEXT = {
    "string": "85.25",
    "short": "85",
    "float": "85.250",
    "enum": LABELS[2],
    "char": "85",
    "long": "85",
    "double": "85.250",
}
AS_NUMBER = {"string": 85.25, "short": 85, "float": 85.25, "enum": 2, "char": 85, "long": 85, "double": 85.25}
# Other names of a text, and the text.
LONG_NAMES = {
    "k:to_string$": "a string",
    "k:to_string.VAL$": "a string",
    "k:field.DESC$": "a number with fields",
}
SLICES = {
    "k:slice.[2:4]": [2, 3, 4],
    "k:slice[-2:]": [8, 9],
    'k:slice.{"arr":{"s":1,"e":5,"i":2}}': [1, 3, 5],
}
FIELDS = {
    **{"NAME": "k:field", "DESC": "a number with fields", "RTYP": "ao", "EGU": "mm/s", "PREC": 3},
    **{"HOPR": 120, "LOPR": 0, "DRVH": 110, "DRVL": 5, "MDEL": 0, "ADEL": 0, "STAT": 0, "SEVR": 0},
    **{"HIHI": 90, "HIGH": 80, "LOW": 20, "LOLO": 10, "HHSV": 2, "HSV": 1, "LSV": 1, "LLSV": 2},
}
# What is put to some of them, and what DBR_CTRL then shows.
WRITES = {"EGU": "um", "PREC": 1, "HOPR": 99, "HIHI": 88, "HSV": 2, "MDEL": 0.5, "ADEL": 2.5, "DESC": "other"}
WRITTEN = ("um", 1, 99, 88)
STSACK_STRING, CLASS_NAME = 37, 38
CLASSES = ("plain", "sts", "time", "gr", "ctrl")


def fails(type_, source):
    """A text is no number of a state, nor has it states, as in base."""
    return source == "string" and type_ < 35 and type_ % 7 == 3


def value_of(type_, source):
    """The first element of a PV, read as this type."""
    if type_ == CLASS_NAME:
        return RECORDS[source]
    native = "string" if type_ == STSACK_STRING else NATIVES[type_ % 7]
    if native == "string":
        return AS_TEXT[source]
    number = AS_NUMBER[source]
    return number if native in ("float", "double") else math.trunc(number)


def verify(type_, source, found):
    """Compares what a client made of a DBR with the PV.

    `found` has the value, and of status, severity, stamp, units, precision, limits and labels what there is.
    """
    assert found["value"] == value_of(type_, source), found
    if type_ == CLASS_NAME or type_ < 7:
        return
    alarm = ALARMS.get(source, (0, 0))
    assert (found["status"], found["severity"]) == alarm, found
    if type_ == STSACK_STRING:
        return
    kind, native = CLASSES[type_ // 7], NATIVES[type_ % 7]
    if kind == "time":
        assert 0 <= time.time() - found["stamp"] < 600, found
    if kind not in ("gr", "ctrl") or native == "string":
        return
    if native == "enum":
        assert found["labels"] == (LABELS if source == "enum" else []), found
        return
    measured = source not in ("enum", "string")
    assert found["units"] == ("mm/s" if measured else ""), found
    if native in ("float", "double") and measured:
        assert found["precision"] == 3, found
    if measured:
        limits = LIMITS if kind == "ctrl" else LIMITS[:6]
        assert tuple(found["limits"]) == limits, found


class Seen:
    """Collects what comes from another thread, and waits for it."""

    def __init__(self):
        self.all = []
        self.more = threading.Condition()

    def add(self, value):
        with self.more:
            self.all.append(value)
            self.more.notify_all()

    def wait(self, done, seconds=15.0):
        """Waits until `done` is true of the list."""
        with self.more:
            assert self.more.wait_for(lambda: done(self.all), seconds), f"only {self.all[-8:]}"
            return list(self.all)

    def until(self, last):
        return self.wait(lambda seen: bool(seen) and seen[-1] == last)


class Checks:
    """Runs checks and says the name of each: `ok NAME`, or `FAILED NAME: what`."""

    def __init__(self):
        self.failed = 0

    def run(self, name, check, *args):
        start = time.monotonic()
        try:
            check(*args)
        except Exception as error:
            self.bad(name, error)
        else:
            self.good(name, start)

    async def run_async(self, name, check, *args):
        start = time.monotonic()
        try:
            await check(*args)
        except Exception as error:
            self.bad(name, error)
        else:
            self.good(name, start)

    def good(self, name, start):
        print(f"ok {name}", flush=True)
        took = time.monotonic() - start
        if took > 1:
            print(f"  {name} took {took:.1f} s", flush=True)

    def bad(self, name, error):
        traceback.print_exc()
        line = " ".join(f"{type(error).__name__} {error}".split())
        print(f"FAILED {name}: {line}", flush=True)
        self.failed += 1

    def end(self):
        """Ends the process; 1 when a check failed."""
        sys.stdout.flush()
        sys.exit(1 if self.failed else 0)


def types():
    """Each DBR type that can be read, with each PV of a native type, and the name of the check."""
    for type_ in [*range(35), STSACK_STRING, CLASS_NAME]:
        for source in NATIVES:
            yield f"type_{type_:02}_of_{source}", type_, source
