"""The script that fetches the official predictions, against a server on this machine that holds the real files."""

import functools
import http.server
import importlib.util
import threading
from pathlib import Path

import pytest

from lib.data import shared
from lib.fetch import FetchError

SCRIPT = Path(__file__).resolve().parents[2] / "data_scripts" / "fetch_dcase2022_predictions.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("fetch_dcase2022_predictions", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def server(tmp_path):
    """Serves a folder; yields the folder and its address."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()


def test_the_files_go_where_the_notebook_looks(script, server, shared_data, tmp_path, monkeypatch):
    folder, address = server
    for name, (place, _) in script.FILES.items():
        (folder / name).write_bytes((shared_data / place).read_bytes())
    monkeypatch.setenv("HEARSAY_DATA", str(tmp_path / "fetched"))
    monkeypatch.delenv("HEARSAY_SHARED_DATA", raising=False)
    monkeypatch.setattr(shared, "ROOT", tmp_path / "elsewhere")
    script.main(shared.downloads(), address)
    for place, _ in script.FILES.values():
        assert shared.find(place).read_bytes() == (shared_data / place).read_bytes()


def test_another_file_is_refused(script, server, tmp_path):
    folder, address = server
    (folder / "test.output.csv").write_text("caption,file_name_1\n")
    with pytest.raises(FetchError, match="another hash"):
        script.main(tmp_path / "fetched", address)
