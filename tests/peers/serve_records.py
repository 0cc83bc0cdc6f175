"""A server of EPICS base with two records of each type that is named, and one for archivers."""

import os
import sys
import tempfile

os.environ["EPICS_CAS_INTF_ADDR_LIST"] = "127.0.0.1"
os.environ["EPICS_CAS_AUTO_BEACON_ADDR_LIST"] = "NO"

from epicscorelibs.ioc import start_ioc  # noqa: E402

STATES = 'field(ZRST, "zero") field(ONST, "one")'
ARRAY = 'field(FTVL, "DOUBLE") field(NELM, "8")'
MORE = {"waveform": ARRAY, "swaveform": ARRAY, "smbbi": STATES, "smbbo": STATES}

with tempfile.NamedTemporaryFile("w", suffix=".db") as file:
    for record in sys.argv[1:]:
        for name in (record, f"s{record}"):
            file.write(f'record({record}, "b:{name}") {{ {MORE.get(name, "")} }}\n')
    file.write('record(ao, "b:archived") {}\n')
    file.flush()
    start_ioc(database=file.name)
print("ready", flush=True)
# Ends with the client.
sys.stdin.read()
os._exit(0)
