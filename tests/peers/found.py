"""libca and caproto find the PVs named on the command line by unicast, all within the time of one connect."""

import sys

import epics
from caproto.threading.client import Context

NAMES = sys.argv[1:]
LIMIT = 20

libca = [epics.PV(name) for name in NAMES]
for pv in libca:
    assert pv.wait_for_connection(timeout=LIMIT), f"libca does not find {pv.pvname}"
    assert pv.get(timeout=LIMIT) is not None, pv.pvname
print(f"libca found {len(libca)}", flush=True)

caproto = Context().get_pvs(*NAMES, timeout=LIMIT)
for pv in caproto:
    pv.wait_for_connection(timeout=LIMIT)
    assert len(pv.read(timeout=LIMIT).data) == 1, pv.name
print(f"caproto found {len(caproto)}", flush=True)
