"""The demo motor as pyepics' Motor sees it."""

import importlib.metadata

import epics
from check import run, wait_until
from epics.motor import Motor, MotorLimitException

RECORD = "BEAMLINE:motor"
LIMIT = 20

motor = Motor(RECORD)


def get(field, **more):
    return epics.caget(f"{RECORD}.{field}", timeout=LIMIT, use_monitor=False, **more)


def put(field, value):
    assert epics.caput(f"{RECORD}.{field}", value, wait=True, timeout=LIMIT) == 1


def to(position):
    assert motor.move(position, wait=True, timeout=LIMIT) == 0
    assert get("RBV") == position


def test_0_it_is_what_the_record_says():
    print("versions pyepics", importlib.metadata.version("pyepics"))
    info = motor.get_info()
    assert (info["SET"], info["SPMG"], info["LLM"], info["HLM"]) == ("Use", "Go", "-3.000", "7.000"), info
    assert (get("NAME"), get("RTYP"), get("EGU")) == (RECORD, "motor", "mm")
    assert epics.caget(RECORD, timeout=LIMIT) == get("VAL")
    put("VELO", 10)


def test_it_moves_in_all_coordinates():
    to(1.0)
    assert motor.move(1.0, relative=True, wait=True, timeout=LIMIT) == 0
    assert get("RBV") == 2.0
    assert motor.move(3.0, dial=True, wait=True, timeout=LIMIT) == 0
    assert (get("RBV"), get("DRBV"), get("RRBV")) == (3.0, 3.0, 3000)
    assert motor.move(1500, raw=True, wait=True, timeout=LIMIT) == 0
    assert get("RBV") == 1.5


def test_a_target_outside_is_refused():
    to(1.0)
    assert motor.within_limits(7) and not motor.within_limits(7.1)
    assert motor.move(8, wait=True, timeout=LIMIT) == -12
    assert motor.move(8, wait=True, timeout=LIMIT, ignore_limits=True) == -4
    assert (get("VAL"), get("RBV"), get("LVIO")) == (1, 1, 1)
    try:
        motor.check_limits()
    except MotorLimitException:
        pass
    else:
        raise AssertionError("LVIO is 1")
    to(2.0)
    assert motor.check_limits() is None


def test_tweaks_go_both_ways_and_the_buttons_come_back():
    to(1.0)
    motor.tweak_val = 0.25
    assert motor.tweak("forward", wait=True, timeout=LIMIT) == 0
    assert (get("RBV"), get("TWF")) == (1.25, 0)
    assert motor.tweak("reverse", wait=True, timeout=LIMIT) == 0
    assert (get("RBV"), get("TWR")) == (1.0, 0)


def test_stop_ends_a_move():
    to(0.0)
    put("VELO", 1)
    try:
        assert motor.move(5, wait=False, confirm_move=True) == 1
        wait_until(lambda: get("RBV") > 0.2, "it moves")
        motor.stop()
        wait_until(lambda: get("DMOV") == 1, "it is at rest")
        assert 0.2 < get("RBV") < 2 and get("VAL") == get("RBV")
    finally:
        put("VELO", 10)


def test_the_position_is_set():
    to(1.0)
    motor.set_position(20)
    wait_until(lambda: get("SET") == 0, "back in use")
    assert (get("VAL"), get("RBV"), get("OFF"), get("DRBV")) == (20, 20, 19, 1)
    limits = epics.PV(f"{RECORD}.VAL").get_ctrlvars(timeout=LIMIT)
    assert (limits["lower_ctrl_limit"], limits["upper_ctrl_limit"]) == (16, 26), limits
    put("OFF", 0)
    assert get("RBV") == 1


def test_what_cannot_be_is_refused_and_reads_as_before():
    to(1.0)
    for field, value in (("VELO", 0), ("VELO", float("nan")), ("ACCL", -1), ("MRES", 0), ("DMOV", 0)):
        before = get(field)
        pv = epics.PV(f"{RECORD}.{field}", auto_monitor=False)
        assert pv.wait_for_connection(LIMIT)
        try:
            epics.ca.put(pv.chid, value, wait=True, timeout=LIMIT)
        except (epics.ca.ChannelAccessException, epics.ca.CASeverityException):
            pass
        assert get(field) == before, f"{field} took {value}"
    to(0.0)


def test_a_jog_runs_until_it_is_let_go():
    to(0.0)
    epics.caput(f"{RECORD}.JOGF", 1)
    wait_until(lambda: get("RBV") > 0.3, "it jogs")
    assert (get("DMOV"), get("MOVN"), get("JOGF")) == (0, 1, 1)
    put("JOGF", 0)
    assert (get("DMOV"), get("MOVN"), get("JOGF")) == (1, 0, 0)
    assert get("VAL") == get("RBV")


def test_units_and_decimals_go_to_all_fields():
    put("EGU", "deg")
    put("PREC", 5)
    try:
        for field, units in (("VAL", "deg"), ("RBV", "deg"), ("VELO", "deg/s"), ("ACCL", "s"), ("JAR", "deg/s^2")):
            found = epics.PV(f"{RECORD}.{field}").get_ctrlvars(timeout=LIMIT)
            assert (found["units"], found["precision"]) == (units, 5), (field, found)
    finally:
        put("EGU", "mm")
        put("PREC", 3)


run(globals())
