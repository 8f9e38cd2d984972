"""R33: one module calls other systems, and what it refuses. Real TLS servers on this machine."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from dsr_portal.core import egress
from dsr_portal.core.errors import BadInput, InsideTransaction
from dsr_portal.core.registries import egress_lists
from tests.support.endpoints import Authority, drips, hangs, pours, says, serving

ROOT = Path(__file__).resolve().parents[2]
LISTED: set[str] = set()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def light_process(settings: Any, monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    """As in worker `light`: no face library counts here, and the test's authority is trusted."""
    monkeypatch.setattr(egress, "_FACE_MODULES", ())
    monkeypatch.setattr(egress, "_refused_for", "")
    settings.DSR_EGRESS_TEST_CA = str(authority.ca)
    monkeypatch.setattr(egress_lists, "_entries", {"testing": LISTED.__contains__})
    LISTED.clear()


def post(url: str, *, listed: bool = True) -> egress.Answer:
    if listed:
        LISTED.add(url)
    return egress.post(url=url, body=b'{"a": 1}', headers={"DSR-Id": "x"})


def test_a_listed_address_is_called_over_tls_and_its_answer_read(authority: Authority) -> None:
    with serving(authority) as endpoint:
        endpoint.answer = says(200, b'{"state": "received"}')
        answer = post(endpoint.url)
    assert (answer.status, answer.body, answer.ok) == (200, b'{"state": "received"}', True)
    (got,) = endpoint.got
    assert (got.path, got.body) == ("/notices", b'{"a": 1}')
    assert got.headers["DSR-Id"] == "x"
    assert got.headers["Host"] == endpoint.url.split("/")[2]


def test_a_status_of_failure_is_told_and_not_followed(authority: Authority) -> None:
    with serving(authority) as endpoint:
        endpoint.answer = says(500, b"sorry")
        answer = post(endpoint.url)
    assert (answer.status, answer.ok) == (500, False)


def test_an_address_nobody_listed_is_not_even_resolved(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_args: Any, **_more: Any) -> Any:
        raise AssertionError("a name was asked for")

    with serving(authority) as endpoint:
        LISTED.add(endpoint.url)
        with monkeypatch.context() as patched:
            patched.setattr(socket, "getaddrinfo", never)
            for other in (endpoint.url + "/more", endpoint.url.replace("notices", "x")):
                with pytest.raises(egress.Refused, match="egress_not_listed"):
                    post(other, listed=False)
        assert post(endpoint.url).ok
    assert len(endpoint.got) == 1


def test_a_redirect_is_not_followed(authority: Authority) -> None:
    with serving(authority) as elsewhere, serving(authority) as endpoint:
        LISTED.add(elsewhere.url)
        for status in (301, 302, 307, 308):
            endpoint.answer = says(status, Location=elsewhere.url)
            with pytest.raises(egress.BadAnswer, match="egress_redirect"):
                post(endpoint.url)
    assert not elsewhere.got


