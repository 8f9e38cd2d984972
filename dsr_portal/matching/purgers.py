from dsr_portal.core.registries import purgers, unit_purgers
from dsr_portal.matching.linking import end_links
from dsr_portal.matching.probes import photos_gone
from dsr_portal.matching.services import delete_probes, end_reviews
from dsr_portal.vault.kinds import UnitKind

purgers.register("matching.probes", delete_probes)
purgers.register("matching.links", end_links)
purgers.register("matching.reviews", end_reviews)
unit_purgers.register(UnitKind.PROBE.value, photos_gone)
