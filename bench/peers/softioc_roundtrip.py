"""pythonSoftIOC: a put to `BENCH:request` is served by one worker thread that sets `BENCH:response` to the Unix time."""

import os
import queue
import threading
import time

from peer_common import say_ready, wait_for_end
from softioc import asyncio_dispatcher, builder, softioc

requests: queue.Queue = queue.Queue()

builder.SetDeviceName("BENCH")
# always_update: the client puts 1 each time, and an equal value would not reach on_update
builder.longOut("request", initial_value=0, on_update=requests.put, always_update=True)
response = builder.aOut("response", initial_value=0.0, PREC=3)
builder.LoadDatabase()
softioc.iocInit(asyncio_dispatcher.AsyncioDispatcher(), enable_pva=False)


def work() -> None:
    while True:
        requests.get()
        response.set(time.time())


threading.Thread(target=work, name="worker", daemon=True).start()
say_ready()
wait_for_end()
os._exit(0)
