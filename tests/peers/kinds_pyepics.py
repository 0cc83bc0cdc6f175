"""Every type, length, field, filter and mask as pyepics, which is libca, sees them."""

import math
import os
import time

# libca tells the server to stop after ten reads with more to come of so many bytes; pyepics would make it 16 MiB.
os.environ["EPICS_CA_MAX_ARRAY_BYTES"] = "16384"

import epics
import libca
import numpy as np
from epics import ca, dbr
from kinds import (
    FIELDS, LABELS, LENGTHS, LONG_NAMES, LONGEST, SLICES, TEXTS, UTF8, WRITES, WRITTEN,
    Checks, Seen, fails, types, verify, wait_until,
)  # fmt: skip

LIMIT = 20
VALUE, LOG, ALARM, PROPERTY = 1, 2, 4, 8
GETFAIL, PUTFAIL, NOWTACCESS = 152, 160, 376
NEVER_CONNECTED = 0
# Puts that each post many arrays.
PUTS = 6
# Rounds of them at most, until a client has fallen behind.
ROUNDS = 10
DTYPES = {"chars": "u1", "shorts": "i2", "longs": "i4", "floats": "f4", "doubles": "f8"}


def channel(name):
    return ca.create_channel(name, connect=True)


def pv(name, **more):
    found = epics.PV(name, **more)
    assert found.wait_for_connection(timeout=LIMIT), f"{name} is not found"
    return found


def watched(name, **more):
    """A PV and the values that its monitor gives."""
    seen = Seen()
    return pv(name, auto_monitor=True, callback=lambda value, **_: seen.add(value), **more), seen


def get(name, **more):
    """The present value; `PV.get` would ask for as many elements as its last update had."""
    return ca.get(channel(name), timeout=LIMIT, **more)


def put(name, value):
    assert epics.caput(name, value, wait=True, timeout=LIMIT) == 1


def refused(name, value, ftype=None, status=PUTFAIL):
    """The status of a completed put; pyepics drops it, so it is asked of libca with the put of pyepics."""
    seen = Seen()
    chid = channel(name)
    handler = dbr.make_callback(lambda args, **_: seen.add(args.status), dbr.event_handler_args)
    ftype = ca.field_type(chid) if ftype is None else ftype
    data = (dbr.Map[ftype] * 1)()
    if ftype == dbr.STRING:
        data[0].value = value.encode()
    else:
        data[0] = value
    sent = ca.libca.ca_array_put_callback(ftype, libca.ctypes.c_ulong(1), chid, data, handler, None)
    ca.flush_io()
    if sent == dbr.ECA_NORMAL:
        sent = seen.wait(lambda all_: bool(all_))[0]
    assert sent == status, f"{name} = {value}: {sent}"


def test_type(type_, source):
    chid = channel(f"k:{source}")
    status, found = libca.read(chid, type_)
    if fails(type_, source):
        assert status == GETFAIL, status
        return
    assert status == dbr.ECA_NORMAL, status
    verify(type_, source, found)
    # pyepics knows neither STS, GR nor the special types; of CTRL_STRING it takes the C structure for a TIME.
    if type_ in dbr.Map and type_ != dbr.CTRL_STRING:
        # Of an enum as number there are no labels, and of no units it shows none.
        value = ca.get(chid, ftype=type_, count=1, timeout=LIMIT)
        # Of a PV with many elements one CHAR is an array, and so is one STRING.
        value = value[0] if source == "char" and type_ % 7 in (dbr.CHAR, dbr.STRING) else value
        assert value == found["value"], value


def test_control_variables(source):
    chid = channel(f"k:{source}")
    control = ca.get_ctrlvars(chid, timeout=LIMIT)
    native = ca.field_type(chid)
    found = {"value": libca.read(chid, native)[1]["value"], **control, "labels": list(control.get("enum_strs", []))}
    names = ("upper_disp", "lower_disp", "upper_alarm", "upper_warning", "lower_warning", "lower_alarm")
    found["limits"] = [control.get(f"{name}_limit") for name in names + ("upper_ctrl", "lower_ctrl")]
    verify(28 + native, source, found)


