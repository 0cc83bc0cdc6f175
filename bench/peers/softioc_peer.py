"""EPICS base's own server (rsrv) with one plain `ao` record, `BENCH:example_pv`.

The record has soft device support, not pythonSoftIOC's: no Python runs for a get or a put, so what is measured is base.
"""

import os

from peer_common import say_ready, wait_for_end
from softioc import asyncio_dispatcher, builder, softioc

builder.SetDeviceName("BENCH")
builder.records.ao("example_pv", VAL=0.0, UDF=0)
builder.LoadDatabase()
softioc.iocInit(asyncio_dispatcher.AsyncioDispatcher(), enable_pva=False)
say_ready()
wait_for_end()
os._exit(0)
