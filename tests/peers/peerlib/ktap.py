# SPDX-License-Identifier: GPL-2.0-or-later
"""unittest with KTAP output.

A test file ends with `ktap.main()`. Its tests are the methods test_NAME of
its TestCase classes, reported as FILE.NAME in the order of the file.

    FILE            run all tests
    FILE --list     print their names
    FILE NAME...    run these, named with or without FILE

No test waits for ever: after DEADLINE seconds it fails where it stands.
"""

import inspect
import pathlib
import signal
import sys
import traceback
import unittest


DEADLINE = 120


class Expired(BaseException):
    """Of no kind that a test may expect."""


def _expired(_signum, _frame):
    # Its cleanups do not wait for ever either.
    signal.alarm(DEADLINE)
    raise Expired("the test has taken too long")


class _Result(unittest.TestResult):
    """Prints one KTAP line for each test."""

    def __init__(self, prefix):
        super().__init__()
        self.prefix = prefix
        self.number = 0
        self.bad = []
        self.skip = ""

    def name(self, test):
        return f"{self.prefix}.{test._testMethodName.removeprefix('test_')}"

    def startTest(self, test):
        super().startTest(test)
        self.bad = []
        self.skip = ""
        signal.alarm(DEADLINE)

    def _note(self, err):
        """Where it went wrong, in our own files."""
        for frame in traceback.extract_tb(err[2]):
            if "/tests/peers/" in frame.filename:
                self.bad.append(f"# {pathlib.Path(frame.filename).name}:"
                                f"{frame.lineno}: {frame.line}")
        lines = traceback.format_exception_only(*err[:2])
        self.bad += [f"# {line}" for line in "".join(lines).splitlines()]

    def addError(self, test, err):
        super().addError(test, err)
        self._note(err)
        # Of setUpModule(): no test follows that could show it.
        if not isinstance(test, unittest.TestCase):
            print("\n".join(self.bad), flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._note(err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.skip = f" # SKIP {reason}"

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.bad.append(f"# in {subtest}")
            self._note(err)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)
        self.number += 1
        for line in self.bad:
            print(line)
        print(f"{'not ' if self.bad else ''}ok {self.number} "
              f"{self.name(test)}{self.skip}", flush=True)


def _cases(module):
    """The tests of MODULE in the order in which they are written."""
    classes = [c for c in vars(module).values()
               if inspect.isclass(c) and issubclass(c, unittest.TestCase)
               and c.__module__ == module.__name__]
    for cls in classes:
        for name in vars(cls):
            if name.startswith("test_"):
                yield cls(name)


def main():
    """Run the tests of the file that was started; never returns."""
    module = sys.modules["__main__"]
    result = _Result(pathlib.Path(module.__file__).stem)
    cases = list(_cases(module))
    names = sys.argv[1:]
    if names == ["--list"]:
        print("\n".join(map(result.name, cases)))
        sys.exit(0)
    if names:
        wanted = {name.removeprefix(f"{result.prefix}.") for name in names}
        cases = [c for c in cases
                 if result.name(c).split(".", 1)[1] in wanted]
    signal.signal(signal.SIGALRM, _expired)
    print("TAP version 13")
    print(f"1..{len(cases)}", flush=True)
    unittest.TestSuite(cases).run(result)
    sys.exit(0 if result.wasSuccessful() else 1)
