"""caproto: a put to `BENCH:request` is served by a worker thread; its answer is written by a startup coroutine.

The pattern of caproto's documentation (`caproto.ioc_examples.worker_thread`), without its prints.
"""

import queue
import threading
import time

from caproto import ChannelType
from caproto.server import PVGroup, pvproperty, run
from peer_common import end_with_the_harness, say_ready


def work(requests, answers) -> None:
    while True:
        requests.get()
        answers.put(time.time())


class Roundtrip(PVGroup):
    request = pvproperty(value=0)
    response = pvproperty(value=0.0, dtype=ChannelType.DOUBLE, precision=3)

    @request.startup
    async def request(self, instance, async_lib):
        # a plain queue towards the thread: one event loop hop less than ThreadsafeQueue.get would cost
        self.requests = queue.Queue()
        answers = async_lib.ThreadsafeQueue()
        threading.Thread(target=work, args=(self.requests, answers), name="worker", daemon=True).start()
        say_ready()
        while True:
            await self.response.write(await answers.async_get())

    @request.putter
    async def request(self, instance, value):
        self.requests.put(value)
        return value


if __name__ == "__main__":
    end_with_the_harness()
    run(Roundtrip(prefix="BENCH:").pvdb, module_name="caproto.asyncio.server", interfaces=["127.0.0.1"])
