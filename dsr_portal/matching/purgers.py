from dsr_portal.core.registries import purgers
from dsr_portal.matching.services import delete_probes, end_reviews

purgers.register("matching.probes", delete_probes)
purgers.register("matching.reviews", end_reviews)
