"""The demo devices as pyepics sees them: real libca."""

import ctypes
import math
import time

import epics
import numpy as np
from check import run, wait_until
from epics import ca, dbr

SEQ = "TEST:SERVER.seq."
LIMIT = 10


def pv(name, **more):
    found = epics.PV(name, **more)
    assert found.wait_for_connection(timeout=LIMIT), f"{name} is not found"
    return found


def get(name, **more):
    return epics.caget(name, timeout=LIMIT, **more)


def command(text):
    assert epics.caput(SEQ + "CMD", text, wait=True, timeout=LIMIT) == 1


def test_a_number_is_put_and_read_back():
    for value in (1.5, -0.0, 1e300, 0.0):
        assert epics.caput("TEST:SERVER.example_pv", value, wait=True, timeout=LIMIT) == 1
        assert get("TEST:SERVER.example_pv") == value


def test_a_list_is_stored_when_its_put_completes():
    command("[1, 2.5, 3]")
    assert get(SEQ + "ACK") == "1"
    assert get(SEQ + "values").tolist() == [1, 2.5, 3]
    assert get(SEQ + "message", as_string=True) == "3 points stored"


def test_linear_gives_ten_values():
    command("linear(start=0, end=10, step=1)")
    assert get(SEQ + "ACK") == "1"
    assert get(SEQ + "values").tolist() == list(range(10))


def test_text_that_is_no_command_is_refused_and_cmd_keeps_its_value():
    command("[4]")
    command("import os")
    ack = get(SEQ + "ACK")
    assert ack.startswith("0: ") and len(ack) <= 39, ack
    error = get(SEQ + "ERROR", as_string=True)
    assert "at character 8" in error, error
    assert get(SEQ + "CMD", as_string=True) == "[4]"
    cmd = pv(SEQ + "CMD", form="time")
    cmd.get()
    assert (cmd.status, cmd.severity) == (2, 2), "WRITE, MAJOR"
    command("[5]")
    cmd = pv(SEQ + "CMD", form="ctrl")
    cmd.get()
    assert (cmd.status, cmd.severity) == (0, 0)
    assert get(SEQ + "ERROR", as_string=True) == ""


def test_a_monitor_gets_the_first_value_and_each_change():
    seen = []
    watched = epics.PV("TEST:SERVER.example_pv", auto_monitor=True, callback=lambda value, **_: seen.append(value))
    assert watched.wait_for_connection(timeout=LIMIT)
    wait_until(lambda: seen, "first update")
    del seen[1:]
    for value in range(101, 151):
        watched.put(value, wait=True, timeout=LIMIT)
        wait_until(lambda: seen[-1] == value, f"update {value}")
    assert seen[1:] == list(range(101, 151))
    watched.put(150, wait=True, timeout=LIMIT)
    watched.put(151, wait=True, timeout=LIMIT)
    wait_until(lambda: seen[-1] == 151, "last update")
    assert seen[-2:] == [150, 151], "an equal value is no update"
    watched.disconnect()


def test_control_reads_give_units_precision_and_limits():
    delay = pv("wt:delay", form="ctrl")
    control = delay.get_ctrlvars(timeout=LIMIT)
    assert control["units"] == "s"
    assert control["precision"] == 3
    assert (control["lower_ctrl_limit"], control["upper_ctrl_limit"]) == (0, 3600)
    assert delay.get() == 0.2
    assert delay.get(as_string=True) == "0.200"


def test_an_enum_has_its_labels():
    state = pv(SEQ + "STATE", form="ctrl")
    command("[1]")
    assert state.get() == 2 and state.get(as_string=True) == "Done"
    labels = [text.decode() if isinstance(text, bytes) else text for text in state.enum_strs]
    assert labels == ["Idle", "Busy", "Done", "Failed", "Aborted", "Offline", "Overrun"][: len(labels)]
    assert len(labels) == 7
    assert state.type.endswith("enum")


def test_a_text_of_5000_characters_goes_there_and_back():
    text = "[" + ", ".join(["1"] * 1667)
    text = text[:4999] + "]"
    assert len(text) == 5000
    command(text)
    assert get(SEQ + "CMD", as_string=True) == text
    assert get(SEQ + "ACK") == "1"
    cmd = pv(SEQ + "CMD")
    assert cmd.nelm == 10000 and cmd.type.endswith("char")


