"""Types keys into a real bash, and prints the line that it then has: `types_in_bash.py COMPLETION PROGRAM KEYS`."""

import os
import pty
import re
import select
import sys
import time

SECONDS = 60
# Bound to a key, it shows the line as bash has it.
SHOW = 'show() { printf "\\nLINE<%s>END\\n" "$READLINE_LINE"; }'


def until(fd, wanted):
    """Reads the screen until it has this."""
    screen, end = "", time.monotonic() + SECONDS
    while not re.search(wanted, screen):
        if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit(f"not within {SECONDS} s: {wanted}\n{screen}")
        screen += os.read(fd, 65536).decode(errors="replace")
    return screen


completion, program, keys = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.environ["PATH"] = os.path.dirname(program) + ":" + os.environ["PATH"]
    os.environ.update(PS1="> ", INPUTRC="/dev/null", TERM="dumb", COLUMNS="200")
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])


def send(text):
    os.write(fd, text.encode())


send(f"bind 'set enable-bracketed-paste off'; source {completion}; {SHOW}; bind -x '\"\\C-g\": show'; echo rea''dy\n")
until(fd, "\nready")
send(keys + "\x07")
found = re.search(r"LINE<(.*)>END", until(fd, r"LINE<.*>END"))
print(found.group(1))
send("\x15exit\n")
os.close(fd)
os.waitpid(pid, 0)
