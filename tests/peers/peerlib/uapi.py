# SPDX-License-Identifier: GPL-2.0-or-later
"""uapi/linux/sockauth.h for Python.

The numbers are read from the header, so that there is one place for them;
the two structures that the tests use are packed and unpacked here.
"""

import collections
import pathlib
import re
import struct

HEADER = (pathlib.Path(__file__).resolve().parents[3]
          / "uapi/linux/sockauth.h")


def _read(text):
    """All constants of the header that are numbers."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    names = {name: int(value) for name, value in
             re.findall(r"^#define\s+(SOCKAUTH_\w+)\s+(\d+)$", text, re.M)}
    for body in re.findall(r"enum \w+ \{(.*?)\}", text, re.DOTALL):
        value = -1
        for entry in filter(None, map(str.strip, body.split(","))):
            name, _, number = map(str.strip, entry.partition("="))
            if number:
                one, _, shift = number.partition("<<")
                value = int(one) << int(shift or 0)
            else:
                value += 1
            names[name] = value
    return names


_NUMBERS = _read(HEADER.read_text())
globals().update(_NUMBERS)

_REQUEST = struct.Struct("=II64s256s")
_STATUS = struct.Struct("=IIIIIIQqqII")

assert _REQUEST.size == _NUMBERS["SOCKAUTH_REQUEST_SIZE_VER0"]
assert _STATUS.size == _NUMBERS["SOCKAUTH_STATUS_SIZE_VER0"]

Status = collections.namedtuple(
    "Status", "state flags mechanism version cipher error id start expiry "
    "uid name_type")

STATUS_SIZE = _STATUS.size


def request(profile="", target="", flags=0, timeout_ms=0):
    """A struct sockauth_request."""
    return _REQUEST.pack(flags, timeout_ms, profile.encode(), target.encode())


def status(data):
    """What is in a struct sockauth_status."""
    return Status(*_STATUS.unpack(data))


def protocols(names):
    """A ProtocolNameList for SOCKAUTH_ALPN."""
    return b"".join(bytes([len(n)]) + n.encode() for n in names)
