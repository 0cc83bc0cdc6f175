"""Every type, length, field, filter and mask as aioca sees them."""

import asyncio
import time

import numpy as np
from aioca import (
    DBE_ALARM, DBE_LOG, DBE_PROPERTY, DBE_VALUE, DBR_CHAR, DBR_CHAR_STR, DBR_STRING,
    FORMAT_CTRL, FORMAT_RAW, FORMAT_TIME, CANothing, caget, cainfo, camonitor, caput,
)  # fmt: skip
from epicscorelibs.ca.cadef import CAException
from kinds import (
    FIELDS, LABELS, LENGTHS, LONG_NAMES, LONGEST, PUTFAIL, SLICES, TEXTS, UTF8, WRITES, WRITTEN,
    Checks, fails, types, verify,
)  # fmt: skip

LIMIT = 20
GETFAIL, NOWTACCESS = 152, 376
# aioca asks for no STS and no GR types, and for TIME when it is asked for CTRL of a string.
FORMATS = {0: FORMAT_RAW, 2: FORMAT_TIME, 4: FORMAT_CTRL}
DTYPES = {"chars": "u1", "shorts": "i2", "longs": "i4", "floats": "f4", "doubles": "f8"}
LIMIT_NAMES = (
    "upper_disp_limit", "lower_disp_limit", "upper_alarm_limit", "upper_warning_limit", "lower_warning_limit",
    "lower_alarm_limit", "upper_ctrl_limit", "lower_ctrl_limit",
)  # fmt: skip


class Watched:
    """A monitor and its updates."""

    def __init__(self, name, **more):
        self.all, self.more = [], asyncio.Event()
        self.monitor = camonitor(name, self.add, **({"all_updates": True} | more))

    def add(self, value):
        self.all.append(value)
        self.more.set()

    async def wait(self, done):
        """Waits until `done` is true of the updates."""
        async with asyncio.timeout(40):
            while not (self.all and done(self.all)):
                self.more.clear()
                await self.more.wait()
        return self.all

    async def until(self, last):
        return await self.wait(lambda seen: seen[-1] == last)

    def close(self):
        self.monitor.close()


async def get(name, **more):
    return await caget(name, timeout=LIMIT, **more)


async def put(name, value, **more):
    assert (await caput(name, value, wait=True, timeout=LIMIT, **more)).ok


async def refused(name, value):
    result = await caput(name, value, wait=True, timeout=LIMIT, throw=False)
    assert isinstance(result, CANothing) and result.errorcode == PUTFAIL, result
    try:
        await put(name, value)
    except CANothing as error:
        assert error.errorcode == PUTFAIL
    else:
        raise AssertionError("nothing was raised")


async def read_only(name, value):
    """libca refuses it by itself, it has been told the rights; that is another exception, `throw` or not."""
    assert not (await cainfo(name, timeout=LIMIT)).write
    try:
        await put(name, value)
    except CAException as error:
        assert error.status == NOWTACCESS
    else:
        raise AssertionError("nothing was raised")


def first(value):
    """The first element without what aioca hangs on it."""
    value = value if isinstance(value, (str, int, float)) else value[0]
    return str(value) if isinstance(value, str) else value


