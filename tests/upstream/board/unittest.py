# SPDX-License-Identifier: MIT
"""As much of unittest as upstream's tests use, for the board: its summary is what run-tests.py reads."""

import sys


class SkipTest(Exception):
    pass


def skip(reason):
    def decorate(function):
        def skipped(self):
            raise SkipTest(reason)

        return skipped

    return decorate


def skipIf(condition, reason):
    return skip(reason) if condition else lambda function: function


def skipUnless(condition, reason):
    return skipIf(not condition, reason)


class AssertRaises:
    def __init__(self, expected):
        self.expected = expected
        self.exception = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind is None:
            raise AssertionError("%r not raised" % (self.expected,))
        if issubclass(kind, self.expected):
            self.exception = value
            return True
        return False


class TestCase:
    def setUp(self):
        pass

    def tearDown(self):
        pass

    def fail(self, msg=None):
        raise AssertionError(msg or "fail() was called")

    def skipTest(self, reason):
        raise SkipTest(reason)

    def assertEqual(self, first, second, msg=None):
        if not first == second:
            raise AssertionError(msg or "%r != %r" % (first, second))

    def assertNotEqual(self, first, second, msg=None):
        if not first != second:
            raise AssertionError(msg or "%r == %r" % (first, second))

    def assertTrue(self, value, msg=None):
        if not value:
            raise AssertionError(msg or "%r is not true" % (value,))

    def assertLessEqual(self, first, second, msg=None):
        if not first <= second:
            raise AssertionError(msg or "%r > %r" % (first, second))

    def assertFalse(self, value, msg=None):
        if value:
            raise AssertionError(msg or "%r is not false" % (value,))

    def assertIs(self, first, second, msg=None):
        if first is not second:
            raise AssertionError(msg or "%r is not %r" % (first, second))

    def assertIsNone(self, value, msg=None):
        self.assertIs(value, None, msg)

    def assertIn(self, member, container, msg=None):
        if member not in container:
            raise AssertionError(msg or "%r not in %r" % (member, container))

    def assertIsInstance(self, value, kind, msg=None):
        if not isinstance(value, kind):
            raise AssertionError(msg or "%r is no %r" % (value, kind))

    def assertRaises(self, expected, function=None, *args, **kwargs):
        context = AssertRaises(expected)
        if function is None:
            return context
        with context:
            function(*args, **kwargs)


class Result:
    def __init__(self):
        self.run = self.skipped = self.failures = self.errors = 0


def run_one(case, name, result):
    """Run one test method and print its line."""
    print("%s (%s) ..." % (name, type(case).__name__), end="")
    result.run += 1
    try:
        case.setUp()
        try:
            getattr(case, name)()
        finally:
            case.tearDown()
        print(" ok")
    except SkipTest as error:
        result.skipped += 1
        print(" skipped:", error.args[0])
    except AssertionError as error:
        result.failures += 1
        print(" FAIL")
        sys.print_exception(error)
    except Exception as error:
        result.errors += 1
        print(" ERROR")
        sys.print_exception(error)


def main(module="__main__"):
    scope = __import__(module) if isinstance(module, str) else module
    result = Result()
    for name in dir(scope):
        kind = getattr(scope, name)
        if isinstance(kind, type) and issubclass(kind, TestCase) and kind is not TestCase:
            getattr(kind, "setUpClass", lambda: None)()
            for method in dir(kind):
                if method.startswith("test"):
                    run_one(kind(), method, result)
            getattr(kind, "tearDownClass", lambda: None)()
    print("-" * 70)
    print("Ran %d tests\n" % result.run)
    if result.failures or result.errors:
        print("FAILED (failures=%d, errors=%d)" % (result.failures, result.errors))
    else:
        print("OK" + (" (skipped=%d)" % result.skipped if result.skipped else ""))
