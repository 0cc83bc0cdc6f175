"""The demo motor as ophyd-async's Motor sees it, over aioca, and a bluesky scan over it."""

import asyncio
import importlib.metadata
import inspect
import time

import aioca
import bluesky.plans as bp
from bluesky import RunEngine
from bluesky.run_engine import call_in_bluesky_event_loop
from check import run
from ophyd_async.core import FlyMotorInfo, init_devices
from ophyd_async.epics.motor import Motor, MotorLimitsError

RECORD = "BEAMLINE:motor"
LIMIT = 20


async def position(motor):
    return await motor.user_readback.get_value()


async def fails(target):
    """True when a put of this target fails.

    Straight by aioca: a failed put of ophyd-async 0.21 is lost in its retries, because the exception is false.
    """
    try:
        await aioca.caput(f"{RECORD}.VAL", target, wait=True, timeout=LIMIT)
    except aioca.CANothing as error:
        assert error.errorcode == 160, "PUTFAIL"
        return True
    return False


async def at_rest(motor):
    async with asyncio.timeout(LIMIT):
        while await motor.motor_done_move.get_value() != 1:
            await asyncio.sleep(0.01)


async def quick(motor):
    await motor.velocity.set(10)
    await motor.acceleration_time.set(0.1)


async def test_it_is_what_the_record_says(motor):
    assert await motor.motor_egu.get_value() == "mm"
    assert (await motor.precision.get_value(), await motor.max_velocity.get_value()) == (3, 10)
    assert await motor.motor_resolution.get_value() == await motor.deadband.get_value() == 0.001
    assert await motor.steps_per_revolution.get_value() == 200
    assert (await motor.offset_freeze_switch.get_value()).value == "Variable"
    assert (await motor.set_use_switch.get_value()).value == "Use"


async def test_a_set_completes_at_the_end_of_the_motion(motor):
    start = time.monotonic()
    await motor.set(0.5)
    assert 0.69 < time.monotonic() - start < 5
    assert await position(motor) == 0.5
    assert await motor.motor_done_move.get_value() == 1
    await quick(motor)
    await motor.set(2.0)
    await motor.set(2.0)
    assert await position(motor) == 2.0


async def test_a_target_outside_is_refused(motor):
    try:
        await motor.set(7.5)
    except MotorLimitsError as error:
        assert "7.5mm" in str(error), error
    else:
        raise AssertionError("7.5 is outside the limits")
    assert await fails(7.5)
    assert await motor.user_setpoint.get_value() == 2.0
    assert await aioca.caget(f"{RECORD}.LVIO") == 1


async def test_stop_ends_a_set(motor):
    await motor.set(0.0)
    await motor.velocity.set(1)
    for success in (True, False):
        start = await position(motor)
        status = motor.set(start + 3)
        async with asyncio.timeout(LIMIT):
            while await position(motor) < start + 0.2:
                await asyncio.sleep(0.01)
        await motor.stop(success=success)
        try:
            await asyncio.wait_for(status, LIMIT)
            assert success, "it was told to fail"
        except RuntimeError:
            assert not success, "it was told to succeed"
        await at_rest(motor)
        assert await motor.user_setpoint.get_value() == await position(motor)
    await quick(motor)


async def test_a_newer_target_supersedes(motor):
    await motor.set(0.0)
    first = asyncio.create_task(fails(4.0))
    await asyncio.sleep(0.1)
    await motor.user_setpoint.set(1.0)
    assert await asyncio.wait_for(first, LIMIT)
    assert await position(motor) == 1.0


async def test_set_mode_says_where_it_is(motor):
    await motor.set(1.0)
    Switch = type(await motor.set_use_switch.get_value())
    await motor.set_use_switch.set(Switch.SET)
    await motor.user_setpoint.set(50.0)
    await motor.set_use_switch.set(Switch.USE)
    assert (await position(motor), await motor.offset.get_value()) == (50.0, 49.0)
    assert (await motor.low_limit_travel.get_value(), await motor.high_limit_travel.get_value()) == (46, 56)
    await motor.offset.set(0.0)
    assert await position(motor) == 1.0


async def test_a_fly_scan_runs_through(motor):
    await motor.set(0.0)
    info = FlyMotorInfo(start_position=1.0, end_position=3.0, time_for_move=1.0)
    await motor.prepare(info)
    await motor.kickoff()
    await asyncio.wait_for(motor.complete(), LIMIT)
    assert await position(motor) > 3.0
    await quick(motor)


def test_z_a_scan_reads_the_motor_where_it_was_sent(motor):
    events = []

    def keep(name, document):
        if name == "event":
            events.append(document["data"]["motor"])

    engine(bp.scan([motor], motor, -2, 5, 8), keep)
    assert events == [float(n) for n in range(-2, 6)], events


# One event loop for all: aioca's channels are bound to theirs.
engine = RunEngine(context_managers=[])
with init_devices():
    the_motor = Motor(f"ca://{RECORD}", name="motor")


def called(check):
    """The check as one without arguments, in the engine's loop where it is async."""

    def call():
        result = check(the_motor)
        if inspect.iscoroutine(result):
            call_in_bluesky_event_loop(result, timeout=60)

    return call


names = ("ophyd-async", "aioca", "bluesky")
print("versions", *(f"{name} {importlib.metadata.version(name)}" for name in names))
run({name: called(check) for name, check in globals().items() if name.startswith("test_")})