def test_an_array_has_its_current_length_and_its_capacity():
    command("[7, 8, 9]")
    values = pv(SEQ + "values", auto_monitor=False)
    assert values.nelm == 10000
    assert values.get(timeout=LIMIT).tolist() == [7, 8, 9]
    assert values.get(count=2, timeout=LIMIT).tolist() == [7, 8]
    command("[nan, 1]")
    got = values.get(timeout=LIMIT)
    assert math.isnan(got[0]) and got[1] == 1
    command("[]")
    assert np.size(values.get(timeout=LIMIT)) == 0


def test_a_request_completes_when_the_time_is_there():
    took = []
    for _ in range(5):
        start = time.monotonic()
        assert epics.caput("wt:request", 1, wait=True, timeout=LIMIT) == 1
        took.append(time.monotonic() - start)
        assert abs(get("wt:response") - time.time()) < 0.3
        if took[-1] <= 0.25:
            break
    print(f"        request took {min(took):.4f} s at best of {len(took)}")
    assert 0.2 <= min(took) <= 0.25, took


def test_a_value_outside_the_limits_is_refused():
    for value in (-0.1, 3601):
        epics.caput("wt:delay", value, wait=True, timeout=LIMIT)
        assert get("wt:delay") == 0.2
    delay = pv("wt:delay", form="time")
    delay.get()
    assert (delay.status, delay.severity) == (2, 2)
    epics.caput("wt:delay", 0.2, wait=True, timeout=LIMIT)


def test_a_read_only_pv_cannot_be_put():
    val = pv("TEST:SERVER.VAL")
    assert val.read_access and not val.write_access
    before = val.get()
    try:
        val.put(before + 1, wait=True, timeout=2)
    except Exception as error:
        print(f"        refused: {type(error).__name__}")
    assert val.get(use_monitor=False) == before


def test_other_names_are_the_same_pv():
    command("[1, 2]")
    assert get("TEST:SERVER:seq:CMD", as_string=True) == "[1, 2]"
    assert get("TEST:SERVER:seq:values").tolist() == [1, 2]
    assert get("TEST:SERVER") == get("TEST:SERVER.VAL")
    assert get("wt:delay.VAL") == get("wt:delay.") == 0.2


def test_a_name_with_dollar_is_a_long_text():
    command("[1, 2, 3]")
    for name in ("CMD$", "CMD.$", "CMD.VAL$"):
        text = pv(SEQ + name)
        assert text.type.endswith("char")
        assert text.get(as_string=True) == "[1, 2, 3]", name


def test_text_as_a_string_gives_39_bytes():
    text = "[" + ", ".join(["1"] * 20) + "]"
    command(text)
    chid = ca.create_channel(SEQ + "CMD", connect=True)
    got = ca.get(chid, ftype=dbr.STRING, count=1, timeout=LIMIT)
    assert got == [text[:39]], got


def put_string(text):
    """A put of type DBR_STRING, as caput does it without -S."""
    chid = ca.create_channel(SEQ + "CMD", connect=True)
    data = (dbr.string_t * 1)()
    data[0].value = text.encode()
    assert ca.libca.ca_array_put(dbr.STRING, ctypes.c_ulong(1), chid, data) == dbr.ECA_NORMAL
    ca.pend_io(1.0)
    ca.poll(evt=0.01)


def test_a_string_of_39_characters_may_be_cut_and_is_refused():
    command("[9]")
    short = "[1, 2, 3]"
    done = get(SEQ + "DONE")
    put_string(short)
    wait_until(lambda: get(SEQ + "DONE") == done + 1, "the command")
    assert get(SEQ + "CMD", as_string=True) == short
    put_string("[" + " " * 37 + "]")
    wait_until(lambda: "39" in get(SEQ + "ERROR", as_string=True), "the refusal")
    assert get(SEQ + "CMD", as_string=True) == short
    assert get(SEQ + "DONE") == done + 1
    command("[1]")


run(globals())
