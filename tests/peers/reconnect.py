"""libca and caproto lose their server and find it again. Prints `connected`, then `disconnected`."""

import epics
from caproto.threading.client import Context
from check import wait_until

NAME = "TEST:SERVER.example_pv"
LIMIT = 40

updates = []
libca = epics.PV(NAME, auto_monitor=True, callback=lambda value, **_: updates.append(value))
assert libca.wait_for_connection(timeout=10)
(caproto,) = Context().get_pvs(NAME, timeout=10)
caproto.wait_for_connection(timeout=10)
heard = []
keep = lambda _, response: heard.append(float(response.data[0]))
caproto.subscribe().add_callback(keep)
libca.put(5, wait=True, timeout=10)
wait_until(lambda: updates and updates[-1] == 5, "update")
assert caproto.read(timeout=10).data.tolist() == [5]
wait_until(lambda: heard and heard[-1] == 5, "update of caproto")
print("connected", flush=True)

wait_until(lambda: not libca.connected and not caproto.connected, "disconnect", LIMIT)
count, told = len(updates), len(heard)
print("disconnected", flush=True)

wait_until(lambda: libca.connected and caproto.connected, "reconnect", LIMIT)
wait_until(lambda: len(updates) > count, "the monitor's first update after it")
assert updates[-1] == 0, "a new server has the first value"
assert caproto.read(timeout=10).data.tolist() == [0]
assert libca.put(6, wait=True, timeout=10) == 1
wait_until(lambda: updates[-1] == 6, "update")
wait_until(lambda: len(heard) > told and heard[-1] == 6, "update of caproto", LIMIT)
print("reconnected", flush=True)
