"""What people send never enters what is searched: not the photo, not the page they name (P-04)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, WayKind
from dsr_portal.core import clock
from dsr_portal.core.ids import new_id
from dsr_portal.gallery import hashes, rights
from dsr_portal.gallery.models import Source, SourceImage
from dsr_portal.jobs import services as jobs
from dsr_portal.matching.models import Probe, Search, SearchState
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.holder import holder
from dsr_portal.vault import services as vault
from dsr_portal.vault.models import UnitKey
from tests.support import matching as desk
from tests.support.gallery import (
    a_record,
    an_image,
    forget_index,
    near,
    own_places,
    random_templates,
    without_engine,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]

REQUESTS = 100
PAGE = "https://pages.example/somebody"


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    own_places(settings, tmp_path)
    settings.DSR_SHARD_ROWS = 8
    without_engine(monkeypatch)
    yield
    forget_index()


# -- before and after many requests ---------------------------------------------------------------

Contents = dict[str, Any]


def contents() -> Contents:
    """Every row an import fills, the bytes those rows lead to, and the index in memory."""
    rows: Contents = {
        model.__name__: sorted(map(str, model.objects.values_list())) for model in rights.ENROLMENT
    }
    kinds = (vault.UnitKind.SOURCE_IMAGE, vault.UnitKind.ENROLLED_FACE, vault.UnitKind.INDEX_SHARD)
    units = UnitKey.objects.filter(kind__in=kinds).order_by("id").values_list("id", flat=True)
    rows["vault"] = {
        f"{unit}.{field}": hashlib.sha256(b"".join(vault.stream(unit, field))).hexdigest()
        for unit in units
        for field in vault.fields(unit)
    }
    with holder().current() as held:
        index = held.index
        assert index.tail_rows == 0
        rows["index"] = [
            hashlib.sha256(index.shard_bytes(number)).hexdigest() for number in range(index.shards)
        ]
        rows["faces"] = len(index)
    return rows


def differing(before: Contents, after: Contents) -> list[str]:
    return [name for name in before if before[name] != after[name]]


def a_gallery(count: int = 20, seed: int = 7) -> Any:
    """Faces in pictures of their own, the first at a page, sealed in shards; their templates."""
    templates = random_templates(count, seed)
    for number, values in enumerate(templates):
        image = an_image(page_url=PAGE) if number == 0 else an_image()
        record = a_record(image, values.tobytes())
        new = recognition.NewTemplate(record_id=record.id, unit=record.unit)
        with unit_of_work():
            model = engines.facts_of(engines.model_row())
            recognition.add_templates(model=model, templates=[new])
    with unit_of_work():
        recognition.enqueue_seal()
    jobs.run_due(queues=["search"])
    return templates


def asked(number: int, template: Any) -> Case:
    """A request with a photo and an address: every fifth is of somebody in the gallery."""
    photo = near(template, seed=number) if number % 5 == 0 else random_templates(1, 100 + number)[0]
    page = PAGE if number % 3 else f"https://pages.example/{number}"
    way = cases.WaySent(WayKind.PAGE, page, keyed_hash=hashes.of_address(page))
    return desk.opened(picture=photo.tobytes(), ways=[way])


def test_a_hundred_requests_leave_the_gallery_and_its_index_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P-04, X-08: rows, encrypted files and the index in memory, to the byte."""
    seen = recognition.ProbeVerdict("ok", (), (1, 1, 4, 4), desk.JPEG)
    monkeypatch.setattr(recognition, "judge_probe", lambda picture: seen)
    templates = a_gallery()
    officer = desk.actor(desk.staff("S-1"))
    before = contents()
    assert (before["faces"], len(before["index"])) == (20, 3)
    sent = [asked(number, templates[number % 20]) for number in range(REQUESTS)]
    jobs.run_due(queues=["probe"], limit=REQUESTS)
    for case in sent:
        desk.identify(case, officer)
    jobs.run_due(queues=["search", "light"], limit=4 * REQUESTS)
    searches = Search.objects.filter(state=SearchState.COMPLETE)
    assert searches.count() == Probe.objects.count() == REQUESTS
    assert {one.compared for one in searches} == {20}
    assert sum(one.found_by_graph + one.added_by_sweep for one in searches) >= REQUESTS / 5
    assert differing(before, contents()) == []
    forget_index()
    assert differing(before, contents()) == [], "nor after a process read the index anew"
    # The canary: one face more is seen in every place.
    a_gallery(count=1, seed=9)
    assert set(differing(before, contents())) >= {"Template", "Shard", "vault", "index", "faces"}


