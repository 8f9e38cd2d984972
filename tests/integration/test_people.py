"""Accounts from the first two to officers who decide, by command and at the desk (R19-20, P-17)."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts import roster, services
from dsr_portal.accounts.models import ProposalKind, Role, Staff, StaffProposal
from dsr_portal.audit.models import Event
from dsr_portal.cases.models import Status
from dsr_portal.core.errors import NotAllowed
from dsr_portal.jobs.models import Effect
from dsr_portal.matching.models import Verdict
from tests.support import answers
from tests.support.gallery import own_places
from tests.support.matching import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

FIRST, SECOND = "S-2001", "F-5001"


def run(*words: str) -> Any:
    out = StringIO()
    call_command("staff", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture
def first_two(settings: Any) -> None:
    """What an operator does on a new installation, and no more."""
    settings.DSR_DEMO = False
    for number, role in ((FIRST, "supervisor"), (SECOND, "director")):
        call_command(
            "create_staff",
            "--staff-no", number, "--name", f"Person {number}", "--role", role,
            "--email", f"{number.lower()}@halden.example", "--link", stdout=StringIO(),
        )  # fmt: skip


def proposed(number: str, role: str = "officer", by: str = FIRST) -> str:
    said = run(
        "propose", "--as", by, "--staff-no", number, "--name", f"Person {number}",
        "--email", f"{number.lower()}@halden.example", "--role", role,
    )  # fmt: skip
    return str(said["proposal"])


@pytest.mark.usefixtures("first_two")
def test_a_new_installation_gets_officers_who_decide_a_case(
    settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R19, P-17: two accounts of the operator, then two persons for each, to a decided case."""
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)
    for number in ("A-1001", "A-1002"):
        made = run("approve", "--as", SECOND, "--proposal", proposed(number))
        assert "/account/start/" in made["choose_a_password_once"]
        with pytest.raises(NotAllowed):
            services.require_trained(Staff.objects.get(staff_no=number))
        run("training", "--as", FIRST, "--staff-no", number, "--until", "2030-01-01")
    face = answers.a_face(seed=1)
    case = answers.searched(answers.requested(), [face])
    assert answers.decided(case, {face.id: Verdict.SAME}).status == Status.DECIDED
    told = Event.objects.filter(type="staff.created").order_by("id")
    assert [event.type for event in told] == ["staff.created"] * 4


@pytest.mark.usefixtures("first_two")
def test_who_proposed_does_not_approve_and_nobody_decides_about_themselves() -> None:
    """R19: distinct by person; an exit code of its own and nothing written."""
    waiting = proposed("A-1001")
    with pytest.raises(CommandError) as refused:
        run("approve", "--as", FIRST, "--proposal", waiting)
    assert refused.value.returncode == 3
    assert not Staff.objects.filter(staff_no="A-1001").exists()
    with pytest.raises(CommandError) as himself:
        run("role", "--as", FIRST, "--staff-no", FIRST, "--role", "officer")
    assert himself.value.returncode == 3


@pytest.mark.usefixtures("first_two")
def test_the_data_protection_officer_is_told_of_each_change() -> None:
    """R19: role, factor and end of an account; the list says what is in force."""
    run("approve", "--as", SECOND, "--proposal", proposed("D-3001", "dpo"))
    run("approve", "--as", SECOND, "--proposal", proposed("A-1001"))
    before = Effect.objects.filter(kind=services.NOTICE).count()
    for words in (["role", "--role", "supervisor"], ["reset-factor"], ["close"]):
        said = run(words[0], "--as", FIRST, "--staff-no", "A-1001", *words[1:])
        run("approve", "--as", SECOND, "--proposal", said["proposal"])
    assert Effect.objects.filter(kind=services.NOTICE).count() == before + 3
    (row,) = [one for one in run("list")["staff"] if one["staff_no"] == "A-1001"]
    assert (row["role"], row["active"]) == ("supervisor", False)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["propose", "--as", FIRST], 2),
        (["training", "--as", FIRST, "--staff-no", SECOND, "--until", "soon"], 2),
        (["approve", "--as", FIRST, "--proposal", "7"], 2),
        (["approve", "--as", FIRST, "--proposal", "01a20000-0000-7000-8000-000000000000"], 4),
        (["close", "--as", FIRST, "--staff-no", "X-9"], 4),
        (["close", "--as", "X-9", "--staff-no", FIRST], 4),
    ],
)
@pytest.mark.usefixtures("first_two")
def test_wrong_input_has_words_and_an_exit_code(words: list[str], code: int) -> None:
    with pytest.raises(CommandError) as refused:
        run(*words)
    assert refused.value.returncode == code
    assert str(refused.value)
    assert not StaffProposal.objects.exists()


