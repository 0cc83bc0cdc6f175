"""The repeater of EPICS base, as libca has it inside, on EPICS_CA_REPEATER_PORT, until it is ended."""

import ctypes
import os
import socket
import threading

from check import wait_until
from epicscorelibs.path import get_lib

PORT = int(os.environ["EPICS_CA_REPEATER_PORT"])
libca = ctypes.CDLL(get_lib("ca"))


def is_taken():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind(("0.0.0.0", PORT))
        except OSError:
            return True


# What caRepeater calls has a name of C++; the entry of its thread has one of C, and ends when the port is taken.
repeater = threading.Thread(target=libca.caRepeaterThread, args=(None,))
repeater.start()
wait_until(lambda: is_taken() or not repeater.is_alive(), "port")
print("running", flush=True)
repeater.join()
print("ended", flush=True)
