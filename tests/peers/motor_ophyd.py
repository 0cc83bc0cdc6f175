"""The demo motor as ophyd's EpicsMotor sees it, over real libca, and a bluesky scan over it."""

import importlib.metadata
import threading
import time

import bluesky.plans as bp
import epics
from bluesky import RunEngine
from check import run, wait_until
from ophyd import EpicsMotor, EpicsSignal, EpicsSignalRO
from ophyd.utils import LimitError

RECORD = "BEAMLINE:motor"
LIMIT = 20

motor = EpicsMotor(RECORD, name="motor")
motor.wait_for_connection(timeout=LIMIT)
# ophyd tells that a move is done, and only then forgets whom it told: a move that is begun in between is never told of.
motor.settle_time = 0.05
stops = []
stop = epics.PV(f"{RECORD}.STOP", callback=lambda value, **_: stops.append(value) if value else None)
assert stop.wait_for_connection(LIMIT)


def command(text):
    epics.caput(f"{RECORD}.seq.CMD", text, wait=True, timeout=LIMIT)


def to(position):
    motor.move(position, timeout=LIMIT)
    assert motor.position == position, motor.position


def quick():
    for field, value in (("VELO", 10), ("ACCL", 0.1)):
        assert epics.caput(f"{RECORD}.{field}", value, wait=True, timeout=LIMIT) == 1


def test_0_it_is_what_the_record_says():
    names = ("ophyd", "bluesky", "pyepics")
    print("versions", *(f"{name} {importlib.metadata.version(name)}" for name in names))
    assert motor.limits == (-3, 7), motor.limits
    assert (motor.precision, motor.egu, motor.velocity.get()) == (3, "mm", 1)
    assert not motor.moving and motor.direction_of_travel.get() == 1


def test_1_a_move_is_done_when_it_is_there():
    start = time.monotonic()
    to(0.5)
    took = time.monotonic() - start
    assert 0.69 < took < 5, f"{took} s for 0.5 mm at 1 mm/s with 0.2 s of ramp"
    quick()
    to(2.0)


def test_a_move_of_no_way_is_done_at_once():
    to(1.0)
    for _ in range(20):
        to(1.0)


def test_a_target_outside_is_refused_before_it_is_put():
    for position in (7.1, -3.1):
        try:
            motor.move(position, timeout=LIMIT)
        except LimitError:
            continue
        raise AssertionError(f"{position} is outside the limits")


def test_stop_ends_a_move():
    to(0.0)
    motor.velocity.put(1, wait=True)
    try:
        status = motor.move(5, wait=False, timeout=LIMIT)
        wait_until(lambda: motor.position > 0.2, "it moves")
        before = len(stops)
        motor.stop()
        wait_until(lambda: status.done, "the status is done")
        wait_until(lambda: len(stops) >= before + (1 if status.success else 2), "the second stop of ophyd")
        wait_until(lambda: motor.motor_done_move.get(use_monitor=False) == 1, "it is at rest")
        at = motor.user_readback.get(use_monitor=False)
        assert 0.2 < at < 2, at
        assert motor.user_setpoint.get(use_monitor=False) == at
    finally:
        quick()


def test_a_new_target_under_way():
    to(0.0)
    motor.user_setpoint.put(5, wait=False)
    wait_until(lambda: motor.position > 0.2, "it moves")
    motor.user_setpoint.put(-0.5, wait=False)
    wait_until(lambda: motor.motor_done_move.get(use_monitor=False) == 1, "it is done")
    assert motor.user_readback.get(use_monitor=False) == -0.5


def test_limits_that_change_are_seen():
    to(0.0)
    motor.high_limit_travel.put(3, wait=True)
    try:
        wait_until(lambda: motor.limits == (-3, 3), "the new limits")
        to(3.0)
    finally:
        motor.high_limit_travel.put(7, wait=True)
    wait_until(lambda: motor.limits == (-3, 7), "the old limits")


def test_the_position_is_set_without_motion():
    to(1.0)
    moved = []
    token = motor.motor_is_moving.subscribe(lambda value, **_: moved.append(value), run=False)
    try:
        motor.set_current_position(3)
        wait_until(lambda: motor.position == 3, "the new position")
        assert motor.user_offset.get(use_monitor=False) == 2
        assert motor.set_use_switch.get(use_monitor=False) == 0
        wait_until(lambda: motor.limits == (-1, 9), "the limits go with it")
        to(4.0)
        motor.set_current_position(2)
        wait_until(lambda: motor.limits == (-3, 7), "the limits come back")
    finally:
        motor.motor_is_moving.unsubscribe(token)
    assert moved.count(1) == 1, f"it moved for the move only: {moved}"


def test_it_goes_home():
    to(2.0)
    epics.caput(f"{RECORD}.HVEL", 10, wait=True, timeout=LIMIT)
    motor.home("reverse", timeout=LIMIT)
    assert motor.position == 0
    assert epics.caget(f"{RECORD}.ATHM", timeout=LIMIT) == 1


def fails(position):
    before = len(stops)
    status = motor.move(position, wait=False, timeout=LIMIT)
    wait_until(lambda: status.done, "the move has ended")
    # ophyd stops a motor whose move failed, some time later.
    wait_until(lambda: status.success or len(stops) > before, "the stop of ophyd")
    return not status.success


def test_faults_fail_a_move():
    to(0.0)
    for fault, target in (("stall()", 1.0), ("following_error(0.6)", 1.0), ("limit('high')", 2.0)):
        command(fault)
        try:
            assert fails(target), fault
        finally:
            command("repair()")
    to(1.0)
    to(0.0)


def test_an_alarm_of_the_limits_fails_a_move_that_arrives():
    assert fails(5.6), "HIGH is 5.5"
    assert motor.position == 5.6
    to(0.0)


def test_the_template_beside_it():
    # ophyd refuses names with two dots.
    cmd = EpicsSignal(f"{RECORD}:seq:CMD".replace(".", ":"), string=True, name="cmd")
    ack = EpicsSignalRO(f"{RECORD}:seq:ACK".replace(".", ":"), string=True, name="ack")
    for signal in (cmd, ack):
        signal.wait_for_connection(timeout=LIMIT)
    cmd.put("move(1.5)", wait=True)
    wait_until(lambda: ack.get(use_monitor=False) == "1", "ACK")
    assert motor.user_readback.get(use_monitor=False) == 1.5


def test_a_scan_reads_the_motor_where_it_was_sent():
    quick()
    events = []
    engine = RunEngine(context_managers=[])
    engine(
        bp.scan([motor], motor, -0.9, 5, 8),
        lambda name, document: events.append(document["data"]) if name == "event" else None,
    )
    assert [round(event["motor"], 9) for event in events] == [round(-0.9 + 5.9 * n / 7, 9) for n in range(8)]
    assert all(event["motor"] == event["motor_user_setpoint"] for event in events)
    assert threading.active_count() < 50


run(globals())
