"""Every type, length, field, filter and mask as the threading and the synchronous client of caproto see them."""

import threading
import time

import caproto
import numpy as np
from caproto import ChannelType, SubscriptionType
from caproto.sync import client as sync
from caproto.threading.client import Context
from kinds import (
    AS_TEXT, FIELDS, LABELS, LENGTHS, LONG_NAMES, LONGEST, NATIVES, PUTFAIL, SLICES, TEXTS, UTF8, WRITES, WRITTEN,
    Checks, Seen, fails, types, value_of, verify, wait_until,
)  # fmt: skip

LIMIT = 20
GETFAIL, NOWTACCESS = 152, 376
# For caproto this is a DBR_TIME_STRING, 8 bytes longer than what libca and base know.
CTRL_STRING = 28
DTYPES = {"chars": ">u1", "shorts": ">i2", "longs": ">i4", "floats": ">f4", "doubles": ">f8"}
CONTEXT = Context()


def pv(name, **more):
    (found,) = CONTEXT.get_pvs(name, timeout=LIMIT, **more)
    found.wait_for_connection(timeout=LIMIT)
    return found


def get(name, **more):
    return pv(name).read(timeout=LIMIT, **more)


def number(name):
    return get(name).data.tolist()[0]


def plain(response):
    """The first element, a text decoded."""
    value = list(response.data)[0]
    return value.decode() if isinstance(value, bytes) else value


def text(name):
    return plain(get(name))


def put(name, value, **more):
    response = pv(name).write(value, wait=True, timeout=LIMIT, **more)
    assert response.status.success, response


def refused(name, value, status=PUTFAIL, **more):
    response = pv(name).write(value, wait=True, timeout=LIMIT, **more)
    assert response.status.code_with_severity == status, response


class Watched(Seen):
    """A subscription and the responses it gave."""

    def __init__(self, name, **more):
        super().__init__()
        self.subscription = pv(name).subscribe(**more)
        # caproto holds its callbacks weakly.
        self.keep = lambda _, response: self.add(response)
        self.subscription.add_callback(self.keep)
        self.wait(bool)

    def values(self):
        return [response.data.tolist()[0] for response in self.all]

    def until_value(self, last):
        self.wait(lambda seen: seen[-1].data.tolist()[0] == last)
        return self.values()

    def close(self):
        self.subscription.clear()


def metadata_of(type_, response):
    if type_ < 7:
        return {}
    names = ("status", "severity", "precision")
    found = {name: getattr(response.metadata, name, None) for name in names}
    found["stamp"] = getattr(response.metadata, "timestamp", None)
    found["units"] = getattr(response.metadata, "units", b"").decode()
    found["labels"] = [label.decode() for label in getattr(response.metadata, "enum_strings", [])]
    sides = ("upper_disp", "lower_disp", "upper_alarm", "upper_warning", "lower_warning", "lower_alarm")
    found["limits"] = [as_number(getattr(response.metadata, f"{side}_limit", None)) for side in sides]
    for side in ("upper_ctrl", "lower_ctrl"):
        limit = getattr(response.metadata, f"{side}_limit", None)
        found["limits"] += [] if limit is None else [as_number(limit)]
    return found


def as_number(limit):
    """caproto shows limits of a CHAR as one byte."""
    return limit[0] if isinstance(limit, bytes) else limit


def test_type(type_, source):
    response = get(f"k:{source}", data_type=ChannelType(type_), data_count=1)
    if fails(type_, source):
        assert response.status.code_with_severity == GETFAIL, response
        return
    assert response.status.success, response
    found = metadata_of(type_, response)
    if type_ > 34:
        value = response.metadata.value
    else:
        value = response.data[0]
    verify(type_, source, found | {"value": value.decode() if isinstance(value, bytes) else value})


def sample(name, count):
    if name == "strings":
        return [f"cell {n}".encode() for n in range(count)]
    return (np.arange(count) % 120 + 1).astype(DTYPES[name])


def put_array(name, data):
    """With the synchronous client, as the other sends what fits the socket and then ends with BlockingIOError."""
    if len(data) == 0:
        return put(name, data)
    response = sync.write(name, data, notify=True, timeout=LIMIT, repeater=False)
    assert response.status.success, response


def test_length(name, count):
    data = sample(name, count)
    # Of an update without any byte, as an empty array of a plain type has, caproto cannot tell the data.
    watched = Watched(f"k:{name}", data_type="time")
    put_array(f"k:{name}", data)
    same = lambda response: list(response.data) == data if name == "strings" else np.array_equal(response.data, data)
    response = get(f"k:{name}")
    assert response.data_count == count and same(response), response
    watched.wait(lambda seen: same(seen[-1]))
    watched.close()


def test_put(name, value):
    put(f"k:to_{name}", value)
    got = get(f"k:to_{name}").data
    if name == "string":
        assert got == value
    else:
        assert got.tolist() == value, got


def test_put_as(type_):
    value = [b"3.25"] if type_ == ChannelType.STRING else [3]
    put("k:to_double", value, data_type=ChannelType(type_))
    assert number("k:to_double") == float(value[0])


