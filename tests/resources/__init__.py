"""The tests of every resource of ``flask new resource``.

A resource's own tests inherit them. They read the model, the schema and the sample, therefore a new property is tested
without changes to them.
"""

import pytest

MODULES = ("api", "grpc", "nested", "owned", "service", "storage", "transitions")
pytest.register_assert_rewrite(*(f"{__name__}.{each}" for each in MODULES))
