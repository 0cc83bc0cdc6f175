"""The repeater of EPICS base, as libca has it inside, on EPICS_CA_REPEATER_PORT, until it is ended."""

import ctypes

from check import repeat
from epicscorelibs.path import get_lib

libca = ctypes.CDLL(get_lib("ca"))
# What caRepeater calls has a name of C++; the entry of its thread has one of C, and ends when the port is taken.
repeat(lambda: libca.caRepeaterThread(None))
