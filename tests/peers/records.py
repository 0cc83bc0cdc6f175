"""Serves records of EPICS base, asks them and the other server's the same, and prints where the answers differ."""

import asyncio
import math
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

SERVER = Path(__file__).with_name("serve_records.py")
TYPES = (
    "ai", "ao", "bi", "bo", "calc", "longin", "longout", "mbbi", "mbbo", "stringin", "stringout", "waveform",
)  # fmt: skip
# What is written to a field, by its native type, and what no field of that type takes.
# A link of base to another record would wait for it.
GOOD = {"link": "5", 0: "abc", 1: 3, 2: 2.5, 3: 1, 4: 1, 5: 3, 6: 2.5}
WRONG = {1: "abc", 2: "abc", 3: "no such choice", 4: "abc", 5: "abc", 6: "abc"}
# Writing these changes what other fields take or read; the steps below do it.
APART = {"DISP", "PROC"}
LIMIT = 20
# After every step these are compared.
SEEN = ("VAL", "STAT", "SEVR", "UDF", "LALM", "MLST", "ALST", "ACKS")

NUMBER = [
    ("VAL", 5), ("HIHI", 10), ("HIGH", 8), ("LOW", 2), ("LOLO", 0), ("HHSV", 2), ("HSV", 1), ("LSV", 1), ("LLSV", 2),
    ("HYST", 2), ("VAL", 5), ("VAL", 8), ("VAL", 7), ("VAL", 6), ("VAL", 5), ("VAL", 10), ("VAL", 9),
    ("VAL", 8), ("VAL", 7), ("VAL", 2), ("VAL", 4), ("VAL", 5), ("VAL", 0), ("VAL", 2), ("VAL", 3),
    ("HHSV", 3), ("HYST", 0), ("VAL", 11), ("PROC", 1), ("VAL", 11), ("HHSV", 0), ("VAL", 11), ("VAL", 5),
    ("MDEL", 2), ("VAL", 6), ("VAL", 7), ("VAL", 8), ("ADEL", 3), ("VAL", 9), ("VAL", 6), ("VAL", 5),
]  # fmt: skip
DRIVEN = [("DRVH", 4), ("DRVL", -4), ("VAL", 5), ("VAL", -7), ("VAL", 1), ("DRVL", 0), ("DRVH", 0), ("VAL", 9)]
SIMULATED = [("SVAL", 3), ("SIMM", 1), ("PROC", 1), ("SIMS", 1), ("PROC", 1), ("SIMM", 0), ("VAL", 6)]
TWO = [
    ("VAL", 0), ("ZNAM", "off"), ("ONAM", "on"), ("VAL", "on"), ("VAL", "off"), ("VAL", 1), ("OSV", 1), ("VAL", 1),
    ("VAL", 0), ("ZSV", 3), ("VAL", 0), ("COSV", 2), ("VAL", 1), ("VAL", 1), ("VAL", 0), ("OSV", 0), ("VAL", 1),
    ("VAL", 1), ("ZSV", 0), ("VAL", 0),
]  # fmt: skip
MANY = [
    ("VAL", 0), ("ZRST", "nil"), ("THST", "three"), ("TWST", ""), ("VAL", "one"), ("VAL", "three"), ("VAL", 2),
    ("THSV", 1), ("VAL", 3), ("VAL", 0), ("ZRVL", 5), ("ONVL", 6), ("THVL", 8), ("VAL", 1),
    ("ZRSV", 2), ("VAL", 0), ("UNSV", 3), ("VAL", 1),
]  # fmt: skip
DISABLED = [("DISP", 1), ("VAL", 1), ("DESC", "x"), ("PHAS", 1), ("DISP", 0), ("VAL", 1), ("DESC", "y")]
STOPPED = [("DISS", 1), ("DISA", 1), ("VAL", 0), ("DISA", 0), ("VAL", 1)]
TEXT = [("VAL", "a text"), ("VAL", ""), ("VAL", "x" * 39), ("PROC", 1)]
UNDEFINED = [("UDF", 1), ("UDFS", 1), ("VAL", 1), ("UDF", 0), ("PROC", 1)]
STEPS = {
    "ai": NUMBER + SIMULATED + UNDEFINED + DISABLED + STOPPED + [("VAL", math.nan), ("VAL", 1)],
    "ao": NUMBER + DRIVEN + UNDEFINED + DISABLED + STOPPED + [("VAL", math.nan), ("VAL", 1)],
    "longin": NUMBER + SIMULATED + UNDEFINED + DISABLED + STOPPED,
    "longout": NUMBER + DRIVEN + UNDEFINED + DISABLED + STOPPED,
    "bi": TWO + [("SVAL", 1), ("SIMM", 1), ("PROC", 1), ("SIMM", 0)] + DISABLED + STOPPED,
    "bo": TWO + DISABLED + STOPPED,
    "mbbi": MANY + DISABLED + STOPPED,
    "mbbo": MANY + DISABLED + STOPPED,
    "stringin": TEXT + DISABLED + STOPPED,
    "stringout": TEXT + DISABLED + STOPPED,
    "waveform": [("VAL", [1, 2, 3]), ("VAL", [])] + DISABLED,
}
# What a put leaves in these is compared too.
BESIDE = {
    "bo": ("RVAL",), "mbbo": ("RVAL",), "waveform": ("NORD", "NELM", "FTVL"), "ai": ("AMSG",),
}  # fmt: skip


