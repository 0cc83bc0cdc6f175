"""A server of caproto with one PV of every native type."""

import os

os.environ["EPICS_CAS_SERVER_PORT"] = os.environ["EPICS_CA_SERVER_PORT"]
os.environ["EPICS_CAS_INTF_ADDR_LIST"] = "127.0.0.1"
os.environ["EPICS_CAS_AUTO_BEACON_ADDR_LIST"] = "NO"
os.environ["EPICS_CAS_BEACON_ADDR_LIST"] = "127.0.0.1"
os.environ["EPICS_CAS_BEACON_PORT"] = os.environ["EPICS_CA_REPEATER_PORT"]

from caproto import ChannelByte, ChannelChar, ChannelDouble, ChannelEnum, ChannelFloat, ChannelInteger  # noqa: E402
from caproto import ChannelShort, ChannelString  # noqa: E402
from caproto.asyncio.server import run  # noqa: E402

PVS = {
    "p:string": ChannelString(value="3", string_encoding="latin-1"),
    "p:short": ChannelShort(value=3),
    "p:float": ChannelFloat(value=3.0),
    "p:enum": ChannelEnum(value="3", enum_strings=["off", "on", "two", "3"]),
    "p:char": ChannelByte(value=3, max_length=1),
    "p:long": ChannelInteger(value=3),
    "p:double": ChannelDouble(value=3.0, units="mm", precision=2),
    "p:array16384": ChannelDouble(value=[], max_length=16384),
    "p:text": ChannelChar(value="", max_length=300, string_encoding="latin-1"),
}
run(PVS, interfaces=["127.0.0.1"], log_pv_names=False)
