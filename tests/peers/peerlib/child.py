# SPDX-License-Identifier: GPL-2.0-or-later
"""A process of a test, which does not outlive it."""

import contextlib
import os
import signal
import traceback


@contextlib.contextmanager
def doing(function):
    """A process calls FUNCTION meanwhile; its end is waited for."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            function()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    status = None
    try:
        yield
        _, status = os.waitpid(pid, 0)
    finally:
        if status is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    if status:
        raise AssertionError("the other process failed, see above")
