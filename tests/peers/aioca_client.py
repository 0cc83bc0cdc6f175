"""The demo devices as aioca sees them: libca with the status of every put."""

import asyncio
import sys
import time


from aioca import DBR_CHAR_STR, DBR_STRING, FORMAT_CTRL, FORMAT_TIME, CANothing, caget, camonitor, caput
from check import run

SEQ = "TEST:SERVER.seq."
LIMIT = 10
PUTFAIL = 160
STATES = ["Idle", "Busy", "Done", "Failed", "Aborted", "Offline", "Overrun"]
MEMBERS = "CMD ACK values message STATE BUSY COUNT DONE ERROR PROGRESS ELAPSED QUEUED REFUSED ABORT".split()


def test(function):
    """Each check is a coroutine with an event loop, and so a context, of its own."""

    def run_it():
        asyncio.run(asyncio.wait_for(function(), 40))

    return run_it


async def command(text, prefix=SEQ, timeout=LIMIT):
    return await caput(prefix + "CMD", text, datatype=DBR_CHAR_STR, wait=True, timeout=timeout, throw=False)


async def text_of(name):
    return await caget(name, datatype=DBR_CHAR_STR, timeout=LIMIT)


async def eventually(name, wanted, seconds=LIMIT):
    until = time.monotonic() + seconds
    while (got := await caget(name, timeout=LIMIT)) != wanted:
        assert time.monotonic() < until, f"{name} is {got}, not {wanted}"
        await asyncio.sleep(0.005)


async def progressing():
    """The device has taken its command, a move."""
    await eventually(SEQ + "STATE", STATES.index("Busy"))
    until = time.monotonic() + LIMIT
    while not 0 < await caget(SEQ + "PROGRESS", timeout=LIMIT) < 100:
        assert time.monotonic() < until, "the move does not start"
        await asyncio.sleep(0.005)


def refused(result):
    return isinstance(result, CANothing) and not result.ok and result.errorcode == PUTFAIL


@test
async def test_refused_text_is_error_160():
    assert (await command("[1]")).ok
    assert refused(await command("import os"))
    try:
        await caput(SEQ + "CMD", "import os", wait=True, timeout=LIMIT)
        raise AssertionError("nothing was raised")
    except CANothing as error:
        assert error.errorcode == PUTFAIL
    cmd = await caget(SEQ + "CMD", format=FORMAT_TIME, timeout=LIMIT)
    assert (cmd.status, cmd.severity) == (2, 2)
    assert await text_of(SEQ + "CMD") == "[1]"
    assert (await command("[1]")).ok


@test
async def test_all_of_the_template_is_there():
    for prefix in (SEQ, "wt:seq."):
        values = await caget([prefix + name for name in MEMBERS], format=FORMAT_CTRL, timeout=LIMIT)
        assert all(value.ok for value in values)
    found = dict(zip(MEMBERS, values))
    assert found["STATE"].enums == STATES
    assert found["BUSY"].enums == ["Idle", "Busy"]
    assert found["ABORT"].enums == ["Idle", "Abort"]
    assert found["PROGRESS"].units == "%" and found["ELAPSED"].units == "s"


@test
async def test_a_string_put_of_39_characters_is_refused():
    short, long = "[1, 2]", "[" + " " * 37 + "]"
    assert (await caput(SEQ + "CMD", short, datatype=DBR_STRING, wait=True, timeout=LIMIT)).ok
    result = await caput(SEQ + "CMD", long, datatype=DBR_STRING, wait=True, timeout=LIMIT, throw=False)
    assert refused(result), result
    assert await text_of(SEQ + "CMD") == short
    assert "39" in await text_of(SEQ + "ERROR")
    assert (await command(long)).ok, "as an array of characters it is whole"


@test
async def test_a_monitor_sees_a_command_begin_and_end():
    seen = {name: [] for name in ("BUSY", "ACK", "STATE", "values")}
    subscriptions = [
        # With a plain format libca drops the update of an empty array.
        camonitor(SEQ + name, lambda value, kept=kept: kept.append(value), format=FORMAT_TIME, all_updates=True)
        for name, kept in seen.items()
    ]
    until = time.monotonic() + LIMIT
    while not all(seen.values()):
        assert time.monotonic() < until
        await asyncio.sleep(0.005)
    for kept in seen.values():
        kept.clear()
    assert (await command("[3, 4]")).ok
    while not (seen["BUSY"] and seen["BUSY"][-1] == 0):
        assert time.monotonic() < until
        await asyncio.sleep(0.005)
    assert seen["BUSY"] == [1, 0], "busy always shows"
    assert seen["ACK"] == ["0", "1"], seen["ACK"]
    assert seen["STATE"] == [1, 2], seen["STATE"]
    values = [list(value) for value in seen["values"]]
    assert values == [[], [3, 4]], values
    for subscription in subscriptions:
        subscription.close()


@test
async def test_control_format_gives_limits():
    delay = await caget("wt:delay", format=FORMAT_CTRL, timeout=LIMIT)
    assert (delay.units, delay.precision) == ("s", 3)
    assert (delay.lower_ctrl_limit, delay.upper_ctrl_limit) == (0, 3600)
    assert refused(await caput("wt:delay", -1, wait=True, timeout=LIMIT, throw=False))
    assert await caget("wt:delay", timeout=LIMIT) == 0.2
    assert (await caput("wt:delay", 0.2, wait=True, timeout=LIMIT)).ok