def sample(dtype, count):
    return (np.arange(count) % 120 + 1).astype(dtype)


def test_length(name, count):
    data = sample(DTYPES[name], count)
    array, seen = watched(f"k:{name}")
    seen.wait(lambda all_: bool(all_))
    assert array.put(data, wait=True, timeout=LIMIT) == 1
    got = get(f"k:{name}")
    assert np.array_equal(np.atleast_1d(got), data)
    if count != 1:
        assert got.dtype == data.dtype
    seen.wait(lambda all_: np.array_equal(np.atleast_1d(all_[-1]), data))
    array.disconnect()


def test_strings(count):
    cells = [f"cell {n}" for n in range(count)]
    array, seen = watched("k:strings")
    seen.wait(lambda all_: bool(all_))
    assert array.put(cells, wait=True, timeout=LIMIT) == 1
    got = get("k:strings")
    assert list(got) == cells, got
    seen.wait(lambda all_: list(all_[-1]) == cells)
    array.disconnect()


def test_empty(name):
    """An empty array is only read: given no elements pyepics puts as many zeros as fit, and libca refuses count 0."""
    got = get(f"k:{name}")
    assert len(got) == 0, got
    seen = Seen()
    array = pv(f"k:{name}", auto_monitor=True, callback=lambda value, **_: seen.add(value))
    assert len(seen.wait(lambda all_: bool(all_))[0]) == 0
    array.disconnect()


def test_put(name, value):
    put(f"k:to_{name}", value)
    got = get(f"k:to_{name}")
    if name == "char":
        assert got.tolist() == value
    else:
        assert got == value, got


def test_put_as(type_):
    """Each plain type to a double, and as text to a number and a state."""
    chid = channel("k:to_double")
    value = "3.25" if type_ == dbr.STRING else 3
    assert ca.put(chid, value, wait=True, timeout=LIMIT, ftype=type_) == 1
    assert ca.get(chid, timeout=LIMIT) == float(value)


def test_put_text_to_state():
    chid = channel("k:to_enum")
    for text, index in ((LABELS[2], 2), ("1", 1), ("Zero", 0)):
        assert ca.put(chid, text, wait=True, timeout=LIMIT, ftype=dbr.STRING) == 1
        assert ca.get(chid, timeout=LIMIT) == index


def test_wrong_puts():
    put("k:to_double", 2.5)
    refused("k:to_double", "no number", dbr.STRING)
    refused("k:to_enum", "no state", dbr.STRING)
    put("k:limited", 3)
    refused("k:limited", 10.5)
    refused("k:limited", "-11", dbr.STRING)
    # libca refuses it by itself, it has been told the rights.
    refused("k:fixed", 1.0, status=NOWTACCESS)
    assert (get("k:to_double"), get("k:limited"), get("k:fixed")) == (2.5, 3, 4.5)
    try:
        pv("k:fixed").put(1.0, wait=True)
        raise AssertionError("nothing was raised")
    except ca.CASeverityException as error:
        assert "Write access denied" in str(error), error


def test_text(size):
    value = TEXTS.get(size, UTF8)
    chars = pv("k:text")
    assert (chars.nelm, chars.type.split("_")[-1]) == (10000, "char")
    # It takes a text for ASCII, so what is not goes as bytes.
    data = value if value.isascii() else np.frombuffer(value.encode(), "u1")
    assert chars.put(data, wait=True, timeout=LIMIT) == 1
    for name in ("k:text", "k:text$", "k:text.VAL$", "k:text.$"):
        raw = get(name)
        assert bytes(np.atleast_1d(raw)).split(b"\0")[0].decode() == value, (name, raw)
        if value.isascii():
            assert get(name, as_string=True) == value, name
    chid = channel("k:text")
    assert libca.read(chid, dbr.STRING)[1]["value"] == value.encode()[:39].decode()


