"""A notebook's own cells at profile smoke, run here and not in a kernel: a test can ask what they define and show."""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import jupytext
import pytest

from lib.show import bundle
from lib.show.claims import CLAIM, METRIC
from lib.workbook import SOURCES

LEFT_OUT = {"setup", "parameters", "exercise", "check"}  # what the caller gives, and what a reader fills in


def code(name: str, *tags: str) -> Iterator[str]:
    """Each code cell that has one of these tags; without tags, each that runs without a reader."""
    for cell in jupytext.read(SOURCES / f"{name}.py", fmt="py:percent").cells:
        own = set(cell.metadata.get("tags", []))
        if cell.cell_type == "code" and (own & set(tags) if tags else not own & LEFT_OUT):
            yield cell.source


def written(name: str, wanted: Sequence[str], *, constants: Sequence[str] = (), **given: object) -> dict:
    """The functions and classes of these names, each written once in the notebook, which is not run.

    Args:
        constants: names whose assignments are wanted as well.
        given: what they lean on, such as `torch=torch`.
    """
    nodes = [node for cell in code(name) for node in ast.parse(cell).body]
    found = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in wanted]
    assert sorted(node.name for node in found) == sorted(wanted)
    assigned = [node for node in nodes if isinstance(node, ast.Assign) and _targets(node) & set(constants)]
    assert set(constants) <= set().union(*map(_targets, assigned))
    names = dict(given)
    exec(compile(ast.Module(found + assigned, []), f"notebook {name[:2]}", "exec"), names)
    return names


def _targets(node: ast.Assign) -> set[str]:
    return {each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)}


@dataclass(frozen=True)
class Ran:
    """The names that the cells left behind, and the bundles that they showed."""

    names: dict
    shown: list[dict]

    @property
    def claims(self) -> dict[str, dict]:
        """By key."""
        return {each[CLAIM]["key"]: each[CLAIM] for each in self.shown if CLAIM in each}

    @property
    def metrics(self) -> dict[str, float]:
        """Values by name."""
        return {each[METRIC]["name"]: each[METRIC]["value"] for each in self.shown if METRIC in each}

    @property
    def replicated(self) -> set[str]:
        """Keys of the claims that hold."""
        return {key for key, claim in self.claims.items() if claim["verdict"] == "replicates"}


def run(
    name: str,
    source: str,
    *,
    change: Callable[[str], str] = lambda cell: cell,
    after: Callable[[dict], None] = lambda names: None,
) -> Ran:
    """The notebook on a data source, such as "soundscapes!shuffled".

    Args:
        change: makes of each cell the code that is run.
        after: sees the names after each cell, and may change them.
    """
    ran = Ran({"PROFILE": "smoke", "DATA": source, "SEED": 0}, [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "emit", lambda content, metadata=None: ran.shown.append(content))
        for cell in code(name):
            exec(compile(change(cell), f"notebook {name[:2]}", "exec"), ran.names)
            after(ran.names)
    return ran