def differs(record, field, what, ours, base):
    print(f"differs {record} {field} {what}: ours {ours!r}, base {base!r}", flush=True)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        return udp.getsockname()[1]


def serve(port):
    """A process of its own: a library is server or client."""
    env = dict(os.environ, EPICS_CAS_SERVER_PORT=str(port))
    server = subprocess.Popen([sys.executable, str(SERVER), *TYPES], env=env, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)  # fmt: skip
    for line in server.stdout:
        if line.strip() == "ready":
            return server
    raise RuntimeError("base's server did not start")


PORT = free_port()
BASE = serve(PORT)
os.environ["EPICS_CA_ADDR_LIST"] = f"127.0.0.1:{os.environ['EPICS_CA_SERVER_PORT']} 127.0.0.1:{PORT}"

from aioca import DBE_LOG, DBE_VALUE, DBR_STRING, FORMAT_CTRL, caget, cainfo, camonitor, caput, connect  # noqa: E402


def fields(record):
    """The fields of base's database definition that Channel Access can reach."""
    import epicscorelibs

    folder = Path(epicscorelibs.__file__).parent / "dbd"

    def read(name):
        for line in (folder / name).read_text().splitlines():
            if found := re.search(r'include "(.*\.dbd)"', line):
                yield from read(found[1])
            if (found := re.search(r"field\((\w+), *(\w+)\)", line)) and found[2] != "DBF_NOACCESS":
                yield found[1], found[2]

    return dict(sorted(read(f"{record}Record.dbd")))


async def text(name):
    value = await caget(name, datatype=DBR_STRING, timeout=LIMIT, throw=False, count=0)
    return value.tolist() if getattr(value, "shape", ()) else str(value) if value.ok else "no value"


async def put(name, value):
    return (await caput(name, value, wait=True, timeout=LIMIT, throw=False)).ok


async def both(record, field, do):
    return await asyncio.gather(do(f"o:{record}.{field}"), do(f"b:{record}.{field}"))


