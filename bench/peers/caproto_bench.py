"""caproto: a double, `p0`..., and `request`, whose putter completes when a worker thread has stamped `response`."""

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from caproto import ChannelType
from caproto.server import PVGroup, pvproperty, run
from peer_common import end_with_the_harness, say_ready

PVS = next((int(a[4:]) for a in sys.argv[1:] if a.startswith("pvs=")), 0)


class Bench(PVGroup):
    double = pvproperty(value=0.0, dtype=ChannelType.DOUBLE)
    request = pvproperty(value=0)
    response = pvproperty(value=0.0, dtype=ChannelType.DOUBLE)

    @request.startup
    async def request(self, instance, async_lib):
        self.worker = ThreadPoolExecutor(1)
        say_ready()

    @request.putter
    async def request(self, instance, value):
        stamp = await asyncio.get_running_loop().run_in_executor(self.worker, time.time)
        await self.response.write(stamp)
        return value


if __name__ == "__main__":
    end_with_the_harness()
    pvdb = Bench(prefix="BENCH:").pvdb
    plain = type("Plain", (PVGroup,), {f"p{i}": pvproperty(value=float(i)) for i in range(PVS)})
    pvdb.update(plain(prefix="BENCH:").pvdb)
    run(pvdb, module_name="caproto.asyncio.server", interfaces=["127.0.0.1"])
