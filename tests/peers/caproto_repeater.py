"""The repeater of caproto on EPICS_CA_REPEATER_PORT, until it is ended."""

import socket
import threading

from caproto import get_environment_variables
from caproto.sync.repeater import run
from check import wait_until

PORT = get_environment_variables()["EPICS_CA_REPEATER_PORT"]


def is_taken():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind(("0.0.0.0", PORT))
        except OSError:
            return True


repeater = threading.Thread(target=run)
repeater.start()
wait_until(lambda: is_taken() or not repeater.is_alive(), "port")
print("running", flush=True)
repeater.join()
print("ended", flush=True)
