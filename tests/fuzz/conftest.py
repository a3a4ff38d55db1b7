"""How many requests are generated, and from which seed; the seed is printed at the end of the run."""

import os
from typing import Final

EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "5"))
SEED: Final = int(os.environ["FUZZ_SEED"])
