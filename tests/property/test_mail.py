"""Whatever bytes a message has, it is read without failing, within its bounds (law T-08, N-15)."""

from datetime import UTC

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsr_portal.cases import mail_reading
from dsr_portal.cases.mail_intake import Took, take_mail
from dsr_portal.cases.mail_reading import read_mail
from dsr_portal.cases.models import Case, Mail
from dsr_portal.cases.selectors import original_of
from dsr_portal.core.actor import Actor
from dsr_portal.vault import services as vault
from tests.support.gallery import own_places

# Pieces a broken or hostile message is made of, so that the bytes get past its first line.
PIECES = st.sampled_from(
    [
        *(f"{name}: ".encode() for name in ("From", "Subject", "Received", "Content-Type")),
        b"Content-Disposition: ", b"Content-Transfer-Encoding: base64\n", b"text/html; charset=",
        b"multipart/mixed; boundary=x\n", b"text/plain", b"message/rfc822\n", b"utf-8",
        b"attachment; filename*0*=", b"--x\n", b"--x--\n", b"\n", b"\n\n", b"\r\n",
        b"=?utf-8?q?=FF?=", b"=?x?b?A?=", b"<a@example.org>", b"K7M-2QX4", b"by mx; ",
        b"Mon, 02 Nov 2026 10:00:00 +0000", b"Mon, 99 Zzz 0 99:99 +9999", b"*=?", b"@relay>",
        b"Auto-Submitted: auto-replied\n", b"In-Reply-To: <", b"\0", b"\xff\xfe",
        b"<html><script>", b"</", b"&#xD800;", b"((((", b'"', b";", b"'", b"%", b"\xed\xa0\x80",
    ]
)  # fmt: skip
MESSAGES = st.one_of(
    st.binary(max_size=400), st.lists(PIECES | st.binary(max_size=6), max_size=40).map(b"".join)
)


@given(MESSAGES)
def test_every_message_can_be_read_and_what_was_read_can_be_kept(data):
    """T-08, N-15: text without NUL or lone surrogates, a real address or none, a real moment."""
    read = read_mail(data, own_hosts=frozenset({"mx"}))
    for text in (read.sender, read.name, read.subject, read.words):
        assert "\0" not in text
        text.encode()
    assert len(read.words) <= mail_reading.MOST_WORDS
    assert len(read.parts) <= mail_reading.MOST_PARTS
    assert read.arrived is None or read.arrived.tzinfo == UTC
    assert read.sender == "" or "@" in read.sender


@pytest.fixture
def folder(settings, tmp_path):
    own_places(settings, tmp_path)
    return tmp_path


@pytest.mark.django_db
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=MESSAGES)
def test_no_message_is_lost_whatever_its_bytes(folder, data):
    """N-15: it is a case of its own with every byte, and taken once."""
    Mail.objects.all().delete()
    path = folder / "1700000000.M1.halden"
    path.write_bytes(data)
    known = set(Case.objects.values_list("id", flat=True))
    assert take_mail(path=path, actor=Actor.operator()) == Took.OPENED
    assert take_mail(path=path, actor=Actor.operator()) == Took.KNOWN
    (case,) = Case.objects.exclude(id__in=known)
    place = original_of(case)
    assert place is not None
    assert vault.read(*place) == data
