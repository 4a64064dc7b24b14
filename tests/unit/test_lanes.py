"""The test run's own guards have teeth: no network, shapes checked, a skip is a failure where everything must run."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import jaxtyping
import pytest
import pytest_socket
import torch

from lib import losses
from lib.workbook import ROOT


def test_nothing_but_this_machine_can_be_reached():
    with pytest.raises(pytest_socket.SocketConnectBlockedError):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


def test_shapes_are_checked_while_tests_run():
    with pytest.raises(jaxtyping.TypeCheckError):
        losses.cosine(torch.zeros(3, 4), torch.zeros(3))


@pytest.mark.bad_shapes
def test_unless_a_test_gives_bad_shapes_on_purpose():
    with pytest.raises(Exception) as raised:
        losses.cosine(torch.zeros(3, 4), torch.zeros(3, 5))
    assert not isinstance(raised.value, jaxtyping.TypeCheckError)


def test_the_cache_is_the_tests_own():
    assert "hearsay-tests-" in os.environ["HEARSAY_CACHE"] and torch.get_num_threads() == 1


@pytest.mark.parametrize("required, status", [("0", 0), ("1", 1)])
def test_a_skip_is_a_failure_where_everything_must_run(tmp_path, required, status):
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.conftest import pytest_make_collect_report, pytest_runtest_makereport, shared_data\n"
    )
    (tmp_path / "test_it.py").write_text("def test_it(shared_data): pass\n")
    away = {**os.environ, "HEARSAY_SHARED_DATA": str(tmp_path / "nowhere"), "HEARSAY_REQUIRE_SHARED": required}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=Path(tmp_path), env=away, capture_output=True, text=True)
    assert done.returncode == status, done.stdout
    assert ("a skip is a failure here" in done.stdout) == (status == 1)
