"""Face recognition as a library: no Django, no Celery, nothing of the portal.

Kept apart so that what is measured here (faces, templates, index, thresholds) can be read,
tested and replaced without the portal; only ``dsr_portal.recognition`` imports it.
"""
