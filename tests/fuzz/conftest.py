"""The number and the seed of generated requests; the end of the run prints the seed."""

import os
from typing import Final

EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "5"))
SEED: Final = int(os.environ["FUZZ_SEED"])
