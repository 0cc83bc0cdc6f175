"""Motor, middle man and chart as the clients of their document have them, caproto's: `seed_charting.py PORT...`."""

import os
import sys

os.environ["EPICS_CA_ADDR_LIST"] = " ".join(f"127.0.0.1:{port}" for port in sys.argv[1:])

from caproto import ChannelType
import caproto_pvs
from caproto_pvs import LIMIT, pvs
from check import run, wait_until


def read(pv, **options):
    return pv.read(timeout=LIMIT, **options).data[0]


def put(pv, value, **options):
    assert caproto_pvs.put(pv, value, **options)


VAL, RBV, MOVES = pvs("BEAMLINE:motor.", "VAL", "RBV", "running")
CHOICES, JOG, RUNNING = pvs("BEAMLINE:SERVER.", "choices", "jog", "running")
# The motor as the middle man of the document has it: each new value calls a function.
SEEN = {"VAL": [], "RBV": []}
KEPT = []
for name, pv in (("VAL", VAL), ("RBV", RBV)):
    call = lambda _, response, name=name: SEEN[name].append(response.data[0])
    subscription = pv.subscribe()
    subscription.add_callback(call)
    KEPT.append((subscription, call))


def choose(label):
    put(CHOICES, label, data_type=ChannelType.STRING)


def shown():
    return read(CHOICES, data_type=ChannelType.STRING)


def test_1_the_mock_motor_has_three_pvs():
    types = [pv.channel.native_data_type for pv in (VAL, RBV, MOVES)]
    assert types == [ChannelType.DOUBLE, ChannelType.DOUBLE, ChannelType.LONG]
    assert [read(pv) for pv in (VAL, RBV, MOVES)] == [0, 0, 1]
    wait_until(lambda: SEEN["VAL"] and SEEN["RBV"], "the first values", LIMIT)


def test_2_the_middle_man_shows_where_the_motor_is():
    labels = CHOICES.read(data_type="control", timeout=LIMIT).metadata.enum_strings
    assert labels == (b"Insert", b"Retract", b" ")
    wait_until(lambda: shown() == b"Insert" and read(RUNNING) == 1, "the motor's place", LIMIT)
    assert (JOG.channel.native_data_type, read(JOG)) == (ChannelType.DOUBLE, 0)


def test_3_a_choice_moves_the_motor_and_is_done_when_it_is_there():
    (velocity,) = pvs("BEAMLINE:motor.", "VELO")
    put(velocity, 10.0)
    for label, place in ((b"Retract", 5), (b"Insert", 0), (b"Retract", 5)):
        choose(label)
        assert (read(VAL), read(RBV)) == (place, place)
        wait_until(lambda: shown() == label, f"choices {label}", LIMIT)
    wait_until(lambda: SEEN["VAL"][-1] == 5 and SEEN["RBV"][-1] == 5, "the last values", LIMIT)
    assert SEEN["VAL"] == [0, 5, 0, 5], SEEN["VAL"]
    assert any(0 < position < 5 for position in SEEN["RBV"]), "nothing of the way was seen"


def test_4_a_jog_goes_up_and_back():
    choose(b"Insert")
    wait_until(lambda: SEEN["VAL"][-1] == 0, "the way back", LIMIT)
    del SEEN["VAL"][:]
    put(JOG, 1.0)
    wait_until(lambda: len(SEEN["VAL"]) == 2, "two targets", LIMIT)
    assert (SEEN["VAL"], read(JOG)) == ([0.5, 0], 0)
    put(JOG, 2.0)
    assert SEEN["VAL"] == [0.5, 0], "1 is the only jog"


def test_5_a_put_to_the_motor_itself_is_seen_by_the_middle_man():
    put(VAL, 2.5)
    wait_until(lambda: shown() == b" ", "neither place", LIMIT)
    choose(b" ")
    assert read(VAL) == 2.5


def test_6_the_chart_is_a_bitmap_of_what_the_motor_does():
    cmd, image, t1, connected = pvs("chart:", "seq.CMD", "image", "t1", "CONNECTED")
    put(cmd, b"watch('BEAMLINE:motor.RBV')", data_type=ChannelType.CHAR)
    wait_until(lambda: read(connected) == 1, "the motor", LIMIT)
    frames = []
    keep = lambda _, response: frames.append(bytes(response.data))
    subscription = image.subscribe()
    subscription.add_callback(keep)
    before = read(t1)
    choose(b"Retract")
    wait_until(lambda: len(set(frames)) >= 3, "three different images", LIMIT)
    wait_until(lambda: read(t1) > before, "the clock", LIMIT)
    assert {len(frame) for frame in frames} == {640 * 240 * 3}


run(globals())
