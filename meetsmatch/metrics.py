"""`/metrics`, in Prometheus' format, for who knows METRICS_TOKEN: a page that any web process answers for all of them.

Figures of processes come over Redis (see core.resilience.pulse), those of the product out of the database, each by an
index; what cannot be had just now is left out. Nothing here names a person.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Min
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from apps.bot.models import Update
from apps.bot.synthetic import latest
from apps.core.resilience.pulse import statuses_everywhere
from apps.core.resilience.services import unended
from apps.notifications.models import Delivery

STATES = {"closed": 0.0, "half-open": 0.5, "open": 1.0}


def metrics(request: HttpRequest) -> HttpResponse:
    """404 while no token is set, 403 without it."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"):
        return HttpResponse(status=403)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Processes())
    registry.register(_Product())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Processes(Collector):
    """How each process gets on with what it depends on."""

    def collect(self) -> Iterable[Metric]:
        labels = ["process", "dependency"]
        breaker = GaugeMetricFamily("meetsmatch_breaker", "0 closed, 0.5 half open, 1 open", labels=labels)
        calls = CounterMetricFamily("meetsmatch_calls", "Calls of a dependency", labels=labels)
        failed = CounterMetricFamily("meetsmatch_calls_failed", "Of these, those that failed", labels=labels)
        refused = CounterMetricFamily("meetsmatch_calls_refused", "Calls that were not made", labels=labels)
        for process, statuses in statuses_everywhere().items():
            for status in statuses:
                where = [process, status.name]
                breaker.add_metric(where, STATES[status.state])
                calls.add_metric(where, status.calls)
                failed.add_metric(where, status.failed)
                refused.add_metric(where, status.refused)
        return [breaker, calls, failed, refused]


class _Product(Collector):
    """What waits, what has failed, and how the synthetic member fares; only that the database is away when it is."""

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("meetsmatch_database_up", "Whether these figures could be read")
        try:
            found = list(_figures())
        except DatabaseError:
            found = []
        up.add_metric([], float(bool(found)))
        return [up, *found]


def _figures() -> Iterator[Metric]:
    waiting = Delivery.objects.filter(status=Delivery.Status.PENDING)
    oldest = waiting.aggregate(oldest=Min("created_at"))["oldest"]
    undone = Update.objects.filter(status__in=[Update.Status.FAILED, Update.Status.PARKED])
    yield _gauge("deliveries_waiting", "Deliveries to be sent", waiting.count())
    yield _gauge("delivery_oldest_seconds", "Age of the oldest of them", _age_secs(oldest) if oldest else 0)
    failed = Delivery.objects.filter(status=Delivery.Status.FAILED)
    yield _gauge("deliveries_failed", "Deliveries given up", failed.count())
    yield _gauge("updates_undone", "Updates that have failed or are parked", undone.count())
    yield _gauge("faults_injected", "Faults that strike now", unended().count())
    if run := latest():
        yield _gauge("synthetic_ok", "Whether the synthetic member came through", run.is_good)
        yield _gauge("synthetic_seconds", "How long it took", run.took_ms / 1000)
        yield _gauge("synthetic_age_seconds", "How long ago it walked", _age_secs(run.started_at))


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(f"meetsmatch_{name}", says, value=float(value))


def _age_secs(moment: datetime) -> float:
    return (timezone.now() - moment).total_seconds()
