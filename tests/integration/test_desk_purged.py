"""A case whose address and file were destroyed is still a page, and no link on it leads nowhere."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.cases import extensions, proposals
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import ProposalState
from dsr_portal.core.actor import Actor
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import actor, sign_in, staff

pytestmark = [pytest.mark.django_db]


@pytest.mark.parametrize("role", [Role.OFFICER, Role.SUPERVISOR, Role.DPO])
def test_every_link_of_a_purged_case_opens(settings, tmp_path, site, role):
    """P-06, L-23: what is left is dates and the trail; the page of what is gone is not offered."""
    own_places(settings, tmp_path)
    site("desk")
    case = support.opened()
    page = reverse("desk:case", kwargs={"reference": case.reference})
    receipt = reverse("desk:receipt", kwargs={"reference": case.reference})
    desk = sign_in(Client(), staff("S-7", role))
    assert receipt in links(desk, page, case)
    cases.withdraw(case_id=case.id, actor=support.person(case))
    cases.purge(case_id=case.id, actor=Actor.system("case-schedule"))
    vault.shred_now([case.contact_unit, case.file_unit], reason="purged")
    left = links(desk, page, case)
    assert receipt not in left
    assert {link: desk.get(link).status_code for link in left} == dict.fromkeys(left, 200)


def links(desk: Client, page: str, case) -> set[str]:
    """Addresses below the case that its page offers to look at."""
    shown = desk.get(page)
    assert shown.status_code == 200
    return set(re.findall(rf'<a href="(/cases/{case.reference}/[^"#]+)', shown.content.decode()))


def test_flags_read_as_words_with_what_to_do(settings, tmp_path, site):
    """The code stays in the trail; officers read what happened and what they do now."""
    own_places(settings, tmp_path)
    site("desk")
    case = support.opened()
    cases.raise_flag(case_id=case.id, code="mail_bounced", actor=Actor.system("outbox"))
    page = reverse("desk:case", kwargs={"reference": case.reference})
    shown = sign_in(Client(), staff("S-7", Role.OFFICER)).get(page).content.decode()
    assert shown.count("No mail reaches the person") == 2, "beside the case and in its activity"
    assert "Look for another way: phone, post" in shown
    assert "mail_bounced" not in shown


@pytest.mark.parametrize("lapses", [True, False])
def test_a_proposal_that_waited_does_not_outlive_the_file(
    settings, tmp_path, site, lapses, monkeypatch
):
    """Its words went with the file: the page opens, also of a row from before it was settled."""
    own_places(settings, tmp_path)
    site("desk")
    case = support.opened()
    proposer, other = staff("S-7", Role.OFFICER), staff("S-8", Role.OFFICER)
    extensions.propose(
        case_id=case.id,
        actor=actor(proposer),
        reason="legal_question",
        months=2,
        words="Your request touches pictures from several countries. We settle which law counts.",
    )
    proposal = case.proposals.get()
    cases.withdraw(case_id=case.id, actor=support.person(case))
    if not lapses:
        monkeypatch.setattr(proposals, "lapse_all", lambda *_a, **_k: None)
    cases.purge(case_id=case.id, actor=Actor.system("case-schedule"))
    vault.shred_now([case.contact_unit, case.file_unit], reason="purged")
    proposal.refresh_from_db()
    assert proposal.state == (ProposalState.LAPSED if lapses else ProposalState.WAITING)
    page = sign_in(Client(), other).get(reverse("desk:case", kwargs={"reference": case.reference}))
    assert page.status_code == 200
    assert proposals.words_of(proposal) == ""
