"""A device class of Python, for the IOC `python_device`."""

import ast
import time


class Stage:
    def __init__(self):
        self.trajectory = []
        self.position = 0.0

    def io_execute(self, pv_name, value):
        if pv_name == "CMD":
            self.io_put_queue.put({"ACK": 0, "values": []})
            try:
                self.trajectory = list(ast.literal_eval(value))
            except (SyntaxError, ValueError, TypeError):
                self.io_put_queue.put({"ACK": "0 no list: " + value})
                return
            self.io_put_queue.put({"values": self.trajectory, "message": f"{len(self.trajectory)} points"})
            self.io_put_queue.put({"ACK": 1})
        elif pv_name == "VAL":
            while abs(value - self.position) > 0.1:
                self.position += 0.1 if value > self.position else -0.1
                self.io_put_queue.put({"RBV": self.position})
                time.sleep(0.01)
            self.position = value
            self.io_put_queue.put({"RBV": self.position})
