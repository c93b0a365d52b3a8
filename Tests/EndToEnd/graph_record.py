"""What the simulator of Graph saw: requests, how many at once, what a good caller never does. Standard library only."""

import threading
from collections import Counter

# Requests of one tenant at once that a caller may make.
AT_ONCE = 4


class Record:
    """`requests` is what came, `violations` what should not have."""

    def __init__(self):
        # False: only the counters are kept.
        self.keeps_requests = True
        self._lock = threading.Lock()
        self.reset()

    def reset(self):
        self.requests = []
        self.violations = []
        # (kind, tenant id) → how many came.
        self.counts = Counter()
        # (tenant id, day) → how often the report was asked for.
        self.days_asked = Counter()
        # The most requests at once, by tenant id, and of all together.
        self.greatest = Counter()
        self.greatest_overall = 0
        self._under_way = Counter()

    def count(self, kind=None, tenant=None):
        """How many requests came: of one kind or of all, from one tenant or from all."""
        tenant = getattr(tenant, "tenant_id", tenant)
        rows = list(self.counts.items())
        return sum(number for (what, whose), number in rows if kind in (None, what) and tenant in (None, whose))

    def days_of(self, tenant):
        """Day → how often its report was asked for."""
        tenant = getattr(tenant, "tenant_id", tenant)
        return {day: number for (whose, day), number in sorted(self.days_asked.items()) if whose == tenant}

    def violate(self, text):
        self.violations.append(text)

    def came(self, request):
        with self._lock:
            if self.keeps_requests:
                self.requests.append(request)
            self.counts[request.kind, request.tenant] += 1
            if request.kind == "report":
                self.days_asked[request.tenant, request.day] += 1
            self._under_way[request.tenant] += 1
            number = self._under_way[request.tenant]
            self.greatest[request.tenant] = max(self.greatest[request.tenant], number)
            self.greatest_overall = max(self.greatest_overall, sum(self._under_way.values()))
        if number > AT_ONCE and request.tenant:
            self.violate(f"{number} requests of tenant {request.tenant} at once")

    def went(self, request):
        with self._lock:
            self._under_way[request.tenant] -= 1
            if self._under_way[request.tenant] <= 0:
                del self._under_way[request.tenant]
