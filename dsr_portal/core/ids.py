"""Identifiers: UUID version 7 (RFC 9562), so that rows lie in the order they were made."""

import uuid

import uuid_utils


def new_id() -> uuid.UUID:
    return uuid.UUID(int=uuid_utils.uuid7().int)
