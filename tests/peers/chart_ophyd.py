"""The chart as ophyd's image plugin of areaDetector sees it."""

import epics
from check import run, wait_until
from ophyd.areadetector.plugins import ImagePlugin

LIMIT = 10
PLUGIN = ImagePlugin("chart:image1:", name="image1")


def size(width, height):
    assert epics.caput("chart:seq.CMD", f"size({width}, {height})", wait=True, timeout=LIMIT) == 1
    # ophyd reads sizes from its monitors.
    wait_until(lambda: PLUGIN.array_size.get() == (height, width, 3), "the new size")


def test_the_image_has_height_width_and_colours():
    for width, height in ((640, 240), (320, 200)):
        size(width, height)
        image = PLUGIN.image
        assert image.shape == (height, width, 3), image.shape
        assert image[0, 0].tolist() == [255, 255, 255] and image.min() < 128


def test_what_describes_the_image_is_there():
    assert PLUGIN.ndimensions.get() == 3
    assert PLUGIN.color_mode.get(as_string=True) == "RGB1"
    assert PLUGIN.data_type.get() == "UInt8"
    assert PLUGIN.plugin_type.get() == "NDPluginStdArrays"
    before = PLUGIN.unique_id.get()
    # A get within the period of frames gives the one that is there.
    wait_until(lambda: len(PLUGIN.array_data.get()) and PLUGIN.unique_id.get() > before, "another frame")


def test_the_mono_twin_has_two_dimensions():
    twin = ImagePlugin("chart:image2:", name="image2")
    size(640, 240)
    wait_until(lambda: twin.array_size.get() == (0, 240, 640), "the size")
    # Its own image property asks for 0 elements where there is no depth.
    assert twin.array_data.get().reshape(twin.array_size.get()[1:]).shape == (240, 640)


run(globals())
