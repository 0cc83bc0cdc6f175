"""caproto's command line client as `caproto-monitor`: `seed_monitor.py NAME`."""

from caproto.commandline.monitor import main

main()
