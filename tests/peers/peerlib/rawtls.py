# SPDX-License-Identifier: GPL-2.0-or-later
"""A TLS client whose bytes the test moves by hand.

The handshake runs in OpenSSL on memory BIOs; what it wants to send comes out
of `flight()`, to be glued, cut, changed or withheld, and goes into a plain TCP
socket by `push()`.
"""

import socket
import ssl
import struct
import time

from .place import DIR

# How long any single answer may take; a guest without KVM is slow.
PATIENCE = 30

ALERT, HANDSHAKE, DATA = 21, 22, 23
CLIENT_HELLO, SERVER_HELLO = 1, 2


def connect(address):
    """A TCP connection without Nagle's delay."""
    sock = socket.create_connection(address, timeout=PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def reset(sock):
    """Close SOCK with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


def records(data):
    """(type, body) of each record in DATA, which ends at a boundary."""
    found = []
    while data:
        kind, length = data[0], int.from_bytes(data[3:5], "big")
        if len(data) < 5 + length:
            raise ValueError(f"a record is cut short: {data.hex()}")
        found.append((kind, data[5:5 + length]))
        data = data[5 + length:]
    return found


def record(kind, body, version=0x0303):
    """One record in plain text."""
    return struct.pack("!BHH", kind, version, len(body)) + body


def until_end(sock):
    """All bytes up to the peer's FIN; raises ConnectionResetError at RST."""
    sock.settimeout(PATIENCE)
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


def plain_alerts(data):
    """Descriptions of the alerts in DATA that went out in plain text."""
    return [body[1] for kind, body in records(data)
            if kind == ALERT and len(body) == 2]


def context(cert=None, alpn=None, maximum=ssl.TLSVersion.TLSv1_3):
    """A client's SSLContext that trusts the CA and shows CERT, of tests/pki."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(DIR / "ca.pem")
    made.maximum_version = maximum
    if cert:
        made.load_cert_chain(DIR / f"{cert}.pem", DIR / f"{cert}.key")
    if alpn:
        made.set_alpn_protocols(alpn)
    return made


class Client:
    """One connection; by default as of `context()`."""

    def __init__(self, address, ctx=None, name="localhost", session=None):
        self.sock = connect(address)
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = (ctx or context()).wrap_bio(
            self.incoming, self.outgoing, server_hostname=name,
            session=session)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def flight(self):
        """What TLS wants to send next, taken out."""
        return self.outgoing.read()

    def push(self, data, size=None, more=False):
        """Send DATA in segments of SIZE bytes; MORE: hold the last one."""
        size = size or len(data) or 1
        for start in range(0, len(data), size):
            last = start + size >= len(data)
            self.sock.sendall(data[start:start + size],
                              socket.MSG_MORE if more and last else 0)

    def pull(self):
        """Feed TLS what the peer has sent; False at the peer's FIN."""
        data = self.sock.recv(65536)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()
        return bool(data)

    def begin(self):
        """The ClientHello, not sent."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return self.flight()
        raise AssertionError("a handshake without a peer")

    def answer(self):
        """Read the server's flight and return our Finished, not sent."""
        while True:
            try:
                self.tls.do_handshake()
                return self.flight()
            except ssl.SSLWantReadError:
                if not self.pull():
                    raise ConnectionError("FIN in the handshake") from None

    def handshake(self, size=None):
        """All of it."""
        self.push(self.begin(), size)
        self.push(self.answer(), size)
        return self

    def seal(self, data=b"", close=False):
        """The records of DATA and, if CLOSE, of close_notify, not sent."""
        if data:
            self.tls.write(data)
        if close:
            try:
                self.tls.unwrap()
            except ssl.SSLWantReadError:
                pass
        return self.flight()

    def send(self, data):
        """Send application data."""
        self.push(self.seal(data))

    def read(self, size=65536):
        """Application data; b"" at close_notify."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                return self.tls.read(size)
            except ssl.SSLWantReadError:
                if not self.pull():
                    raise ConnectionError("FIN without close_notify") from None
            except ssl.SSLZeroReturnError:
                return b""
        raise TimeoutError("no data")

    def read_exactly(self, size):
        """SIZE bytes of application data."""
        data = b""
        while len(data) < size:
            piece = self.read(size - len(data))
            if not piece:
                raise ConnectionError(f"the end after {len(data)} bytes")
            data += piece
        return data

    def read_all(self):
        """All application data up to close_notify."""
        data = b""
        while piece := self.read():
            data += piece
        return data
