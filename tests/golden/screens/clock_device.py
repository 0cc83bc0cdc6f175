"""ophyd classes of clock. Made by seqioc ophyd: make it again rather than edit it."""

from ophyd import Component, Device, EpicsSignal, EpicsSignalRO


class Pv(Component):
    """A PV. ophyd refuses names with two dots: for those the server has another one, with colons."""

    def maybe_add_prefix(self, instance, kw, suffix):
        name = super().maybe_add_prefix(instance, kw, suffix)
        return name.replace(".", ":") if kw == "suffix" and name.count(".") > 1 else name


class ClockSeq(Device):
    """The PVs behind seq."""

    cmd = Pv(EpicsSignal, "CMD", string=True, put_complete=True, kind="omitted", doc="command text; a put starts it")
    ack = Pv(EpicsSignalRO, "ACK", string=True, kind="normal", doc="0 while a command runs, 1 when the last one succeeded, 0: reason when it failed")
    values = Pv(EpicsSignalRO, "values", auto_monitor=False, kind="omitted", doc="result or trajectory of the last command")
    message = Pv(EpicsSignalRO, "message", string=True, kind="omitted", doc="what the device last said")
    state = Pv(EpicsSignalRO, "STATE", string=True, kind="normal", doc="what the device is doing")
    busy = Pv(EpicsSignalRO, "BUSY", string=True, kind="normal", doc="whether a command runs")
    count = Pv(EpicsSignalRO, "COUNT", kind="normal", doc="number of the last accepted command")
    done = Pv(EpicsSignalRO, "DONE", kind="normal", doc="number of the last finished command")
    error = Pv(EpicsSignalRO, "ERROR", string=True, kind="omitted", doc="the last error, until the next success")
    progress = Pv(EpicsSignalRO, "PROGRESS", kind="hinted", doc="how far the command is (%)")
    elapsed = Pv(EpicsSignalRO, "ELAPSED", kind="hinted", doc="time of the running or last command (s)")
    queued = Pv(EpicsSignalRO, "QUEUED", kind="normal", doc="commands that wait")
    refused = Pv(EpicsSignalRO, "REFUSED", kind="normal", doc="commands refused, the queue was full")
    abort = Pv(EpicsSignal, "ABORT", string=True, put_complete=True, kind="omitted", doc="1 ends the running command and empties the queue")
    commands = Pv(EpicsSignalRO, "COMMANDS", string=True, kind="omitted", doc="the commands that CMD takes, as JSON; empty: any text")


class ClockHealth(Device):
    """The PVs behind health."""

    alive = Pv(EpicsSignalRO, "ALIVE", string=True, kind="normal", doc="whether the device is up")
    seen = Pv(EpicsSignalRO, "SEEN", kind="hinted", doc="since when a busy device has shown no sign of life, 0 while it waits (s)")
    restarts = Pv(EpicsSignalRO, "RESTARTS", kind="normal", doc="times that the device was started again")
    queue_age = Pv(EpicsSignalRO, "QUEUE_AGE", kind="hinted", doc="how long the oldest waiting command has waited (s)")
    restart = Pv(EpicsSignal, "RESTART", string=True, put_complete=True, kind="omitted", doc="1 ends the running command and starts the device again; a put completes when it is up")


class Clock(Device):
    """tells the time after a delay

    Commands:
    request(): takes delay seconds, then publishes the time
    """

    request = Pv(EpicsSignal, "request", put_complete=True, kind="config", doc="a put asks for the time; it completes when response is there")
    response = Pv(EpicsSignalRO, "response", kind="hinted", doc="Unix time (s)")
    delay = Pv(EpicsSignal, "delay", limits=True, kind="config", doc="time that the equipment takes (s)")
    seq = Component(ClockSeq, "seq.", kind="omitted")
    health = Component(ClockHealth, "health.", kind="omitted")

    def __init__(self, prefix="wt:", *, name, labels=("clock",), **kwargs):
        super().__init__(prefix, name=name, labels=labels, **kwargs)

    def send(self, command, timeout=None):
        """Sends a command. The status is done when the device is; whether it did well says ACK: "1", or "0: reason"."""
        return self.seq.cmd.set(command, timeout=timeout)