def test_put_text_to_state():
    for state, index in ((LABELS[2], 2), ("1", 1), ("Zero", 0)):
        put("k:to_enum", [state.encode()], data_type=ChannelType.STRING)
        assert number("k:to_enum") == index


def test_wrong_puts():
    put("k:to_double", 2.5)
    refused("k:to_double", [b"no number"], data_type=ChannelType.STRING)
    refused("k:to_enum", [b"no state"], data_type=ChannelType.STRING)
    put("k:limited", 3)
    refused("k:limited", 10.5)
    refused("k:limited", [b"-11"], data_type=ChannelType.STRING)
    # caproto has been told the rights and asks all the same.
    refused("k:fixed", 1.0, status=NOWTACCESS)
    assert [number(name) for name in ("k:to_double", "k:limited", "k:fixed")] == [2.5, 3, 4.5]


def long_text(name):
    return bytes(get(name).data).split(b"\0")[0].decode()


def test_text(size):
    value = TEXTS.get(size, UTF8)
    put("k:text", value.encode(), data_type=ChannelType.CHAR)
    assert bytes(get("k:text").data) == value.encode()
    for name in ("k:text$", "k:text.VAL$", "k:text.$"):
        assert long_text(name) == value, name
    start = get("k:text", data_type=ChannelType.STRING, data_count=1).data
    assert start == [value.encode()[:39]], start


def test_long_names():
    put("k:to_string", [b"a string"])
    for name, value in LONG_NAMES.items():
        assert pv(name).channel.native_data_type == ChannelType.CHAR and long_text(name) == value, name
    put("k:to_string$", b"longer, by its long name")
    assert text("k:to_string") == "longer, by its long name"
    whole = "d" * 40
    put("k:field.DESC$", whole.encode())
    assert long_text("k:field.DESC$") == whole
    assert text("k:field.DESC") == whole[:39]
    put("k:field.DESC", [b"a number with fields"])


def test_fields():
    found = {name: plain(get(f"k:field.{name}")) for name in FIELDS}
    assert found == FIELDS, found
    labels = get("k:field.HHSV", data_type="control").metadata.enum_strings
    assert labels == (b"NO_ALARM", b"MINOR", b"MAJOR", b"INVALID"), labels


def test_field_writes():
    before = {name: get(f"k:field.{name}").data for name in WRITES}
    for name, value in WRITES.items():
        put(f"k:field.{name}", [value.encode()] if isinstance(value, str) else value)
    assert {name: plain(get(f"k:field.{name}")) for name in WRITES} == WRITES
    control = get("k:field", data_type="control").metadata
    found = (control.units.decode(), control.precision, control.upper_disp_limit, control.upper_alarm_limit)
    assert found == WRITTEN, found
    for name, value in before.items():
        put(f"k:field.{name}", value)
    refused("k:field.NAME", [b"other"], status=NOWTACCESS)


def test_severity_monitor():
    watched = Watched("k:field.SEVR")
    put("k:field", 95.0)
    watched.until_value(2)
    put("k:field", 50.25)
    assert watched.until_value(0) == [0, 2, 0]
    watched.close()


def test_masks():
    """A deadband of 1 for VALUE and 3 for LOG, alarms from 80 on, and PROPERTY for new units."""
    masks = ("DBE_VALUE", "DBE_LOG", "DBE_ALARM", "DBE_PROPERTY")
    watched = [Watched("k:mask", mask=SubscriptionType[mask], data_type="control") for mask in masks]
    for value in (50.5, 52, 53, 54, 85, 86.5):
        put("k:mask", value)
    put("k:mask.EGU", [b"um"])
    watched[3].wait(lambda seen: seen[-1].metadata.units == b"um")
    watched[0].until_value(86.5)
    values = [each.values() for each in watched]
    assert values == [[50, 52, 54, 85, 86.5], [50, 54, 85], [50, 85], [50, 86.5]], values
    for each in watched:
        each.close()
    put("k:mask", 50)
    put("k:mask.EGU", [b"mm/s"])


def test_filters():
    """Without `dec`: a filter that caproto itself does not know ends its search thread."""
    for name, value in SLICES.items():
        assert get(name).data.tolist() == value, name
        assert pv(name).channel.native_data_count == len(value), name
    stamped = get('k:fixed.{"ts":{}}', data_type="time")
    assert stamped.data.tolist() == [4.5] and abs(stamped.metadata.timestamp - time.time()) < 5
    near = Watched('k:filtered.{"dbnd":{"abs":1}}')
    for value in (0.5, 1, 1.5, 2, 3, 4, 5):
        put("k:filtered", value)
    assert near.until_value(5) == [0, 1.5, 3, 5], near.values()
    near.close()
    put("k:filtered", 0)