async def shapes(record, known):
    """Type, count, access, choices and first value; the types of those that are written."""
    native = {}
    for field, kind in known.items():
        ours, base = await both(record, field, lambda name: cainfo(name, timeout=LIMIT, throw=False))
        if not ours.ok:
            differs(record, field, "exists", False, True)
            continue
        for what in ("datatype", "count", "write"):
            if getattr(ours, what) != getattr(base, what):
                differs(record, field, what, getattr(ours, what), getattr(base, what))
        if base.datatype == 3:
            choices = await both(record, field, lambda name: caget(name, format=FORMAT_CTRL, timeout=LIMIT))
            ours_choices, base_choices = (list(value.enums) for value in choices)
            if ours_choices != base_choices:
                differs(record, field, "choices", ours_choices, base_choices)
        first = await both(record, field, text)
        if first[0] != first[1] and field != "NAME":
            differs(record, field, "first", *first)
        if base.write and ours.write:
            native[field] = "link" if kind.endswith("LINK") else base.datatype
    return native


async def writes(record, native):
    """A good value, one that is none, and back."""
    for field, kind in native.items():
        if field in APART:
            continue
        before = await both(record, field, text)
        done = await both(record, field, lambda name: put(name, GOOD[kind]))
        after = await both(record, field, text)
        if done[0] != done[1]:
            differs(record, field, "taken", *done)
        elif after[0] != after[1]:
            differs(record, field, "written", *after)
        if kind in WRONG:
            done = await both(record, field, lambda name: put(name, WRONG[kind]))
            if done[0] != done[1]:
                differs(record, field, "wrong", *done)
        for side, value in zip("ob", before):
            await put(f"{side}:{record}.{field}", value)


async def steps(record):
    """Puts, and after each what the alarm and the value are."""
    seen = [field for field in (*SEEN, *BESIDE.get(record, ())) if field in fields(record)]
    for number, (field, value) in enumerate(STEPS.get(record, ())):
        done = await both(f"s{record}", field, lambda name: put(name, value))
        if done[0] != done[1]:
            differs(record, field, "taken", *done)
        for other in seen:
            ours, base = await both(f"s{record}", other, text)
            if ours != base:
                differs(record, other, f"after-{field}", f"{ours} after step {number}, {value}", base)


class Watch:
    """The values of a monitor, up to a last one."""

    def __init__(self, name, mask, last):
        self.values, self.last, self.end = [], last, asyncio.Event()
        self.monitor = camonitor(name, self.add, events=mask, all_updates=True)

    def add(self, value):
        self.values.append(float(value))
        if value == self.last:
            self.end.set()


async def archive():
    """What archivers and displays are sent of one sequence of puts."""
    for mask, what in ((DBE_LOG, "log-events"), (DBE_VALUE, "value-events")):
        for side in "ob":
            for field, value in (("ADEL", 3), ("MDEL", 1), ("VAL", 0)):
                assert await put(f"{side}:archived.{field}", value)
        watches = [Watch(f"{side}:archived", mask, 1000) for side in "ob"]
        async with asyncio.timeout(LIMIT):
            while not all(watch.values for watch in watches):
                await asyncio.sleep(0.002)
        for value in (1, 2, 3, 3.5, 6, 6.5, 7, 4, 3.4, 3.4, 10, 9, 8, 7, 6.9, math.inf, math.inf, -5, 1000):
            for side in "ob":
                await put(f"{side}:archived", value)
        async with asyncio.timeout(LIMIT):
            await asyncio.gather(*(watch.end.wait() for watch in watches))
        ours, base = (watch.values for watch in watches)
        print(f"{what}: {base}", flush=True)
        assert len(base) > 5, base
        if ours != base:
            differs("ao", "VAL", what, ours, base)
        for watch in watches:
            watch.monitor.close()


async def main():
    # libca searches for names that are asked for together in few datagrams.
    names = [f"{side}:{more}{record}.{field}" for record in TYPES for field in fields(record)
             for more in ("", "s") for side in "ob"]  # fmt: skip
    await connect(names, wait=False)
    await connect(names, timeout=LIMIT, throw=False)
    for record in TYPES:
        await writes(record, await shapes(record, fields(record)))
        await steps(record)
    await archive()
    print("compared", flush=True)


try:
    asyncio.run(main())
finally:
    BASE.stdin.close()
    BASE.wait(LIMIT)
