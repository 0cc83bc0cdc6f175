"""Runs a device class of Python for the IOC `python_device`, which starts this file: python_device.py FILE CLASS.

The class is one as sequence-server-wrapper knows it: `io_execute(pv_name, value)` is called for each put, and it publishes by
`self.io_put_queue.put({name: value})`, `self.io.io_put_queue` or `self.io.seq.io_put_queue`. `init()` is called first, if there
is one. Lines of JSON come in by standard input and go out by standard output; what the class prints goes to standard error.
"""

import json
import runpy
import sys
import threading

OUT, sys.stdout = sys.stdout, sys.stderr
LOCK = threading.Lock()


def plain(value):
    """A value as JSON has it: lists for arrays, null for nan, which is no JSON."""
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and value != value:
        return None
    return value


def send(**line):
    with LOCK:
        OUT.write(json.dumps(line, allow_nan=False) + "\n")
        OUT.flush()


class Queue:
    """What the class takes for the queue of its IOC."""

    def put(self, values):
        send(put={name: plain(value) for name, value in values.items()})


class Io:
    def __init__(self):
        self.io_put_queue = Queue()
        self.seq = self


def main(file, name):
    device = runpy.run_path(file)[name]()
    device.io = Io()
    device.io_put_queue = device.io.io_put_queue
    if hasattr(device, "init"):
        device.init()
    send(done=True)
    for line in sys.stdin:
        call = json.loads(line)
        try:
            device.io_execute(call["pv_name"], call["value"])
            send(done=True)
        except Exception as error:
            send(error=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
