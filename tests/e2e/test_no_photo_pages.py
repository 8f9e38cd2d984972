"""Pages for people who send no photo, desk and public: axe finds nothing, they fit a phone."""

import os

import pytest
from django.test import Client
from django.urls import reverse, set_urlconf

from dsr_portal.accounts.models import Role
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import acting, acting_invites, page_wishes
from dsr_portal.cases import services as cases
from dsr_portal.cases.acting_models import LinkPurpose
from dsr_portal.cases.codes import acting_token
from dsr_portal.cases.correction_models import Correction
from dsr_portal.cases.models import Case, WayKind
from dsr_portal.core import clock, totp
from dsr_portal.disclosure import correcting, named_page, unidentified
from dsr_portal.disclosure import services as disclosure
from dsr_portal.gallery import hashes
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import representing, services
from dsr_portal.vault import services as vault
from tests.e2e.pages import Patched, face, found_by_axe
from tests.support import cases as support
from tests.support import wrong
from tests.support.gallery import PEOPLE, a_record, an_image, own_places
from tests.support.matching import actor, laid, sign_in, staff, take
from tests.support.represented import sent_for_somebody
from tests.support.trail import undone

pytestmark = pytest.mark.django_db
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

PAGE = "https://harbourchoir.example/2021/summer-concert/our-singers"
NAMES = (
    "named", "look_up", "named_compare", "named_confirm", "nothing", "ask", "not_yet",
    "corrections", "correction", "wrong", "wrong_said", "longer",
    "cannot_identify", "letter", "way", "way_late", "photo_late", "first_photo", "unidentified",
    "one_page", "decide_one_page", "read_one_page", "wish_one_page",
    "acting_sign_in", "acting_set_up", "acting", "acting_closed", "acting_link",
    "accountable", "link",
)  # fmt: skip


def a_group():
    """A picture at the address with two faces, as an import leaves it."""
    image = an_image(page_url=PAGE, caption="Our singers", collected_at="2021-07-04T20:10:00Z")
    records = [a_record(image), a_record(image)]
    faces = ("photos/mina.jpg", "photos/kofi.jpg")
    units = [(image.unit, "picture", (PEOPLE / "gallery" / "choir.jpg").read_bytes())]
    units += [(row.unit, "crop", face(name)) for row, name in zip(records, faces, strict=True)]
    for unit, field, data in units:
        staged = vault.stage_into(unit)
        staged.add(field, data)
        staged.save()


def asked(*pages):
    ways = [cases.WaySent(WayKind.PAGE, one, keyed_hash=hashes.of_address(one)) for one in pages]
    return support.opened(ways=ways, consents=())


def known(case, by):
    services.record_identity(
        case_id=case.id, actor=by, way="eid", element="named_control",
        compared="The name of the electronic identity is the name in the list under the picture.",
    )  # fmt: skip


def looked_up(case, by):
    known(case, by)
    services.start_look_up(case_id=case.id, actor=by)
    jobs.run_due(queues=["light"])
    take(case, by)
    return case


