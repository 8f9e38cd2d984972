"""Everything outward of a seeded case, written down step by step and compared (rule R3).

One scripted officer carries a request from Send to the release of its answer, which nobody opens.
After every step each page the person can reach is fetched, and each letter that was queued is
opened from the vault. Two worlds that differ in what the gallery holds have to leave the same
transcript; what is masked is the reference, dates, nonces and tokens.
"""

from __future__ import annotations

import difflib
import html
import io
import itertools
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.cases import page_wishes
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Status
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.registries import schedule
from dsr_portal.disclosure import named_page
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure.models import AnswerState
from dsr_portal.documents import render as typesetting
from dsr_portal.erasure import selectors as erasures
from dsr_portal.gallery import hashes
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record, Source
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect, Job
from dsr_portal.matching import services as matching
from tests.support import answers, bad_input
from tests.support import cases as support
from tests.support import matching as desk
from tests.support.gallery import own_places
from tests.support.travel import Travel

PAGE = "https://pages.example/somebody"
MAIL = "mina@example.org"
WHY = "The name on the eID is the name beside the picture."
PHOTO = bad_input.jpeg()
FACES = 4
"""As many faces as every world's gallery holds: only what they have to do with the person varies.
"""

_DATES = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:\+[\d:]+|Z)?")
_NONCES = (
    re.compile(r"(?<=name=\"csrfmiddlewaretoken\" value=\")\w+"),
    re.compile(r"(?<='nonce-)[\w+/=-]+|(?<=nonce=\")[\w+/=-]+"),
    # Heads and checksums: SHA-256, whole or in groups of four or eight.
    re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{4,8}(?:[\s\u00a0]+[0-9a-f]{4,8}){7,15}\b"),
    re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
)
# A head is a number and a hash of the whole chain, in which every case there is writes (R29). What
# that number can tell where only one case is open stands in docs/limits.md.
_ENTRIES = re.compile(
    r"(?<=<dt>Entries</dt><dd>)\d+"
    r"|(?<=Head of our audit trail when you sent it, number )\d+"
    r"|(?<=its newest entry was number )\d+"
    r"|(?<=our audit trail ended with entry )\d+"
)
_SKIPPED = ("/static/", "/demo/", "/answer/")
# What a process asks once in a while, whoever comes: a clock read again each second, a secret each
# minute, key buckets made ahead. And marks of transactions, which name their thread.
_NOT_OF_THE_REQUEST = re.compile(r'"core_democlock"|"vault_|SAVEPOINT ')

Step = str

# Ten o'clock of the first day, eleven of the others. What is approved on the 15th leaves in the
# batch at 16 o'clock (DSR_RELEASE_HOUR); the regular work sees to it the next time it runs.
DAYS: dict[Step, str] = {
    "sent": "2026-09-07",
    "searched": "2026-09-08",
    "first person": "2026-09-09",
    "second person": "2026-09-10",
    "a week later": "2026-09-14",
    "approved": "2026-09-15",
    "released": "2026-09-16",
    "a day later": "2026-09-17",
}
LAST = list(DAYS)[-1]
OWN_PAGES = (
    "receipt",
    "case_words",
    "case_photo",
    "case_way",
    "mailbox",
    "withdraw",
    "delete_now",
    "evidence_lock",
    "by_phone",
    "one_page",
    "correct",
    "add_right",
    "document",
    "on_paper",
)
EVERYBODYS = ("home", "status", "help", "notice", "privacy", "accessibility", "trail")

Plant = Callable[[pytest.MonkeyPatch], None]


@dataclass(slots=True)
class World:
    """What a gallery has to do with the person who asks."""

    name: str
    photo: bool = True
    page: str = PAGE
    seed: Callable[[World], None] = lambda world: None
    hits: list[Record] = field(default_factory=list)
    top: float = 0.8


def entries(world: World, *, own: int = 0, **first: Any) -> list[Record]:
    """The world's gallery: four faces, of which the first `own` are of the person."""
    made = [answers.a_face(seed=1, **first)]
    made += [answers.a_face(seed=number) for number in range(2, FACES + 1)]
    world.hits = made[:own]
    return made


# -- the seeded cases ---------------------------------------------------------------------------


def _none(world: World) -> None:
    entries(world)


