"""Dutch and German persons meet their language everywhere; staff read English (law T-02)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise

from dsr_portal.accounts.models import Staff
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import consents, letters, services
from dsr_portal.cases.correction_models import Correction
from dsr_portal.cases.models import Case, ConsentScope, Letter, LetterKind, RightCode
from dsr_portal.cases.texts import day_words
from dsr_portal.core import clock
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import senders
from dsr_portal.desk.forms import EnterForm
from dsr_portal.disclosure import contents
from dsr_portal.documents import render, statements
from dsr_portal.documents import services as documents
from dsr_portal.documents.claims import refuse_big_words
from dsr_portal.erasure import certificate
from dsr_portal.erasure import services as erasure
from dsr_portal.law import authorities, country_names
from dsr_portal.public.forms import ContactForm, country_choices
from tests.support import answers, catalogue
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.catalogue import english_left
from tests.support.gallery import own_places
from tests.support.matching import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

LANGUAGES = pytest.mark.parametrize("language", catalogue.LANGUAGES)
PAGES = [
    "home",
    "children",
    "help",
    "notice",
    "privacy",
    "accessibility",
    "trail",
    "wish",
    "status",
]
START = {"nl": "Een verzoek beginnen", "de": "Einen Antrag beginnen"}
OWN_NAME = {"nl": "Nederlands", "de": "Deutsch"}


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    """A request leaves its language to the thread; the next test begins in English."""
    with translation.override("en"):
        yield


@pytest.fixture
def public(site: Any) -> Client:
    site("public")
    return Client()


@pytest.fixture
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)
    answers.staff()


def words_of(response: Any) -> str:
    """What a page says, without what the operator set in words of their own."""
    body = response.content.decode().replace(django_settings.DSR_CONTROLLER["dpo"], "")
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", body, flags=re.DOTALL)
    plain = re.sub(r"<[^>]+>", " ", body)
    return " ".join(plain.replace("&#x27;", "'").replace("&quot;", '"').split())


def lang_of(response: Any) -> str:
    found = re.search(r'<html lang="([\w-]+)"', response.content.decode())
    return found[1] if found else ""


# -- pages --------------------------------------------------------------------------------------


@LANGUAGES
def test_pages_follow_the_browser_and_no_english_is_left(public: Client, language: str) -> None:
    """T-02: words, `lang`, error pages; the switch names each language in itself."""
    ask = {"headers": {"accept-language": f"{language}-BE,{language};q=0.9,en;q=0.5"}}
    for name in PAGES:
        page = public.get(reverse(f"public:{name}"), **ask)
        assert (page.status_code, lang_of(page)) == (200, language), name
        assert english_left(words_of(page), language) == [], name
    assert START[language] in words_of(public.get(reverse("public:home"), **ask))
    missing = public.get("/no-such-page/", **ask)
    assert (missing.status_code, lang_of(missing)) == (404, language)
    assert english_left(words_of(missing), language) == []
    english = public.get(reverse("public:home"), headers={"accept-language": "fr,it;q=0.9"})
    assert lang_of(english) == "en"
    assert len(english_left(words_of(english), language)) > 20, "the look sees English"


@LANGUAGES
def test_a_language_is_chosen_on_the_page_without_a_script(public: Client, language: str) -> None:
    """T-02: the choice of the page wins over the browser's, and lasts."""
    home = reverse("public:home")
    shown = public.get(home, headers={"accept-language": "en"}).content.decode()
    assert f'lang="{language}">{OWN_NAME[language]}</button>' in shown
    other = {"nl": "de", "de": "nl"}[language]
    answer = public.post(reverse("set_language"), {"language": language, "next": home})
    assert (answer.status_code, answer.url) == (302, home)
    cookie = answer.cookies[django_settings.LANGUAGE_COOKIE_NAME]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == (language, True, "Lax")
    page = public.get(home, headers={"accept-language": other})
    assert lang_of(page) == language
    assert START[language] in words_of(page)
    assert public.post(reverse("set_language"), {"language": "xx", "next": home}).status_code == 302
    assert lang_of(public.get(home)) == language


