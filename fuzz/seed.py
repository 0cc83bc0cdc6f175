#!/usr/bin/env python3
"""Writes the recorded exchanges of ca/proto/testdata as inputs of the fuzz targets."""

import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def bytes_of(text):
    """`0a1b 00*20 ff`: hex digits, and one byte many times."""
    out = b""
    for word in text.split():
        digits, _, times = word.partition("*")
        out += bytes.fromhex(digits) * int(times or 1)
    return out


def recorded(path):
    lines = [line for line in path.read_text().splitlines() if line[:1] in "<>"]
    return [(line[0] == ">", bytes_of(line[2:])) for line in lines]


def messages(stream):
    while stream:
        size, head = struct.unpack(">H", stream[2:4])[0], 16
        if size == 0xFFFF:
            size, head = struct.unpack(">I", stream[16:20])[0], 24
        yield stream[:head], stream[head : head + size]
        stream = stream[head + size :]


def inputs(path):
    """Pairs of a target and its input."""
    lines = recorded(path)
    client = b"".join(data for sent, data in lines if sent)
    if path.stem == "search":
        yield from (("datagram", data) for sent, data in lines if sent)
    elif client:
        yield "requests", bytes([0x2A, 6, 99]) + client
    for header, payload in (m for _, data in lines for m in messages(data)):
        yield "header", header + payload[:8]
        command, _, data_type, count = struct.unpack(">4H", header[:8])
        if command in (1, 4, 15, 19) and payload and data_type < 35:
            # the front is what `dbr` reads first: type, count, capacity, metadata
            yield "dbr", bytes([data_type, min(count, 200), 0, 3, 3, 0, 3]) + payload[:1024]


def main():
    corpus = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "corpus"
    for path in sorted((HERE.parent / "ca/proto/testdata").glob("*.hex")):
        for number, (target, data) in enumerate(inputs(path)):
            folder = corpus / target
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{path.stem}-{number:02}").write_bytes(data)


main()
