"""Profiles at the edge: what its worker may read of them, and how it learns that they have changed."""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from apps import flags
from apps.core.edge_signing import Call, config_path, nonce_of, sign_call
from apps.core.errors import GatewayError
from apps.core.gateways.edge import EdgeWorker
from apps.flags.public import PUBLIC, public_flags
from apps.flags.services import change
from apps.flags.state import read_segment
from apps.users import restrictions, services
from apps.users.cards import card_path, public_card
from apps.users.models import Photo, Profile, ProfileVersion, User
from apps.users.purging import publish
from tests.factories import member
from tests.fakes import FakeEdge

pytestmark = pytest.mark.django_db
API = "/api/v1/edge"


@pytest.fixture
def ann() -> User:
    ann = member(name="Ann", bio="Long walks")
    Photo.objects.filter(user=ann).update(file="photos/ann.jpg")
    return ann


def ask(client: Client, path: str, headers: dict[str, str] | None = None) -> Any:
    target = f"{API}{path}"
    return client.get(target, headers=sign_call(Call("origin", "GET", target)) if headers is None else headers)


# ---- What the worker reads


def test_it_shows_the_worker_a_card_with_nothing_of_a_viewer_in_it(
    client: Client, ann: User, django_assert_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_num_queries(3):
        card = ask(client, f"/profiles/{ann.pk}").json()
    assert set(card) == {*("id", "version", "name", "age", "gender", "place", "country", "interests", "bio", "photos")}
    assert (card["name"], card["bio"], card["id"]) == ("Ann", "Long walks", str(ann.pk))
    link = rf"/media/photos/ann\.jpg\?e=\d+&p={ann.pk}&v={card['version']}&sig=[0-9a-f]{{64}}"
    assert re.fullmatch(link, *card["photos"])


@pytest.mark.parametrize("state", ["paused_at", "banned_at", "suspended_until", "photoless_at", "unreachable_at"])
def test_it_shows_nothing_of_who_is_not_listed(client: Client, ann: User, state: str) -> None:
    User.objects.filter(pk=ann.pk).update(**{state: timezone.now()})
    assert ask(client, f"/profiles/{ann.pk}").status_code == 404
    assert ask(client, f"/profiles/{uuid4()}").status_code == 404


def test_it_hides_drafts_and_hidden_photos(ann: User) -> None:
    restrictions.hide_photo(ann, Photo.objects.filter(user=ann).get().pk)
    User.objects.filter(pk=ann.pk).update(photoless_at=None)
    card = public_card(ann.pk)
    assert card
    assert card.photos == []
    Profile.objects.filter(pk=ann.pk).update(published_at=None)
    assert public_card(ann.pk) is None


def test_it_answers_nobody_but_the_worker_and_each_call_once(client: Client, ann: User, settings: Any) -> None:
    path = f"/profiles/{ann.pk}"
    headers = sign_call(Call("origin", "GET", API + path))
    assert ask(client, path, headers).status_code == 200
    assert ask(client, path, headers).status_code == 401, "played back"
    for call in (Call("edge", "GET", API + path), Call("origin", "POST", API + path), Call("origin", "GET", API)):
        assert ask(client, path, sign_call(call)).status_code == 401
    assert ask(client, path, {}).status_code == 401
    settings.EDGE_SHARED_SECRETS = [*reversed(settings.EDGE_SHARED_SECRETS)]
    assert ask(client, path).status_code == 200, "while one secret replaces the other"
    settings.EDGE_SHARED_SECRETS = []
    assert ask(client, path, headers).status_code == 401, "without secrets nobody gets in"


@pytest.mark.parametrize("wrong", ["x", "9" * 13, "-1", "1e9", "٣"])
def test_it_takes_no_odd_timestamps(wrong: str) -> None:
    call = Call("origin", "GET", API)
    assert nonce_of(call, sign_call(call))
    assert nonce_of(call, {**sign_call(call), "X-Edge-Timestamp": wrong}) is None


def test_it_gives_each_viewer_a_link_of_their_own(ann: User) -> None:
    viewers = [uuid4(), uuid4()]
    links = [card_path(ann.pk, viewer_id=viewer) for viewer in viewers]
    assert len(set(links)) == 2
    for link, viewer in zip(links, viewers, strict=True):
        assert re.fullmatch(rf"/profiles/{ann.pk}\?e=\d+&v=\d+&w=[0-9a-f]{{16}}&sig=[0-9a-f]{{64}}", link)
        assert viewer.hex[:8] not in link


def test_it_tells_the_worker_and_everybody_the_same_of_the_flags(client: Client) -> None:
    change("signup.open", by=None, reason="full", killed=True)
    said = ask(client, "/config").json()
    assert said == client.get("/api/v1/config").json()
    assert said["flags"] == public_flags() == {name: flags.is_enabled(name) for name in PUBLIC}
    assert said["flags"]["signup.open"] is False


def test_it_tells_a_member_what_holds_for_them_alone(
    client: Client, ann: User, django_assert_num_queries: Callable[[int], Any]
) -> None:
    bob = member(name="Bob")
    User.objects.filter(pk=ann.pk).update(language="es")
    change("bot.notes", by=None, reason="Spanish first", everyone=None, segment=read_segment("language in es"))
    with django_assert_num_queries(1):
        said = ask(client, f"/config/{ann.pk}").json()
    assert said["flags"] == {name: flags.is_enabled(name, User.objects.get(pk=ann.pk)) for name in PUBLIC}
    others = [ask(client, path).json() for path in (f"/config/{bob.pk}", "/config")]
    assert [answer["flags"]["bot.notes"] for answer in (said, *others)] == [True, False, False]
    assert re.fullmatch(rf"/config\?e=\d+&m={ann.pk}&sig=[0-9a-f]{{64}}", config_path(ann.pk))


def test_it_has_no_answer_for_who_is_no_member(client: Client, ann: User) -> None:
    staff = User.objects.create_user(username="mo", is_staff=True)
    services.erase(ann)
    for nobody in (ann.pk or uuid4(), staff.pk, uuid4()):
        assert ask(client, f"/config/{nobody}").status_code == 404
    assert client.get(f"{API}/config/{staff.pk}").status_code == 401


# ---- What it is told


def version(user_id: UUID) -> int:
    return ProfileVersion.objects.get(pk=user_id).number


CHANGES: dict[str, Callable[[User], object]] = {
    "pausing": lambda ann: services.set_paused(ann, paused=True),
    "a ban": lambda ann: restrictions.restrict(ann, banned_at=timezone.now()),
    "a suspension": lambda ann: restrictions.restrict(ann, suspended_until=timezone.now() + timedelta(days=1)),
    "blocking the bot": services.mark_unreachable,
    "another name": lambda ann: services.set_name(ann, "Anna"),
    "another bio": lambda ann: services.set_bio(ann, "Short walks"),
    "words taken out": restrictions.take_bio,
    "a new photo": lambda ann: services.add_photo(ann, file_id="two", file_unique_id="two"),
    "a hidden photo": lambda ann: restrictions.hide_photo(ann, Photo.objects.filter(user=ann).get().pk),
    "a stored photo": lambda ann: Photo.objects.filter(user=ann).update(file="photos/other.jpg"),
    "a correction in the database": lambda ann: Profile.objects.filter(pk=ann.pk).update(birth_date=date(1990, 1, 1)),
    "erasure": services.erase,
}


@pytest.mark.parametrize("what", CHANGES)
def test_it_tells_the_edge_of(what: str, ann: User) -> None:
    edge = FakeEdge()
    publish(edge)
    before, pk = version(ann.pk), ann.pk
    CHANGES[what](ann)
    assert publish(edge) == 1
    assert edge.purged[pk] > before
    assert publish(edge) == 0


def test_it_is_quiet_about_what_nobody_sees(ann: User) -> None:
    before = version(ann.pk)
    services.set_max_distance(ann, 10)
    services.record_activity(ann, has_telegram_premium=True)
    restrictions.restrict(ann, limited_until=timezone.now())
    draft = services.register(77, language="en")
    services.set_name(draft, "Draft")
    services.erase(draft)
    assert version(ann.pk) == before
    assert not ProfileVersion.objects.filter(pk=draft.pk).exists()


@pytest.mark.parametrize("edge", [FakeEdge(), None], ids=["with", "without"])
def test_it_forgets_erased_members_once_the_edge_knows_if_there_is_one(ann: User, edge: FakeEdge | None) -> None:
    pk = ann.pk
    services.erase(ann)
    assert ProfileVersion.objects.filter(pk=pk).exists()
    publish(edge)
    assert not ProfileVersion.objects.filter(pk=pk).exists()


def test_it_loses_no_purge_while_the_edge_is_away(ann: User) -> None:
    edge = FakeEdge(is_away=True)
    for _ in range(3):
        with pytest.raises(GatewayError):
            publish(edge)
    edge.is_away = False
    assert publish(edge) == 1
    assert edge.purged == {ann.pk: version(ann.pk)}


def test_it_keeps_due_what_changes_while_the_edge_is_told(ann: User) -> None:
    class Slow(FakeEdge):
        def purge(self, versions: Any) -> None:
            services.set_bio(User.objects.get(pk=ann.pk), f"Walk {self.calls}")
            super().purge(versions)

    publish(Slow())
    assert publish(edge := FakeEdge()) == 1
    assert edge.purged == {ann.pk: version(ann.pk)}


def test_it_counts_nothing_that_is_rolled_back(ann: User) -> None:
    before = version(ann.pk)
    with transaction.atomic():
        services.set_paused(ann, paused=True)
        transaction.set_rollback(True)
    assert version(ann.pk) == before
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM users_profileversion WHERE sent < number")
        assert cursor.fetchone() == (1,)


# ---- The gateway


@pytest.fixture
def worker() -> Iterator[tuple[str, list[tuple[bytes, Any]], list[int]]]:
    """A server that answers each post with the next of these statuses, and what it was posted."""
    posted: list[tuple[bytes, Any]] = []
    statuses: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append((self.rfile.read(int(self.headers["Content-Length"])), self.headers))
            self.send_response(statuses.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", posted, statuses
    server.shutdown()
    server.server_close()


def test_it_signs_its_purges_and_hears_when_they_fail(worker: tuple[str, list[tuple[bytes, Any]], list[int]]) -> None:
    url, posted, statuses = worker
    profile = uuid4()
    statuses[:] = [200, 503, 400]
    EdgeWorker(url).purge({profile: 7})
    body, headers = posted[0]
    assert body == f'{{"purges":[{{"tag":"profile:{profile}","version":7}}]}}'.encode()
    assert nonce_of(Call("edge", "POST", "/internal/purge", body), headers)
    for is_permanent in (False, True):
        with pytest.raises(GatewayError) as failure:
            EdgeWorker(url).purge({profile: 7})
        assert failure.value.permanent is is_permanent
    with pytest.raises(GatewayError):
        EdgeWorker("http://127.0.0.1:9").purge({profile: 7})
