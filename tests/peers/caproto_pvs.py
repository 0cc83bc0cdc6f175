"""PVs as caproto's threading client has them. A script that sets EPICS_CA_* imports this behind that."""

from caproto.threading.client import Context

LIMIT = 30
CONTEXT = Context()


def pvs(prefix, *names):
    """Connected PVs."""
    found = CONTEXT.get_pvs(*(prefix + name for name in names), timeout=LIMIT)
    for pv in found:
        pv.wait_for_connection(timeout=LIMIT)
    return found


def read(pv, **options):
    """The elements as a list."""
    data = pv.read(timeout=LIMIT, **options).data
    return data.tolist() if hasattr(data, "tolist") else list(data)


def put(pv, value, **options):
    """Whether a put succeeded, with all that followed from it."""
    return pv.write(value, wait=True, timeout=LIMIT, **options).status.success
