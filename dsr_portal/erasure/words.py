"""Stores and methods of checks as people read them, in certificates and on the desk."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.erasure.models import PlanRecord


def store(code: str) -> str:
    return {
        "kit": _("Patterns used for these checks"),
        "pictures": _("Pictures, addresses, captions"),
        "duplicates": _("Copies of pictures without a face code"),
        "shared_pictures": _("Pictures of several people"),
        "face_codes": _("Face codes and cut-outs"),
        "neighbours_cut_outs": _("Old cut-outs of other people that showed a part of your face"),
        "request_photo": _("The photo you sent"),
        "index_files": _("Files of the search index"),
        "search_index": _("Search index"),
        "search_memory": _("Memory of the face search"),
        "vault_files": _("Encrypted files"),
        "look_ups": _("Look-up by number, address and file"),
        "addresses": _("Addresses in your package"),
        "block_list": _("Block list"),
        "files": _("Working files and logs on our machine"),
        "vault_folder": _("Folder of encrypted files"),
        "broker_folder": _("Folder of the job messages"),
        "published_files": _("Files served with the pages"),
        "ring_folders": _("Folders of the keys"),
        "ledger_folders": _("Folders of the list of destroyed keys"),
        "temporary_files": _("Temporary files"),
        "database": _("Files of the database"),
        "database_server": _("Files of the database server"),
        "answer_package": _("Our sealed answer to you"),
        "recipients": _("Recipients"),
        "source_system": _("The controller's own source folders"),
        "query_pictures": _("Pictures customers sent in, and stored results"),
        "backups": _("Backups"),
        "other_processes": _("Memory of other programs"),
        "disk_remanence": _("Overwritten areas of disks"),
        "records": _("Records"),
        "probe": _("The photo that was sent"),
        "index": _("Search index"),
        "keys": _("Keys"),
        "processes": _("Search processes"),
    }.get(code, code)


def method(code: str, examined: int) -> str:
    """How a check was made; `examined` is what it looked at (units, rows, bytes)."""
    text = {
        "search_with_erased_codes": _(
            "searched with the deleted face codes themselves; %(n)s rows read"
        ),
        "by_number_only": _("looked up by number; the byte patterns were destroyed before"),
        "byte_scan_of_new_process": _(
            "the old process ended; %(mb)s MB of the new one read byte by byte"
        ),
        "byte_scan_of_files": _("%(mb)s MB read byte by byte during the erasure"),
        "holders_behind": _("a search process has not followed yet"),
        "process_not_replaced": _("the search process could not be replaced"),
        "canary_missed": _("the check missed a planted sample, so it proves nothing"),
        "kit_expired": _("the byte patterns were destroyed before; not repeated"),
        "not_scanned": _("not scanned"),
        "place_not_readable": _("a part could not be read"),
        "shared_temporary_folder": _("shared with other programs; not read"),
        "byte_scan_not_repeatable": _("read byte by byte then; we can't repeat it"),
        "byte_scan_with_package": _("%(mb)s MB read byte by byte with your own package"),
        "key_destroyed": _("the key is in neither of its two places; %(n)s checked"),
        "file_absent": _("%(n)s files looked for by name"),
        "covered_area_is_flat": _("the covered area is one solid colour; %(n)s measured"),
        "by_number_address_file": _("%(n)s questions asked, as for a request"),
        "asked_like_an_import": _("%(n)s questions asked, as an import does"),
        "server_files_not_scanned": _("the files of a database server are not read"),
        "sealed_until": _("kept encrypted until then"),
        "not_told_yet": _("%(n)s to be told"),
        "told_after_release": _("%(n)s to be told once this document has left"),
        "no_address_listed": _("%(n)s to be told, and no address of theirs is listed yet"),
        "none_in_logs": _("the logs name nobody"),
        "no_logs": _("no logs were recorded"),
        "stated_by_controller": _("outside this system; not checked"),
        "nothing_stated": _("outside this system; nothing was stated to us"),
        "none_registered": _("no backup is registered"),
        "sealed_without_keys": _("%(n)s older kept until then; its keys are destroyed"),
        "no_older_backup": _("%(n)s registered, none kept that is older than the erasure"),
        "not_tested": _("not tested"),
    }.get(code, code)
    return text % {"n": examined, "mb": round(examined / 1_000_000)}


def effect(code: str, count: int) -> str:
    """What happens to so many things of a store, for the plan before it begins."""
    text = {
        "whole": ngettext("%(n)s picture goes as a whole", "%(n)s pictures go as a whole", count),
        "covered": ngettext(
            "the face is covered in %(n)s picture that others share",
            "the face is covered in %(n)s pictures that others share",
            count,
        ),
        "staying": ngettext(
            "%(n)s record of other people stays", "%(n)s records of other people stay", count
        ),
        "erased": ngettext("%(n)s is deleted", "%(n)s are deleted", count),
        "rows": ngettext("%(n)s row is taken out", "%(n)s rows are taken out", count),
        "rewritten": ngettext("%(n)s file is written anew", "%(n)s files are written anew", count),
        "destroyed": ngettext("%(n)s key is destroyed", "%(n)s keys are destroyed", count),
        "masked": ngettext(
            "%(n)s look-up stays without its purpose", "%(n)s look-ups stay without purpose", count
        ),
        "to_be_told": ngettext("%(n)s is to be told", "%(n)s are to be told", count),
        "added": ngettext("%(n)s entry is added", "%(n)s entries are added", count),
        "sealed": ngettext(
            "%(n)s stays sealed until its own end", "%(n)s stay sealed until their own end", count
        ),
    }[code]
    return text % {"n": count}


def fate(code: str) -> str:
    if code != PlanRecord.Picture.WHOLE:
        return _("your face covered")
    return _("deleted")
