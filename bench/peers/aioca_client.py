"""aioca, that is libca under Python: the same commands as bench-client."""

import asyncio
import json
import os
import sys

from aioca import FORMAT_TIME, caget, camonitor


def say(**line) -> None:
    print(json.dumps(line), flush=True)


async def line() -> str:
    return await asyncio.to_thread(sys.stdin.readline)


async def connect_and_get(names: list[str]) -> None:
    say(ready=True)
    await line()
    values = await caget(names, timeout=60)
    wrong = [i for i, value in enumerate(values) if value != i]
    if wrong:
        sys.exit(f"wrong values: {wrong[:9]}")
    say(done=len(values))
    await line()


async def monitor(names: list[str]) -> None:
    updates = 0
    shown = set()

    def on_update(_value, index: int) -> None:
        nonlocal updates
        updates += 1
        shown.add(index)

    kept = camonitor(names, on_update, format=FORMAT_TIME, all_updates=True)
    while len(shown) < len(kept):
        await asyncio.sleep(0.01)
    say(ready=True)
    while await line():
        say(updates=updates)


if __name__ == "__main__":
    NAMES = [f"BENCH:p{i}" for i in range(int(sys.argv[2]))]
    asyncio.run({"connect": connect_and_get, "monitor": monitor}[sys.argv[1]](NAMES))
    os._exit(0)
