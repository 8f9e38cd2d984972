"""Stores and methods of checks as people read them, in certificates and on the desk."""

from django.utils.translation import gettext as _

from dsr_portal.erasure.models import PlanRecord


def store(code: str) -> str:
    return {
        "kit": _("Patterns used for these checks"),
        "pictures": _("Pictures, addresses, captions"),
        "shared_pictures": _("Pictures of several people"),
        "face_codes": _("Face codes and cut-outs"),
        "request_photo": _("The photo you sent"),
        "index_files": _("Files of the search index"),
        "search_index": _("Search index"),
        "search_memory": _("Memory of the face search"),
        "vault_files": _("Encrypted files"),
        "look_ups": _("Look-up by number, address and file"),
        "block_list": _("Block list"),
        "files": _("Files and database on our machine"),
        "database_server": _("Files of the database server"),
        "answer_package": _("Our sealed answer to you"),
        "recipients": _("Recipients"),
        "source_system": _("The controller's own source folders"),
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
        "key_destroyed": _("the key is in neither of its two places; %(n)s checked"),
        "file_absent": _("%(n)s files looked for by name"),
        "covered_area_is_flat": _("the covered area is one solid colour; %(n)s measured"),
        "by_number_address_file": _("%(n)s questions asked, as for a request"),
        "asked_like_an_import": _("%(n)s questions asked, as an import does"),
        "server_files_not_scanned": _("the files of a database server are not read"),
        "sealed_until": _("kept encrypted until then"),
        "not_told_yet": _("%(n)s to be told"),
        "none_in_logs": _("the logs name nobody"),
        "no_logs": _("no logs were recorded"),
        "stated_by_controller": _("outside this system; not checked"),
        "none_registered": _("no backup is registered"),
        "not_tested": _("not tested"),
    }.get(code, code)
    return text % {"n": examined, "mb": round(examined / 1_000_000)}


def fate(code: str) -> str:
    if code == PlanRecord.Picture.COVERED:
        return _("your face covered")
    return _("deleted")
