"""caproto's client at the examples of `wrapper`, each on its port: `gallery.py DIRECTORY PORT...`."""

import os
import pathlib
import sys
import time

DIRECTORY = pathlib.Path(sys.argv[1])
os.environ["EPICS_CA_ADDR_LIST"] = " ".join(f"127.0.0.1:{port}" for port in sys.argv[2:])

from caproto import AccessRights, AlarmSeverity, AlarmStatus, ChannelType
from caproto.threading.client import Context
from check import run, wait_until

LIMIT = 10
CONTEXT = Context()
FIBONACCI = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89]


def pvs(prefix, *names):
    found = CONTEXT.get_pvs(*(prefix + name for name in names), timeout=LIMIT)
    for pv in found:
        pv.wait_for_connection(timeout=LIMIT)
    return found


def read(pv, **options):
    data = pv.read(timeout=LIMIT, **options).data
    return data.tolist() if hasattr(data, "tolist") else list(data)


def text(pv):
    return bytes(pv.read(timeout=LIMIT).data).rstrip(b"\0")


def put(pv, value, **options):
    return pv.write(value, wait=True, timeout=LIMIT, **options).status.success


def updates(pv, **options):
    """A list that grows with each update."""
    seen = []
    subscription = pv.subscribe(**options)
    callback = lambda _, response: seen.append(response)
    subscription.add_callback(callback)
    # A subscription knows its callbacks by weak references.
    subscription.kept = callback
    wait_until(lambda: seen, "the first update")
    return seen


def can_write(pv):
    return AccessRights.WRITE in pv.channel.access_rights


def test_simple():
    a, b, c = pvs("simple:", "A", "B", "C")
    assert (read(a), read(b), read(c)) == ([1], [2.0], [1, 2, 3])
    assert put(b, 5) and read(b) == [5.0]
    assert put(c, [4, 5, 6]) and read(c) == [4, 5, 6]
    assert put(c, [7]) and read(c) == [7]


def test_simple_with_type_hints():
    a, b, c, d = pvs("hints:", "A", "B", "C", "D")
    assert (read(a), read(b), read(c), read(d)) == ([1], [2.0], [1, 2, 3], [4.5])
    assert (can_write(a), can_write(b)) == (True, False)


def test_reading_counter():
    a, b = pvs("reading_counter:", "A", "B")
    assert [read(pv) for pv in (a, a, b, a)] == [[1], [2], [1], [3]]


def test_scalars_and_arrays():
    names = "scalar_int scalar_int2 array_int scalar_float array_float".split()
    values = [read(pv) for pv in pvs("arr:", *names)]
    assert values == [[1], [2], [3], [1.01], [3.01]], values
    strings = [read(pv) for pv in pvs("arr:", "scalar_string", "array_string")]
    assert strings == [[b"string1"], [b"string1", b"string2"]], strings
    assert [text(pv) for pv in pvs("arr:", "byte", "char")] == [b"byte0123", b"char0123"]
    array, enum = pvs("arr:", "array_int", "enum")
    assert put(array, [1, 2, 3, 4, 5]) and read(array) == [1, 2, 3, 4, 5]
    assert read(enum, data_type=ChannelType.STRING) == [b"no"]


def test_enums():
    labels = {
        "bo": (b"Zero Value", b"One Value"),
        "bi": (b"a", b"b"),
        "mbbi": (b"zero", b"one", b"two", b"three", b"four"),
        "enum_class": (b"off", b"on", b"unknown"),
    }
    found = pvs("enum:", *labels)
    assert [read(pv) for pv in found] == [[1], [0], [1], [1]]
    for pv, wanted in zip(found, labels.values()):
        assert pv.read(data_type="control", timeout=LIMIT).metadata.enum_strings == wanted
    (mbbi,) = pvs("enum:", "mbbi")
    assert put(mbbi, b"three", data_type=ChannelType.STRING) and read(mbbi) == [3]


def test_custom_write():
    short, directory, a, b = pvs("custom_write:", "directory", "directory.$", "A", "B")
    assert (short.channel.native_data_type, directory.channel.native_data_type) == (ChannelType.STRING, ChannelType.CHAR)
    assert put(directory, str(DIRECTORY).encode(), data_type=ChannelType.CHAR)
    for pv, name in ((a, "A"), (b, "B")):
        for value in (5, 10):
            assert put(pv, value)
            assert (DIRECTORY / name).read_text() == f"{value}\n"
    assert put(directory, str(DIRECTORY / "none").encode(), data_type=ChannelType.CHAR)
    assert not put(a, 11) and read(a) == [10]


def test_skip_write():
    (value,) = pvs("skip:", "value")
    assert put(value, 85) and read(value) == [1]
    assert put(value, 5) and read(value) == [85]


def test_setpoint_rbv_pair():
    for name, value in (("pair", 5), ("pair2", 2.5), ("pair3", 1)):
        setpoint, readback = pvs("setpoint_rbv:", name, name + "_RBV")
        assert (can_write(setpoint), can_write(readback)) == (True, False)
        assert put(setpoint, value) and (read(setpoint), read(readback)) == ([value], [value])