@LANGUAGES
def test_errors_of_forms_are_said_in_the_language(public: Client, language: str) -> None:
    ask = {"headers": {"accept-language": language}}
    nothing = public.post(reverse("public:wish"), {}, **ask)
    assert {"nl": "Er is een probleem", "de": "Es gibt ein Problem"}[language] in words_of(nothing)
    assert {"nl": "Fout:", "de": "Fehler:"}[language] in nothing.content.decode()
    assert english_left(words_of(nothing), language) == []
    wrong = public.post(reverse("public:status"), {"reference": "x", "code": "y"}, **ask)
    assert english_left(words_of(wrong), language) == []
    with translation.override(language):
        form = ContactForm({"how": "email", "email": "x", "language": "xx", "country": "??"})
        assert not form.is_valid()
        said = " ".join(str(one) for errors in form.errors.values() for one in errors)
    assert english_left(said, language) == []
    assert "Select a valid choice" not in said


@LANGUAGES
def test_countries_are_named_and_sorted_in_the_language(language: str) -> None:
    assert {one.code: one.country for one in authorities.states()} == dict(country_names.choices())
    with translation.override(language):
        names = [name for _code, name in country_choices()][1:]
        assert (
            country_names.country_name("DE-HH")
            == {"nl": "Duitsland", "de": "Deutschland"}[language]
        )
    assert {"nl": "Oostenrijk", "de": "Österreich"}[language] in names
    assert names.index({"nl": "Oostenrijk", "de": "Österreich"}[language]) < len(names) - 5


# -- a request, from the first page to the status page -------------------------------------------


@LANGUAGES
def test_request_receipt_status_page_and_mails(public: Client, places: None, language: str) -> None:
    """T-02, T-10: what a person sees and gets is in the language they chose."""
    public.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    pages = [
        public.post(reverse("public:wish"), {"rights": ["access", "erasure"]}, follow=True),
        public.post(
            reverse("public:way"),
            {"pages": "example.org/me", "account": "", "other": ""},
            follow=True,
        ),
    ]
    assert f'value="{language}" selected' in pages[-1].content.decode()
    contact = {"how": "email", "email": "mina@example.org", "language": language, "country": "NL"}
    pages.append(public.post(reverse("public:contact"), contact, follow=True))
    pages.append(public.post(reverse("public:check"), follow=True))
    case = Case.objects.latest("received_at")
    assert case.language == language
    sign_in_words = {"reference": case.reference, "code": services.receipt_code(case)}
    pages.append(public.post(reverse("public:status"), sign_in_words, follow=True))
    for page in pages:
        assert page.status_code == 200
        assert lang_of(page) == language
        assert english_left(words_of(page), language) == []
    with translation.override(language):
        assert day_words(case.due_on) in words_of(pages[-1])
    mail = senders.get("mail.receipt").render(case.id)
    said = f"{mail.subject}\n{mail.text}".replace(django_settings.DSR_CONTROLLER["dpo"], "")
    assert english_left(said, language) == []
    assert {"nl": "verzoek", "de": "Antrag"}[language] in mail.text


# -- letters ------------------------------------------------------------------------------------

