"""
waiting -- wait for a condition, never for a clock.

Every wait has a deadline; what was seen last goes into the failure's text.
"""
import threading
import time


def eventually(ask, timeout_s=15.0, every_s=0.05, what=None):
    """Asks until the answer is true and returns it; fails with the last answer at the deadline."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            answer, why = ask(), None
        except AssertionError as error:
            answer, why = None, error
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(
                f"not within {timeout_s} s: {what or getattr(ask, '__name__', ask)}; last: {why or answer!r}")
        time.sleep(every_s)


class Later(threading.Thread):
    """A call that runs beside the test; result() joins it and hands back what it returned or raised."""

    def __init__(self, call, *args, **kwargs):
        super().__init__(daemon=True)
        self._call, self._args, self._kwargs = call, args, kwargs
        self._value = self._error = None
        self.began = time.monotonic()
        self.took_s = None
        self.start()

    def run(self):
        try:
            self._value = self._call(*self._args, **self._kwargs)
        except BaseException as error:  # handed to whoever joins
            self._error = error
        self.took_s = time.monotonic() - self.began

    def result(self, timeout_s=60.0):
        self.join(timeout_s)
        assert not self.is_alive(), f"still running after {timeout_s} s"
        if self._error is not None:
            raise self._error
        return self._value
