"""Runs the checks of a script one after the other; says the name of each."""

import os
import sys
import threading
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


def is_bound(port):
    """Whether a UDP socket of this host has the port; a trial bind would be in the way of who is about to take it."""
    with open("/proc/net/udp") as table:
        return any(line.split()[1].endswith(f":{port:04X}") for line in list(table)[1:])


def repeat(run):
    """Runs a repeater to its end on a thread, and says so when it has the port or has ended, and when it has ended."""
    port = int(os.environ["EPICS_CA_REPEATER_PORT"])
    repeater = threading.Thread(target=run)
    repeater.start()
    wait_until(lambda: is_bound(port) or not repeater.is_alive(), "port")
    print("running", flush=True)
    repeater.join()
    print("ended", flush=True)