# -- at the desk ---------------------------------------------------------------------------------


@pytest.fixture
def two(site: Any) -> tuple[Client, Client]:
    """A supervisor and a director, signed in at the desk."""
    site("desk")
    people = [
        services.create_staff(
            actor=answers.OPERATOR,
            staff_no=number,
            display_name=f"Person {number}",
            email=f"{number.lower()}@halden.example",
            role=role,
            password=answers.PASSWORD,
        )
        for number, role in ((FIRST, Role.SUPERVISOR), (SECOND, Role.DIRECTOR))
    ]
    first, second = Client(), Client()
    sign_in(first, people[0])
    sign_in(second, people[1])
    return first, second


def filled(number: str = "A-1001", **more: str) -> dict[str, str]:
    said = {
        "staff_no": number,
        "display_name": "Nadia Roth",
        "email": "nadia@halden.example",
        "role": "officer",
        "authority_code": "",
        **more,
    }
    return {f"new-{name}": value for name, value in said.items()}


def test_proposed_by_one_and_approved_by_the_other(two: tuple[Client, Client]) -> None:
    """R19: the proposer sees no button; the link is shown to the second person, once."""
    first, second = two
    page = first.post(reverse("desk:people_new"), filled(), follow=True).content.decode()
    assert "Another person decides this." in page
    assert 'value="approve"' not in page
    assert 'href="/people/"' in first.get(reverse("desk:queue")).content.decode()
    waiting = roster.proposals().get()
    address = reverse("desk:people_decide", kwargs={"proposal_id": waiting.id})
    assert first.post(address, {"do": "approve"}).status_code == 403
    assert not Staff.objects.filter(staff_no="A-1001").exists()
    assert 'value="approve"' in second.get(reverse("desk:people")).content.decode()
    shown = second.post(address, {"do": "approve"}).content.decode()
    assert "/account/start/" in shown
    assert Staff.objects.get(staff_no="A-1001").display_name == "Nadia Roth"
    assert "/account/start/" not in second.get(reverse("desk:people")).content.decode()


def test_what_was_typed_stays_beside_the_error(two: tuple[Client, Client]) -> None:
    first, _second = two
    response = first.post(reverse("desk:people_new"), filled(email="nadia"))
    page = response.content.decode()
    assert response.status_code == 422
    assert 'value="Nadia Roth"' in page
    assert 'role="alert"' in page
    taken = first.post(reverse("desk:people_new"), filled(number=SECOND))
    assert taken.status_code in {302, 422}
    unknown = {"training-staff_no": "X-9", "training-until": "2030-01-01"}
    assert (
        "no active account" in first.post(reverse("desk:people_training"), unknown).content.decode()
    )


def test_a_refused_change_changes_nothing(two: tuple[Client, Client]) -> None:
    first, second = two
    make = {"actor": answers.OPERATOR, "password": answers.PASSWORD, "role": Role.OFFICER}
    services.create_staff(
        staff_no="A-1002", display_name="Jonas Weer", email="j@halden.example", **make
    )
    change = {"change-staff_no": "A-1002", "change-kind": "role", "change-role": "supervisor"}
    assert first.post(reverse("desk:people_change"), change).status_code == 302
    waiting = roster.proposals().get()
    assert waiting.kind == ProposalKind.ROLE
    address = reverse("desk:people_decide", kwargs={"proposal_id": waiting.id})
    assert second.post(address, {"do": "refuse"}).status_code == 302
    assert Staff.objects.get(staff_no="A-1002").role == Role.OFFICER
    assert not roster.proposals().exists()


def test_officers_have_no_such_page(site: Any) -> None:
    site("desk")
    answers.staff()
    client = Client()
    sign_in(client, Staff.objects.get(staff_no="A-1001"))
    assert client.get(reverse("desk:people")).status_code == 403
    assert 'href="/people/"' not in client.get(reverse("desk:queue")).content.decode()
