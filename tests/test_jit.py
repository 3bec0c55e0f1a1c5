import numba
import pytest

from elman.jit import jit


def double(x):
    return 2 * x


@pytest.mark.parametrize("content", [b"", b"\x80\x04", bytes(range(256))], ids=["empty", "cut short", "something else"])
def test_damaged_files_of_compiled_functions_are_made_anew(content, tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert jit(double)(4) == 8
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    for file in files:
        file.write_bytes(content)
        again = jit(double)
        assert again(4) == 8
        assert not again.stats.cache_hits
        kept = jit(double)
        assert kept(4) == 8
        assert kept.stats.cache_hits


def test_functions_are_compiled_where_nothing_can_be_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile._save_data", full)
    assert jit(double)(4) == 8
