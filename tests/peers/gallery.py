"""caproto's client at the examples of `wrapper`, each on its port: `gallery.py DIRECTORY PORT...`."""

import os
import pathlib
import sys
import time

DIRECTORY = pathlib.Path(sys.argv[1])
os.environ["EPICS_CA_ADDR_LIST"] = " ".join(f"127.0.0.1:{port}" for port in sys.argv[2:])

from caproto import AccessRights, AlarmSeverity, AlarmStatus, ChannelType
from caproto_pvs import LIMIT, put, pvs, read
from check import run, wait_until

FIBONACCI = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89]


def text(pv):
    return bytes(pv.read(timeout=LIMIT).data).rstrip(b"\0")


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


def fields(record, names):
    """The first elements of these fields."""
    return [read(pv)[0] for pv in pvs(record + ".", *names.split())]


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
    assert fields("hints:D", "RTYP EGU PREC HOPR DESC") == [
        b"ai", b"mm", 2, 10, b"A floating point value with ai fields"
    ]


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
    assert fields("arr:enum", "RTYP ZNAM ONAM") == [b"bi", b"no", b"yes"]


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
    assert fields("enum:bo", "RTYP ZNAM ONAM") == [b"bo", b"Zero Value", b"One Value"]
    assert fields("enum:bi", "RTYP ZNAM ONAM RVAL") == [b"bi", b"a", b"b", 0]
    assert fields("enum:mbbi", "RTYP ZRST FRST RVAL") == [b"mbbi", b"zero", b"four", 3]
    assert fields("enum:enum_class", "RTYP TWST THST") == [b"mbbi", b"unknown", b""]


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
    records = [fields("setpoint_rbv:" + name, "RTYP ONAM") for name in ("pair3", "pair3_RBV")]
    assert records == [[b"bo", b"Yes"], [b"bi", b"Yes"]]


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
    assert [fields("pvspec:" + name, "RTYP") for name in "abc"] == [[b"bi"], [b"ai"], [b"waveform"]]
    assert fields("pvspec:c", "NELM NORD FTVL") == [3, 2, 5]


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


def test_scan_rate():
    assert fields("periodic:scanned", "RTYP SCAN") == [b"ai", 6]
    scanned, scan = pvs("periodic:", "scanned", "scanned.SCAN")
    assert put(scan, b".1 second", data_type=ChannelType.STRING)
    seen = updates(scanned)
    fast = lambda: [update.data[0] for update in seen if update.data[0] < 0.5]
    wait_until(lambda: len(fast()) > 6, "scans of 0.1 s", 15)
    # Behind a late scan the next one is early.
    rest = fast()[1:]
    assert sum(rest) > 0.09 * (len(rest) - 1), rest
    assert put(scan, b"Passive", data_type=ChannelType.STRING)
    stopped = read(scanned)
    beats = updates(pvs("state:", "value")[0])
    wait_until(lambda: len(beats) > 6, "half a second")
    assert read(scanned) == stopped


def test_states():
    disable, enable, state = pvs("state:", "disable_state", "enable_state", "my_stately_state")
    value, during = pvs("state:value", "", '.{"sync":{"m":"while","s":"my_stately_state"}}')
    seen = []
    subscription = during.subscribe()
    subscription.kept = lambda _, response: seen.append(response.data[0])
    subscription.add_callback(subscription.kept)
    all_ = updates(value)
    wait_until(lambda: len(all_) > 5, "updates without the state")
    assert len(seen) <= 1 and read(state) == [0], "the first value at most"
    assert put(enable, 1) and read(state) == [1]
    wait_until(lambda: len(seen) > 5, "updates in the state")
    assert [(b - a) % 10 for a, b in zip(seen[1:], seen[2:])] == [1] * (len(seen) - 2), seen
    assert put(disable, 1) and read(state) == [0]
    more = len(all_) + 2
    wait_until(lambda: len(all_) > more, "what was on its way")
    last = len(seen)
    wait_until(lambda: len(all_) > more + 5, "updates behind the state")
    assert len(seen) == last


