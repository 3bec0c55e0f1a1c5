import os
import threading

import pytest

from elman import files
from elman.errors import ConfigError


def test_a_pipe_is_read_once_and_its_content_kept(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("abc"))
    writer.start()
    assert files.read_text("task.file", str(pipe)) == "abc"
    writer.join()
    assert files.read("task.file", str(pipe)) == b"abc"


def test_a_file_that_changes_is_read_again_but_not_within_a_run(tmp_path):
    path = tmp_path / "file"
    path.write_text("one")
    with files.one_run():
        assert files.read("task.file", str(path)) == b"one"
        path.write_text("other")
        assert files.read("task.file", str(path)) == b"one"
    assert files.read("task.file", str(path)) == b"other"


def test_items_that_come_with_elman_are_found_unless_there_are_own_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert b"condition" in files.read("test_items", "anbn.csv")
    (tmp_path / "anbn.csv").write_text("own")
    assert files.read("test_items", "anbn.csv") == b"own"
    with pytest.raises(ConfigError, match=r"task.file must be a file that can be read, and words.csv is not: No such"):
        files.read("task.file", "words.csv")


def test_small_files_are_kept_with_a_run_and_all_have_a_digest(tmp_path):
    small, large = tmp_path / "small.csv", tmp_path / "large.txt"
    small.write_text("text\nab\n")
    large.write_text("a" * 1_000_001)
    settings = {"task": {"file": str(large), "codes": None}, "test_items": str(small), "weights_from": None}
    assert files.kept(settings) == {"inputs/test_items.csv": "text\nab\n"}
    assert set(files.file_hashes(settings)) == {"task.file", "test_items"}
