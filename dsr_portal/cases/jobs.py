"""Jobs of this room: letters, links to sign in; and what proposals and letters do."""

from dsr_portal.cases import (
    acting,
    address_changes,
    arrivals,
    asking,
    asking_again,
    extensions,
    letter_texts,
    letters,
    mail_desk,
    pauses,
    proposals,
    refusals,
    wish_extensions,
    wish_pauses,
)
from dsr_portal.cases.models import Letter, LetterKind, LetterState, ProposalKind
from dsr_portal.core.registries import JobKind, job_kinds
from dsr_portal.jobs.context import JobContext


def send_letter(ctx: JobContext) -> None:
    """Make one letter and let it leave; a second run sends nothing twice."""
    letter = Letter.objects.select_related("case").filter(id=ctx.subject_id).first()
    if letter is None or letter.state != LetterState.QUEUED:
        return
    prepared = letters.prepare(letter)
    with ctx.complete():
        letters.send(letter, prepared)


def send_account_link(ctx: JobContext) -> None:
    """The link somebody asked for to sign in, where the address has an account that may."""
    with ctx.complete():
        acting.send_asked(ctx.subject_id)


for _kind, _handler in (
    (ProposalKind.PAUSE, pauses.HANDLER),
    (ProposalKind.EXTENSION, extensions.HANDLER),
    (ProposalKind.WISH_EXTENSION, wish_extensions.HANDLER),
    (ProposalKind.WISH_PAUSE, wish_pauses.HANDLER),
    (ProposalKind.REFUSE, refusals.HANDLER),
    (ProposalKind.NO_REQUEST, mail_desk.HANDLER),
    (ProposalKind.ASK_AGAIN, asking_again.HANDLER),
    (ProposalKind.ARRIVAL, arrivals.HANDLER),
    (ProposalKind.ADDRESS, address_changes.HANDLER),
):
    proposals.handlers.register(_kind, _handler)
letters.after_sent.register(LetterKind.EXTENSION, extensions.told)
letters.after_sent.register(LetterKind.WISH_EXTENSION, wish_extensions.told)
letters.after_sent.register(LetterKind.WISH_ASK, wish_pauses.sent)
letters.after_sent.register(LetterKind.REFUSAL, refusals.sent)
letters.after_sent.register(LetterKind.NEED_INFO, asking.sent)
letters.after_sent.register(LetterKind.IDENTITY_DOUBT, asking.sent)
letters.after_sent.register(LetterKind.ASK_REMINDER, asking.reminder_sent)
for _spec in letter_texts.LETTERS:
    letters.register(_spec)
job_kinds.register(JobKind(name=letters.SEND, queue="light", handler=send_letter))
job_kinds.register(JobKind(name=acting.ASKED, queue="light", handler=send_account_link))
