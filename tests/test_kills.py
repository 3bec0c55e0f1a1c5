import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "bench"))
import kills


@pytest.mark.parametrize(("kind", "share"), [("overwrite", 0.6), ("figures", 0.4)])
def test_a_killed_command_leaves_whole_files_and_the_same_command_finishes_it(kind, share, tmp_path):
    expected = kills.whole(kills.KINDS[kind], tmp_path)
    assert any(name.startswith("it/figures/") for name in expected.results)
    kills.try_one(kills.KINDS[kind], expected, tmp_path / "killed", share)
