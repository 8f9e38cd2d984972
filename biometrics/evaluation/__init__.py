"""How well does the search find a person, measured on labelled pictures (ISO/IEC 19795-1).

``run.evaluate`` does it all: data, embeddings kept in a cache, verification, identification by
the portal's own question, the officer loop, the tail of strangers' scores, tables and curves.
docs/evaluation.md says how each figure is made.
"""