def test_long_names():
    put("k:to_string", "a string")
    for name, value in LONG_NAMES.items():
        text = pv(name)
        assert text.type.endswith("char") and text.get(as_string=True) == value, name
    assert pv("k:to_string$").put("longer, by its long name", wait=True) == 1
    assert get("k:to_string") == "longer, by its long name"
    text = "d" * 40
    assert pv("k:field.DESC$").put(text, wait=True) == 1
    assert get("k:field.DESC$", as_string=True) == text
    assert get("k:field.DESC") == text[:39]
    put("k:field.DESC", "a number with fields")


def test_fields():
    found = dict(zip(FIELDS, epics.caget_many([f"k:field.{name}" for name in FIELDS], timeout=LIMIT)))
    assert found == FIELDS, found
    assert pv("k:field.HHSV").get(as_string=True) == "MAJOR"


def test_field_writes():
    before = {name: get(f"k:field.{name}") for name in WRITES}
    for name, value in WRITES.items():
        put(f"k:field.{name}", value)
    assert {name: get(f"k:field.{name}") for name in WRITES} == WRITES
    control = pv("k:field", form="ctrl")
    found = (control.units, control.precision, control.upper_disp_limit, control.upper_alarm_limit)
    assert found == WRITTEN, found
    for name, value in before.items():
        put(f"k:field.{name}", value)
    refused("k:field.NAME", "other", status=NOWTACCESS)


def test_severity_monitor():
    severity, seen = watched("k:field.SEVR")
    seen.until(0)
    put("k:field", 95.0)
    seen.until(2)
    put("k:field", 50.25)
    assert seen.until(0) == [0, 2, 0]
    severity.disconnect()


def masked(name, mask):
    seen = Seen()
    chid = channel(name)
    keep = ca.create_subscription(
        chid, use_ctrl=mask == PROPERTY, mask=mask, callback=lambda value, **more: seen.add((value, more.get("units")))
    )
    seen.wait(lambda all_: bool(all_))
    return seen, keep


def test_masks():
    """A deadband of 1 for VALUE and 3 for LOG, alarms from 80 on, and PROPERTY for new units."""
    seen, kept = zip(*(masked("k:mask", mask) for mask in (VALUE, LOG, ALARM, PROPERTY)))
    for value in (50.5, 52, 53, 54, 85, 86.5):
        put("k:mask", value)
    put("k:mask.EGU", "um")
    wait_until(lambda: seen[3].all[-1][1] == "um", "new units")
    seen[0].wait(lambda all_: all_[-1][0] == 86.5)
    values = [[value for value, _ in each.all] for each in seen]
    assert values == [[50, 52, 54, 85, 86.5], [50, 54, 85], [50, 85], [50, 86.5]], values
    put("k:mask", 50)
    put("k:mask.EGU", "mm/s")
    for _, handler, identifier in kept:
        ca.clear_subscription(identifier)


def test_filters():
    for name, value in SLICES.items():
        assert get(name).tolist() == value, name
        assert pv(name).nelm == len(value), name
    assert get('k:fixed.{"ts":{}}') == 4.5
    stamped = pv('k:fixed.{"ts":{}}', form="time")
    assert abs(stamped.get_with_metadata(use_monitor=False)["timestamp"] - time.time()) < 5
    band, near = watched('k:filtered.{"dbnd":{"abs":1}}')
    third, some = watched('k:filtered.{"dec":{"n":3}}')
    near.until(0), some.until(0)
    for value in (0.5, 1, 1.5, 2, 3, 4, 5):
        put("k:filtered", value)
    assert near.until(5) == [0, 1.5, 3, 5], near.all
    assert some.until(4) == [0, 1.5, 4], some.all
    band.disconnect(), third.disconnect()
    put("k:filtered", 0)