def test_bad_filter():
    """The circuit hears of it at once; the PV of the threading client does not and shows as not connected.

    It is a filter that caproto knows and this server does not.
    """
    name = 'k:slice.{"sync":{"m":"before","s":"x"}}'
    manager = pv("k:slice.[0:0]").circuit_manager
    (bad,) = CONTEXT.get_pvs(name, timeout=LIMIT)
    unknown = lambda c: c.name == name and c.states[caproto.CLIENT] is caproto.FAILED
    wait_until(lambda: any(map(unknown, list(manager.channels.values()))), "CREATE_CH_FAIL")
    assert not bad.connected


def test_events_off():
    """Between EVENTS_OFF and EVENTS_ON there are answers and no updates; then comes the last value, once."""
    put("k:to_long", 0)
    watched = Watched("k:to_long")
    manager = pv("k:to_long").circuit_manager
    manager.events_off()
    for value in range(1, 11):
        put("k:to_long", value)
    assert number("k:to_long") == 10
    assert watched.values() == [0]
    manager.events_on()
    assert watched.until_value(10) == [0, 10]
    put("k:to_long", 11)
    assert watched.until_value(11) == [0, 10, 11]
    watched.close()


def test_burst():
    """More updates than its threads handle: all that come are in order, and the last value comes."""
    watched = Watched("k:burst")
    put("x:post", 20000)
    values = watched.until_value(20000)
    assert values[1:] == sorted(values[1:])
    watched.close()


def test_removed():
    """SERVER_DISCONN is told; caproto does not search again until the circuit ends, so another context looks."""
    states = Seen()
    keep = lambda _, state: states.add(state)
    gone = pv("k:gone", connection_state_callback=keep)
    states.until("connected")
    put("x:serve", 0)
    states.until("disconnected")
    put("x:serve", 1)
    return gone


def test_served_again():
    context = Context()
    (gone,) = context.get_pvs("k:gone", timeout=LIMIT)
    gone.wait_for_connection(timeout=LIMIT)
    assert gone.read(timeout=LIMIT).data.tolist() == [1.5]
    context.disconnect()


def test_sync_read(source):
    """The class is named by a word, the type is the native one; an ENUM comes as STRING unless told otherwise."""
    name = f"k:{source}"
    response = sync.read(name, timeout=LIMIT, repeater=False)
    value = response.data[0]
    expected = AS_TEXT[source] if source in ("string", "enum") else value_of(NATIVES.index(source), source)
    assert (value.decode() if isinstance(value, bytes) else value) == expected, response
    for kind, base in (("status", 7), ("time", 14), ("graphic", 21), ("control", 28)):
        type_ = base + NATIVES.index(source)
        if type_ == CTRL_STRING:
            continue
        response = sync.read(name, data_type=kind, timeout=LIMIT, repeater=False, force_int_enums=True)
        value = response.data[0]
        found = metadata_of(type_, response) | {"value": value.decode() if isinstance(value, bytes) else value}
        verify(type_, source, found)


def test_sync_write():
    name = "k:to_double"
    before, written, after = sync.read_write_read(name, 6.5, notify=True, timeout=LIMIT, repeater=False)
    assert written.status.success and after.data.tolist() == [6.5]
    written = sync.write("k:limited", 99, notify=True, timeout=LIMIT, repeater=False)
    assert written.status.code_with_severity == PUTFAIL, written


def test_sync_subscribe():
    seen = Seen()
    subscription = sync.subscribe("k:to_long")
    keep = lambda _, response: seen.add(response.data.tolist()[0])
    subscription.add_callback(keep)
    blocked = threading.Thread(target=sync.block, args=(subscription,), kwargs=dict(timeout=LIMIT, repeater=False))
    blocked.start()
    try:
        seen.wait(bool)
        put("k:to_long", 77)
        seen.until(77)
    finally:
        sync.interrupt()
        blocked.join()


def main():
    checks = Checks()
    kept = []
    checks.run("removed", lambda: kept.append(test_removed()))
    for name, type_, source in types():
        if type_ != CTRL_STRING:
            checks.run(name, test_type, type_, source)
    for count in LENGTHS:
        for name in (*DTYPES, "strings"):
            checks.run(f"length_{count}_of_{name}", test_length, name, count)
    checks.run(f"length_{LONGEST}_of_doubles", test_length, "doubles", LONGEST)
    values = dict(short=[-7], long=[-70000], float=[2.5], double=[1 / 3], enum=[1], char=[1, 2, 255])
    values["string"] = [b"39 " + b"b" * 36]
    for name, value in values.items():
        checks.run(f"put_to_{name}", test_put, name, value)
    for type_ in range(7):
        checks.run(f"put_as_{type_}", test_put_as, type_)
    for size in (*TEXTS, "utf8"):
        checks.run(f"text_of_{size}", test_text, size)
    for source in NATIVES:
        checks.run(f"sync_read_{source}", test_sync_read, source)
    for name in (
        "put_text_to_state", "wrong_puts", "long_names", "fields", "field_writes", "severity_monitor", "masks",
        "filters", "bad_filter", "events_off", "burst", "sync_write", "sync_subscribe", "served_again",
    ):  # fmt: skip
        checks.run(name, globals()[f"test_{name}"])
    checks.end()


main()
