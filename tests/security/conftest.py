"""Papers for attacks are made where those of the unit tests are."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "unit"))
