"""Face recognition as a library: no Django, no Celery, nothing of the portal.

Kept apart so that what is measured here (faces, templates, index, thresholds) can be read,
tested and replaced without the portal; only ``dsr_portal.recognition`` imports it. Errors are those
of ``biometrics.errors``. What each part does, with figures: docs/recognition.md.

From pictures to a search that is proven. The pictures are rendered people; run it from the
project's folder, where ``make demo`` has put the weights:

>>> import uuid
>>> from pathlib import Path
>>> import numpy as np
>>> from biometrics import decode, weights
>>> from biometrics.config import BiometricsConfig
>>> from biometrics.engine import Engine
>>> from biometrics.index import FaceIndex
>>> from biometrics.pipeline import Pipeline
>>> from biometrics.quality import judge_probe
>>> from biometrics.templates import turn_from_secret

A file becomes upright RGB pixels. The portal calls this decoder in a confined child process:

>>> def pixels(name):
...     data = Path("fixtures/people", name).read_bytes()
...     size, rgb = decode.decode(data, max_side=2048)
...     return np.frombuffer(rgb, np.uint8).reshape(size["height"], size["width"], 3)

The pipeline is the one way from pixels to templates; the turn is the installation's secret:

>>> config = BiometricsConfig(home=weights.weights_home())
>>> engine = Engine(config)
>>> pipeline = Pipeline(engine, turn_from_secret(bytes(range(32))))

Enrolment: every face of a picture, judged and aligned; templates are float32 rows of length 1:

>>> people = {}
>>> index = FaceIndex(engine.model_id.digest)
>>> for change, name in enumerate(("staff-page", "choir", "garden-day", "summer-run"), start=1):
...     faces = pipeline.faces(pixels(f"gallery/{name}.jpg"))
...     ids = [uuid.uuid4() for _face in faces]
...     people.update(dict.fromkeys(ids, name))
...     index.add(ids, pipeline.templates([face.crop for face in faces]), change)
>>> len(index)
5

``seal`` makes shards of the rows, ``build_graphs`` gives each its hnswlib graph:

>>> index.seal(), index.build_graphs()
([0], [0])

A probe has one face of enough quality; else its ``code`` says why not:

>>> photo = pixels("photos/priya.jpg")
>>> verdict = judge_probe(photo, config)
>>> verdict.code, verdict.findings
('ok', ())
>>> probe = pipeline.templates([pipeline.crop(photo, verdict.face)])[0]

hnswlib finds, the sweep over every row proves: each of N faces was compared, and what the graph
missed was added. The threshold comes from a calibration (docs/calibration.md):

>>> result = index.search(probe, threshold=0.6)
>>> sorted({people[hit.id] for hit in result.hits})
['choir', 'staff-page']
>>> result.compared == len(index)
True
>>> result.found_by_graph + result.added_by_sweep == len(result.hits)
True

The scores are those of plain float64 sums over the float32 numbers, for every hit:

>>> row = pipeline.templates([pipeline.faces(pixels("gallery/choir.jpg"))[0].crop])[0]
>>> by_hand = float(np.sum(row.astype(np.float64) * probe.astype(np.float64)))
>>> by_hand == next(hit.score for hit in result.hits if people[hit.id] == "choir")
True

What is erased is overwritten at once and in no later search:

>>> gone = [hit.id for hit in result.hits]
>>> index.erase(gone, change=5).rows
2
>>> index.search(probe, threshold=0.6).hits, index.search(probe, threshold=0.6).compared
([], 3)
"""
