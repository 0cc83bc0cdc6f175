"""libca and caproto hear the beacons of a server through the repeater. Prints `libca` and `caproto` when they do."""

import ctypes

import epics
from caproto.threading.client import Context
from check import wait_until
from epics import ca, dbr

NAME = "TEST:SERVER.example_pv"
# libca registers ten seconds after its start.
LIMIT = 40

libca = epics.PV(NAME)
assert libca.wait_for_connection(timeout=10)
context = Context()
(caproto,) = context.get_pvs(NAME, timeout=10)
caproto.wait_for_connection(timeout=10)

wait_until(lambda: context.broadcaster.last_beacon, "beacon at caproto", LIMIT)
((address, port),) = context.broadcaster.last_beacon
assert address == "127.0.0.1", address
print("caproto", flush=True)

period = ca.libca.ca_beacon_period
period.restype, period.argtypes = ctypes.c_double, [dbr.chid_t]


def mean():
    """Of the server's beacons as libca saw them; below 0 while there were not two."""
    ca.poll(0.01)
    return period(libca.chid)


wait_until(lambda: mean() > 0, "two beacons at libca", LIMIT)
print("libca", flush=True)