WORDS = {"nl": "Er staan 43 andere mensen op.", "de": "Sie zeigen 43 andere Menschen."}
SAMPLES: dict[str, dict[str, Any]] = {
    LetterKind.EXTENSION: {
        "first_due": "2026-03-12",
        "new_due": "2026-05-12",
        "reason": "many_faces",
        "progress": "",
        "words": "",
    },
    LetterKind.LATE: {
        "what": "answer",
        "missed_on": "2026-03-12",
        "broken_on": "2026-03-19",
        "new_date": "",
        "person": "Nadia Roth",
    },
    LetterKind.REFUSAL: {"ground": "excessive", "words": [], "by": ["Nadia Roth"]},
    LetterKind.OBJECTION: {"outcome": "stop"},
    LetterKind.BREACH: {"nature": "", "effects": "", "measures": ""},
    LetterKind.RECTIFICATION: {"items": [], "others": [], "lock": "ends"},
    LetterKind.EXEMPTION: {
        "number": 1,
        "before": "2026-03-12",
        "until": "2026-05-12",
        "ground": "legal_claims",
        "words": "",
        "by": ["Nadia Roth"],
    },
    LetterKind.NEED_INFO: {
        "missing": ["nothing_to_look_up", "which_meant"],
        "means": ["photo", "named", "in_words"],
        "words": "",
        "clock": "stands",
        "due": "2026-03-12",
        "again": "2026-02-20",
        "end": "2026-02-27",
    },
    LetterKind.IDENTITY_DOUBT: {
        "missing": ["no_way_taken", "way_did_not_show", "named_not_linked"],
        "means": ["control", "call", "visit", "post_form", "eid", "document", "whole"],
        "words": "",
        "clock": "agree",
        "due": "2026-03-12",
        "again": "2026-02-20",
        "end": "2026-02-27",
    },
    LetterKind.ASK_REMINDER: {
        "missing": ["no_way_taken"],
        "means": ["call", "visit"],
        "words": "",
        "clock": "stood",
        "since": "2026-02-13",
        "due": "2026-03-12",
        "asked_on": "2026-02-13",
        "again": "2026-02-20",
        "end": "2026-02-27",
    },
    LetterKind.WISH_EXTENSION: {
        "right": "erasure",
        "asked_on": "2026-02-12",
        "first_due": "2026-03-12",
        "new_due": "2026-05-12",
        "reason": "many_faces",
        "progress": "",
        "words": "",
    },
    LetterKind.WISH_ASK: {
        "right": "erasure",
        "added_on": "2026-02-12",
        "ground": "specifying",
        "words": "",
        "clock": "stands",
        "due": "2026-03-12",
        "again": "2026-02-20",
    },
    LetterKind.PHOTO: {
        "verdicts": ["no_face", "several_faces", "face_too_small", "unreadable"],
        "clock": "runs",
        "due": "2026-03-12",
        "again": "2026-02-20",
    },
    LetterKind.ADDRESS: {},
    LetterKind.NAME_CORRECTION: {},
    LetterKind.LOCK_ENDS: {"ends_on": "2026-03-12", "why": "wish", "then": "erase"},
}
DAY = {"nl": "12 maart 2026", "de": "12. März 2026"}


def refused(case: Case) -> Correction:
    """One thing said to be wrong that two persons left as it is."""
    return Correction.objects.create(
        case=case, record_id=new_id(), number=1, place="facts", what="caption", field="x",
        asked_at=clock.now(), due_on=clock.today(), state="refused", ground="right_as_it_is",
        decided_by="A-1", agreed_by="A-2", decided_at=clock.now(),
    )  # fmt: skip


def filled(facts: dict[str, Any], words: str) -> dict[str, Any]:
    """What an officer writes, with words in it."""
    own = ("words", "progress", "nature", "effects", "measures")
    return {
        name: [words] if isinstance(facts[name], list) else words for name in own if name in facts
    }


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str | Promise):
        yield str(value)
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from strings(one)


@LANGUAGES
@pytest.mark.parametrize("kind", [kind for kind, _spec in letters.kinds.items()])
def test_each_letter_is_whole_and_plain_in_each_language(kind: str, language: str) -> None:
    """T-01, T-02, 9(d): required statements are there, sentences short, dates in the language.

    `letters.body` refuses a letter that lacks a part or has long sentences or lawyers' words.
    """
    case = support.opened([RightCode.ACCESS], language=language)
    facts = dict(SAMPLES[kind])
    facts.update(filled(facts, WORDS[language]))
    if kind == LetterKind.RECTIFICATION:
        facts["items"] = [str(refused(case).id)]
    made = letters.body(Letter(kind=kind), case, facts)
    spec = letters.kinds.get(kind)
    assert {one["id"] for one in made.sections} >= set(spec.required)
    said = "\n".join(strings([made.short, made.rows, made.sections]))
    said = said.replace(django_settings.DSR_CONTROLLER["dpo"], "")
    assert english_left(said, language) == []
    if any(str(value) == "2026-03-12" for value in facts.values()):
        assert DAY[language] in said
    with translation.override(language):
        assert english_left(str(spec.title), language) == []


