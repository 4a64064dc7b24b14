"""The script that fetches official weights, against a server on this machine."""

import dataclasses
import functools
import hashlib
import subprocess
import sys

import pytest
import torch

from data_scripts import fetch_checkpoints
from lib.encoders.checkpoints import CHECKPOINTS, folder
from lib.fetch import FetchError, fetch


@pytest.fixture
def script(monkeypatch):
    monkeypatch.setattr(fetch_checkpoints, "fetch", functools.partial(fetch, wait_s=0.0, progress=False))
    return fetch_checkpoints


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARSAY_CHECKPOINTS", str(tmp_path / "here"))
    return tmp_path / "here"


@pytest.fixture
def registry(served):
    """The registry with this machine's addresses, and the files that they lead to."""
    path, address, _ = served
    entries = {}
    for name in ("cnn10", "passt_n", "vggish"):
        torch.save({"model": {"a": torch.full((3,), float(len(entries)))}}, path / f"{name}.pt")
        digits = hashlib.sha256((path / f"{name}.pt").read_bytes()).hexdigest()
        hash = {"cnn10": f"sha256:{digits}", "passt_n": None, "vggish": f"sha256:{digits[:8]}"}[name]
        entries[name] = dataclasses.replace(CHECKPOINTS[name], urls=(f"{address}/{name}.pt",), hash=hash)
    return entries


def test_they_are_fetched_licence_first_and_kept(script, registry, served, here, capsys):
    for _ in range(2):
        paths = script.main(list(registry), registry)
    assert [path.name for path in paths] == [checkpoint.file for checkpoint in registry.values()]
    assert all(path.parent == here for path in paths) and len(served[2]) == 3
    told = capsys.readouterr().out
    assert told.index("cnn10: licence CC BY 4.0") < told.index("cnn10: here")
    assert told.count("nobody publishes its hash") == 1  # PaSST's, on its first download


def test_what_is_there_needs_no_network(script, registry, here):
    script.main(list(registry), registry)
    dead = {name: dataclasses.replace(c, urls=("http://127.0.0.1:1/x",)) for name, c in registry.items()}
    assert len(script.main(list(registry), dead)) == 3


def test_one_that_fails_does_not_keep_the_others(script, registry, served, here):
    (served[0] / "cnn10.pt").write_bytes(b"altered")
    with pytest.raises(FetchError, match="cnn10: could not fetch .*another hash.*by hand: .*Cnn10_mAP") as error:
        script.main(list(registry), registry)
    assert "vggish" not in str(error.value)
    there = {path.name for path in here.iterdir() if path.suffix in (".pt", ".pth")}
    assert there == {registry["passt_n"].file, registry["vggish"].file}


def test_offline_is_said_plainly(script, registry):
    dead = {"cnn10": dataclasses.replace(registry["cnn10"], urls=("http://127.0.0.1:1/x",))}
    with pytest.raises(FetchError, match=r"no connection \(offline\?\).*put the file there by hand"):
        script.main(["cnn10"], dead)


def test_another_models_file_is_refused_when_no_hash_can_tell(script, registry, served):
    state = {"features.0.weight": torch.ones(64, 1, 3, 3), "embeddings.0.weight": torch.ones(1).expand(4096, 12288)}
    torch.save(state, served[0] / "passt_n.pt")
    with pytest.raises(FetchError, match="passt_n: .* holds vggish's weights, for 16,000 Hz"):
        script.main(["passt_n"], registry)


def test_a_file_that_would_run_code_is_refused(script, registry, served):
    torch.save({"model": print}, served[0] / "passt_n.pt")
    with pytest.raises(FetchError, match="would run code"):
        script.main(["passt_n"], registry)


def test_one_without_an_address_says_where_to_put_it_and_takes_it_from_there(script, here):
    with pytest.raises(FetchError, match="vast: no address is known: put vast.pt"):
        script.main(["vast"])
    here.mkdir(exist_ok=True)
    torch.save({"audio_encoder.patch_embedding.weight": torch.ones(2, 1, 1, 1)}, here / "vast.pt")
    assert script.main(["vast"]) == [here / "vast.pt"]


def test_an_unknown_name_lists_the_known_ones(script):
    with pytest.raises(FetchError, match="among crnn, cnn10.*got cnn99"):
        script.main(["cnn14", "cnn99"])


def test_the_list_has_all_with_size_licence_and_whether_here(script, here):
    here.mkdir()
    (here / CHECKPOINTS["cnn14"].file).write_bytes(b"123")
    told = script.listing()
    lines = {line.split()[0]: line for line in told.splitlines()}
    assert all(name in lines and CHECKPOINTS[name].licence in lines[name] for name in CHECKPOINTS)
    assert "here, 3 bytes; 327,428,481 bytes; md5; licence CC BY 4.0" in lines["cnn14"]
    assert "not here; 25,237,595 bytes" in lines["cnn10"] and "by its first 8 digits" in lines["vggish"]
    assert "the first download is trusted" in lines["passt_s"] and "by hand only" in lines["vast"]
    assert str(folder()) in told


def test_from_the_command_line(here):
    command = [sys.executable, fetch_checkpoints.__file__]
    listed = subprocess.run(command, capture_output=True, text=True)
    assert listed.returncode == 0 and "Cnn14_mAP=0.431.pth" in listed.stdout
    failed = subprocess.run([*command, "vast"], capture_output=True, text=True)
    assert failed.returncode == 1 and "no address is known" in failed.stderr and "Traceback" not in failed.stderr
