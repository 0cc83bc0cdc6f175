"""The client of the simple device, as in its document: writes a request, reads the response."""

import re
import time

from caproto import ChannelType
from caproto.threading.client import Context
from check import run

LIMIT = 20
DONE = (
    "status=CAStatusCode(name='ECA_NORMAL', code=0, code_with_severity=1, severity=<CASeverity.SUCCESS: 1>, "
    "success=1, defunct=False, description='Normal successful completion')"
)
request, response = Context().get_pvs("wt:request", "wt:response", timeout=LIMIT)


def numbers_left_out(text):
    return re.sub(r"ioid=\d+", "ioid=N", text)


def test_1_a_request_is_written():
    before = time.monotonic()
    written = request.write(1, timeout=LIMIT)
    assert time.monotonic() - before >= 0.2, "this operation takes 0.2 s"
    wanted = f"WriteNotifyResponse(data_type=<ChannelType.DOUBLE: 6>, data_count=1, {DONE}, ioid=N)"
    assert numbers_left_out(repr(written)) == wanted, written


def test_2_the_response_is_read():
    answer = response.read(timeout=LIMIT)
    assert (answer.data_type, answer.data_count) == (ChannelType.DOUBLE, 1)
    assert abs(answer.data[0] - time.time()) < 60
    start, end = "ReadNotifyResponse(data=array([", f"{DONE}, ioid=N, metadata=None)"
    text = numbers_left_out(repr(answer))
    assert text.startswith(start) and text.endswith(end), answer


def test_3_each_request_has_a_response_of_its_own():
    first = response.read(timeout=LIMIT).data[0]
    request.write(1, timeout=LIMIT)
    assert response.read(timeout=LIMIT).data[0] >= first + 0.2


run(globals())