@pytest.mark.parametrize("age_band", ["", "under_16"])
@pytest.mark.parametrize("language", ["en", *catalogue.LANGUAGES])
def test_no_letter_leaves_whose_page_lost_a_statement(
    places: None, monkeypatch: pytest.MonkeyPatch, language: str, age_band: str
) -> None:
    """9(d), R-01, T-03: as it was set, for adults and children; one part at a time is taken out."""
    case = support.opened([RightCode.ACCESS], language=language, age_band=age_band)
    pages: list[str] = []
    monkeypatch.setattr(render, "to_pdf", lambda html, **_rest: pages.append(html) or b"")
    monkeypatch.setattr(documents, "sign", lambda pdf, **_rest: pdf)
    monkeypatch.setattr(documents, "_pages", lambda pdf: 1)
    for kind, _spec in letters.kinds.items():
        facts = {**SAMPLES[kind], **filled(SAMPLES[kind], WORDS.get(language, "Words stand here."))}
        if kind == LetterKind.RECTIFICATION:
            facts["items"] = [str(refused(case).id)]
        with unit_of_work():
            letter = letters.write(
                case=case, kind=LetterKind(kind), key=kind, actor=support.MACHINE, facts=facts
            )
        letters.prepare(letter)
        sheet = statements.sheets.get(f"letter.{kind}")
        said = [*sheet.required, *(["simple"] if age_band else [])]
        assert statements.missing(pages[-1], said) == []
        for lost in said:
            without = pages[-1].replace(f'id="{lost}"', "")
            assert statements.missing(without, said) == [lost], kind
    assert ("simple" in pages[-1]) is bool(age_band)
    whole = documents.get_template
    monkeypatch.setattr(documents, "get_template", lambda name: Without("rights", whole(name)))
    with pytest.raises(statements.DocumentIncomplete) as stopped:
        letters.prepare(case.letters.get(kind=LetterKind.REFUSAL))
    assert stopped.value.context["missing"] == ["rights"]


class Without:
    """A template that lost one part."""

    def __init__(self, part: str, template: Any) -> None:
        self.part, self.template = part, template

    def render(self, context: Any) -> str:
        return str(self.template.render(context)).replace(f'id="{self.part}"', "")


@LANGUAGES
def test_a_letter_on_paper_is_in_the_language_throughout(places: None, language: str) -> None:
    """T-02: running head, complaint, contacts and check as well; the file names its language."""
    case = support.opened([RightCode.OBJECTION], language=language, country=language.upper())
    with unit_of_work():
        letter = letters.write(
            case=case,
            kind=LetterKind.OBJECTION,
            key="sample",
            actor=support.MACHINE,
            facts=SAMPLES[LetterKind.OBJECTION],
        )
    text = answers.text_of(letters.prepare(letter).pdf)
    text = text.replace(django_settings.DSR_CONTROLLER["dpo"], "")
    assert OWN_NAME[language] in text
    assert {"nl": "Als u niet tevreden bent", "de": "Wenn Sie nicht zufrieden sind"}[
        language
    ] in text
    assert {"nl": "naar de rechter", "de": "vor Gericht"}[language] in text
    assert english_left(text, language) == []


# -- answer and certificate ----------------------------------------------------------------------


