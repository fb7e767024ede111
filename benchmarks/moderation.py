"""The moderators' pages over a queue of 100,000 open cases: time and queries of the queue, a filter, and a case; and
the dashboard over as many that were closed in the last 90 days.

Everything is one transaction that is rolled back. Requests go through Django's test client: all middleware, no network.
The time of the processor says what a page costs where other work shares the machine, the database's part apart.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meetsmatch.settings.test")

import django  # noqa: E402

django.setup()

from django.contrib.auth.models import Group  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import reverse  # noqa: E402

from apps.moderation.models import Case  # noqa: E402
from apps.moderation.selectors import next_case  # noqa: E402
from apps.users.models import Staff  # noqa: E402

CASES, ROUNDS = 100_000, 40
# Members far above Telegram's ids, their drafts, a case each, two reports in it; severities and ages by the number.
FILL = """
CREATE TEMP TABLE made ON COMMIT DROP AS
    SELECT n, gen_random_uuid() AS member, gen_random_uuid() AS incident FROM generate_series(1, {cases}) AS n;
INSERT INTO users_user (id, password, is_superuser, telegram_id, language, source, has_telegram_premium,
        consent_version, last_active_at, date_joined, is_staff, is_active)
    SELECT member, '', false, 7000000000000000 + n, 'en', '', false, '', now(), now(), false, true FROM made;
INSERT INTO users_profile (user_id, name, gender, place, country, interests, bio)
    SELECT member, 'Member ' || n, '', '', '', '{{}}', '' FROM made;
INSERT INTO moderation_case (id, member_id, status, severity, priority, report_count, finding_count, opened_at, due_at,
        version)
    SELECT incident, member, 'open', 1 + n % 4, (n * 7919) % 100003, 2, 0, now() - n * interval '1 minute',
        now() + (n % 600 - 300) * interval '1 minute', 0 FROM made;
INSERT INTO moderation_report (id, reporter_id, reported_id, case_id, reason, words, accuracy, outcome, created_at)
    SELECT gen_random_uuid(), other.member, made.member, made.incident, 'spam', '', 0.5, 'pending', now()
    FROM made CROSS JOIN (VALUES (1), (7)) AS step (size) JOIN made AS other ON other.n = (made.n + size) % {cases} + 1;
CREATE TEMP TABLE past ON COMMIT DROP AS SELECT n, member, gen_random_uuid() AS incident FROM made;
INSERT INTO moderation_case (id, member_id, status, severity, priority, report_count, finding_count, opened_at, due_at,
        closed_at, version)
    SELECT incident, member, 'closed', 1 + n % 4, 0, 0, 0, ago - interval '1 hour' * (n % 40),
        ago - interval '1 hour' * (n % 9 - 6), ago, 1
    FROM past CROSS JOIN LATERAL (SELECT now() - n * interval '77 seconds') AS moment (ago);
INSERT INTO moderation_decision (id, case_id, number, action, is_held, words, is_automatic, by_id, created_at)
    SELECT gen_random_uuid(), incident, 1, (ARRAY['dismiss', 'warn', 'limit', 'ban'])[1 + n % 4], false, '', false,
        '{staff}', now() - n * interval '77 seconds' FROM past;
ANALYZE moderation_decision;
ANALYZE users_user; ANALYZE users_profile; ANALYZE moderation_case; ANALYZE moderation_report;
"""


def fill(person: Staff) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FILL.format(cases=CASES, staff=person.pk))


def moderator() -> tuple[Staff, Client]:
    person = Staff.objects.create_user(f"bench-{uuid4().hex[:8]}", None, is_staff=True)
    person.groups.add(Group.objects.get(name="Senior moderator"))
    client = Client(headers={"host": "localhost"})
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return person, client


def pages(person: Staff, client: Client) -> dict[str, Callable[[], object]]:
    queue = reverse("admin:moderation_case_changelist")

    def look(address: str) -> Callable[[], object]:
        def get() -> None:
            answer = client.get(address)
            assert answer.status_code == 200, answer.status_code

        return get

    first = next_case(person.pk)
    assert first
    return {
        "queue": look(queue),
        "queue: page 100": look(f"{queue}?p=100"),
        "queue: overdue": look(f"{queue}?queue=overdue"),
        "queue: free": look(f"{queue}?queue=free"),
        "one case": look(reverse("admin:moderation_case_change", args=[first.pk])),
        "dashboard: 7 days": look(f"{reverse('admin:moderation_dashboard')}?days=7"),
        "dashboard: 90 days": look(f"{reverse('admin:moderation_dashboard')}?days=90"),
        "next case (the query alone)": lambda: next_case(person.pk),
    }


def measure(page: Callable[[], object]) -> dict[str, float]:
    page()
    with CaptureQueriesContext(connection) as captured:
        page()
    queries = len(captured)  # the next request begins the log anew
    taken, worked = [], []
    for _ in range(ROUNDS):
        started, began = time.perf_counter(), time.process_time()
        page()
        taken.append((time.perf_counter() - started) * 1000)
        worked.append((time.process_time() - began) * 1000)
    return {
        "median (ms)": median(taken),
        "p95 (ms)": quantiles(taken, n=20)[-1],
        "processor (ms)": median(worked),
        "queries": queries,
    }


def main() -> None:
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        person, client = moderator()
        fill(person)
        figures = {name: measure(page) for name, page in pages(person, client).items()}
        total = Case.objects.count()
        transaction.set_rollback(True)
    print(f"{total:,} cases{'':20} {'median ms':>10} {'p95 ms':>8} {'processor ms':>13} {'queries':>8}")  # noqa: T201 a table for people
    for name, figure in figures.items():
        median_ms, p95_ms, worked_ms, queries = figure.values()
        print(f"{name:33} {median_ms:>10.1f} {p95_ms:>8.1f} {worked_ms:>13.1f} {queries:>8.0f}")  # noqa: T201
    machine = {"python": platform.python_version(), "processor": platform.machine(), "cores": os.cpu_count()}
    path = ROOT / "var" / "bench" / "moderation.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"figures": figures, "machine": machine}, indent=2))


if __name__ == "__main__":
    main()
