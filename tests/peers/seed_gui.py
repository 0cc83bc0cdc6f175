"""What the panel of the charting document does, by pyepics, which is libca: `seed_gui.py PORT...`."""

import os
import sys

os.environ["EPICS_CA_ADDR_LIST"] = " ".join(f"127.0.0.1:{port}" for port in sys.argv[1:])

import epics
from check import run, wait_until

LIMIT = 30
SEEN = {}


def control(name):
    """A PV that a widget shows."""
    keep = lambda pvname, value, **_: SEEN.__setitem__(pvname, value)
    pv = epics.PV(name, auto_monitor=True, callback=keep)
    assert pv.wait_for_connection(timeout=LIMIT), name
    wait_until(lambda: name in SEEN, f"the first value of {name}", LIMIT)
    return pv


def wait(pv, value):
    wait_until(lambda: SEEN[pv.pvname] == value, f"{pv.pvname} {value}", LIMIT)


choices, jog, running = [control("BEAMLINE:SERVER." + name) for name in ("choices", "jog", "running")]
motor = control("BEAMLINE:motor.RBV")


def test_1_buttons_move_the_motor_and_the_display_follows():
    assert list(choices.enum_strs) == ["Insert", "Retract", " "]
    epics.caput("BEAMLINE:motor.VELO", 10, wait=True, timeout=LIMIT)
    for label, index, place in (("Retract", 1, 5), ("Insert", 0, 0)):
        assert choices.put(label, wait=True, timeout=LIMIT) == 1
        wait(motor, place)
        wait(choices, index)
    assert SEEN[running.pvname] == 1


def test_2_the_jog_button_comes_back_out():
    assert jog.put(1, wait=True, timeout=LIMIT) == 1
    wait(jog, 0)
    wait(motor, 0)


def test_3_the_image_widget_shows_a_bitmap():
    image = control("chart:image")
    assert image.type.endswith("char") and image.access == "read-only"
    pixels = SEEN[image.pvname]
    assert len(pixels) == 640 * 240 * 3 and pixels.reshape(240, 640, 3).min() < 128
    clock = control("chart:t1")
    before = SEEN[clock.pvname]
    wait_until(lambda: SEEN[clock.pvname] > before, "the clock", LIMIT)
    # The image gives way to a widget that is closed.
    image.disconnect()


run(globals())
