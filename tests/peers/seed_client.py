"""The tutorial of caproto's threading client, line by line, at our random walk."""

import struct

from caproto.threading.client import Context, SharedBroadcaster
from check import run, wait_until

LIMIT = 20
ctx = Context(SharedBroadcaster())
x, dt = ctx.get_pvs("random_walk:x", "random_walk:dt")


def test_1_pvs_and_context_show_that_they_are_connected():
    for pv in (x, dt):
        pv.wait_for_connection(timeout=LIMIT)
    assert "circuit_state=States.CONNECTED, channel_state=States.CONNECTED" in repr(dt), dt
    assert repr(ctx) == "<Context searches_pending=0 circuits=1 pvs=2 idle=0>", ctx


def test_2_a_response_has_its_data_and_its_bytes():
    res = dt.read(timeout=LIMIT)
    assert res.data.tolist() == [3.0] and repr(res).startswith("ReadNotifyResponse(data=array([3."), res
    assert bytes(res).endswith(struct.pack(">d", 3.0))


def test_3_a_value_is_written():
    assert dt.write([1], timeout=LIMIT).status.success
    assert dt.read(timeout=LIMIT).data.tolist() == [1.0]


def test_4_a_subscription_hears_the_period():
    assert dt.write([0.01], timeout=LIMIT).status.success
    seen = []
    keep = lambda _, response: seen.append(response.data[0])
    subscription = x.subscribe()
    subscription.add_callback(keep)
    wait_until(lambda: len(seen) > 5, "steps", LIMIT)
    assert len(set(seen)) == len(seen)
    subscription.clear()


run(globals())
