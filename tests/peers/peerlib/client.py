# SPDX-License-Identifier: GPL-2.0-or-later
"""The application under test: a socket with the option that connects."""

import select
import socket

from . import app, uapi
from .rawtls import PATIENCE


def mark(sock, **request):
    """Set SOCKAUTH_REQUEST."""
    sock.setsockopt(socket.IPPROTO_IP, uapi.SOCKAUTH_REQUEST,
                    uapi.request(**request))


def marked(host="127.0.0.1", protocols=(), **request):
    """A socket for HOST's kind of address, with the REQUEST."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    mark(sock, **request)
    if protocols:
        sock.setsockopt(socket.IPPROTO_IP, uapi.SOCKAUTH_ALPN,
                        uapi.protocols(protocols))
    return sock


def connect(address, protocols=(), **request):
    """An authenticated connection to ADDRESS."""
    sock = marked(address[0], protocols, **request)
    try:
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


def begin(address, **request):
    """A socket whose connect() goes on."""
    sock = marked(address[0], **request)
    sock.setblocking(False)
    try:
        sock.connect(address)
    except BlockingIOError:
        return sock
    raise AssertionError("connect() did not wait for the peer")


def events(sock, mask, patience=PATIENCE):
    """What poll() says of SOCK within PATIENCE seconds, of MASK and errors."""
    poll = select.poll()
    poll.register(sock, mask)
    return dict(poll.poll(patience * 1000)).get(sock.fileno(), 0)


def outcome(sock):
    """How what was begun has ended: an errno, or 0."""
    if not events(sock, select.POLLOUT):
        raise AssertionError("poll() has nothing to say")
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def error_text(sock):
    """SOCKAUTH_ERROR of SOCK."""
    text = app.get_option(sock, uapi.SOCKAUTH_ERROR, uapi.SOCKAUTH_TEXT_MAX)
    if text[-1:] != b"\0":
        raise AssertionError(f"{text!r} does not end")
    return text[:-1].decode()
