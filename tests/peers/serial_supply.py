"""The supply of the cookbook behind a serial port: a pseudo terminal, set up as `stty raw -echo min 0 time 20` does."""

import os
import pty
import termios
import tty

instrument, port = pty.openpty()
tty.setraw(port)
settings = termios.tcgetattr(port)
settings[6][termios.VMIN], settings[6][termios.VTIME] = 0, 20
termios.tcsetattr(port, termios.TCSANOW, settings)
print(os.ttyname(port))

answers = {"VOLT?": "4.5", "OUTP?": "1", "MEAS:VOLT?": "4.5", "MEAS:CURR?": "0.45", "SYST:ERR?": '0,"No error"'}
with os.fdopen(instrument, "r+b", buffering=0) as line:
    rest = b""
    while True:
        rest += os.read(line.fileno(), 100)
        *asked, rest = rest.split(b"\n")
        for order in asked:
            order = order.decode()
            if order in answers:
                line.write(answers[order].encode() + b"\n")
            else:
                print(order)
