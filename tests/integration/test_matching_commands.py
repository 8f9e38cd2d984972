"""`open_case` and `case`: the page's services and rights in the terminal (R8, R20)."""

import json
from io import BytesIO, StringIO

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.models import Event
from dsr_portal.cases.models import Case
from dsr_portal.matching import services
from dsr_portal.matching.models import Probe, ProbeState
from dsr_portal.vault import services as vault
from tests.support.gallery import a_record, own_places
from tests.support.matching import (
    actor,
    hits,
    identify,
    opened,
    say_all,
    searched,
    staff,
    take,
    told,
    work,
)

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)


@pytest.fixture
def answers(monkeypatch):
    return told(monkeypatch)


@pytest.fixture
def photo(tmp_path):
    """A photo with metadata, as a phone makes it."""
    data = BytesIO()
    picture = Image.new("RGB", (60, 80), "#a86")
    exif = Image.Exif()
    exif[0x010F] = "SecretPhone"
    picture.save(data, "JPEG", exif=exif)
    path = tmp_path / "letter.jpg"
    path.write_bytes(data.getvalue())
    return path


def run(*words):
    out = StringIO()
    call_command(*map(str, words), stdout=out)
    return out.getvalue()


def enter(number="S-1", *more):
    words = ["open_case", "--as", number, "--channel", "post", "--right", "access", "--json"]
    return json.loads(run(*words, *more))


def refused(*words):
    with pytest.raises(CommandError) as error:
        run(*words)
    return error.value


def test_entered_photo_waits_encrypted_without_metadata(answers, photo):
    """R8, R20, R28."""
    staff("S-1")
    made = enter("S-1", "--probe", photo, "--email", "mina@example.org", "--right", "erasure")
    assert made["photo"] == ProbeState.WAITING_CONSENT
    probe = Probe.objects.get()
    kept = vault.read(probe.unit, "picture")
    assert kept.startswith(b"\xff\xd8")
    assert b"SecretPhone" not in kept
    assert (probe.entered_by, probe.case.opener) == ("S-1", "S-1")
    work()
    assert answers.judged == 0
    opening = Event.objects.get(type="case.opened")
    assert (opening.actor_id, opening.data["entered_by"]) == ("S-1", "S-1")


def test_with_consent_it_is_checked_and_searched_only_after_another_person(answers, photo):
    staff("S-1")
    other = actor(staff("S-2"))
    made = enter("S-1", "--probe", photo, "--consent", "letter 2026-17")
    work()
    assert (answers.judged, answers.searches) == (1, 0)
    case = Case.objects.get(reference=made["reference"])
    identify(case, other)
    work()
    assert answers.searches == 0
    services.confirm_origin(case_id=case.id, actor=other)
    work()
    assert answers.searches == 1
    assert vault.read(case.file_unit, "consent.reference") == b"letter 2026-17"


def test_day_of_arrival_sets_the_due_date():
    staff("S-1")
    made = enter(
        "S-1", "--received", "2026-03-02", "--country", "FR", "--page", "https://a.example/x"
    )
    assert (made["received_on"], made["due_on"]) == ("2026-03-02", "2026-04-02")


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["--as", "S-9"], "staff_unknown", 4),
        (["--as", "X-1"], "entering_role", 3),
        (["--as", "S-1", "--received", "2199-01-01"], "received_in_future", 2),
        (["--as", "S-1", "--probe", "/nowhere/photo.jpg"], "cannot be read", 2),
        (["--as", "S-1", "--consent", "letter 1"], "--probe", 2),
        (["--as", "S-1", "--page", "not an address"], "address", 2),
        (["--as", "S-1", "--email", "mina at example"], "email_unfit", 2),
        (["--as", "S-1", "--country", "12"], "country_unfit", 2),
        (["--as", "S-1", "--language", "zz"], "language_unknown", 2),
        (["--as", "S-1", "--received", "1990-01-01"], "received_before_the_law", 2),
    ],
)
def test_clear_errors_and_exit_codes(words, said, code):
    staff("S-1")
    staff("X-1", Role.DIRECTOR)
    error = refused("open_case", "--channel", "post", "--right", "access", *words)
    assert said in str(error)
    assert error.returncode == code
    assert not Case.objects.exists()


@pytest.mark.parametrize(("content", "said"), [(b"hello", "not a picture"), (b"", "is empty")])
def test_a_file_that_is_no_picture(tmp_path, content, said):
    staff("S-1")
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    error = refused(
        "open_case", "--as", "S-1", "--channel", "post", "--right", "access", "--probe", path
    )
    assert said in str(error)
    assert error.returncode == 2
    assert not Case.objects.exists()


def test_wrong_words_are_refused_by_the_parser():
    for words in (["--channel", "web"], ["--right", "everything"], ["--received", "soon"]):
        refused("open_case", "--as", "S-1", "--channel", "post", "--right", "access", *words)


def test_case_without_an_account_prints_status_and_dates_only():
    """R20."""
    case = opened(consent=False)
    shown = json.loads(run("case", case.reference, "--json"))
    assert set(shown) == {"reference", "status", "received_on", "due_on"}
    plain = run("case", case.reference)
    assert "mina" not in plain
    assert not Event.objects.filter(type="case.viewed").exists()


def test_case_as_somebody_shows_what_the_desk_shows_and_is_a_look(answers):
    officer = staff("S-1")
    case = searched(actor(officer))
    shown = json.loads(run("case", case.reference, "--as", "s-1", "--json"))
    assert shown["next"]["step"] == "Take the case"
    assert shown["search"]["compared"] == 40
    assert any("compared with 40 of 40" in line["text"] for line in shown["activity"])
    looks = Event.objects.filter(type="case.viewed")
    assert [event.actor_id for event in looks] == ["S-1"]
    assert "Next" not in run("case", case.reference)
    assert "Take the case" in run("case", case.reference, "--as", "S-1")


def test_case_is_as_blind_as_the_page(answers):
    """R19."""
    first, second = staff("S-1"), staff("S-2")
    answers.hits = hits([a_record().id])
    case = searched(actor(first))
    take(case, actor(first))
    say_all(case, actor(first), "same")
    seen = run("case", case.reference, "--as", second.staff_no, "--json")
    assert "locked" not in seen
    assert "decided about one picture" not in seen
    assert "decided about one picture" in run("case", case.reference, "--as", "S-1", "--json")


def test_case_says_no_to_other_roles_and_closed_accounts():
    case = opened(consent=False)
    staff("O-1", Role.OPERATOR)
    assert refused("case", case.reference, "--as", "O-1").returncode == 4
    Staff.objects.filter(staff_no="O-1").update(is_active=False)
    assert refused("case", case.reference, "--as", "O-1").returncode == 4
    assert refused("case", "K7M-2QX4").returncode == 4
