"""Print the lowest versions that pyproject.toml declares, one a line, as constraints for pip."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"].values()
for requirement in [*project["dependencies"], *(one for extra in extras for one in extra)]:
    if lowest := re.match(r"([\w-]+)>=([\w.]+)", requirement):
        print(f"{lowest[1]}=={lowest[2]}")
