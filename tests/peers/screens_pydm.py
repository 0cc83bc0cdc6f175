"""The screens of all demo devices in PyDM, without a display: every file loads, the widgets connect, show and put."""

import importlib.metadata
import os
import pathlib
import subprocess
import sys
import time

CHILD = "--child"
if CHILD not in sys.argv:
    # PyDM's main thread and a callback of libca can wait for each other's locks, for ever: such a run is begun again.
    for attempt in range(3):
        try:
            sys.exit(subprocess.run([sys.executable, "-u", *sys.argv, CHILD], timeout=75).returncode)
        except subprocess.TimeoutExpired:
            print(f"run {attempt + 1} did not end", flush=True)
    sys.exit("no run ended")

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["PYDM_EPICS_LIB"] = "PYEPICS"
os.environ["QT_API"] = "pyqt5"

import epics
from check import run
from pydm import PyDMApplication
from pydm.display import ScreenTarget, load_file
from pydm.utilities.stylesheet import apply_stylesheet
from pydm.widgets.base import PyDMWidget
from pydm.widgets.byte import PyDMByteIndicator
from pydm.widgets.enum_combo_box import PyDMEnumComboBox
from pydm.widgets.image import PyDMImageView
from pydm.widgets.label import PyDMLabel
from pydm.widgets.line_edit import PyDMLineEdit
from pydm.widgets.pushbutton import PyDMPushButton
from pydm.widgets.related_display_button import PyDMRelatedDisplayButton
from pydm.widgets.scale import PyDMScaleIndicator
from pydm.widgets.waveformplot import PyDMWaveformPlot
from qtpy.QtWidgets import QLabel, QWidget

FOLDER = pathlib.Path(sys.argv[1])
LIMIT = 60

app = PyDMApplication(use_main_window=False, command_line_args=[])
apply_stylesheet(widget=app)
shown = {}


def wait(ask, what, seconds=LIMIT):
    until = time.monotonic() + seconds
    while True:
        app.processEvents()
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < until, f"{what}: not within {seconds} s"
        time.sleep(0.005)


def screen(name):
    if name not in shown:
        shown[name] = load_file(str(FOLDER / f"{name}.ui"), target=ScreenTarget.DIALOG)
        shown[name].show()
    return shown[name]


def widgets(name, kind, pv):
    return [w for w in screen(name).findChildren(kind) if w.channel == f"ca://{pv}"]


def widget(name, kind, pv):
    found = widgets(name, kind, pv)
    assert len(found) == 1, f"{len(found)} of {kind.__name__} for {pv}"
    return found[0]


def command(device, text):
    entry = widget(device[0], PyDMLineEdit, f"{device[1]}seq.CMD")
    wait(entry.isEnabled, "the entry of CMD is enabled")
    entry.setText(text)
    entry.send_value()


MOTOR = ("motor", "BEAMLINE:motor.")
EXAMPLE = ("example", "TEST:SERVER.")


def test_0_every_file_loads_and_every_widget_connects():
    print("versions", *(f"{name} {importlib.metadata.version(name)}" for name in ("pydm", "PyQt5", "pyepics")))
    files = sorted(path.stem for path in FOLDER.glob("*.ui"))
    assert len(files) == 9, files
    count = 0
    for name in files:
        # On a busy machine a widget that joins a channel just as that connects may miss the signal: the screen is then
        # opened again, as a user does.
        for again in (True, True, False):
            found = [w for w in screen(name).findChildren(QWidget) if isinstance(w, PyDMWidget) and w.channel]
            try:
                wait(lambda: all(w._connected for w in found), f"all widgets of {name} are connected", 20)
                break
            except AssertionError as error:
                absent = [f"{type(w).__name__} {w.channel}" for w in found if not w._connected]
                assert again, f"{error}: {absent}"
                print(f"{name} is opened again: {absent}")
                shown.pop(name).close()
        count += len(found)
    print(f"{count} widgets in {len(files)} screens are connected")


def test_1_no_widget_covers_another_or_leaves_its_panel():
    for name in shown:
        for parent in screen(name).findChildren(QWidget):
            inside = [w for w in parent.children() if isinstance(w, QWidget) and w.objectName().startswith(("panel", "header"))]
            for i, one in enumerate(inside):
                assert parent.rect().contains(one.geometry()), f"{name}: {one.objectName()} leaves {parent.objectName()}"
                for other in inside[i + 1 :]:
                    assert not one.geometry().intersects(other.geometry()), f"{name}: {one.objectName()}, {other.objectName()}"