# What the original's B has in common with an ao of base.
FIELDS_OF_B = """ACKS ACKT ASG DESC DISA DISP DISS DISV DTYP EVNT FLNK LCNT NAME NSEV NSTA PACT PHAS PINI PRIO PROC PUTF
    RPRO SCAN SDIS SEVR TPRO TSE TSEL UDF RTYP STAT RVAL INIT MLST LALM ALST LBRK SIMM HYST HIGH HSV HIHI HHSV LOLO LLSV
    LOW LSV AOFF ASLO EGUF EGUL LINR EOFF ESLO ADEL PREC EGU HOPR LOPR MDEL SIOL SIML SIMS DRVH DRVL OUT OMSL"""


def test_records():
    records = [fields("mock:" + name, "RTYP")[0] for name in "ABCDE"]
    assert records == [b"ai", b"ao", b"ai", b"ao", b"stringin"]
    pvs("mock:B.", *FIELDS_OF_B.split())
    assert fields("mock:C", "DESC EGU PREC HIHI HIGH LOW LOLO") == [b"An ai with all its limits", b"mm", 3, 2, 1, -1, -2]
    a, b, c, d, e = pvs("mock:", *"ABCDE")
    meta = c.read(data_type="control", timeout=LIMIT).metadata
    assert (meta.lower_ctrl_limit, meta.upper_ctrl_limit) == (-3, 3)
    assert put(c, 1.5) and fields("mock:C", "SEVR STAT") == [1, AlarmStatus.HIGH]
    assert not put(b, 1) and read(b) == [2] and fields("mock:B", "SEVR STAT") == [2, AlarmStatus.WRITE]
    raw_a, raw_b, raw_d = pvs("mock:", "A.RVAL", "B.RVAL", "D.RVAL")
    assert put(raw_a, 7) and (read(a), read(b), read(raw_a)) == ([7], [7], [7])
    assert put(raw_b, 7) and (read(a), read(b), read(raw_b)) == ([-3], [17], [7])
    assert put(raw_d, 20) and (read(a), read(b), read(d)) == ([10], [30], [2])
    assert not put(raw_a, 1) and (read(a), read(b)) == ([10], [30]), "B refuses 1"
    assert read(e) == [b"this is a test"]


def test_records_subclass():
    for name, first in (("my:motor1", 1), ("my:motor2", 2)):
        assert fields(name, "RTYP VAL VELO EGU") == [b"my_motor", first, 0, b""]
        (readback,) = pvs(name, ".RBV")
        seen = updates(readback, data_type="time")
        assert put(pvs(name, "")[0], first + 5) and not can_write(readback)
        wait_until(lambda: seen[-1].data[0] >= first + 5, "the readback follows")
        wait_until(lambda: len({update.data[0] for update in seen}) > 3, "it is never still")
        assert first + 5 <= seen[-1].data[0] < first + 5.01
        dial, raw = pvs(name, ".DRBV", ".RRBV")
        assert first + 5 <= read(dial)[0] < first + 5.01 and raw.channel.native_data_type == ChannelType.LONG
        assert (first + 5) * 1e5 <= read(raw)[0] < (first + 5.01) * 1e5


def test_fake_motor_record():
    names = "RTYP VELO PREC LLM HLM ACCL MRES DMOV MOVN SPMG"
    assert fields("sim:mtr1", names) == [b"motor", 1, 3, 0, 10, 1, 1e-6, 1, 0, 3]
    assert fields("sim:mtr2", "VELO PREC LLM HLM") == [2, 2, -10, 20]
    value, readback, done, raw = pvs("sim:mtr3", "", ".RBV", ".DMOV", ".RRBV")
    moves, steps = updates(done), updates(readback)
    assert put(value, 0.75)
    wait_until(lambda: [update.data[0] for update in moves] == [1, 0, 1], "a move")
    steps = [update.data[0] for update in steps]
    assert steps == sorted(steps) and len(steps) > 2 and steps[-1] == 0.75 and read(raw) == [750000], steps
    value, readback, stop, done = pvs("sim:mtr1", "", ".RBV", ".STOP", ".DMOV")
    assert put(value, 5)
    wait_until(lambda: read(readback)[0] > 0.2, "it moves")
    assert put(stop, 1)
    wait_until(lambda: read(done) == [1] and read(stop) == [0], "it stops")
    assert 0.2 < read(value)[0] < 4 and read(value) == read(readback)
    assert not put(value, 10.5) and put(pvs("sim:mtr1", ".HLM")[0], 11) and put(value, 10.5)
    assert put(stop, 1) and not put(pvs("sim:mtr1", ".VELO")[0], 0)


