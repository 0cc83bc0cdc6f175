"""The sessions with example IOCs of their document, caproto's client: `seed_iocs.py SIMPLE_PORT MACROS_PORT`."""

import os
import sys

os.environ["EPICS_CA_ADDR_LIST"] = " ".join(f"127.0.0.1:{port}" for port in sys.argv[1:])

from caproto.threading.client import Context
from check import run

LIMIT = 20
ctx = Context()


def read(pv):
    return pv.read(timeout=LIMIT).data.tolist()


def test_1_simple_values_are_read_and_written():
    a, b, c = ctx.get_pvs("simple:A", "simple:B", "simple:C", timeout=LIMIT)
    assert [read(pv) for pv in (a, b, c)] == [[1], [2.0], [1, 2, 3]]
    b.write(5, timeout=LIMIT)
    assert read(b) == [5.0]
    c.write([4, 5, 6], timeout=LIMIT)
    assert read(c) == [4, 5, 6]


def test_2_macros_fill_in_the_names():
    (pv,) = ctx.get_pvs("macros:XF31ID:detector.VAL", timeout=LIMIT)
    assert read(pv) == [0]


run(globals())