# -- a role that cannot ---------------------------------------------------------------------------

ROLE = "dsr_test_requests"


@contextmanager
def as_role() -> Iterator[None]:
    """Whatever the block does, the database does for the role of the public site."""
    _sql(f'SET ROLE "{ROLE}"')
    try:
        yield
    finally:
        _sql("RESET ROLE")


def _sql(*statements: str) -> None:
    with connection.cursor() as cursor:
        for one in statements:
            cursor.execute(one)


@pytest.fixture
def role(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """A role as `request_role` makes it, and nothing more."""
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL only: SQLite knows no roles")
    _drop_role()
    _sql(f'CREATE ROLE "{ROLE}"')
    call_command("request_role", ROLE)
    _sql(*capsys.readouterr().out.splitlines())
    yield
    _drop_role()


def _drop_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
        if cursor.fetchone():
            cursor.execute(f'DROP OWNED BY "{ROLE}"')
            cursor.execute(f'DROP ROLE "{ROLE}"')


@pytest.mark.usefixtures("role")
def test_the_role_of_the_public_site_cannot_put_anything_into_the_gallery(site: Any) -> None:
    """P-04: "permission denied" for every table an import fills; a request goes its whole way."""
    record = a_record(an_image(page_url=PAGE))
    for model in rights.ENROLMENT:
        table = model._meta.db_table
        delete = f'DELETE FROM "{table}"'  # noqa: S608 - a name of our own schema
        for refused in (f'INSERT INTO "{table}" DEFAULT VALUES', delete):
            with as_role(), pytest.raises(DatabaseError, match="permission denied"):
                _sql(refused)
    with as_role(), pytest.raises(DatabaseError, match="permission denied"):
        SourceImage.objects.update(width=1)
    with as_role(), pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        Source.objects.create(
            id=new_id(), name="Requests", legal_basis="none", created_at=clock.now()
        )
    record.refresh_from_db()
    site("public")
    with as_role():
        case = _asked_on_the_site()
        cases.withdraw(case_id=case.id, actor=desk.Actor.person(case.id))
    case.refresh_from_db()
    assert case.status == "WITHDRAWN" or case.closed_at is not None


def _asked_on_the_site() -> Case:
    browser = Client()
    posts = (
        ("wish", {"rights": ["access", "erasure"]}),
        ("way", {"pages": PAGE, "account": "", "other": ""}),
        ("contact", {"how": "email", "email": "mina@example.org", "language": "en"}),
        ("check", {}),
    )
    for name, data in posts:
        answer = browser.post(reverse(f"public:{name}"), data)
        assert answer.status_code == 302, answer.content.decode()
    assert browser.get(reverse("public:receipt")).status_code == 200
    return Case.objects.get()


def test_the_command_takes_names_of_roles_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What it prints is given to a database: no name carries SQL along."""
    call_command("request_role", "portal_public")
    said = capsys.readouterr().out
    assert 'GRANT SELECT ON "gallery_sourceimage" TO "portal_public";' in said
    assert 'GRANT SELECT, INSERT ON "audit_event" TO "portal_public";' in said
    with pytest.raises(CommandError) as refused:
        call_command("request_role", 'x"; DROP TABLE audit_event; --')
    assert refused.value.returncode == 2
