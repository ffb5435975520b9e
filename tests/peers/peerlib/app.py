# SPDX-License-Identifier: GPL-2.0-or-later
"""The application under test: a listening socket with the option.

No thread is needed to serve a client of the same process: the handshake is
the kernel's and the daemon's business.
"""

import ctypes
import os
import select
import socket

from . import uapi
from .rawtls import PATIENCE

_libc = ctypes.CDLL(None, use_errno=True)


def get_option(sock, option, size):
    """getsockopt(), without the limit of 1024 bytes that Python has."""
    data = ctypes.create_string_buffer(size)
    length = ctypes.c_uint32(size)
    if _libc.getsockopt(sock.fileno(), socket.IPPROTO_IP, option, data,
                        ctypes.byref(length)):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return data.raw[:length.value]


def status(sock):
    """SOCKAUTH_STATUS of SOCK."""
    return uapi.status(get_option(sock, uapi.SOCKAUTH_STATUS,
                                  uapi.STATUS_SIZE))


def peer_name(sock):
    """(type, name) of SOCK's peer."""
    data = get_option(sock, uapi.SOCKAUTH_PEER_NAME,
                      4 + uapi.SOCKAUTH_PEER_NAME_MAX)
    return int.from_bytes(data[:4], "little"), data[4:].rstrip(b"\0").decode()


def alpn(sock):
    """The protocol that SOCK agreed on."""
    return get_option(sock, uapi.SOCKAUTH_ALPN,
                      uapi.SOCKAUTH_ALPN_MAX).decode()


def read_all(sock):
    """Everything up to the end of file."""
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


class Server:
    """A listener on a loopback address; `address` is where it is."""

    def __init__(self, profile="", flags=0, timeout_ms=0, protocols=(),
                 host="127.0.0.1", backlog=128):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.setsockopt(
            socket.IPPROTO_IP, uapi.SOCKAUTH_REQUEST,
            uapi.request(profile, flags=flags, timeout_ms=timeout_ms))
        if protocols:
            self.sock.setsockopt(socket.IPPROTO_IP, uapi.SOCKAUTH_ALPN,
                                 uapi.protocols(protocols))
        self.sock.bind((host, 0))
        self.sock.listen(backlog)
        self.address = self.sock.getsockname()[:2]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def accept(self):
        """The next connection; it must come."""
        self.sock.settimeout(PATIENCE)
        connection, _ = self.sock.accept()
        connection.settimeout(PATIENCE)
        return connection

    def sees_nothing(self):
        """Neither poll() nor accept() has anything to say."""
        if select.select([self.sock], [], [], 0)[0]:
            return False
        self.sock.setblocking(False)
        try:
            connection, _ = self.sock.accept()
        except BlockingIOError:
            return True
        connection.close()
        return False