def test_mini_beamline():
    (current,) = pvs("mini:", "current")
    seen = updates(current)
    wait_until(lambda: len({update.data[0] for update in seen}) > 3, "the current swings")
    assert all(475 <= update.data[0] <= 525 for update in seen)
    assert fields("mini:ph:mtr", "RTYP PREC DESC") == [b"ai", 3, b"Motor"]
    # Counts per current at 0 and at 5.
    for name, (first, second) in {"ph": (1, 0.607), "edge": (0.0023, 0.5), "slit": (1, 0.921)}.items():
        motor, detector, velocity = pvs(f"mini:{name}:", "mtr", "det", "vel")
        near = lambda part: lambda: abs(read(detector)[0] / 1e5 - part) < 0.06 * part + 0.002
        wait_until(near(first), f"{name} at 0")
        path = updates(motor)
        assert put(velocity, 10)
        start = time.monotonic()
        assert put(motor, 5) and time.monotonic() - start > 0.4 and read(motor) == [5], "it is done at the end"
        wait_until(lambda: path[-1].data[0] == 5, "the last step")
        assert len(path) >= 5 and all(0 <= step.data[0] <= 5 for step in path)
        wait_until(near(second), f"{name} at 5")
    (exposure,) = pvs("mini:ph:", "exp")
    assert put(exposure, -1) and read(exposure) == [0]
    image, total, shutter = pvs("mini:dot:", "det", "img_sum", "shutter_open")
    sizes = [read(pv) for pv in pvs("mini:dot:", "ArraySizeY_RBV", "ArraySizeX_RBV", "ArraySize_RBV")]
    assert sizes == [[480], [640], [480, 640]]
    background, dot = 1000 * 480 * 640, 2 * 3.14159 * 50 * 25 * 1e5
    wait_until(lambda: abs(read(total)[0] - background - dot) < 0.06 * dot, "a dot")
    pixels = image.read(timeout=LIMIT).data
    assert len(pixels) == 480 * 640 and pixels.argmax() // 640 in range(200, 280), pixels.argmax()
    assert put(shutter, 0)
    wait_until(lambda: abs(read(total)[0] - background) < 1e-3 * background, "background alone")


def test_decay():
    assert fields("decay:I", "RTYP SCAN") == [b"ai", 9] and fields("decay:done", "RTYP")[0] == b"bi"
    readback, done, setpoint, constant = pvs("decay:", "I", "done", "SP", "K")
    assert not can_write(readback) and not can_write(done)
    seen = updates(readback)
    assert put(setpoint, 50)
    below = lambda: [update.data[0] for update in seen if update.data[0] < 70]
    wait_until(lambda: len(below()) > 5, "a decay to 50")
    assert below() == sorted(below(), reverse=True) and 57 < below()[0] <= 60, below()
    assert read(done) == [0] and put(constant, 0.1)
    wait_until(lambda: read(done) == [1], "it is done")
    assert 50 <= read(readback)[0] < 52


def test_thermo_sim():
    assert fields("thermo:I", "RTYP SCAN") == [b"ai", 9]
    readback, setpoint, constant = pvs("thermo:", "I", "SP", "K")
    assert put(setpoint, 20)
    seen = updates(readback)
    wait_until(lambda: any(update.data[0] > 26 for update in seen), "a swing up")
    wait_until(lambda: any(update.data[0] < 14 for update in seen), "a swing down")
    assert put(constant, 0.1)
    wait_until(lambda: abs(read(readback)[0] - 20) < 0.01, "it settles")


