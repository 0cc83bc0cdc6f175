"""Runs the checks of a script one after the other; says the name of each."""

import sys
import time
import traceback


def wait_until(ask, what, seconds=15.0):
    """Asks again and again; the first answer that is true."""
    until = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < until, f"{what}: not within {seconds} s"
        time.sleep(0.002)


def run(names):
    """Runs every test_ function; ends the process with 1 when one failed."""
    failed = []
    for name, function in list(names.items()):
        if name.startswith("test_"):
            try:
                function()
                print(f"ok      {name}", flush=True)
            except Exception:
                traceback.print_exc()
                print(f"FAILED  {name}", flush=True)
                failed.append(name)
    sys.exit(f"{len(failed)} failed: {', '.join(failed)}" if failed else 0)