def test_a_label_shows_the_value_with_decimals_and_units():
    reading = widget("motor", PyDMLabel, "BEAMLINE:motor.RBV")
    wait(lambda: reading.text() == "0.000 mm", "RBV at rest")
    command(MOTOR, "move(0.5)")
    wait(lambda: reading.text() == "0.500 mm", "RBV after the move")
    done = widget("motor", PyDMByteIndicator, "BEAMLINE:motor.DMOV")
    wait(lambda: done.value == 1, "the lamp of DMOV")


def test_an_entry_puts_and_shows_limits():
    entry = widget("motor", PyDMLineEdit, "BEAMLINE:motor.VAL")
    entry.setText("1.0")
    entry.send_value()
    reading = widget("motor", PyDMLabel, "BEAMLINE:motor.RBV")
    wait(lambda: reading.text() == "1.000 mm", "RBV after a put")
    assert "-3 to 7 mm" in entry.toolTip(), entry.toolTip()


def test_texts_are_shown_as_texts():
    example = "example"
    command(EXAMPLE, "linear(start=0, end=3, step=1)")
    message = widget(example, PyDMLabel, "TEST:SERVER.seq.message")
    wait(lambda: "3" in message.text(), "the message")
    assert epics.caget("TEST:SERVER.seq.message", as_string=True) == message.text()
    command(EXAMPLE, "no_such_command")
    error = widget(example, PyDMLabel, "TEST:SERVER.seq.ERROR")
    wait(lambda: error.text().startswith("unknown command"), "the error")
    ack = widget(example, PyDMLabel, "TEST:SERVER.seq.ACK")
    wait(lambda: ack.text().startswith("0: unknown"), "ACK")
    entry = widget(example, PyDMLineEdit, "TEST:SERVER.seq.CMD")
    wait(lambda: entry.alarmSeverity == 2, "CMD is in alarm MAJOR")
    assert entry.alarmSensitiveBorder
    # The left edge, as PyDM's own style sheet paints an alarm MAJOR.
    edge = lambda: entry.grab().toImage().pixelColor(0, entry.height() // 2)
    wait(lambda: edge().red() > 200 and edge().green() < 60, "the border is red")


def test_a_command_shows_busy_and_progress_and_ends_by_the_button():
    busy = widget("example", PyDMByteIndicator, "TEST:SERVER.seq.BUSY")
    bar = widget("example", PyDMScaleIndicator, "TEST:SERVER.seq.PROGRESS")
    state = widget("example", PyDMLabel, "TEST:SERVER.seq.STATE")
    command(EXAMPLE, "move(1000, 10)")
    wait(lambda: busy.value == 1 and state.text() == "Busy", "it is busy")
    wait(lambda: 0 < (bar.value or 0) < 100, "progress")
    assert bar.userUpperLimit == 100 and not bar.limitsFromChannel
    button = widget("example", PyDMPushButton, "TEST:SERVER.seq.ABORT")
    button.sendValue()
    wait(lambda: busy.value == 0 and state.text() == "Aborted", "it is aborted")


def test_a_choice_has_the_labels():
    combo = widget("chart", PyDMEnumComboBox, "chart:THEME")
    wait(lambda: combo.count() == 2, "its labels")
    assert [combo.itemText(i) for i in range(2)] == ["Light", "Dark"]
    combo.internal_combo_box_activated_int(1)
    wait(lambda: epics.caget("chart:THEME") == 1, "the put")


def test_an_array_is_plotted():
    plot = screen("example").findChildren(PyDMWaveformPlot)
    assert len(plot) == 1
    command(EXAMPLE, "[4, 5, 6.5]")
    curve = plot[0].curveAtIndex(0)
    wait(lambda: curve.y_waveform is not None and list(curve.y_waveform) == [4, 5, 6.5], "the curve")


def test_the_image_has_its_shape():
    view = screen("chart").findChildren(PyDMImageView)
    assert len(view) == 1
    wait(lambda: view[0].image_waveform is not None and len(view[0].image_waveform) == 640 * 240, "the pixels")
    assert view[0].imageWidth == 640, view[0].imageWidth
    assert view[0].image_waveform.dtype.name == "uint8", view[0].image_waveform.dtype


def test_buttons_lead_to_every_screen():
    reached, ways = set(), ["overview"]
    while ways:
        name = ways.pop()
        if name not in reached:
            reached.add(name)
            for button in screen(name).findChildren(PyDMRelatedDisplayButton):
                ways += [pathlib.Path(file).stem for file in button.filenames]
    assert reached == {path.stem for path in FOLDER.glob("*.ui")}, reached


def test_headings_say_what_it_is():
    texts = [label.text() for label in screen("clock").findChildren(QLabel)]
    assert "clock" in texts and "wt:   tells the time after a delay" in texts, texts


try:
    run(globals())
except SystemExit as end:
    # Qt, libca and their threads are not taken down in an order that is always good.
    print(end.code or "all is well", flush=True)
    os._exit(1 if end.code else 0)
