"""What caproto's example modules serve, as one JSON line each: `gallery_names.py 'MODULE [ARGUMENT...]'...`."""

import builtins
import json
import runpy
import sys
import warnings

import caproto.server

SERVED = {}


def keep(pvdb, **_options):
    """Instead of a server."""
    SERVED.update(pvdb)


def record(pv):
    """Its record type, empty where it has none."""
    fields = getattr(pv, "field_inst", None)
    return fields.record_type.value if fields is not None else ""


warnings.simplefilter("ignore")
caproto.server.run = keep
# Two of them want a return key first.
builtins.input = lambda: ""
calls = sys.argv[1:]
for call in calls:
    SERVED.clear()
    sys.argv = call.split()
    module = sys.argv[0]
    # Its own lines go elsewhere.
    out, sys.stdout = sys.stdout, sys.stderr
    runpy.run_module(module, run_name="__main__")
    sys.stdout = out
    pvs = [[name, pv.data_type.name, pv.max_length, record(pv)] for name, pv in SERVED.items()]
    print(json.dumps({"module": call, "pvs": pvs}), flush=True)
