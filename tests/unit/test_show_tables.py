"""Tables: sides, digits, folding, and text that must not become HTML."""

import re

import pandas as pd
import pytest

from lib.show import bundle, tables

FRAME = pd.DataFrame(
    {"sees": ["64 mels", "<b>128</b>"], "seconds": [0.25, 1278.0], "frames": [32, 1]},
    index=pd.Index(["small & ours", "PaSST"], name="encoder"),
)


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(bundle, "emit", lambda data, metadata=None: bundles.append(data))
    return lambda *args, **options: (tables.show(*args, **options), bundles.pop())[1]


def test_words_stand_left_and_numbers_right(shown):
    html = shown(FRAME)["text/html"]
    cells = re.findall(r'<(th|td) style="text-align: (left|right); vertical-align: top">(.*?)</\1>', html)
    assert [side for _, side, _ in cells] == 3 * ["left", "left", "right", "right"]
    values = [value for _, _, value in cells]
    assert values[:8] == ["encoder", "sees", "seconds", "frames", "small &amp; ours", "64 mels", "0.25", "32"]
    assert values[10] == "1278"


def test_text_never_becomes_html(shown):
    html = shown(FRAME, "a <i>title</i>")["text/html"]
    assert "&lt;b&gt;128&lt;/b&gt;" in html and "a &lt;i&gt;title&lt;/i&gt;" in html
    assert not re.search("<[bi]>(128|title)", html)


def test_a_folded_table_is_opened_by_its_title(shown):
    data = shown(FRAME, "Look it up", folded=True)
    assert re.fullmatch("<details><summary><b>Look it up</b></summary><table>.*</table></details>", data["text/html"])
    assert data["text/plain"].startswith("Look it up\n") and "PaSST" in data["text/plain"]
    with pytest.raises(ValueError, match="nothing to click on"):
        tables.show(FRAME, folded=True)
