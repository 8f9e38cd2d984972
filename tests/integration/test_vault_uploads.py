"""No upload touches the disk in clear, and one that is too large gets a clear answer."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from dsr_portal.vault.confined import PictureRefused
from dsr_portal.vault.uploads import MemoryUpload, picture_bytes

CANARY = b"UPLOAD-CANARY-7f3a"
seen = {}


@csrf_exempt
def receive(request):
    upload = request.FILES.get("photo")
    seen["upload"] = upload
    seen["path"] = os.readlink(f"/proc/self/fd/{upload.fileno()}") if upload else ""
    try:
        seen["data"] = picture_bytes(upload)
    except PictureRefused as error:
        return HttpResponse(str(error.message), status=400)
    return HttpResponse("ok")


urlpatterns = [path("upload/", receive)]


@pytest.fixture
def client(settings):
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    seen.clear()
    return Client()


@pytest.mark.parametrize("size", [10, 70_000, 5_000_000])
def test_an_upload_of_any_size_lies_in_memory_only(client, size):
    data = CANARY + os.urandom(size)
    response = client.post("/upload/", {"photo": SimpleUploadedFile("x.jpg", data)})
    assert response.status_code == 200
    assert seen["data"] == data
    assert isinstance(seen["upload"], MemoryUpload)
    assert seen["path"].startswith("/memfd:upload")
    assert seen["upload"].closed


def test_a_file_over_the_limit_is_answered_in_plain_words_and_not_kept(client):
    data = b"x" * (31 * 1024 * 1024)
    response = client.post("/upload/", {"photo": SimpleUploadedFile("x.jpg", data)})
    assert response.status_code == 400
    assert "at most 20 MB" in response.content.decode()
    assert seen["upload"].too_large
    assert "data" not in seen


def test_nothing_and_an_empty_file_are_answered(client):
    response = client.post("/upload/", {"photo": SimpleUploadedFile("x.jpg", b"")})
    assert response.status_code == 400
    assert "empty" in response.content.decode()
    with pytest.raises(PictureRefused):
        picture_bytes(None)


def test_a_body_far_above_the_limit_is_cut_off(client, settings):
    settings.DSR_MAX_UPLOAD = 100_000
    client.post("/upload/", {"photo": SimpleUploadedFile("x.jpg", b"x" * 500_000)})
    assert seen["upload"] is None


def test_no_file_is_opened_for_writing_during_an_upload():
    """Canary: Django's own handler is seen writing its temporary file."""
    program = textwrap.dedent("""
        import os, sys
        import django
        from django.conf import settings
        django.setup()
        settings.ROOT_URLCONF = "tests.integration.test_vault_uploads"
        settings.MIDDLEWARE = []
        if sys.argv[1] == "stock":
            settings.FILE_UPLOAD_HANDLERS = [
                "django.core.files.uploadhandler.TemporaryFileUploadHandler"]
        from django.core.files.uploadedfile import SimpleUploadedFile
        from django.test import Client
        client, written = Client(), []
        def hook(event, args):
            if event == "open" and (args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                if args[0] != os.devnull and not isinstance(args[0], int):
                    written.append(args[0])
        sys.addaudithook(hook)
        body = {"photo": SimpleUploadedFile("x.jpg", b"x" * 3_000_000)}
        answer = client.post("/upload/", body).status_code
        sys.exit(10 * (answer != 200) + (1 if written else 0))
    """)
    root = Path(__file__).resolve().parents[2]
    results = {}
    for handler in ("ours", "stock"):
        done = subprocess.run(
            [sys.executable, "-B", "-c", program, handler],
            cwd=root,
            env={**os.environ, "PYTHONPATH": f"{root}:{os.environ.get('PYTHONPATH', '')}"},
            capture_output=True,
            text=True,
            check=False,
        )
        results[handler] = done.returncode
    assert results == {"ours": 0, "stock": 1}, done.stderr
