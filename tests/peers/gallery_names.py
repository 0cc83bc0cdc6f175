"""What caproto's example modules serve, as one JSON line each: `gallery_names.py MODULE...`."""

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
modules = sys.argv[1:]
for module in modules:
    SERVED.clear()
    sys.argv = [module]
    # Its own lines go elsewhere.
    out, sys.stdout = sys.stdout, sys.stderr
    runpy.run_module(module, run_name="__main__")
    sys.stdout = out
    pvs = [[name, pv.data_type.name, pv.max_length, record(pv)] for name, pv in SERVED.items()]
    print(json.dumps({"module": module, "pvs": pvs}), flush=True)