def test_chirp():
    chirp, steady = pvs("chirp:", "chirp", "steady")
    ticks, chirps = updates(steady), updates(chirp)
    wait_until(lambda: len(ticks) > 20, "steady ticks", 15)
    steps = {(b.data[0] - a.data[0]) % 1000 for a, b in zip(ticks, ticks[1:])}
    assert steps == {1}, steps
    wait_until(lambda: any(a.data[0] > 100 and b.data[0] == 0 for a, b in zip(chirps, chirps[1:])), "a new chirp", 15)
    assert not can_write(chirp) and not can_write(steady)


def mirrors(original, mirrored, value):
    """What is put to the original is mirrored with its time; it had this value."""
    (first,), (second,) = pvs("", original), pvs("", mirrored)
    wait_until(lambda: read(second) == [value], "the value of the start")
    assert put(first, value + 0.5 if original == "simple:B" else value + 1)
    wait_until(lambda: read(second) == read(first) != [value], "the value that was put")
    stamps = [pv.read(data_type="time", timeout=LIMIT).metadata.timestamp for pv in (first, second)]
    assert abs(stamps[0] - stamps[1]) < 1e-6, stamps
    assert put(first, value)


def test_mirror():
    (value,) = pvs("mirror:", "value")
    assert not can_write(value)
    mirrors("simple:B", "mirror:value", 5.0)


def test_client_monitor_async():
    assert fields("async:mirrored", "RTYP DESC") == [b"ai", b"What simple:A is"]
    mirrors("simple:A", "async:mirrored", 1.0)


def test_thread_client_monitor():
    assert fields("thread:mirrored", "RTYP DESC") == [b"ai", b"What simple:A is"]
    mirrors("simple:A", "thread:mirrored", 1.0)


def test_rpc_function():
    (fixed,) = pvs("rpc:", "fixed_random")
    assert all(1 <= read(fixed)[0] <= 100 for _ in range(20))
    low, high, status, result, process = pvs("rpc:get_random:", "low", "high", "Status", "Retval", "Process")
    assert (read(low), read(high), read(status), read(result)) == ([100], [1000], [b"Init"], [0])
    assert not can_write(status) and not can_write(result)
    assert put(process, 1) and 100 <= read(result)[0] <= 1000 and read(status) == [b"Success"]
    assert put(low, 7) and put(high, 7) and put(process, 1) and read(result) == [7]
    assert put(low, 8) and not put(process, 1)
    assert (read(status), read(result)) == ([b"low 8 is above high 7"], [7])


def test_formula_ioc():
    proc, x, r = pvs("Formula:", "proc", "x", "r")
    assert fields("Formula:r", "RTYP") == [b"ai"] and not can_write(r)
    wait_until(lambda: read(r) == [1.0], "r of x = 0")
    assert put(x, 3.5)
    wait_until(lambda: read(r) == [8.0], "it is scanned")
    assert put(x, -1) and put(proc, 1) and read(r) == [-1.0]
    formula, out, names = pvs("Formula:", "formula.$", "out_postfix", "vars")
    assert (text(formula), read(out), read(names)) == (b"r=2*x+1", [b"r"], [b"x"])
    (scan,) = pvs("Formula:", "r.SCAN")
    assert put(scan, 0) and put(x, 10)
    assert read(r) == [-1.0] and put(proc, 1) and read(r) == [21.0]


def test_autosave():
    names = ["A", "B", "C", "subgroup:A", "subgroup:B", "subgroup:C"]
    assert [read(pv) for pv in pvs("autosaved_simple:", *names)] == 2 * [[1], [2.0], [1, 2, 3]]
    assert fields("autosaved_simple:subgroup:A", "RTYP") == [b"ao"]


run(globals())