@pytest.mark.parametrize("behaviour", [hangs, drips])
def test_a_side_that_is_slow_as_a_whole_is_left(
    authority: Authority, behaviour: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One deadline over all: dripping a byte per read does not renew it."""
    monkeypatch.setattr(egress, "DEADLINE_SECONDS", 1.0)
    with serving(authority) as endpoint:
        endpoint.answer = behaviour
        with pytest.raises(egress.Unreachable, match="egress_too_slow"):
            post(endpoint.url)
    assert endpoint.got


@pytest.mark.usefixtures("authority")
def test_a_side_that_takes_the_connection_and_says_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(egress, "DEADLINE_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://localhost:{silent.getsockname()[1]}/"
        with pytest.raises(egress.Unreachable, match="egress_too_slow"):
            post(url)


def test_an_oversized_answer_is_not_read(authority: Authority) -> None:
    with serving(authority) as endpoint:
        endpoint.answer = pours
        with pytest.raises(egress.BadAnswer, match="egress_oversized"):
            post(endpoint.url)
        endpoint.answer = says(200, b"x" * egress.MOST_READ)
        assert len(post(endpoint.url).body) == egress.MOST_READ
    LISTED.add("https://a.example/")
    with pytest.raises(BadInput, match="egress_too_large"):
        egress.post(url="https://a.example/", body=b"x" * (egress.MOST_SENT + 1), headers={})


def test_a_certificate_of_another_name_or_authority_is_refused(
    authority: Authority, tmp_path: Path
) -> None:
    for who, name in ((authority, "other.example"), (Authority(tmp_path / "b"), "localhost")):
        with (
            serving(who, name) as endpoint,
            pytest.raises(egress.Unreachable, match="egress_tls"),
        ):
            post(endpoint.url)
        assert not endpoint.got


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_tls_is_refused(authority: Authority) -> None:
    with (
        serving(authority, version=ssl.TLSVersion.TLSv1_1) as endpoint,
        pytest.raises(egress.Unreachable),
    ):
        post(endpoint.url)
    assert not endpoint.got


def test_this_machine_is_reached_with_the_tests_authority_only(
    authority: Authority, settings: Any
) -> None:
    """Without the allowance of tests a name that leads to a private machine is refused."""
    with serving(authority) as endpoint:
        assert post(endpoint.url).ok
        settings.DSR_EGRESS_TEST_CA = ""
        with pytest.raises(egress.Refused, match="egress_private_address"):
            post(endpoint.url)
    assert len(endpoint.got) == 1


@pytest.mark.parametrize(
    "place",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "fec0::1", "64:ff9b:1::1", "nonsense", "",
    ],
)  # fmt: skip
def test_only_global_unicast_addresses_are_called(
    place: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R33: private, mapped, translated and grouped addresses are no recipient's."""
    assert not egress.is_global_unicast(place)
    settings.DSR_EGRESS_TEST_CA = ""
    good = (2, 1, 6, "", ("93.184.216.34", 443))
    rows = [good, (10, 1, 6, "", (place, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: rows)
    opened: list[Any] = []
    monkeypatch.setattr(socket, "create_connection", lambda *a, **_k: opened.append(a))
    with pytest.raises(egress.Refused, match="egress_private_address"):
        post("https://recipient.example/")
    assert not opened


@pytest.mark.parametrize(
    "place", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
def test_open_addresses_pass(place: str) -> None:
    assert egress.is_global_unicast(place)


@given(st.ip_addresses(v=4))
def test_an_address_keeps_its_verdict_however_it_is_wrapped(place: Any) -> None:
    """A private IPv4 address does not become public inside an IPv6 one."""
    verdict = egress.is_global_unicast(str(place))
    number = int(place)
    assert egress.is_global_unicast(f"::ffff:{place}") == verdict
    high, low = number >> 16, number & 0xFFFF
    assert egress.is_global_unicast(f"64:ff9b::{high:x}:{low:x}") == verdict
    assert egress.is_global_unicast(f"2002:{high:x}:{low:x}::1") == verdict


def test_a_name_is_resolved_once_and_that_address_is_called(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second answer of the resolver is never asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: str, port: int, *args: Any, **more: Any) -> Any:
        if host != "recipient.example":
            return real(host, port, *args, **more)
        asked.append(host)
        place = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with serving(authority, "recipient.example", host="recipient.example") as endpoint:
        assert post(endpoint.url).ok
    assert asked == ["recipient.example"]
    assert len(endpoint.got) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/", "ftp://a.example/", "https://", "https://user:pw@a.example/",
        "https://a.example/#x", "a.example", "https://a.example:99999/", "https://a.exa mple/",
        "https://a.example/\r\nHost: b", "https://ä.example/", "https://a.example/" + "x" * 600,
        "file:///etc/passwd", "https://[::1",
    ],
)  # fmt: skip
def test_what_is_no_plain_https_address_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="egress_bad_address"):
        egress.parse(url)


def test_a_name_that_does_not_exist_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: Any, **_more: Any) -> Any:
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(egress.Unreachable, match="egress_no_name"):
        post("https://nobody.example/")


def test_nobody_there(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(egress.Unreachable, match="egress_no_answer"):
        post(f"https://localhost:{port}/")


@pytest.mark.django_db(transaction=True)
def test_no_call_inside_a_transaction() -> None:
    LISTED.add("https://a.example/")
    with transaction.atomic(), pytest.raises(InsideTransaction):
        post("https://a.example/")


# -- which process --------------------------------------------------------------------------------


def test_a_process_that_touches_faces_calls_nobody(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(authority) as endpoint:
        monkeypatch.setattr(egress, "_FACE_MODULES", ("a_face_library",))
        assert post(endpoint.url).ok
        with monkeypatch.context() as loaded:
            loaded.setitem(sys.modules, "a_face_library", object())
            with pytest.raises(egress.Refused, match="egress_face_process"):
                post(endpoint.url)
        egress.refuse_in_this_process("search")
        with pytest.raises(egress.Refused, match="egress_face_process"):
            post(endpoint.url)
    assert len(endpoint.got) == 1


@pytest.mark.parametrize(
    ("queues", "kind"),
    [
        (["light"], ""), (["probe", "search"], "probe"), (["light", "search"], "search"),
        (["search.1"], "search.1"), (["enrol"], "enrol"), (["reenrol"], "reenrol"), ([], ""),
    ],
)  # fmt: skip
def test_the_kind_of_a_worker_follows_from_its_queues(queues: list[str], kind: str) -> None:
    assert egress.kind_of_worker(queues) == kind


# -- nothing else opens connections ---------------------------------------------------------------


def test_the_allowance_of_tests_is_refused_in_production(
    settings: Any, authority: Authority
) -> None:
    settings.DSR_PRODUCTION = True
    settings.DSR_DEMO = False
    assert "dsr.E004" in {found.id for found in run_checks()}
    with serving(authority) as endpoint, pytest.raises(egress.Refused, match="egress_test_ca"):
        post(endpoint.url)
    assert not endpoint.got
    settings.DSR_EGRESS_TEST_CA = ""
    assert "dsr.E004" not in {found.id for found in run_checks()}


@pytest.mark.parametrize(
    "line",
    [
        "import requests", "from http.client import HTTPSConnection", "import httpx",
        "import socket", "from urllib.request import urlopen", "import smtplib", "import urllib3",
    ],
)  # fmt: skip
def test_other_clients_are_refused_by_the_lint(line: str, tmp_path: Path) -> None:
    """A module of the portal that brings its own client does not pass ruff (TID251)."""
    found = subprocess.run(
        [
            Path(sys.executable).parent / "ruff", "check", "--select", "TID251", "--config",
            ROOT / "pyproject.toml", "--stdin-filename", ROOT / "dsr_portal/cases/planted.py", "-",
        ],
        input=f"{line}\n", text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert "TID251" in found.stdout, found.stdout + found.stderr
