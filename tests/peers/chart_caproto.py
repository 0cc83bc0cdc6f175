"""Images of the chart as caproto's threading client sees them."""

from caproto import AccessRights, ChannelType
import caproto_pvs
from caproto_pvs import LIMIT
from check import run, wait_until


def pvs(*names):
    return caproto_pvs.pvs("chart:", *names)


def numbers(*names):
    return [int(pv.read(timeout=LIMIT).data[0]) for pv in pvs(*names)]


def test_the_original_viewer_finds_its_pvs():
    image, t1 = pvs("image", "t1")
    assert image.channel.native_data_type == ChannelType.CHAR
    assert image.channel.native_data_count == 1920 * 1080 * 3, "the capacity"
    assert image.channel.access_rights == AccessRights.READ
    assert len(image.read(timeout=LIMIT).data) == 640 * 240 * 3
    before = t1.read(timeout=LIMIT).data[0]
    wait_until(lambda: t1.read(timeout=LIMIT).data[0] > before, "the clock")


def test_an_image_has_its_present_length():
    (cmd, image) = pvs("seq.CMD", "image")
    for text in ("size(320, 200)", "format('Mono')", "format('RGB')", "size(640, 240)"):
        assert cmd.write(text.encode(), data_type=ChannelType.CHAR, wait=True, timeout=LIMIT).status.success
        width, height, depth = numbers("WIDTH", "HEIGHT", "DEPTH")
        assert len(image.read(timeout=LIMIT).data) == width * height * depth, text
    assert (width, height, depth) == (640, 240, 3)


def test_frames_come_in_a_subscription():
    (image,) = pvs("image")
    lengths = []
    keep = lambda _, response: lengths.append(len(response.data))
    subscription = image.subscribe()
    subscription.add_callback(keep)
    wait_until(lambda: len(lengths) >= 5, "five frames")
    subscription.clear()
    assert set(lengths) == {640 * 240 * 3}


run(globals())