async def test_type(type_, source):
    datatype = type_ if type_ > 34 else type_ % 7
    kind = FORMATS.get(type_ // 7, FORMAT_RAW)
    value = await caget(f"k:{source}", datatype=datatype, format=kind, count=1, timeout=LIMIT, throw=False)
    if fails(type_, source):
        assert isinstance(value, CANothing) and value.errorcode == GETFAIL, value
        return
    assert value.ok, value
    found = {name: getattr(value, name, None) for name in ("status", "severity", "units", "precision")}
    found |= {"value": first(value), "stamp": getattr(value, "timestamp", None)}
    found["labels"] = getattr(value, "enums", None)
    limits = [getattr(value, name, None) for name in LIMIT_NAMES]
    verify(type_, source, found | {"limits": limits})


def sample(name, count):
    if name == "strings":
        return [f"cell {n}" for n in range(count)]
    return (np.arange(count) % 120 + 1).astype(DTYPES[name])


async def test_length(name, count):
    data = sample(name, count)
    # libca gives no update of an empty array of a plain type, so with the time.
    watched = Watched(f"k:{name}", format=FORMAT_TIME)
    await watched.wait(bool)
    if count == 0:
        assert len(watched.all[0]) == 0
    else:
        # libca refuses a put of no elements, so an empty array is only read.
        await put(f"k:{name}", data)
    got = await get(f"k:{name}", format=FORMAT_TIME)
    same = lambda value: np.array_equal(value, data) if name != "strings" else list(value) == data
    assert same(got), got
    assert name == "strings" or got.dtype == data.dtype
    await watched.wait(lambda seen: same(seen[-1]))
    watched.close()


async def test_plain_empty():
    """libca gives the answer of a plain get with no elements, yet not the update."""
    assert len(await get("k:doubles")) == 0


async def test_put(name, value):
    await put(f"k:to_{name}", value)
    got = await get(f"k:to_{name}")
    assert (got.tolist() if name == "char" else got) == value, got


async def test_put_as(type_):
    value = "3.25" if type_ == DBR_STRING else 3
    await put("k:to_double", value, datatype=type_)
    assert await get("k:to_double") == float(value)


async def test_put_text_to_state():
    for text, index in ((LABELS[2], 2), ("1", 1), ("Zero", 0)):
        await put("k:to_enum", text)
        assert await get("k:to_enum") == index


async def test_wrong_puts():
    await put("k:to_double", 2.5)
    await refused("k:to_double", "no number")
    await refused("k:to_enum", "no state")
    await put("k:limited", 3)
    await refused("k:limited", 10.5)
    await refused("k:limited", "-11")
    await read_only("k:fixed", 1.0)
    assert [float(value) for value in await get(["k:to_double", "k:limited", "k:fixed"])] == [2.5, 3, 4.5]


async def test_text(size):
    value = TEXTS.get(size, UTF8)
    if value:
        await put("k:text", value, datatype=DBR_CHAR_STR)
    else:
        # libca refuses a put of no elements, which DBR_CHAR_STR makes of an empty text.
        await put("k:text", [0], datatype=DBR_CHAR)
    assert bytes((await get("k:text", format=FORMAT_TIME)).tobytes()) == value.encode()
    for name in ("k:text", "k:text$", "k:text.VAL$", "k:text.$"):
        assert await get(name, datatype=DBR_CHAR_STR) == value, name
    assert await get("k:text$") == value, "a name with $ is a text by itself"
    start = await get("k:text", datatype=bytes, count=1)
    assert start[0] == value.encode()[:39], start


async def test_long_names():
    await put("k:to_string", "a string")
    for name, value in LONG_NAMES.items():
        assert await get(name) == value, name
    await put("k:to_string$", "longer, by its long name", datatype=DBR_CHAR_STR)
    assert await get("k:to_string") == "longer, by its long name"
    text = "d" * 40
    await put("k:field.DESC$", text, datatype=DBR_CHAR_STR)
    assert await get("k:field.DESC$") == text
    assert await get("k:field.DESC") == text[:39]
    await put("k:field.DESC", "a number with fields")


async def test_fields():
    found = dict(zip(FIELDS, await get([f"k:field.{name}" for name in FIELDS])))
    assert found == FIELDS, found
    assert (await get("k:field.HHSV", format=FORMAT_CTRL)).enums == ["NO_ALARM", "MINOR", "MAJOR", "INVALID"]


async def test_field_writes():
    names = [f"k:field.{name}" for name in WRITES]
    before = await get(names)
    await caput(names, list(WRITES.values()), wait=True, timeout=LIMIT)
    assert await get(names) == list(WRITES.values())
    value = await get("k:field", format=FORMAT_CTRL)
    found = (value.units, value.precision, value.upper_disp_limit, value.upper_alarm_limit)
    assert found == WRITTEN, found
    await caput(names, before, wait=True, timeout=LIMIT)
    await read_only("k:field.NAME", "other")


async def test_severity_monitor():
    watched = Watched("k:field.SEVR")
    await watched.until(0)
    await put("k:field", 95.0)
    await watched.until(2)
    await put("k:field", 50.25)
    assert await watched.until(0) == [0, 2, 0]
    watched.close()


async def test_masks():
    """A deadband of 1 for VALUE and 3 for LOG, alarms from 80 on, and PROPERTY for new units."""
    masks = (DBE_VALUE, DBE_LOG, DBE_ALARM, DBE_PROPERTY)
    watched = [Watched("k:mask", events=mask, format=FORMAT_CTRL) for mask in masks]
    for each in watched:
        await each.wait(bool)
    for value in (50.5, 52, 53, 54, 85, 86.5):
        await put("k:mask", value)
    await put("k:mask.EGU", "um")
    await watched[3].wait(lambda seen: seen[-1].units == "um")
    await watched[0].until(86.5)
    values = [[float(value) for value in each.all] for each in watched]
    assert values == [[50, 52, 54, 85, 86.5], [50, 54, 85], [50, 85], [50, 86.5]], values
    for each in watched:
        each.close()
    await put("k:mask", 50)
    await put("k:mask.EGU", "mm/s")


async def test_filters():
    for name, value in SLICES.items():
        got = await get(name)
        assert (got.tolist(), got.element_count) == (value, len(value)), name
    stamped = await get('k:fixed.{"ts":{}}', format=FORMAT_TIME)
    assert stamped == 4.5 and abs(stamped.timestamp - time.time()) < 5
    near, some = Watched('k:filtered.{"dbnd":{"abs":1}}'), Watched('k:filtered.{"dec":{"n":3}}')
    await near.until(0)
    await some.until(0)
    for value in (0.5, 1, 1.5, 2, 3, 4, 5):
        await put("k:filtered", value)
    assert await near.until(5) == [0, 1.5, 3, 5], near.all
    assert await some.until(4) == [0, 1.5, 4], some.all
    near.close(), some.close()
    await put("k:filtered", 0)


async def test_bad_filter():
    """CREATE_CH_FAIL is no event for libca: the channel shows as never found."""
    assert await get("k:slice.[0:0]") == 0
    bad = await caget('k:slice.{"nonsense":{}}', timeout=0.5, throw=False)
    assert isinstance(bad, CANothing) and bad.errorcode == 80, bad


async def requests():
    await put("x:count", 1)
    return await get("k:requests")


async def requests_of_a_put():
    """Requests between two counts around a put that changes nothing."""
    for _ in range(2):
        before = await requests()
        await put("x:wave", 0)
        found = await requests() - before
    return found


async def test_events_off():
    """libca sends EVENTS_OFF when its input is behind, here by copies of large arrays; the last value arrives."""
    watched = Watched("k:wave", format=FORMAT_TIME)
    await watched.wait(bool)
    own = await requests_of_a_put()
    before = await requests()
    await put("x:wave", 200)
    await watched.wait(lambda seen: len(seen[-1]) and seen[-1][0] == 200)
    told = await requests() - before
    assert told >= own + 2, "EVENTS_OFF was not sent"
    firsts = [value[0] for value in watched.all[1:]]
    assert firsts == sorted(firsts), "in order"
    watched.close()


async def test_burst():
    """Without `all_updates` those that come while the loop is busy are dropped, but for the last."""
    watched = Watched("k:burst", all_updates=False)
    await watched.wait(bool)
    done = asyncio.create_task(put("x:post", 100000))
    await asyncio.sleep(0)
    time.sleep(0.3)
    await done
    await watched.until(100000)
    assert watched.monitor.dropped_callbacks > 0
    assert watched.all == sorted(watched.all), "in order"
    watched.close()


async def test_removed(watched):
    """The other half runs last: libca searches for a lost channel after some seconds only."""
    await watched.until(1.5)
    await put("x:serve", 0)
    await watched.wait(lambda seen: not seen[-1].ok and seen[-1].errorcode == 192)
    await put("x:serve", 1)


async def test_served_again(watched):
    await watched.until(1.5)
    assert len(watched.all) == 3, watched.all
    assert (await cainfo("k:gone", timeout=LIMIT)).state == 2


async def main():
    checks = Checks()
    gone = Watched("k:gone", notify_disconnect=True)
    await checks.run_async("removed", test_removed, gone)
    for name, type_, source in types():
        if type_ > 34 or (type_ // 7 in FORMATS and type_ != 28):
            await checks.run_async(name, test_type, type_, source)
    await checks.run_async("plain_empty", test_plain_empty)
    for count in LENGTHS:
        for name in (*DTYPES, "strings"):
            await checks.run_async(f"length_{count}_of_{name}", test_length, name, count)
    await checks.run_async(f"length_{LONGEST}_of_doubles", test_length, "doubles", LONGEST)
    values = dict(short=-7, long=-70000, float=2.5, double=1 / 3, enum=1, string="39 " + "b" * 36, char=[1, 2, 255])
    for name, value in values.items():
        await checks.run_async(f"put_to_{name}", test_put, name, value)
    for type_ in range(7):
        await checks.run_async(f"put_as_{type_}", test_put_as, type_)
    for size in (*TEXTS, "utf8"):
        await checks.run_async(f"text_of_{size}", test_text, size)
    for name in (
        "put_text_to_state", "wrong_puts", "long_names", "fields", "field_writes", "severity_monitor",
        "masks", "filters", "bad_filter", "events_off", "burst",
    ):  # fmt: skip
        await checks.run_async(name, globals()[f"test_{name}"])
    await checks.run_async("served_again", test_served_again, gone)
    gone.close()
    checks.end()


asyncio.run(main())
