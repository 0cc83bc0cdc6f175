"""What every peer server shares: the ready line, and an end that follows the end of the harness."""

import ctypes
import json
import os
import sys
import threading


def say_ready() -> None:
    """Print the one machine-readable line the harness waits for.

    rsrv exports the port it really bound into the C environment, which ``os.environ`` does not follow.
    """
    getenv = ctypes.CDLL(None).getenv
    getenv.argtypes, getenv.restype = [ctypes.c_char_p], ctypes.c_char_p
    port = getenv(b"RSRV_SERVER_PORT") or os.environ["EPICS_CAS_SERVER_PORT"]
    print(json.dumps({"ready": True, "tcp": int(port)}), flush=True)


def wait_for_end() -> None:
    """Return when the harness closes our standard input, also when it was killed."""
    while sys.stdin.read(4096):
        pass


def end_with_the_harness() -> None:
    """End this process when standard input closes, for servers that own the main thread."""

    def watch() -> None:
        wait_for_end()
        os._exit(0)

    threading.Thread(target=watch, name="watch-stdin", daemon=True).start()
