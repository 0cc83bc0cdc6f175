"""A server of EPICS base with the database of a file of recorded calls, its argument."""

import json
import os
import sys
import tempfile
import threading

os.environ["EPICS_CAS_INTF_ADDR_LIST"] = "127.0.0.1"
os.environ["EPICS_CAS_AUTO_BEACON_ADDR_LIST"] = "NO"

from epicscorelibs.ioc import start_ioc  # noqa: E402

with open(sys.argv[1], encoding="utf-8") as cases, tempfile.NamedTemporaryFile("w", suffix=".db") as file:
    file.write(json.load(cases)["database"])
    file.flush()
    start_ioc(database=file.name)
threading.Event().wait()