async def ten_commands():
    """Ten puts at once: how many were done, how many refused."""
    results = await asyncio.gather(*(command(f"[{i}]") for i in range(10)))
    done = sum(result.ok for result in results)
    assert all(result.ok or refused(result) for result in results), results
    return done, len(results) - done


@test
async def test_twenty_commands_of_two_clients_are_answered_once_each():
    count, start_done, start_refused = [await caget(SEQ + n, timeout=LIMIT) for n in ("COUNT", "DONE", "REFUSED")]
    assert count == start_done
    other = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "ten-commands", stdout=asyncio.subprocess.PIPE
    )
    done, failed = await ten_commands()
    output, _ = await other.communicate()
    assert other.returncode == 0, output
    other_done, other_failed = map(int, output.split())
    assert done + failed == other_done + other_failed == 10
    assert await caget(SEQ + "COUNT", timeout=LIMIT) == count + done + other_done
    assert await caget(SEQ + "DONE", timeout=LIMIT) == count + done + other_done
    assert await caget(SEQ + "REFUSED", timeout=LIMIT) == start_refused + failed + other_failed


@test
async def test_more_commands_than_wait_are_refused():
    before = await caget(SEQ + "REFUSED", timeout=LIMIT)
    moving = asyncio.ensure_future(command("move(100)", timeout=30))
    await progressing()
    waiting = [asyncio.ensure_future(command(f"[{i}]", timeout=30)) for i in range(20)]
    await eventually(SEQ + "REFUSED", before + 4)
    assert await caget(SEQ + "QUEUED", timeout=LIMIT) == 16
    assert (await caput(SEQ + "ABORT", 1, wait=True, timeout=LIMIT)).ok
    assert refused(await moving)
    assert all(refused(result) for result in await asyncio.gather(*waiting))
    assert await caget(SEQ + "QUEUED", timeout=LIMIT) == 0


@test
async def test_abort_ends_a_move():
    moving = asyncio.ensure_future(command("move(100)", timeout=30))
    await progressing()
    assert await caget(SEQ + "STATE", timeout=LIMIT) == STATES.index("Busy")
    assert await caget(SEQ + "ACK", timeout=LIMIT) == "0"
    start = time.monotonic()
    assert (await caput(SEQ + "ABORT", 1, wait=True, timeout=LIMIT)).ok
    took = time.monotonic() - start
    assert refused(await moving)
    assert took < 5, "a move of 100 s"
    assert await caget(SEQ + "ABORT", timeout=LIMIT) == 0
    assert await caget(SEQ + "STATE", timeout=LIMIT) == STATES.index("Aborted")
    assert (await caget(SEQ + "ACK", timeout=LIMIT)).startswith("0: ")
    assert (await caput(SEQ + "ABORT", 1, wait=True, timeout=LIMIT)).ok, "nothing runs: done at once"
    assert (await command("[1]")).ok


@test
async def test_a_failure_is_told_everywhere():
    reason = "the stage is stuck between two limit switches"
    assert refused(await command(f"fail('{reason}')"))
    assert await caget(SEQ + "ACK", timeout=LIMIT) == f"0: {reason}"[:39]
    assert await text_of(SEQ + "ERROR") == reason
    assert await caget(SEQ + "STATE", timeout=LIMIT) == STATES.index("Failed")
    cmd = await caget(SEQ + "CMD", format=FORMAT_TIME, timeout=LIMIT)
    assert (cmd.status, cmd.severity) == (2, 2)
    assert await text_of(SEQ + "CMD") == f"fail('{reason}')", "it was accepted"
    assert (await command("[1]")).ok
    assert (await caget(SEQ + "CMD", format=FORMAT_TIME, timeout=LIMIT)).severity == 0


@test
async def test_a_panic_fails_its_client_and_the_device_comes_back():
    seen = []
    subscription = camonitor(SEQ + "STATE", lambda value: seen.append((int(value), value.severity)),
                             format=FORMAT_TIME, all_updates=True)
    assert (await caput("wt:delay", 1, wait=True, timeout=LIMIT)).ok
    request = asyncio.ensure_future(caput("wt:request", 1, wait=True, timeout=LIMIT))
    await eventually("wt:seq.BUSY", 1)
    assert refused(await command("panic"))
    until = time.monotonic() + LIMIT
    while not (seen and seen[-1] == (STATES.index("Idle"), 0)) or len(seen) < 3:
        assert time.monotonic() < until, seen
        await asyncio.sleep(0.005)
    subscription.close()
    assert (STATES.index("Offline"), 3) in seen, seen
    assert (await request).ok, "the other device does not notice"
    assert (await caget("wt:seq.STATE", format=FORMAT_TIME, timeout=LIMIT)).severity == 0
    assert (await command("[8]")).ok
    assert list(await caget(SEQ + "values", timeout=LIMIT)) == [8]


if __name__ == "__main__":
    if sys.argv[1:] == ["ten-commands"]:
        print(*asyncio.run(ten_commands()))
    else:
        run(globals())
