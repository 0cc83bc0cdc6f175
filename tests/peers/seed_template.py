"""The template of its document: CMD, ACK, values, message, by caproto's client and by pyepics: `seed_template.py PORT...`."""

import math
import os
import sys

os.environ["EPICS_CA_ADDR_LIST"] = " ".join(f"127.0.0.1:{port}" for port in sys.argv[1:])

import epics
from caproto import AccessRights, ChannelType
from caproto.threading.client import Context
from check import run, wait_until

LIMIT = 20
SEQ = "TEST:SERVER.seq."
CMD, ACK, VALUES = Context().get_pvs(SEQ + "CMD", SEQ + "ACK", SEQ + "values", timeout=LIMIT)


def read(pv):
    data = pv.read(timeout=LIMIT).data
    return data.tolist() if hasattr(data, "tolist") else data


def get(name, **more):
    return epics.caget(name, timeout=LIMIT, use_monitor=False, **more)


def put(name, value):
    assert epics.caput(name, value, wait=True, timeout=LIMIT) == 1


def test_1_the_pvs_start_as_they_are_declared():
    # pvproperty(value='This is command string', max_length=10000, dtype=str)
    assert bytes(CMD.read(timeout=LIMIT).data) == b"This is command string"
    assert (CMD.channel.native_data_type, CMD.channel.native_data_count) == (ChannelType.CHAR, 10000)
    assert CMD.channel.access_rights == AccessRights.READ | AccessRights.WRITE
    # pvproperty(value='0', read_only=True, dtype=str)
    assert (read(ACK), ACK.channel.access_rights) == ([b"0"], AccessRights.READ)
    # pvproperty(value=[nan, nan], read_only=True, max_length=10000)
    first = read(VALUES)
    assert len(first) == 2 and all(math.isnan(value) for value in first)
    assert (VALUES.channel.native_data_count, VALUES.channel.access_rights) == (10000, AccessRights.READ)


def test_2_the_command_of_the_document_is_executed():
    # system_io_execute(pv_name='CMD', value='[0]')
    assert CMD.write(b"[0]", data_type=ChannelType.CHAR, wait=True, timeout=LIMIT).status.success
    assert (read(ACK), read(VALUES), bytes(CMD.read(timeout=LIMIT).data)) == ([b"1"], [0.0], b"[0]")
    assert get(SEQ + "message", as_string=True) == "1 points stored"


def test_3_a_follower_goes_to_the_points_of_its_trajectory_with_the_sequencer():
    put(SEQ + "CMD", "linear(start=0, end=10, step=1)")
    assert (get(SEQ + "ACK"), get(SEQ + "values").tolist()) == ("1", list(range(10)))
    at = []
    val = epics.PV("TEST:SERVER.VAL", auto_monitor=True, callback=lambda value, **_: at.append(value))
    assert val.wait_for_connection(timeout=LIMIT)
    wait_until(lambda: at, "the first value", LIMIT)
    put("MOCK:start", 1)
    assert (get("TEST:SERVER.INDEX"), get("TEST:SERVER.MISSED")) == (9, 0)
    wait_until(lambda: at[-1] == 9, "the last point", LIMIT)
    assert at == list(range(10)), at
    assert (get(SEQ + "ACK"), get("MOCK:status", as_string=True)) == ("1", "stop")
    assert get("MOCK:Nested_Indices", as_string=True) == "{'test.server': 9}"


def test_4_what_is_no_command_is_told_why_and_runs_nothing():
    epics.caput(SEQ + "CMD", "exec('1')", wait=True, timeout=LIMIT)
    assert get(SEQ + "ACK").startswith("0: "), get(SEQ + "ACK")
    assert get(SEQ + "CMD", as_string=True) == "linear(start=0, end=10, step=1)"


run(globals())
