#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A web client, https by one setsockopt: no TLS library in sight.

Usage: client.py HOST PORT [PROFILE [TARGET]]

Prints who the server is, and what it has at /.  TARGET is the name that it
must prove, by default HOST.
"""

import socket
import struct
import sys

SOCKAUTH_REQUEST = 21312        # <linux/sockauth.h>
SOCKAUTH_PEER_NAME = 21314
SOCKAUTH_ERROR = 21318


def text(sock, option, skip=0):
    """What a getsockopt() says in words."""
    value = sock.getsockopt(socket.IPPROTO_IP, option, 1024)
    return value[skip:].rstrip(b"\0").decode()


if not 3 <= len(sys.argv) <= 5:
    sys.exit(__doc__)
host, port = sys.argv[1:3]
profile = sys.argv[3] if len(sys.argv) > 3 else ""
target = sys.argv[4] if len(sys.argv) > 4 else host

sock = socket.socket()
# struct sockauth_request: flags, time-out, profile, target. This is all.
sock.setsockopt(socket.IPPROTO_IP, SOCKAUTH_REQUEST,
                struct.pack("=II64s256s", 0, 0, profile.encode(),
                            target.encode()))
try:
    sock.connect((host, int(port)))
except OSError as error:
    try:
        sys.exit(f"{error.strerror}: {text(sock, SOCKAUTH_ERROR)}")
    except OSError:
        sys.exit(error.strerror)

print("the server is", text(sock, SOCKAUTH_PEER_NAME, skip=4))
sock.sendall(f"GET / HTTP/1.0\r\nHost: {target}\r\n\r\n".encode())
with sock.makefile("rb") as answer:
    print(answer.read().decode().partition("\r\n\r\n")[2], end="")
