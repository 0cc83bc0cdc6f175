"""The ophyd classes of all demo devices, made by happi from its database, against a running server."""

import importlib
import importlib.metadata
import json
import pathlib
import sys
import time

FOLDER = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(FOLDER))

import happi
import numpy
from check import run, wait_until
from ophyd import Device, EpicsMotor, EpicsSignal
from ophyd.utils import LimitError

LIMIT = 60
client = happi.Client(path=str(FOLDER / "happi_db.json"))
names = sorted(result["name"] for result in client.search())
devices = {name: client.load_device(name=name) for name in names}


def test_0_happi_makes_every_device_and_all_of_it_connects():
    print("versions", *(f"{name} {importlib.metadata.version(name)}" for name in ("ophyd", "happi", "pyepics")))
    assert names == ["beamline", "chart", "clock", "example", "motor", "pvs", "sequencer"], names
    assert not client.validate(), "happi finds fault with an entry"
    for device in devices.values():
        device.wait_for_connection(all_signals=True, timeout=LIMIT)


def test_1_a_class_needs_a_name_only_and_hides_nothing_of_ophyd():
    for name in names:
        module = importlib.import_module(f"{name}_device")
        kind = getattr(module, name.capitalize())
        base = EpicsMotor if name == "motor" else Device
        own = set(kind.component_names) - set(base.component_names)
        assert own and not any(hasattr(base, attribute) for attribute in own), own
        assert kind(name="mine").prefix == devices[name].prefix
        assert kind(name="mine", prefix="other:").prefix == "other:"


def test_every_pv_of_the_table_has_its_signal():
    table = json.loads(pathlib.Path(sys.argv[2]).read_text())
    for device in table:
        signals = {walk.item.pvname: walk.item for walk in devices[device["device"]].walk_signals() if hasattr(walk.item, "pvname")}
        for pv in device["pvs"]:
            name = pv["name"]
            alias = name.replace(".", ":") if name.count(".") > 1 else name
            if name.startswith("BEAMLINE:motor.") and name.count(".") == 1 and name.rsplit(".", 1)[1].isupper():
                continue  # a field of the record: EpicsMotor has those that it wants
            signal = signals[alias]
            if pv["pv_type"] in ("text", "string", "enum"):
                assert isinstance(signal.get(), str), f"{name}: {signal.get()!r}"
            assert isinstance(signal, EpicsSignal) == (pv["access"] == "rw"), name
            if pv["access"] == "rw":
                assert signal._put_complete == pv["completes"], name


def test_a_set_is_done_when_the_device_is():
    clock = devices["clock"]
    clock.delay.set(0.3).wait(timeout=LIMIT)
    start = time.monotonic()
    clock.request.set(1).wait(timeout=LIMIT)
    assert time.monotonic() - start > 0.29
    wait_until(lambda: abs(clock.response.get(use_monitor=False) - time.time()) < LIMIT, "the time")


def test_read_has_what_is_measured_and_configuration_what_is_set():
    clock = devices["clock"]
    assert set(clock.read()) == {"clock_response"}, clock.read()
    assert set(clock.read_configuration()) == {"clock_request", "clock_delay"}, clock.read_configuration()
    assert clock.hints == {"fields": ["clock_response"]}, clock.hints
    assert clock.describe()["clock_response"]["units"] == "s"
    assert set(devices["motor"].read()) == {"motor", "motor_user_setpoint"}, devices["motor"].read()
    assert "motors" in devices["motor"]._ophyd_labels_


def test_read_has_the_groups_of_the_author():
    pvs = devices["pvs"]
    measured = {"pvs_temp_a_value": 21.5, "pvs_temp_a_log_2": 3, "pvs_temp_a_inner_value": 4.5}
    assert {name: reading["value"] for name, reading in pvs.read().items()} == measured, pvs.read()
    assert set(pvs.read_configuration()) == {"pvs_temp_a_setpoint", "pvs_temp_a_class_"}, pvs.read_configuration()
    assert pvs.hints == {"fields": ["pvs_temp_a_value", "pvs_temp_a_inner_value"]}, pvs.hints


def test_a_command_is_sent_and_answered():
    example = devices["example"]
    example.send("[1, 2.5, 3]").wait(timeout=LIMIT)
    assert example.seq.ack.get(use_monitor=False) == "1"
    assert numpy.array_equal(example.seq.values.get(), [1, 2.5, 3])
    example.send("fail('told so')").wait(timeout=LIMIT)
    assert example.seq.ack.get(use_monitor=False) == "0: told so"


def test_the_motor_is_a_positioner():
    motor = devices["motor"]
    assert isinstance(motor, EpicsMotor)
    motor.move(0.25, timeout=LIMIT)
    assert motor.position == 0.25
    motor.send("move(0)").wait(timeout=LIMIT)
    assert motor.user_readback.get(use_monitor=False) == 0


def test_limits_are_those_of_the_pv():
    rate = devices["chart"].rate
    low, high = rate.limits
    assert low < high
    try:
        rate.set(high * 2).wait(timeout=LIMIT)
    except LimitError:
        return
    raise AssertionError("a value outside the limits was sent")


run(globals())
