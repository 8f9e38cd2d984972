from dsr_portal.core.registries import ledger_notes, purgers, unit_purgers
from dsr_portal.gallery import again, asides_end, channels, face_blocks, letters, services
from dsr_portal.vault.kinds import UnitKind

purgers.register("gallery", letters.purge)
purgers.register("gallery.put_aside", asides_end.purge)
ledger_notes.register(services.BLOCKED, again.block)
ledger_notes.register(services.UNBLOCKED, again.unblock)
ledger_notes.register(channels.REPLACED, again.channels_replaced)
unit_purgers.register(UnitKind.ENROLLED_FACE.value, again.faces_gone)
unit_purgers.register(UnitKind.SOURCE_IMAGE.value, again.pictures_gone)
unit_purgers.register(UnitKind.BLOCKED_FACE.value, face_blocks.gone)
