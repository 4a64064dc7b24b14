"""Where real data is looked for, and in which order."""

from lib.data import shared


def test_the_places_in_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(shared, "ROOT", tmp_path / "repository")
    monkeypatch.setenv("HEARSAY_DATA", str(tmp_path / "fetched"))
    monkeypatch.delenv("HEARSAY_SHARED_DATA", raising=False)
    assert shared.find("a/b.csv") is None
    for folder in ("fetched", "shared/data", "given"):  # each goes before the last
        (tmp_path / folder / "a").mkdir(parents=True)
        (tmp_path / folder / "a" / "b.csv").touch()
        if folder == "given":
            monkeypatch.setenv("HEARSAY_SHARED_DATA", str(tmp_path / "given"))
        assert shared.find("a/b.csv") == tmp_path / folder / "a" / "b.csv"
    monkeypatch.setenv("HEARSAY_SHARED_DATA", str(tmp_path / "nowhere"))  # in place of ../shared/data, not beside it
    assert shared.find("a/b.csv") == tmp_path / "fetched" / "a" / "b.csv"