def test_bad_filter():
    """CREATE_CH_FAIL is no event for libca: the channel shows as never found, and is searched for again and again."""
    bad = epics.PV('k:slice.{"nonsense":{}}')
    good = pv("k:slice.[0:0]")
    assert good.connected and not bad.wait_for_connection(timeout=0.5)
    assert ca.state(bad.chid) == NEVER_CONNECTED
    bad.disconnect()


def requests():
    put("x:count", 1)
    return get("k:requests")


def requests_of_a_put():
    """Requests between two counts around a put that changes nothing."""
    for _ in range(2):
        before = requests()
        put("x:wave", 0)
        found = requests() - before
    return found


def test_events_off():
    """A slow callback: libca sends EVENTS_OFF when its input is behind, and the last value arrives."""
    first = Seen()

    def late(value, **_):
        time.sleep(0.02)
        first.add(value[0] if len(value) else 0)

    wave = pv("k:wave", auto_monitor=True, callback=late)
    first.wait(bool)
    own = requests_of_a_put()
    # On a busy host the updates may come so slowly that the callback keeps up.
    for last in range(61, 61 + ROUNDS):
        before = requests()
        for _ in range(PUTS):
            put("x:wave", 60)
        put("x:wave", last)
        first.until(last)
        told = requests() - before
        if told >= own + PUTS + 2:
            break
    assert told >= own + PUTS + 2, "EVENTS_OFF was not sent"
    wave.disconnect()


def test_burst():
    """More updates than a slow callback takes: fewer come, in order, and the last value comes."""
    slow = Seen()

    def late(value, **_):
        if len(slow.all) < 4:
            time.sleep(0.3)
        slow.add(value)

    burst = pv("k:burst", auto_monitor=True, callback=late)
    slow.wait(bool)
    put("x:post", 300000)
    seen = slow.until(300000)
    assert len(seen) < 200000, len(seen)
    assert seen[1:] == sorted(seen[1:]), "in order"
    burst.disconnect()


def test_removed(states):
    """The other half runs last: libca searches for a lost channel after some seconds only."""
    gone = epics.PV("k:gone", connection_callback=lambda conn, **_: states.add(conn), auto_monitor=True)
    states.until(True)
    put("x:serve", 0)
    states.until(False)
    assert not gone.connected
    put("x:serve", 1)
    return gone


def test_served_again(states):
    states.wait(lambda all_: all_[-1], seconds=40)
    assert get("k:gone") == 1.5


def main():
    checks = Checks()
    states, kept = Seen(), []
    checks.run("removed", lambda: kept.append(test_removed(states)))
    for name, type_, source in types():
        checks.run(name, test_type, type_, source)
    for source in ("short", "float", "enum", "char", "long", "double"):
        checks.run(f"control_variables_of_{source}", test_control_variables, source)
    for name in (*DTYPES, "strings"):
        checks.run(f"length_0_of_{name}", test_empty, name)
    for name in DTYPES:
        for count in LENGTHS[1:]:
            checks.run(f"length_{count}_of_{name}", test_length, name, count)
    for count in LENGTHS[1:]:
        checks.run(f"length_{count}_of_strings", test_strings, count)
    checks.run(f"length_{LONGEST}_of_doubles", test_length, "doubles", LONGEST)
    values = dict(short=-7, long=-70000, float=2.5, double=math.pi, enum=1, string="39 " + "b" * 36, char=[1, 2, 255])
    for name, value in values.items():
        checks.run(f"put_to_{name}", test_put, name, value)
    for type_ in range(7):
        checks.run(f"put_as_{type_}", test_put_as, type_)
    for size in (*TEXTS, "utf8"):
        checks.run(f"text_of_{size}", test_text, size)
    for name in (
        "put_text_to_state", "wrong_puts", "long_names", "fields", "field_writes", "severity_monitor",
        "masks", "filters", "bad_filter", "events_off", "burst",
    ):  # fmt: skip
        checks.run(name, globals()[f"test_{name}"])
    checks.run("served_again", test_served_again, states)
    checks.end()


main()
