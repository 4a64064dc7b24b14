"""The script that fetches the official predictions, against a server on this machine that holds the real files."""

import pytest

from data_scripts import fetch_dcase2022_predictions as script
from lib.data import shared
from lib.fetch import FetchError


def test_the_files_go_where_the_notebook_looks(served, shared_data, tmp_path, monkeypatch):
    folder, address, _ = served
    for name, (place, _) in script.FILES.items():
        (folder / name).write_bytes((shared_data / place).read_bytes())
    monkeypatch.setenv("HEARSAY_DATA", str(tmp_path / "fetched"))
    monkeypatch.delenv("HEARSAY_SHARED_DATA", raising=False)
    monkeypatch.setattr(shared, "ROOT", tmp_path / "elsewhere")
    script.main(shared.downloads(), address)
    for place, _ in script.FILES.values():
        assert shared.find(place).read_bytes() == (shared_data / place).read_bytes()


def test_another_file_is_refused(served, tmp_path):
    folder, address, _ = served
    (folder / "test.output.csv").write_text("caption,file_name_1\n")
    with pytest.raises(FetchError, match="another hash"):
        script.main(tmp_path / "fetched", address)