def _empty(world: World) -> None:
    """Nobody is enrolled yet; a source is named, for what the site says of sources is public."""
    Source.objects.create(name="Halden crawl", legal_basis="none", created_at=clock.now())


def _hit(world: World) -> None:
    entries(world, own=2)


def _exact(world: World) -> None:
    """The photo they send is a file of the gallery, byte for byte."""
    first = entries(world, own=1, picture=PHOTO)[0]
    assert first.image.file_hash == hashes.of_file(PHOTO)
    world.top = 1.0


def _near(world: World) -> None:
    """The same photo, saved anew."""
    again = bad_input.jpeg(quality=60)
    assert again != PHOTO
    entries(world, own=1, picture=again)
    world.top = 0.985


def _blocked(world: World) -> None:
    """What they send and name was erased before and is kept from collection (E-12)."""
    entries(world)
    earlier = support.opened(email="")
    gallery.block_addresses(
        case_id=earlier.id,
        actor=support.MACHINE,
        pages=[PAGE],
        file_hashes=[hashes.of_file(PHOTO)],
    )
    assert gallery.blocked(page=PAGE, file_hash=hashes.of_file(PHOTO))


def _restricted(world: World) -> None:
    """Another case has locked what is found (R1)."""
    first = entries(world, own=1, page_url=PAGE)[0]
    earlier = support.opened(email="")
    gallery.restrict(
        record_ids=[first.id], case_id=earlier.id, actor=support.MACHINE, reason="same_person"
    )
    first.refresh_from_db()
    assert first.state == Record.State.RESTRICTED


def _at_page(world: World) -> None:
    entries(world, own=1, page_url=PAGE)


WITH_PHOTO: dict[str, Callable[[World], None]] = {
    "no hit": _none,
    "no data": _empty,
    "hit": _hit,
    "exact gallery file": _exact,
    "near copy": _near,
    "blocked": _blocked,
    "restricted": _restricted,
}
WITHOUT_PHOTO: dict[str, Callable[[World], None]] = {
    "no hit": _none,
    "hit": _at_page,
    "blocked": _blocked,
    "restricted": _restricted,
}


# -- the transcript -----------------------------------------------------------------------------


