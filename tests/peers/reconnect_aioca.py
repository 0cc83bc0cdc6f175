"""aioca loses its server and finds it again. Prints `connected`, then `disconnected`."""

import asyncio

from aioca import caget, camonitor, caput

NAME = "wt:delay"
LIMIT = 40

updates = []


async def until(done, what):
    """Waits until `done` is true of the updates."""
    try:
        async with asyncio.timeout(LIMIT):
            while not (updates and done(updates[-1])):
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"{what}: {updates}") from None


async def main():
    monitor = camonitor(NAME, updates.append, all_updates=True, notify_disconnect=True)
    await until(lambda last: last.ok, "first update")
    await caput(NAME, 7, wait=True, timeout=10)
    await until(lambda last: last == 7, "update")
    print("connected", flush=True)

    await until(lambda last: not last.ok, "disconnect")
    print("disconnected", flush=True)

    await until(lambda last: last.ok, "the monitor's first update after it")
    assert updates[-1] == 0.2, "a new server has the first value"
    assert await caget(NAME, timeout=10) == 0.2
    await caput(NAME, 8, wait=True, timeout=10)
    await until(lambda last: last == 8, "update")
    assert [float(value) if value.ok else None for value in updates[-3:]] == [None, 0.2, 8], updates
    monitor.close()
    print("reconnected", flush=True)


asyncio.run(main())
