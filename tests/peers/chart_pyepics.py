"""Images of the chart as pyepics sees them: real libca."""

import epics
from check import run, wait_until

LIMIT = 10


def get(name, **more):
    value = epics.caget("chart:" + name, timeout=LIMIT, **more)
    assert value is not None, f"{name} gives nothing"
    return value


def command(text):
    assert epics.caput("chart:seq.CMD", text, wait=True, timeout=LIMIT) == 1
    assert get("seq.ACK") == "1", get("seq.ERROR", as_string=True)


def test_an_image_has_its_present_length():
    for size in ((640, 240), (800, 600), (200, 150)):
        command(f"size{size}")
        width, height, depth = get("WIDTH"), get("HEIGHT"), get("DEPTH")
        assert (width, height, depth) == (*size, 3)
        image = get("image")
        assert len(image) == width * height * depth
        pixels = image.reshape(height, width, depth)
        assert pixels[0, 0].tolist() == [255, 255, 255] and pixels.min() < 128


def test_frames_come_while_they_are_monitored():
    command("size(640, 240)")
    frames = []
    pv = epics.PV("chart:image", auto_monitor=True, callback=lambda value, **_: frames.append(len(value)))
    assert pv.wait_for_connection(timeout=LIMIT)
    wait_until(lambda: len(frames) >= 5, "five frames")
    assert set(frames) == {640 * 240 * 3}
    counter = get("COUNTER")
    wait_until(lambda: get("COUNTER") > counter, "another frame")
    pv.disconnect()


def test_the_png_file_is_one():
    assert bytes(get("png"))[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_mono_twin_is_flat_and_as_wide_as_it_says():
    width = get("image2:ArraySize0_RBV")
    image = get("image2:ArrayData")
    assert (width, len(image)) == (640, 640 * 240)
    assert image.reshape(-1, width).shape == (240, 640)


def test_pvs_of_another_device_are_drawn():
    command("watch('TEST:SERVER.VAL', 'TEST:SERVER.example_pv')")
    wait_until(lambda: get("CONNECTED") == 2, "both PVs")
    assert get("TRACES", as_string=True) == "TEST:SERVER.VAL, TEST:SERVER.example_pv"
    assert epics.caput("TEST:SERVER.seq.CMD", "[0, 1, 4, 9, 16]", wait=True, timeout=LIMIT) == 1
    command("arrays('TEST:SERVER.seq.values')")
    wait_until(lambda: get("CONNECTED") == 1, "the array")
    command("counter()")


def test_a_wrong_command_is_told_why():
    epics.caput("chart:seq.CMD", "size(1, 1)", wait=True, timeout=LIMIT)
    assert get("seq.ACK").startswith("0: width 1 is outside")
    assert len(get("image")) == 640 * 240 * 3


run(globals())
