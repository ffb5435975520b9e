#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Python's own web server, https by one setsockopt.

Usage: https-server.py PORT [PROFILE]

Serves the current directory. Try it with: curl https://localhost:PORT/
"""

import http.server
import socket
import struct
import sys

SOCKAUTH_REQUEST = 21312        # <linux/sockauth.h>

if not 2 <= len(sys.argv) <= 3:
    sys.exit(__doc__)
port = int(sys.argv[1])
profile = sys.argv[2] if len(sys.argv) == 3 else ""


class Server(http.server.ThreadingHTTPServer):
    """For IPv6 and IPv4."""
    address_family = socket.AF_INET6


httpd = Server(("::", port), http.server.SimpleHTTPRequestHandler,
               bind_and_activate=False)

# struct sockauth_request: flags, time-out, profile, target. This is all.
httpd.socket.setsockopt(socket.IPPROTO_IPV6, SOCKAUTH_REQUEST,
                        struct.pack("=II64s256s", 0, 0, profile.encode(), b""))

httpd.server_bind()
httpd.server_activate()
httpd.serve_forever()
