"""EPICS base's server (rsrv) under pythonSoftIOC: `softioc_bench.py [pvs=N] [arrays] [images] [device]`.

Plain records have soft device support, not pythonSoftIOC's: no Python runs for a get or a put of them. Images, `scalar` and
`request` are pythonSoftIOC's. Lines on standard input start and stop posting, as bench-server's do.
"""

import asyncio
import json
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy
from peer_common import say_ready
from softioc import asyncio_dispatcher, builder, softioc

ARGS = sys.argv[1:]
PVS = next((int(a[4:]) for a in ARGS if a.startswith("pvs=")), 0)

builder.SetDeviceName("BENCH")
builder.records.ao("double", VAL=0.0, UDF=0)
builder.records.longout("long", VAL=0, UDF=0)
builder.records.stringout("string", VAL="0", UDF=0)
# base has no scalar record of type float: a waveform of one element is what its sites use
builder.records.waveform("float", NELM=1, FTVL="FLOAT", UDF=0)
if "arrays" in ARGS:
    builder.records.waveform("a1k", NELM=1000, FTVL="DOUBLE", UDF=0)
    builder.records.waveform("a1m", NELM=1_000_000, FTVL="DOUBLE", UDF=0)
posted = {}
if "images" in ARGS:
    posted["scalar"] = builder.aOut("scalar", initial_value=0.0, always_update=True)
    for name, size in [("img1", 1_000_000), ("img4", 4_000_000), ("img16", 16_000_000)]:
        posted[name] = builder.WaveformOut(name, length=size, FTVL="UCHAR", always_update=True)

dispatcher = asyncio_dispatcher.AsyncioDispatcher()
if "device" in ARGS:
    worker = ThreadPoolExecutor(1)
    response = builder.aOut("response", initial_value=0.0)

    def work(_) -> None:
        response.set(time.time())

    async def complete(value) -> None:
        await asyncio.get_running_loop().run_in_executor(worker, work, value)

    builder.longOut("request", initial_value=0, on_update=complete, always_update=True, blocking=True)

builder.LoadDatabase()
if PVS:
    # as text: the builder would keep a Python object per record, and its memory is compared
    with tempfile.NamedTemporaryFile("w", suffix=".db") as file:
        for i in range(PVS):
            file.write(f'record(ao, "BENCH:p{i}") {{ field(VAL, "{i}") field(UDF, "0") }}\n')
        file.flush()
        softioc.dbLoadDatabase(file.name)
softioc.iocInit(dispatcher, enable_pva=False)
stop = threading.Event()
running = {}
# numbers go on rising when posting starts again
numbers = {}


def repeat(name: str, rate: float, post) -> None:
    start, n = time.monotonic(), numbers.get(name, 0)
    first = n
    while True:
        n += 1
        last = stop.is_set()
        post(n, last)
        numbers[name] = n
        if last:
            return
        if rate > 0:
            time.sleep(max(0.0, start + (n - first) / rate - time.monotonic()))


def post_scalar(_, last: bool) -> None:
    posted["scalar"].set(-time.time() if last else time.time())


def image_poster(name: str, size: int):
    record, frame = posted[name], numpy.zeros(size, dtype=numpy.uint8)
    head, tail = frame[:24].view(">u8"), frame[-8:].view(">u8")

    def post(n: int, last: bool) -> None:
        head[:] = (n, time.time_ns(), last)
        tail[0] = n
        record.set(frame)

    return post


def main() -> None:
    for line in sys.stdin:
        match line.split():
            case ["start", name, size, rate]:
                post = image_poster(name, int(size)) if int(size) else post_scalar
                thread = threading.Thread(target=repeat, args=(name, float(rate), post), daemon=True)
                running[name] = thread
                thread.start()
            case ["stop"]:
                stop.set()
                for thread in running.values():
                    thread.join()
                print(json.dumps({"posted": {name: numbers[name] for name in running}}), flush=True)
                running.clear()
                stop.clear()


say_ready()
main()
os._exit(0)
