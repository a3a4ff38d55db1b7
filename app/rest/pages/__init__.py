"""Pages for people: the catalogue of errors, the reference, the front page."""
