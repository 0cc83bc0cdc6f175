"""A server of EPICS base with one record of every native type."""

import os
import tempfile
import threading

RECORDS = """
record(stringout, "p:string") { field(VAL, "3") field(PINI, "YES") }
record(waveform, "p:short") { field(FTVL, "SHORT") field(NELM, "1") field(INP, [3]) field(PINI, "YES") }
record(waveform, "p:float") { field(FTVL, "FLOAT") field(NELM, "1") field(INP, [3]) field(PINI, "YES") }
record(mbbo, "p:enum") { field(VAL, "3") field(ZRST, "off") field(ONST, "on") field(TWST, "two") field(THST, "3")
    field(PINI, "YES") }
record(waveform, "p:char") { field(FTVL, "UCHAR") field(NELM, "1") field(INP, [3]) field(PINI, "YES") }
record(longout, "p:long") { field(VAL, "3") field(PINI, "YES") }
record(ao, "p:double") { field(VAL, "3") field(EGU, "mm") field(PREC, "2") field(PINI, "YES") }
record(waveform, "p:array16384") { field(FTVL, "DOUBLE") field(NELM, "16384") }
record(waveform, "p:array10000000") { field(FTVL, "DOUBLE") field(NELM, "10000000") }
record(waveform, "p:text") { field(FTVL, "CHAR") field(NELM, "300") }
"""

os.environ["EPICS_CAS_INTF_ADDR_LIST"] = "127.0.0.1"
os.environ["EPICS_CAS_AUTO_BEACON_ADDR_LIST"] = "NO"

from epicscorelibs.ioc import start_ioc  # noqa: E402

with tempfile.NamedTemporaryFile("w", suffix=".db") as file:
    file.write(RECORDS)
    file.flush()
    start_ioc(database=file.name)
threading.Event().wait()