@LANGUAGES
def test_the_signed_answer_is_in_the_language(
    places: None, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """T-02, R15: letter and package; roles, countries and dates too; no promise slips in."""
    log, record, maybe = (
        answers.a_log(),
        answers.a_face(page_url="https://a.org/1"),
        answers.a_face(seed=2),
    )
    answers.shown_to(record, log, "Northlight BV", "DE")
    case = answers.searched(answers.requested(), [record, maybe])
    Case.objects.filter(id=case.id).update(language=language)
    seen: dict[str, Any] = {}
    told = contents.context

    def keep(gathered: Any, files: Any) -> dict[str, Any]:
        seen["context"] = told(gathered, files)
        return seen["context"]

    monkeypatch.setattr(contents, "context", keep)
    verdicts = {record.id: "same", maybe.id: "inconclusive"}
    answer = answers.answered(answers.decided(case, verdicts))
    assert answer.state == "ready", answer.error_code
    said = "\n\n".join(strings(seen["context"]))
    own = [django_settings.DSR_RETENTION, *django_settings.DSR_PURPOSES]
    for words in own:
        said = said.replace(words, "")
    assert english_left(said, language) == []
    for words in strings(seen["context"]):
        refuse_big_words(words, language=language)
    assert {"nl": "Duitsland (DE)", "de": "Deutschland (DE)"}[language] in said
    assert {"nl": "Privacymedewerker", "de": "Sachbearbeitung Datenschutz"}[language] in said
    assert "Privacy officer" not in said
    text = answers.text_of(documents.open_document(answer.document_id))
    assert {"nl": "Ons antwoord op uw verzoek", "de": "Unsere Antwort auf Ihren Antrag"}[
        language
    ] in text


@LANGUAGES
def test_the_certificate_is_in_the_language(
    settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """T-02, 9(c): states of the places and what was checked, too."""
    lab.own_places(settings, tmp_path)
    lab.hold_over(settings)
    group = lab.picture(12, faces=2)
    lab.seen_by(group.records[0], "Lumen Analytics")
    case = lab.ready_case([group.records[0]])
    Case.objects.filter(id=case.id).update(language=language)
    seen: dict[str, Any] = {}
    told = certificate.context

    def keep(plan: Any) -> dict[str, Any]:
        seen["context"] = told(plan)
        return seen["context"]

    monkeypatch.setattr(certificate, "context", keep)
    erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    said = "\n".join(strings(seen["context"]))
    assert english_left(said, language) == []
    assert {"nl": "GECONTROLEERD", "de": "GEPRÜFT"}[language] in said
    assert "VERIFIED" not in said


# -- consent ------------------------------------------------------------------------------------


@LANGUAGES
def test_a_consent_is_asked_and_kept_in_the_language(language: str) -> None:
    """P-02: the text whose hash is kept is the one the person read."""
    text = consents.consent_text(ConsentScope.COMPARISON, language=language)
    assert english_left(text.text, language) == []
    assert text.hash != consents.consent_text(ConsentScope.COMPARISON, language="en").hash


# -- staff --------------------------------------------------------------------------------------


@LANGUAGES
@pytest.mark.parametrize("name", ["desk", "oversight"])
def test_staff_read_english_whatever_their_browser_prefers(
    site: Any, places: None, name: str, language: str
) -> None:
    """Pages of staff have no catalogue: they are never half translated."""
    site(name)
    browser = Client(headers={"accept-language": language})
    browser.cookies[django_settings.LANGUAGE_COOKIE_NAME] = language
    page = browser.get(reverse("account_login"))
    assert (page.status_code, lang_of(page)) == (200, "en")
    assert "Sign in" in words_of(page)
    assert browser.post("/language/", {"language": language}).status_code in {302, 403, 404}
    if name == "desk":
        sign_in(browser, Staff.objects.get(staff_no="A-1001"))
        queue = browser.get(reverse("desk:queue"))
        assert (queue.status_code, lang_of(queue)) == (200, "en")
        assert english_left(words_of(queue), language) != []


def test_the_tour_is_english_and_the_site_beside_it_is_not(public: Client) -> None:
    ask = {"headers": {"accept-language": "nl"}}
    assert lang_of(public.get(reverse("demo:tour"), **ask)) == "en"
    assert lang_of(public.get(reverse("public:home"), **ask)) == "nl"


def test_the_desk_offers_and_takes_each_language() -> None:
    """T-02: who writes a letter hears in the language the officer noted."""
    offered = [code for code, _name in EnterForm.base_fields["language"].choices]
    assert offered == [code for code, _name in django_settings.LANGUAGES]
    assert set(offered) == {"en", *catalogue.LANGUAGES}