class Transcript:
    """Lines of everything that went out, each with the step it was seen in."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.step: Step = ""
        self.masked: dict[str, str] = {}
        self.work: list[str] = []
        """What the portal did behind each request of the person; see `_watched`."""
        self.letters: set[Any] = set()
        self.erased: Any = None
        """The plan of what the controller decided by itself, where there is one; never outward."""

    def add(self, what: str, text: object) -> None:
        self.lines.append(self.plain(f"[{self.step}] {what}: {text}"))

    def plain(self, text: str) -> str:
        for secret, name in self.masked.items():
            text = text.replace(secret, name)
        text = _DATES.sub("MOMENT", text)
        for pattern in _NONCES:
            text = pattern.sub("NONCE", text)
        return _ENTRIES.sub("COUNT", text)

    def response(self, what: str, answer: Any) -> Any:
        """Status, target, headers but dates, names of cookies, and the whole body."""
        self.add(what, answer.status_code)
        for name, value in sorted(answer.headers.items()):
            # The length is that of the body, which stands below whole.
            if name.lower() not in {"date", "expires", "last-modified", "content-length"}:
                self.add(f"{what} {name}", value)
        self.add(f"{what} cookies", sorted(answer.cookies))
        if answer.headers.get("Content-Type", "").startswith("application/pdf"):
            self.add(f"{what} PDF", answers.text_of(answer.content))
        elif answer.headers.get("Content-Type", "").startswith("application/zip"):
            with zipfile.ZipFile(io.BytesIO(answer.content)) as pack:
                for name in pack.namelist():
                    self.add(f"{what} {name}", _readable(name, pack.read(name)))
        else:
            self.add(f"{what} body", answer.content.decode())
        return answer


def _readable(name: str, data: bytes) -> str:
    """A file of a ZIP as it is compared: words of a PDF or a text, of a picture its size."""
    if name.endswith(".pdf"):
        return answers.text_of(data)
    return data.decode() if name.endswith((".json", ".md")) else f"{len(data)} bytes"


def differences(one: Transcript, other: Transcript) -> list[str]:
    """What stands in one of the two only, in order; empty where nothing outward differs.

    Where one of them ends earlier, it is compared with the other one's same steps.
    """
    return _differing(one.lines, other.lines)


def work_differences(one: Transcript, other: Transcript) -> list[str]:
    """The same for the work behind the pages: statements, jobs and mails of each request (X-03).

    What a page says can be equal and the way to it longer: whoever measures that learns of it.
    """
    return _differing(one.work, other.work)


def _differing(one: Sequence[str], other: Sequence[str]) -> list[str]:
    played = [{line.split("]")[0] for line in which} for which in (one, other)]
    both = played[0] & played[1]
    lines = [
        [part for line in which if line.split("]")[0] in both for part in line.split("\n")]
        for which in (one, other)
    ]
    diff = difflib.unified_diff(*lines, lineterm="", n=0)
    return [line for line in diff if line[:1] in "+-" and line[:3] not in {"+++", "---"}]


@contextmanager
def statements() -> Iterator[list[str]]:
    """The shape of each statement the database is asked, in order: values and names aside."""
    seen: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not _NOT_OF_THE_REQUEST.search(sql):
            seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield seen


def _watched(out: Transcript, patch: pytest.MonkeyPatch) -> None:
    """Write down the work behind each request: statements by shape and number, jobs, mails."""
    real = Client.request

    def request(client: Client, **asked: Any) -> Any:
        before = [set(model.objects.values_list("id", flat=True)) for model in (Job, Effect)]
        with statements() as seen:
            answer = real(client, **asked)
        out.work.append(
            out.plain(
                f"[{out.step}] {asked['REQUEST_METHOD']} {asked['PATH_INFO']}: "
                f"{len(seen)} statements"
            )
        )
        out.work.extend(f"[{out.step}]   {one}" for one in seen)
        for model, known in zip((Job, Effect), before, strict=True):
            fresh = model.objects.exclude(id__in=known).order_by("id")
            kinds = sorted(fresh.values_list("kind", flat=True))
            out.work.extend(f"[{out.step}]   {model.__name__}: {kind}" for kind in kinds)
        return answer

    patch.setattr(Client, "request", request)


def _set_once(out: Transcript, patch: pytest.MonkeyPatch) -> None:
    """Set each document from its masked words, and equal words of two worlds only once.

    Setting is by far the dearest thing a world does, and depends on what is handed to it alone: a
    document that differs in one letter, picture or attachment is set anew and compared as before.
    """
    page_style = typesetting.page_style

    def style(*, head: str, **how: str) -> str:
        return page_style(head=out.plain(head), **how)

    def to_pdf(html: str, *, page_css: str = "", **files: Mapping[str, bytes] | None) -> bytes:
        handed = tuple((kind, tuple((given or {}).items())) for kind, given in files.items())
        return _typeset(out.plain(html), page_css, handed)

    patch.setattr(typesetting, "page_style", style)
    patch.setattr(typesetting, "to_pdf", to_pdf)


_to_pdf = typesetting.to_pdf


@cache
def _typeset(html: str, page_css: str, handed: tuple[Any, ...]) -> bytes:
    return _to_pdf(html, page_css=page_css, **{kind: dict(given) for kind, given in handed})


# -- the script ---------------------------------------------------------------------------------


class Script:
    """One person who asks, one officer, their colleague, and the machine between them."""

    def __init__(
        self, world: World, patch: pytest.MonkeyPatch, site: Callable[[str], None], until: Step
    ) -> None:
        self.world, self.site, self.until, self.out = world, site, until, Transcript()
        self.lock = False
        self.one_page = False
        self.travel = Travel(patch, "2026-09-07")
        self.told = desk.told(patch)
        answers.without_detector(patch)
        _watched(self.out, patch)
        _set_once(self.out, patch)
        self.people = [desk.actor(desk.staff(number)) for number in ("S-1", "S-2")]
        desk.staff("V-1", Role.SUPERVISOR)
        world.seed(world)
        self.told.hits = desk.hits([one.id for one in world.hits], top=world.top)
        self.before = set(Effect.objects.values_list("id", flat=True))
        self.person = Client()
        self.case: Case

    def run(self) -> Transcript:
        acts: dict[Step, Callable[[], None]] = {
            "sent": self.send,
            "searched": self.identify,
            "first person": self.first,
            "second person": self.second,
            "a week later": self.end_lock,
            "approved": self.approve,
        }
        if self.one_page:
            acts |= {
                "searched": self.wish_one_page,
                "first person": self.propose_one_page,
                "second person": lambda: None,
                "approved": self.agree_one_page,
            }
        for step, day in DAYS.items():
            self.out.step = step
            self.travel.to(day)
            acts.get(step, lambda: None)()
            self.machine()
            self.look()
            if step == self.until:
                break
        return self.out

    # What each step does ------------------------------------------------------------------------

    def send(self) -> None:
        page = self.world.page
        photo = SimpleUploadedFile("me.jpg", PHOTO, content_type="image/jpeg")
        ways = {"photo": photo, "pages": ""} if self.world.photo else {"pages": page}
        steps: list[tuple[str, dict[str, Any]]] = [
            ("wish", {"rights": ["access", "erasure"]}),
            ("way", {**ways, "account": "", "other": ""}),
            ("contact", {"how": "email", "email": MAIL, "language": "en", "country": "NL"}),
            ("check", {}),
        ]
        if self.world.photo:
            steps.insert(2, ("consent", {"comparison": "on"}))
        for name, data in steps:
            self.get(name)
            answer = self.person.post(_at(name), data)
            assert answer.status_code == 302, answer.content.decode()
            if name == "check":
                self.case = Case.objects.latest("received_at")
                self._mask()
            self.out.response(f"POST {name}", answer)
        self.get("receipt")

    def _mask(self) -> None:
        code = cases.receipt_code(self.case)
        groups = code.split("-")
        for secret in (code, "".join(groups), " ".join(groups)):
            self.out.masked[secret] = "CODE"
        self.out.masked[self.case.reference] = "REFERENCE"

    def identify(self) -> None:
        ways = {"way": "call", "element": "mailbox_in_record"}
        if not self.world.photo:
            ways = {"way": "eid", "element": "named_control"}
        matching.record_identity(
            case_id=self.case.id, actor=self.people[0], compared="Alike.", **ways
        )
        if not self.world.photo:
            matching.start_look_up(case_id=self.case.id, actor=self.people[0])

    def first(self) -> None:
        desk.take(self.case, self.people[0])
        self._decide(self.people[0])

    def wish_one_page(self) -> None:
        """They take none of the ways to show who they are (end of rule R6)."""
        self._sign_in()
        self.get("one_page")
        data = {"which": str(self.case.ways.get().id), "page": ""}
        self.out.response("POST one page", self.person.post(_at("one_page"), data))

    def propose_one_page(self) -> None:
        self.case.refresh_from_db()
        wish = page_wishes.in_force(self.case)
        assert wish is not None
        verdicts = {one.image_id: ("erase", "no_basis") for one in named_page.look(wish)}
        named_page.propose(
            case_id=self.case.id, actor=self.people[0], verdicts=verdicts, why="No basis."
        )

    def agree_one_page(self) -> None:
        answer = self.case.answers.get()
        assert answer.state == AnswerState.READY, answer.error_code
        disclosure.approve_answer(answer_id=answer.id, actor=self.people[1])

    def end_lock(self) -> None:
        """With `lock` the person ends what they asked before the second decision (Art. 18(3))."""
        if self.lock:
            self._sign_in()
            data = {"do": "end"}
            self.out.response("POST end", self.person.post(_at("evidence_lock"), data))

    def second(self) -> None:
        if self.lock:
            self._sign_in()
            data = {"years": "1"}
            self.out.response("POST lock", self.person.post(_at("evidence_lock"), data))
        self._decide(desk.drawn(self.case, self.people))

    def _decide(self, person: Actor) -> None:
        own = {one.id for one in self.world.hits}
        rows = desk.laid(self.case, person)
        words = ["same" if row.candidate.record_id in own else "not_same" for row in rows]
        desk.say_all(self.case, person, words, WHY)

    def approve(self) -> None:
        answer = disclosure.prepare_answer(case_id=self.case.id, actor=self.people[0])
        jobs.run_due(queues=["probe"])
        answer.refresh_from_db()
        assert answer.state == AnswerState.READY, answer.error_code
        disclosure.approve_answer(answer_id=answer.id, actor=self.people[1])

    def machine(self) -> None:
        """What is due runs: the regular work of the rooms that write to people, and its jobs."""
        self._jobs()
        rooms = {"cases", "matching", "disclosure", "gallery"}
        if self.one_page:
            rooms.add("erasure")
        for name in schedule:
            if name.split(".")[0] in rooms:
                schedule.get(name).run()
        self._jobs()

    def _jobs(self) -> None:
        jobs.run_due(queues=["light", "probe", "search"], limit=60)

    # What can be seen -----------------------------------------------------------------------------

    def look(self) -> None:
        """The letters of this step, then every page the person can reach."""
        links = self.mails()
        self.site("public")
        self.out.response("GET status signed out", Client().get(_at("case")))
        self.out.response("POST status", self._sign_in())
        page = self.get("case")
        waiting = {*_links(page.content.decode()), *map(_at, OWN_PAGES)}
        known = {_at("case"), _at("receipt_pdf"), *(() if self.whole else map(_at, EVERYBODYS))}
        for path in sorted(waiting - known):
            self.out.response(f"GET {path}", self.person.get(path))
        for link in links:
            self.out.response("GET the link of a mail", Client().get(link))
        self.out.response("POST stop", self.person.post(_at("stop_deleting")))
        if self.whole:
            self.get("receipt_pdf")

    def _sign_in(self) -> Any:
        given = {"reference": self.case.reference, "code": cases.receipt_code(self.case)}
        return self.person.post(_at("status"), given)

    @property
    def whole(self) -> bool:
        """Whether this step also looks at what is the same for everybody, and costs more."""
        return self.out.step in {"second person", "a day later"}

    def get(self, name: str) -> Any:
        return self.out.response(f"GET {name}", self.person.get(_at(name)))

    def mails(self) -> list[str]:
        """What was queued for anybody outside the house, opened as it would be sent now."""
        staff = set(Staff.objects.values_list("email", flat=True))
        links = []
        fresh = Effect.objects.exclude(id__in=self.before | self.out.letters).order_by("id")
        for effect in fresh:
            self.out.letters.add(effect.id)
            mail = jobs.preview(effect)
            if mail.to in staff:
                continue
            for token in re.findall(r"/answer/([^/\s]+)/", mail.text):
                self.out.masked[token] = "TOKEN"
                links.append(reverse("public:answer", kwargs={"token": token}))
            to = "the person" if mail.to == MAIL else "somebody else"
            self.out.add(f"mail to {to} {effect.kind} subject", mail.subject)
            self.out.add(f"mail to {to} {effect.kind} text", mail.text)
        return links


def _at(name: str) -> str:
    return reverse(f"public:{name}")


def _links(page: str) -> list[str]:
    """Addresses of this site on a page, in order, each once."""
    found = [html.unescape(one).split("#")[0] for one in re.findall(r'href="(/[^"]*)"', page)]
    return list(dict.fromkeys(one for one in found if one and not one.startswith(_SKIPPED)))


_WORLDS = itertools.count()


def transcript(
    name: str,
    *,
    photo: bool = True,
    folder: Path,
    settings: Any,
    site: Callable[[str], None],
    plants: Sequence[Plant] = (),
    until: Step = LAST,
    lock: bool = False,
    one_page: bool = False,
) -> Transcript:
    """Play one seeded case from an empty portal, up to a step, and leave no row behind.

    `plants` change the product for this one world: what the comparison has to see.
    """
    kept = settings.DSR_VAR, settings.DSR_BROKER_DIR
    before = transaction.savepoint()
    with pytest.MonkeyPatch.context() as patch:
        own_places(settings, folder / f"world-{next(_WORLDS)}")
        # The thread that renews a lease sees nothing of a test's own transaction on PostgreSQL.
        settings.DSR_LEASE_SECONDS = 120
        for plant in plants:
            plant(patch)
        site("public")
        try:
            world = World(name, photo=photo, seed=(WITH_PHOTO if photo else WITHOUT_PHOTO)[name])
            script = Script(world, patch, site, until)
            script.lock, script.one_page = lock, one_page
            out = script.run()
            script.case.refresh_from_db()
            if until == LAST:
                assert script.case.status == Status.DELIVERED, script.case.status
                out.erased = erasures.own_plan(script.case.id)
            return out
        finally:
            transaction.savepoint_rollback(before)
            settings.DSR_VAR, settings.DSR_BROKER_DIR = kept