def test_random_walk():
    dt, x = pvs("random_walk:", "dt", "x")
    assert put(dt, 0.01)
    seen = updates(x)
    wait_until(lambda: len(seen) > 5, "steps", 15)
    steps = [b.data[0] - a.data[0] for a, b in zip(seen, seen[1:])]
    assert all(-1 <= step <= 1 for step in steps) and len(set(steps)) == len(steps)


def test_startup_and_shutdown_hooks():
    (thing,) = pvs("startup:", "thing")
    assert read(thing) == [2]


def test_subgroups():
    groups = pvs("subgroups:", "group1:random", "group2:random", "group3:random")
    seen = [updates(pv, data_type="time") for pv in groups]
    wait_until(lambda: all(len(updates) > 1 for updates in seen), "a roll of each", 15)
    for updates_, top in zip(seen, (5, 20, 10)):
        assert all(1 <= update.data[0] <= top for update in updates_)


def test_macros():
    (value,) = pvs("macros:XF31ID:detector", ".VAL")
    assert read(value) == [0]


def test_io_interrupt():
    (key,) = pvs("io:", "keypress")
    seen = updates(key)
    assert not can_write(key)
    print("type", flush=True)
    wait_until(lambda: len(seen) > 3, "three keys")
    assert [bytes(update.data) for update in seen[1:]] == [b"d", b"a", b"s"]


def test_worker_thread():
    request, response = pvs("wt:", "request", "response")
    seen = updates(response)
    start = time.monotonic()
    assert put(request, 1) and time.monotonic() - start < 0.9, "the put does not wait"
    assert put(request, 0)
    wait_until(lambda: len(seen) > 2, "two responses")
    assert [update.data[0] for update in seen] == [0, 1, 2] and time.monotonic() - start >= 1


def test_worker_thread_pc():
    (request,) = pvs("pc:", "request")
    start = time.monotonic()
    assert put(request, 1) and time.monotonic() - start >= 1, "the put waits for the work"


def test_type_varieties():
    pi, fib, enum, char, chararray = pvs("type_varieties:", "pi", "fib", "enum", "char", "chararray")
    stamped = pi.read(data_type="control", timeout=LIMIT)
    meta = stamped.metadata
    assert (stamped.data[0], meta.units, meta.precision) == (3.14, b"doodles", 5)
    assert (meta.status, meta.severity) == (AlarmStatus.READ, AlarmSeverity.MINOR_ALARM)
    limits = (meta.lower_ctrl_limit, meta.lower_disp_limit, meta.upper_disp_limit, meta.upper_ctrl_limit)
    assert [round(limit, 9) for limit in limits] == [3.10, 3.13, 3.15, 3.18]
    assert read(fib) == FIBONACCI and read(enum) == [1] and text(char) == b'"'
    assert text(chararray) == b"1234567890" * 2
    words, waveform = pvs("type_varieties:", "stra", "waveform")
    assert read(words) == [b"hello", b"how is it", b"going"] and len(read(waveform)) == 4000
    empty = pvs("type_varieties:", "empty_string", "empty_bytes", "empty_char", "empty_float")
    assert [len(b"".join(read(empty[0])))] + [len(read(pv)) for pv in empty[1:]] == [0, 0, 0, 0]


def test_raw_timestamp():
    update, value = pvs("raw:timestamp:", "update", "value")
    assert put(update, 7)
    stamped = value.read(data_type="time", timeout=LIMIT)
    assert (stamped.data[0], stamped.metadata.stamp.nanoSeconds) == (7, 65535)
    assert abs(stamped.metadata.timestamp - time.time()) < 15


def test_no_pvproperty():
    a, b, c = pvs("pvspec:", "a", "b", "c")
    assert (read(a), read(b), read(c)) == ([1], [2.0], [1, 2, 3])
    assert put(a, 0) and put(b, 3.5) and put(c, [6, 5]) and (read(a), read(b), read(c)) == ([0], [3.5], [6, 5])


def test_inline_style():
    number, letter, a = pvs("inline_style:", "random_int", "random_str", "A")
    numbers = [read(number)[0] for _ in range(20)]
    assert all(1 <= n <= 100 for n in numbers) and len(set(numbers)) > 1
    assert all(text(letter) in (b"a", b"b", b"c") for _ in range(20))
    assert text(a) == b"c" and put(a, b"d", data_type=ChannelType.CHAR) and text(a) == b"d"


def test_all_in_one():
    single, expanded, newstyle, random = pvs("all_in_one:", "single", "expanded", "newstyle", "random")
    assert text(single) == b"a" and put(single, b"x", data_type=ChannelType.CHAR) and text(single) == b"a"
    assert [read(pv) for pv in pvs("all_in_one:", "testa", "testb", "testc")] == [[1], [2], [3]]
    assert put(expanded, 4) and read(expanded) == [4]
    assert put(newstyle, b"y", data_type=ChannelType.CHAR) and text(newstyle) == b"y"
    assert 1 <= read(random)[0] <= 100


def test_big_image_noisy_neighbor():
    t1, image = pvs("big_image:", "t1", "image")
    ticks, images = updates(t1), updates(image)
    wait_until(lambda: len(ticks) > 10 and len(images) > 2, "ticks beside images", 30)
    assert all(len(update.data) == 3960 * 3960 for update in images)
    assert bytes(images[0].data[:64]) != bytes(images[1].data[:64])


run(globals())
