"""What can go wrong between the simulator of Graph and its caller, as tests order it. Standard library only."""

import math
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate

KINDS = {
    "token", "contracts", "delegatedAdminCustomers", "subscribedSkus", "subscriptions", "users", "reportSettings",
    "report", "download",
}  # fmt: skip

# Faults, and the options of each with what they are when nobody says.
FAULTS = {
    # 429 or 503, with `Retry-After` in seconds, as a date, or without.
    "throttle": {"code": 429, "retry_after": None, "as_date": False},
    # 403, 404, 500, 502 or 504 with an error of Graph.
    "status": {"code": 500, "error": None, "message": "An error has occurred."},
    # So much of the body is sent (a part of 1), then the connection ends.
    "cut": {"part": 0.5, "chunked": None, "reset": False},
    "cut_before_head": {"reset": False},
    # 401; the token is no good from then on.
    "expired_token": {},
    # Of the token endpoint AADSTS65001, of Graph 403.
    "no_consent": {},
    # JSON or CSV that cannot be read, or a page for people in its place.
    "malformed": {"html": False},
    # There is always one more page, or the page is followed by itself.
    "endless_paging": {},
    "loop_paging": {},
    # This in place of every answer; a text or bytes, or what JSON is made of.
    "answer": {"code": 200, "body": b"", "location": None},
    # The next page is on another host, or is to be asked in plain.
    "foreign_page": {},
    "plain_page": {},
    # A report leads to a plain URL.
    "redirect_plain": {},
    # A list answers with a redirect to another host.
    "redirect_elsewhere": {},
    # So many bytes.
    "huge": {"bytes": (64 << 20) + 1, "chunked": True},
    # A part of the answer, then silence.
    "stall": {"part": 0.5},
    # Seconds before the answer.
    "slow": {"seconds": 1.0},
    # The last of a page comes again at the start of the next, because somebody was added meanwhile; `moved` with other
    # licenses than before.
    "people_change": {"moved": None},
    "concealed": {},
    "report_of_day_before": {},
    "empty_report": {},
}

# Seconds by which a caller may be early: clocks and timers are no finer everywhere.
TOLERANCE = 0.05


@dataclass
class Fault:
    name: str
    on: frozenset
    tenant: str | None
    # None: for good.
    times: int | None
    # Requests that are let through first.
    after: int
    # Of a report; None is any.
    day: object
    options: dict
    seen: int = 0
    used: int = 0

    def __getitem__(self, option):
        return self.options[option]

    def takes(self, request):
        """Counts the request, and says whether it is this one's."""
        if request.kind not in self.on or self.tenant not in (None, request.tenant):
            return False
        if self.day not in (None, request.day):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.used >= self.times):
            return False
        self.used += 1
        return True


@dataclass
class Script:
    """Faults in the order of their making; the first that fits a request is its fault."""

    faults: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name, on, tenant=None, times=1, after=0, day=None, **options):
        assert name in FAULTS, name
        on = frozenset([on] if isinstance(on, str) else on)
        assert on and on <= KINDS, on
        assert set(options) <= set(FAULTS[name]), options
        fault = Fault(name, on, tenant, times, after, day, FAULTS[name] | options)
        with self.lock:
            self.faults.append(fault)
        return fault

    def of(self, request):
        if not self.faults:
            return None
        with self.lock:
            return next((fault for fault in self.faults if fault.takes(request)), None)

    def clear(self):
        with self.lock:
            self.faults.clear()


class Waits:
    """Until when each caller was asked to wait, and who came back before that."""

    def __init__(self):
        self._until = {}

    def tell(self, fault, request):
        """The header of a throttled answer."""
        wait = fault["retry_after"]
        if wait is None:
            return {}
        if not fault["as_date"]:
            self._until[self._key(request)] = time.time() + wait
            return {"Retry-After": str(wait)}
        # Dates have no fractions.
        until = math.ceil(time.time() + wait)
        self._until[self._key(request)] = until
        return {"Retry-After": formatdate(until, usegmt=True)}

    def too_early(self, request):
        """Seconds; 0 when it is time."""
        if not self._until:
            return 0
        early = self._until.pop(self._key(request), 0) - time.time()
        return early if early > TOLERANCE else 0

    @staticmethod
    def _key(request):
        return request.tenant, request.kind, request.target
