"""The demo devices as caproto's threading client sees them."""

import time

from caproto import AccessRights, ChannelType
import caproto_pvs
from caproto_pvs import LIMIT
from check import run, wait_until

SEQ = "TEST:SERVER.seq."


def pvs(*names):
    return caproto_pvs.pvs("", *names)


def command(text):
    (cmd,) = pvs(SEQ + "CMD")
    return cmd.write(text.encode(), data_type=ChannelType.CHAR, wait=True, timeout=LIMIT)


def test_channels_have_type_count_and_rights():
    cmd, values, state, val = pvs(SEQ + "CMD", SEQ + "values", SEQ + "STATE", "TEST:SERVER.VAL")
    assert (cmd.channel.native_data_type, cmd.channel.native_data_count) == (ChannelType.CHAR, 10000)
    assert (values.channel.native_data_type, values.channel.native_data_count) == (ChannelType.DOUBLE, 10000)
    assert state.channel.native_data_type == ChannelType.ENUM
    assert cmd.channel.access_rights == AccessRights.READ | AccessRights.WRITE
    assert val.channel.access_rights == AccessRights.READ


def test_a_number_is_written_and_read():
    (pv,) = pvs("TEST:SERVER.example_pv")
    for value in (2.5, -1.0, 0.0):
        assert pv.write(value, wait=True, timeout=LIMIT).status.success
        assert pv.read(timeout=LIMIT).data.tolist() == [value]


def test_a_command_completes_with_its_status():
    assert command("[1, 2.5, 3]").status.success
    values, ack = pvs(SEQ + "values", SEQ + "ACK")
    assert values.read(timeout=LIMIT).data.tolist() == [1, 2.5, 3]
    assert ack.read(timeout=LIMIT).data == [b"1"]
    refused = command("import os")
    assert not refused.status.success and refused.status.code_with_severity == 160
    assert ack.read(timeout=LIMIT).data[0].startswith(b"0: ")
    assert command("[1]").status.success


def test_a_subscription_gets_each_update():
    (pv,) = pvs("TEST:SERVER.example_pv")
    seen = []
    keep = lambda _, response: seen.append(float(response.data[0]))
    subscription = pv.subscribe(data_type="time")
    subscription.add_callback(keep)
    wait_until(lambda: seen, "first update")
    for value in range(201, 221):
        pv.write(value, wait=True, timeout=LIMIT)
        wait_until(lambda: seen[-1] == value, f"update {value}")
    assert seen[-20:] == list(range(201, 221))
    subscription.clear()


def test_an_enum_has_its_labels():
    (state,) = pvs(SEQ + "STATE")
    control = state.read(data_type="control", timeout=LIMIT)
    assert control.metadata.enum_strings == (b"Idle", b"Busy", b"Done", b"Failed", b"Aborted", b"Offline", b"Overrun")
    assert command("[1]").status.success
    assert state.read(timeout=LIMIT).data.tolist() == [2]
    assert state.read(data_type=ChannelType.STRING, timeout=LIMIT).data == [b"Done"]


def test_text_is_read_as_bytes_and_as_string():
    assert command("[1, 2]").status.success
    (cmd,) = pvs(SEQ + "CMD")
    assert bytes(cmd.read(timeout=LIMIT).data) == b"[1, 2]"
    assert cmd.read(data_type=ChannelType.STRING, data_count=1, timeout=LIMIT).data == [b"[1, 2]"]


def test_time_and_control_reads():
    delay, request, response = pvs("wt:delay", "wt:request", "wt:response")
    assert request.write(1, wait=True, timeout=LIMIT).status.success
    stamped = response.read(data_type="time", timeout=LIMIT)
    assert abs(stamped.metadata.timestamp - time.time()) < 1
    assert abs(stamped.metadata.timestamp - stamped.data[0]) < 1e-3
    assert (stamped.metadata.status, stamped.metadata.severity) == (0, 0)
    control = delay.read(data_type="control", timeout=LIMIT).metadata
    assert (control.units, control.precision) == (b"s", 3)
    assert (control.lower_ctrl_limit, control.upper_ctrl_limit) == (0, 3600)


def test_a_write_to_a_read_only_pv_fails():
    (val,) = pvs("TEST:SERVER.VAL")
    before = val.read(timeout=LIMIT).data.tolist()
    try:
        response = val.write(99.0, wait=True, timeout=2)
        assert not response.status.success
    except Exception as error:
        print(f"        refused: {type(error).__name__}")
    assert val.read(timeout=LIMIT).data.tolist() == before


def test_a_value_outside_the_limits_is_refused():
    (delay,) = pvs("wt:delay")
    response = delay.write(3601, wait=True, timeout=LIMIT)
    assert response.status.code_with_severity == 160
    assert delay.read(timeout=LIMIT).data.tolist() == [0.2]
    assert delay.write(0.2, wait=True, timeout=LIMIT).status.success


run(globals())
