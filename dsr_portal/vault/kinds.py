"""The lives a piece of data can have: everything of one unit is destroyed by destroying one key."""

from django.db.models import TextChoices


class UnitKind(TextChoices):
    """Kinds of shred units (design, section 5). The values stand in files; they never change."""

    SOURCE_IMAGE = "source_image"
    ENROLLED_FACE = "enrolled_face"
    INDEX_SHARD = "index_shard"
    CASE_CONTACT = "case_contact"
    CASE_FILE = "case_file"
    DRAFT = "draft"
    PROBE = "probe"
    PROOF = "proof"
    DOCUMENT = "document"
    VERIFICATION_KIT = "verification_kit"
    BLOCKED_FACE = "blocked_face"
    MAIL = "mail"
    ACCOUNT = "account"
    FOUND_FILE = "found_file"


class UnitState(TextChoices):
    """What can be said of a unit now. WAITING ends only when the old keys are gone everywhere."""

    LIVE = "live"
    WAITING = "waiting"
    SHREDDED = "shredded"
    UNKNOWN = "unknown"
