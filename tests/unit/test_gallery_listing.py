"""A listing is read as a whole: with an error in it nothing is imported, and the line is named."""

import json

import pytest

from dsr_portal.core.errors import BadInput
from dsr_portal.gallery.listing import read_listing


@pytest.fixture
def folder(tmp_path):
    for name in ("a.jpg", "b.PNG", "sub/c.webp"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "pictures"


def manifest(folder, text, name="list.csv"):
    path = folder.parent / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder, text, name="list.csv"):
    with pytest.raises(BadInput) as error:
        read_listing(folder, manifest(folder, text, name))
    return str(error.value.message)


def test_a_folder_lists_its_pictures_in_order_and_counts_what_it_passes_over(folder):
    (folder / "notes.txt").write_text("x")
    (folder / ".hidden.jpg").write_text("x")
    (folder / "link.jpg").symlink_to(folder / "a.jpg")
    listing = read_listing(folder, None)
    assert [item.shown for item in listing.items] == ["a.jpg", "b.PNG", "sub/c.webp"]
    assert listing.skipped == 1


def test_other_columns_are_kept_as_they_are(folder):
    path = manifest(
        folder,
        "\ufeffpath,page_url,caption,collected_at,crawl job\n"
        'a.jpg,https://example.org/x,"Mina, left",2024-05-31T10:00:00Z,  17\n'
        "sub/c.webp,,,,\n",
    )
    first, second = read_listing(folder, path).items
    assert first.facts == {
        "path": "a.jpg",
        "page_url": "https://example.org/x",
        "caption": "Mina, left",
        "collected_at": "2024-05-31T10:00:00Z",
        "other": {"crawl job": "  17"},
    }
    assert second.facts == {"path": "sub/c.webp"}


def test_json_lines_keep_values_that_are_no_text(folder):
    lines = [{"path": "a.jpg", "tags": ["x", 1], "caption": "é"}, {"path": "b.PNG"}]
    text = "\n".join(json.dumps(line) for line in lines)
    first, _second = read_listing(folder, manifest(folder, text, "list.jsonl")).items
    assert first.facts["caption"] == "é"
    assert json.loads(first.facts["other"]["tags"]) == ["x", 1]


def test_the_same_listing_is_recognised_and_a_changed_one_is_not(folder):
    first = read_listing(folder, None).digest
    assert read_listing(folder, None).digest == first
    (folder / "a.jpg").write_bytes(b"longer than before")
    assert read_listing(folder, None).digest != first


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file\na.jpg\n", "no column path"),
        ("path,path\na.jpg,b.PNG\n", "twice"),
        ("path\na.jpg\nmissing.jpg\n", "line 3: there is no file missing.jpg"),
        ("path\n../list.csv\n", "line 2: ../list.csv lies outside"),
        ("path,page_url\na.jpg,nonsense words\n", "line 2: page_url is no address"),
        ("path,collected_at\na.jpg,yesterday\n", "line 2: collected_at is no date"),
        ("path\na.jpg,extra\n", "line 2: more values than columns"),
        ("path,caption\n,x\n", "line 2: no path"),
        ('path,caption\na.jpg,"never closed\n', "line 2"),
    ],
)
def test_a_bad_manifest_names_the_line(folder, text, said):
    assert said in refusal(folder, text)


def test_a_bad_line_of_json_is_named(folder):
    text = '{"path": "a.jpg"}\n{"path": \n[1]\n'
    words = refusal(folder, text, "list.jsonl")
    assert "line 2" in words
    assert "line 3" in words


def test_a_manifest_that_is_not_text_or_not_there_is_said(folder):
    path = folder.parent / "list.csv"
    path.write_bytes(b"path\n\xff\xfe.jpg\n")
    with pytest.raises(BadInput, match="manifest_not_utf8"):
        read_listing(folder, path)
    with pytest.raises(BadInput, match="manifest_unreadable"):
        read_listing(folder, folder / "none.csv")
    with pytest.raises(BadInput, match="no_such_path"):
        read_listing(folder / "none", None)


@pytest.mark.parametrize("mark", ["\u2028", "\u0085", "\x0b", "\x0c", "\x1c"])
def test_a_mark_inside_a_value_ends_no_line(folder, mark):
    path = manifest(folder, f"path,caption\na.jpg,left{mark}right\nb.PNG,none\n")
    items = read_listing(folder, path).items
    assert [item.known["caption"] for item in items] == [f"left{mark}right", "none"]


def test_a_path_no_file_can_have_is_named_with_its_line(folder):
    for named in ("a\0.jpg", "x" * 5000):
        assert "line 2: the path is none" in refusal(folder, f"path\n{named}\n")


def test_a_first_line_that_is_no_row_is_named(folder):
    assert "line 1" in refusal(folder, 'path,"caption\n')
