"""caproto's threading client as a load program: the same commands as bench-client."""

import itertools
import json
import os
import sys
import time

from caproto.threading.client import Batch, Context


def say(**line) -> None:
    print(json.dumps(line), flush=True)


def connect_and_get(names: list[str]) -> None:
    say(ready=True)
    sys.stdin.readline()
    pvs = Context().get_pvs(*names)
    for pv in pvs:
        pv.wait_for_connection(timeout=60)
    values = {}
    with Batch() as batch:
        for i, pv in enumerate(pvs):
            batch.read(pv, lambda response, i=i: values.__setitem__(i, response.data[0]))
    until = time.monotonic() + 60
    while len(values) < len(pvs):
        if time.monotonic() > until:
            sys.exit(f"{len(values)} of {len(pvs)} answered")
        time.sleep(0.001)
    wrong = [i for i, value in values.items() if value != i]
    if wrong:
        sys.exit(f"wrong values: {wrong[:9]}")
    say(done=len(values))
    sys.stdin.readline()


def monitor(names: list[str]) -> None:
    updates = itertools.count()
    shown = set()

    def on_update(sub, _response) -> None:
        shown.add(sub.pv.name)
        next(updates)

    kept = []
    for pv in Context().get_pvs(*names):
        pv.wait_for_connection(timeout=60)
        subscription = pv.subscribe(data_type="time")
        subscription.add_callback(on_update)
        kept.append((pv, subscription))
    while len(shown) < len(names):
        time.sleep(0.01)
    say(ready=True)
    read = 0
    while sys.stdin.readline():
        # a count cannot be read without counting
        say(updates=next(updates) - read)
        read += 1


if __name__ == "__main__":
    NAMES = [f"BENCH:p{i}" for i in range(int(sys.argv[2]))]
    {"connect": connect_and_get, "monitor": monitor}[sys.argv[1]](NAMES)
    os._exit(0)
