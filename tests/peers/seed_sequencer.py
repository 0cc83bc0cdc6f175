"""A sequencer as a caproto IOC: `MOCK:` publishes one index after the other, ten of them, by its period."""

import os

os.environ["EPICS_CAS_SERVER_PORT"] = os.environ["EPICS_CA_SERVER_PORT"]
os.environ["EPICS_CAS_INTF_ADDR_LIST"] = "127.0.0.1"
os.environ["EPICS_CAS_AUTO_BEACON_ADDR_LIST"] = "NO"
os.environ["EPICS_CAS_BEACON_ADDR_LIST"] = "127.0.0.1"
os.environ["EPICS_CAS_BEACON_PORT"] = os.environ["EPICS_CA_REPEATER_PORT"]

import asyncio

from caproto.server import PVGroup, pvproperty, run


class Sequencer(PVGroup):
    start = pvproperty(value=0)
    status = pvproperty(value="stop", dtype=str, max_length=1000)
    period = pvproperty(value=0.02)
    Nested_Indices = pvproperty(value="{}", dtype=str, max_length=10000)

    @start.putter
    async def start(self, instance, value):
        if value == 1:
            await self.status.write("run")
            for index in range(10):
                await self.Nested_Indices.write(str({"test.server": index}))
                await asyncio.sleep(self.period.value)
            await self.status.write("stop")
        return 0


run(Sequencer(prefix="MOCK:").pvdb, interfaces=["127.0.0.1"], log_pv_names=False)
