"""What the database refuses about answers: a picture in one that is put aside (law C-09)."""

from dsr_portal.core.guards import Guard, guards

_SAYS = "disclosure: a picture that is put aside is in no answer"
_IN_RECORD = (
    "EXISTS (SELECT 1 FROM gallery_record g JOIN gallery_putaside p ON p.image_id = g.image_id "
    "WHERE g.id = NEW.record_id AND p.state <> 'RELEASED')"
)
_IN_ANSWER = (
    "EXISTS (SELECT 1 FROM disclosure_answerrecord r JOIN gallery_record g ON g.id = r.record_id "
    "JOIN gallery_putaside p ON p.image_id = g.image_id "
    "WHERE r.answer_id = NEW.id AND p.state <> 'RELEASED')"
)
guards.register(
    Guard(
        name="disclosure_record_not_aside",
        table="disclosure_answerrecord",
        when="INSERT",
        refuses=_IN_RECORD,
        says=_SAYS,
        needs=("gallery_record", "gallery_putaside"),
    )
)
guards.register(
    Guard(
        name="disclosure_answer_not_aside",
        table="disclosure_answer",
        when="UPDATE",
        refuses="NEW.state = 'approved' AND OLD.state <> 'approved' AND " + _IN_ANSWER,
        says=_SAYS,
        needs=("disclosure_answerrecord", "gallery_record", "gallery_putaside"),
    )
)
