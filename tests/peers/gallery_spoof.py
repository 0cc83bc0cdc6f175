"""caproto's client at an example that answers to every name: `gallery_spoof.py NAME`."""

import sys

from caproto import ChannelType
from caproto.threading.client import Context
from caproto_pvs import LIMIT, put, pvs, read
from check import run


def defaultdict_server():
    first, second, field = pvs("", "any:name", "quite another one".replace(" ", "."), "any:name.DESC")
    assert (read(first), first.channel.native_data_type) == ([0], ChannelType.LONG)
    assert put(first, 5) and (read(first), read(second)) == ([5], [0])
    assert field.channel.native_data_type == ChannelType.STRING, "a field of the PV of this name"
    (again,) = Context().get_pvs("any:name", timeout=LIMIT)
    again.wait_for_connection(timeout=LIMIT)
    assert read(again) == [5], "it is made once"


def spoof_beamline():
    names = ["x:cam1:Acquire", "x:image1:PluginType_RBV", "x:Stats2:PortName_RBV", "x:ROI1:EnableCallbacks"]
    acquire, plugin, port, callbacks = pvs("", *names)
    assert (read(acquire), acquire.channel.native_data_type) == ([0.0], ChannelType.DOUBLE)
    assert (read(plugin), read(port)) == ([b"NDPluginStdArrays"], [b"x:Stats2:PortName"])
    labels = callbacks.read(data_type="control", timeout=LIMIT).metadata.enum_strings
    assert (read(callbacks), labels) == ([0], (b"Disabled", b"Enabled"))
    setpoint, readback, plain = pvs("", "x:cam1:AcquireTime-SP", "x:cam1:AcquireTime_RBV", "x:cam1:AcquireTime")
    assert put(setpoint, 0.5) and (read(readback), read(plain)) == ([0.5], [0.5]), "setpoint and readback are one"
    size, path, name, number = pvs("", "x:ArraySizeX", "x:FilePathExists", "x:HDF1:FileName", "x:HDF1:FileNumber")
    assert (read(size), read(path), read(number)) == ([10], [1], [0])
    assert bytes(name.read(timeout=LIMIT).data) == b"a" * 250
    mode, compression = pvs("", "x:TIFF1:FileWriteMode", "x:HDF1:Compression")
    labels = [pv.read(data_type="control", timeout=LIMIT).metadata.enum_strings for pv in (mode, compression)]
    assert labels == [(b"Single", b"Capture", b"Stream"), (b"None", b"N-bit", b"szip", b"zlib", b"blosc")]


test_example = globals()[sys.argv[1]]
run({"test_example": test_example})
