"""The repeater of caproto on EPICS_CA_REPEATER_PORT, until it is ended."""

from caproto.sync.repeater import run
from check import repeat

repeat(run)