@pytest.fixture(scope="module")
def pages(django_db_setup, django_db_blocker, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        settings = Patched(patch)
        own_places(settings, tmp_path_factory.mktemp("pages"))
        with undone():
            found = at_the_desk(settings) | in_public(settings)
    return found


def choose(settings, site):
    settings.DSR_SITE, settings.ROOT_URLCONF = site, settings.DSR_SITES[site]
    set_urlconf(None)


def at_the_desk(settings):
    choose(settings, "desk")
    officer, second = staff("S-1"), staff("S-2", Role.SUPERVISOR)
    by = actor(officer)
    desk = sign_in(Client(), officer)

    def get(name, case, **form):
        page = reverse(f"desk:{name}", kwargs={"reference": case.reference})
        return desk.post(page, form, follow=True) if form else desk.get(page)

    a_group()
    fresh = asked(PAGE, "https://unknown.example/nobody")
    known(fresh, by)
    kept = {"named": get("case", fresh), "look_up": get("look_up", fresh)}
    case = looked_up(asked(PAGE), by)
    kept["named_compare"] = get("compare", case)
    first = laid(case, by)[0]
    said = {"picture": first.id, "stage": "view", "decision": "same"}
    kept["named_confirm"] = get("compare", case, **said)
    kept["nothing"] = get("compare", looked_up(asked("https://unknown.example/nobody"), by))
    silent = asked()
    kept["ask"], kept["not_yet"] = get("ask", silent), get("unidentified", silent)
    asking = {"missing": ["no_way_taken"], "means": ["call", "visit"], "text": "Who are you?"}
    cases.ask_to_identify(case_id=silent.id, actor=by, **asking)
    cases.receive_message(case_id=silent.id, actor=support.person(silent), text="I'd rather not.")
    kept["cannot_identify"] = get("unidentified", silent)
    why = "They want none of the ways, and nothing was named."
    unidentified.propose(case_id=silent.id, actor=actor(second), reasons=["no_way_taken"], why=why)
    jobs.run_due(queues=["probe"])
    kept["letter"] = get("case", silent)
    alone = asked(PAGE)
    kept["one_page"], kept["link"] = get("one_page", alone), get("link", alone)
    page_wishes.ask(case_id=alone.id, way_id=alone.ways.get().id, actor=support.person(alone))
    kept["decide_one_page"] = get("one_page", alone)
    wish = page_wishes.in_force(alone)
    verdicts = {one.image_id: ("lock", "no_basis") for one in named_page.look(wish)}
    named_page.propose(
        case_id=alone.id, actor=actor(second), verdicts=verdicts, why="No basis is documented."
    )
    jobs.run_due(queues=["probe"])
    kept["read_one_page"] = get("case", alone)
    kept["accountable"] = sign_in(Client(), staff("L-1", Role.DIRECTOR)).get(
        reverse("desk:accountable")
    )
    seen = {name: (answer.content, "text/html") for name, answer in kept.items()}
    for row in laid(case, by):
        of = {"reference": case.reference, "decision_id": row.id}
        address = reverse("desk:face_picture", kwargs=of)
        for more in ("", "?show=whole"):
            seen[address + more] = (desk.get(address + more).content, "image/jpeg")
    seen |= about_wrong_facts(desk)
    disclosure.approve_answer(answer_id=silent.answers.get().id, actor=by)
    cases.release_batch(actor=by)
    return seen


def about_wrong_facts(desk):
    """What is wrong in a picture of an answer, and a picture kept longer (E-01, E-03)."""
    records = [wrong.picture(1), wrong.picture(2)]
    case = wrong.answered(*records)
    row = correcting.ask(
        case_id=case.id, actor=support.person(case), place="1.0", what="caption",
        right="Mina Okoye at the canal fair", words="I sold cakes there.",
    )  # fmt: skip
    wrong.exempted(case, records[1], days=9)
    of = {"reference": case.reference}
    one = reverse("desk:correction", kwargs=of | {"correction_id": row.id})
    every = reverse("desk:corrections", kwargs=of)
    found = {
        "correction": desk.post(one, {"do": ""}),
        "corrections": desk.post(every, {"what": "caption"}),
        "longer": desk.get(reverse("desk:lengthen", kwargs=of)),
    }
    return {name: (answer.content, "text/html") for name, answer in found.items()}


def in_public(settings):
    choose(settings, "public")
    browser = Client()

    def enter(case):
        keys = {"reference": case.reference, "code": cases.receipt_code(case)}
        browser.post(reverse("public:status"), keys)

    silent = Case.objects.get(outcome="not_identified")
    enter(silent)
    ways = {"unidentified": "case", "way": "case_way", "first_photo": "case_photo"}
    kept = {name: browser.get(reverse(f"public:{of}")) for name, of in ways.items()}
    enter(asked(PAGE))
    kept["wish_one_page"] = browser.get(reverse("public:one_page"))
    busy = support.decided(support.opened())
    enter(busy)
    kept["photo_late"] = browser.get(reverse("public:case_photo"))
    kept["way_late"] = browser.get(reverse("public:case_way"))
    enter(Correction.objects.get().case)
    kept["wrong"] = browser.post(reverse("public:correct"), {"what": "caption"})
    kept["wrong_said"] = browser.get(reverse("public:case"))
    kept |= of_who_acts()
    return {name: (answer.content, "text/html") for name, answer in kept.items()}


def of_who_acts():
    """The account of who acts for somebody: the form that was refused, the key, the overview."""
    writer, other = staff("S-3"), staff("S-4")
    _case, mandate = sent_for_somebody(actor(writer))
    representing.accept(mandate_id=mandate.id, actor=actor(other), words="Signed.")
    account = acting_invites.invite(mandate_id=mandate.id, actor=actor(other))
    link = account.links.get()
    token = acting_token(unit=account.unit, link_id=link.id)
    page, address = reverse("public:acting"), reverse("public:acting_set_up", args=[token])
    browser = Client()
    kept = {"acting_sign_in": browser.post(page, {"email": "lena"})}
    kept["acting_set_up"] = browser.post(address)
    step = totp.step_of(clock.real_now().timestamp())
    browser.post(address, {"code": totp.code_at(acting.secret_of(link), step)})
    kept["acting"] = browser.get(page)
    assert mandate.case.reference in kept["acting"].content.decode()
    kept["acting_closed"] = browser.get(address)
    with unit_of_work():
        acting.send(account, LinkPurpose.SIGN_IN, actor(other))
    again = account.links.get(purpose=LinkPurpose.SIGN_IN)
    sign_in_link = acting_token(unit=account.unit, link_id=again.id)
    kept["acting_link"] = browser.get(reverse("public:acting_link", args=[sign_in_link]))
    return kept


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page, scheme):
    """WCAG 2.2 AA on every page a request without a photo goes through."""
    assert found_by_axe(open_page, NAMES, scheme) == {name: [] for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_page_fits_a_phone(open_page, name):
    """WCAG 2.2 SC 1.4.10: no sideways scrolling at 320 px."""
    page = open_page(name, width=320)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_reason_stands_open_where_only_words_speak(open_page):
    """What was named and how the person is known stand beside; the reason is asked."""
    page = open_page("named_confirm")
    assert page.locator("textarea[name=reason]").is_visible()
    told = page.inner_text("main")
    assert PAGE in told
    assert "How we know who is asking" in told
