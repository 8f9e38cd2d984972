"""Recipients print with the coverage of the log they come from (R16, A-07, A-14)."""

import json
from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from dsr_portal.audit.models import Event
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.gallery import lookups, selectors, services
from dsr_portal.gallery.models import LookUp, LookUpLog, Recipient
from dsr_portal.vault import services as vault
from tests.support.gallery import a_record, an_image, own_places

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]

HEAD = "recipient,country,date,purpose,record\n"
PERIOD = {"system": "product", "covers_from": date(2024, 1, 1), "covers_to": date(2024, 12, 31)}


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)


def log(tmp_path, *lines, name="log.csv"):
    path = tmp_path / name
    path.write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def record(path, **changed):
    return services.record_lookups(path=path, actor=Actor.operator(), **{**PERIOD, **changed})


def test_look_ups_are_found_by_id_address_and_path(tmp_path):
    image = an_image(page_url="https://a.example/g", path="set/g.jpg")
    mina, tomas = a_record(image), a_record(image)
    path = log(
        tmp_path,
        f'Nordwacht GmbH,de,2024-05-31,"door control, site 4",{mina.id}',
        "Blik BV,NL,2024-06-01T10:00:00+02:00,marketing,https://www.a.example/g?utm_source=x",
        "Blik BV,NL,2024-06-02,,set/g.jpg",
        "Blik BV,NL,2024-06-03,marketing,set/unknown.jpg",
    )
    report = record(path)
    assert (report.rows, report.recorded, report.unmatched) == (4, 5, (5,))
    facts = selectors.recipients_of([mina.id])
    assert [(fact.recipient, fact.country, fact.purpose) for fact in facts] == [
        ("Nordwacht GmbH", "DE", "door control, site 4"),
        ("Blik BV", "NL", "marketing"),
        ("Blik BV", "NL", ""),
    ]
    assert facts[1].at.isoformat() == "2024-06-01T08:00:00+00:00"
    assert len(selectors.recipients_of([tomas.id])) == 2
    assert Recipient.objects.count() == 2
    (covered,) = selectors.lookup_coverage()
    assert (covered.system, covered.rows, covered.unmatched) == ("product", 4, 1)
    assert (covered.covers_from, covered.covers_to) == (date(2024, 1, 1), date(2024, 12, 31))
    assert Event.objects.filter(type="lookups.recorded").count() == 1


def test_a_purpose_goes_with_its_record(tmp_path):
    mina = a_record()
    record(log(tmp_path, f"Blik BV,NL,2024-06-02,marketing,{mina.id}"))
    assert vault.has(mina.unit, selectors.purpose_field(LookUp.objects.get().id))
    vault.shred_now([mina.unit], "erased")
    assert [fact.purpose for fact in selectors.recipients_of([mina.id])] == [""]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Blik BV,NL,2024-06-02,x", "line 3: not as many values"),
        ("Blik BV,NL,2025-06-02,x,{id}", "line 3: the date lies outside"),
        ("Blik BV,NL,soon,x,{id}", "line 3: the date is not like"),
        ("Blik BV,Holland,2024-06-02,x,{id}", "line 3: the country"),
        (",NL,2024-06-02,x,{id}", "line 3: no recipient"),
        ("B" * 201 + ",NL,2024-06-02,x,{id}", "line 3: the recipient's name is longer"),
        ("Blik\0BV,NL,2024-06-02,x,{id}", "line 3: a value has a character of no text"),
    ],
)
def test_a_bad_log_records_nothing_and_names_the_line(tmp_path, line, said):
    mina = a_record()
    path = log(tmp_path, f"Blik BV,NL,2024-06-02,x,{mina.id}", line.format(id=mina.id))
    with pytest.raises(BadInput) as refusal:
        record(path)
    assert said in str(refusal.value.message)
    assert not LookUp.objects.exists()
    assert not LookUpLog.objects.exists()


@pytest.mark.parametrize("system", [" ", "x" * 201, "pro\0duct"])
def test_a_system_without_a_usable_name_is_refused(tmp_path, system):
    mina = a_record()
    with pytest.raises(BadInput, match="system"):
        record(log(tmp_path, f"Blik BV,NL,2024-06-02,x,{mina.id}"), system=system)
    assert not LookUpLog.objects.exists()


def test_a_first_line_that_is_no_row_is_refused(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text('recipient,"country\n')
    with pytest.raises(BadInput, match="bad_log"):
        record(path)


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_a_mark_inside_a_value_ends_no_line(tmp_path, mark):
    mina = a_record()
    words = f"door{mark}control"
    report = record(log(tmp_path, f"Blik BV,NL,2024-06-02,{words},{mina.id}"))
    assert (report.rows, report.recorded) == (1, 1)
    assert [fact.purpose for fact in selectors.recipients_of([mina.id])] == [words]


def test_a_log_is_recorded_once_and_an_interrupted_one_goes_on(tmp_path, monkeypatch):
    mina = a_record()
    monkeypatch.setattr(lookups, "_PER_TRANSACTION", 2)
    path = log(tmp_path, *(f"R{n},NL,2024-06-02,x,{mina.id}" for n in range(5)))
    original, calls = lookups._record, []

    def dies(row, rows):
        if calls:
            raise KeyboardInterrupt
        calls.append(1)
        original(row, rows)

    monkeypatch.setattr(lookups, "_record", dies)
    with pytest.raises(KeyboardInterrupt):
        record(path)
    assert LookUp.objects.count() == 2
    assert selectors.lookup_coverage() == []
    monkeypatch.setattr(lookups, "_record", original)
    with pytest.raises(Conflict, match="log_differs"):
        record(path, system="another")
    assert record(path).recorded == 5
    with pytest.raises(Conflict, match="log_known"):
        record(path)


def test_the_command_says_what_it_did_and_refuses_in_words(tmp_path):
    mina = a_record()
    path = log(tmp_path, f"Blik BV,NL,2024-06-02,marketing,{mina.id}", "A,NL,2024-06-02,x,y.jpg")
    arguments = [str(path), "--system", "product", "--from", "2024-01-01", "--to", "2024-12-31"]
    out = StringIO()
    call_command("record_lookups", *arguments, "--json", stdout=out, skip_checks=True)
    answer = json.loads(out.getvalue())
    assert (answer["rows"], answer["recorded"], answer["unmatched"]) == (2, 1, [3])
    with pytest.raises(CommandError, match="recorded already"):
        call_command("record_lookups", *arguments, skip_checks=True)
