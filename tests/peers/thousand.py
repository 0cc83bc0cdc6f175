"""libca with a monitor on each PV of `k:`; prints `ready`, later `last N` once every one of them has the value N.

The numbers to wait for come on the command line, first the number of PVs."""

import sys
import time

import epics

COUNT, NUMBERS = int(sys.argv[1]), [float(number) for number in sys.argv[2:]]
# Counts on while the process is stopped.
LIMIT = 200

last = {}


def on_update(pvname, value, **_):
    last[pvname] = value


pvs = [epics.PV(f"k:{i}", auto_monitor=True, callback=on_update) for i in range(COUNT)]
for pv in pvs:
    assert pv.wait_for_connection(timeout=LIMIT), pv.pvname


def wait(done, what):
    until = time.monotonic() + LIMIT
    while not done():
        assert time.monotonic() < until, what
        time.sleep(0.01)


wait(lambda: len(last) == COUNT, "first updates")
print("ready", flush=True)
for number in NUMBERS:
    wait(lambda: all(value == number for value in last.values()), f"not all have {number}")
    print(f"last {number:g}", flush=True)
