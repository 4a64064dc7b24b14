"""What every test gets: no network, one thread, a cache of its own, types and shapes checked as it runs.

The hook must be installed before anything of `lib` is imported, so this file imports nothing of it.
"""

import functools
import os
import shutil
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jaxtyping
import pytest

import tests.typecheck  # noqa: F401  (the hook finds it by name)

REQUIRED = os.environ.get("HEARSAY_REQUIRE_SHARED") == "1"  # then a skip is a failure
CACHE = tempfile.mkdtemp(prefix="hearsay-tests-")

os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", NUMBA_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")
os.environ.update(HEARSAY_CACHE=CACHE, HF_HUB_OFFLINE="1", MPLBACKEND="agg")
os.environ.pop("HEARSAY_LLM", None)  # no test asks a reader's language model
jaxtyping.install_import_hook("lib", "tests.typecheck.check")  # shapes, checked at each call


def pytest_configure(config):
    import torch

    torch.set_num_threads(1)


def pytest_unconfigure(config):
    shutil.rmtree(CACHE, ignore_errors=True)


def pytest_runtest_setup(item):
    """Nothing may be reached but this machine itself (a browser, a test server, a second process)."""
    from pytest_socket import socket_allow_hosts

    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


def _skip_fails(report):
    """Where everything is there (`.ci/run`), a skip hides something: make it a failure, with its reason."""
    if REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"a skip is a failure here (HEARSAY_REQUIRE_SHARED=1): {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return _skip_fails((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _skip_fails((yield))


@pytest.fixture(autouse=True)
def _shape_checks(request):
    """A test marked `bad_shapes` sees what a reader sees, who has no shape checker."""
    if not request.node.get_closest_marker("bad_shapes"):
        yield
        return
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def served(tmp_path):
    """A folder that a server on this machine offers, its address, and what was asked for."""
    (tmp_path / "served").mkdir()
    asked = []

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, form, *args):
            asked.append(args[0])

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path / "served"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield tmp_path / "served", f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of data that is not in the repository; where there is none, a skip."""
    from lib.data import shared

    folder = shared.given()
    if not folder.is_dir():
        pytest.skip(f"no shared data in {folder.name}; set HEARSAY_SHARED_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def whole_site(tmp_path_factory) -> Path:
    """The static pages of the committed notebooks, built once, as `make pages` builds them."""
    from lib.workbook import pages, teaching

    folder = tmp_path_factory.mktemp("site")
    pages.export(out=folder, teachers=teaching.PAGE)
    return folder
