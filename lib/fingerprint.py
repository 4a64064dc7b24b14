"""Which code made a result: a hash over modules and what they import of `lib`. Caches use it, so that none goes stale.

Comments and layout do not count, docstrings do. Versions of the libraries that numbers depend on count as well.
"""

import ast
import functools
import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

LIB = Path(__file__).parent
BOOKKEEPING = {LIB / f"{name}.py" for name in ("cache", "fingerprint", "runs", "store")}  # say where numbers are kept
LIBRARIES = ("numpy", "scipy", "torch", "torchaudio", "transformers")


def code(*things: ModuleType | type | Callable | str) -> str:
    """sha256 over the code of modules (or their names), classes and functions, and over `lib`'s modules they lean on.

    A class or function of `lib` counts as its whole module; one of a notebook as its own lines.
    """
    digest = hashlib.sha256(" ".join(f"{name}=={version(name)}" for name in LIBRARIES).encode())
    sources = {name: text for thing in things for name, text in _sources(thing)}
    for _, text in sorted(sources.items()):
        digest.update(text.encode())
    return digest.hexdigest()


def _sources(thing: ModuleType | type | Callable | str) -> Iterator[tuple[str, str]]:
    name = thing if isinstance(thing, str) else thing.__name__ if inspect.ismodule(thing) else thing.__module__
    file = _file(name)
    if file is None:
        yield f"{name}.{getattr(thing, '__qualname__', '')}", _own_lines(thing)
    else:
        pending, seen = [file], set()
        while pending:
            file = pending.pop()
            if file not in seen | BOOKKEEPING:
                seen.add(file)
                tree, imported = _parsed(file, file.stat().st_mtime_ns)
                pending += imported
                yield str(file.relative_to(LIB)), tree


@functools.lru_cache(maxsize=256)
def _parsed(file: Path, mtime_ns: int) -> tuple[str, list[Path]]:
    """A module's code without comments, and the modules of `lib` that it imports anywhere."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return ast.dump(tree), [file for file in map(_file, imported(tree)) if file is not None]


def imported(tree: ast.AST) -> list[str]:
    """Dotted names of all that code imports anywhere; of `from a import b` both a and a.b, since b may be a module."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def _file(name: str) -> Path | None:
    """The file of one of `lib`'s modules; none for other libraries and for packages, which only gather names."""
    parts = name.split(".")
    file = LIB.joinpath(*parts[1:]).with_suffix(".py")
    return file if parts[0] == "lib" and len(parts) > 1 and file.is_file() else None


def _own_lines(thing: ModuleType | type | Callable | str) -> str:
    if isinstance(thing, str):
        if thing not in sys.modules:
            raise ValueError(f"expected an imported module; got {thing!r}.")
        thing = sys.modules[thing]
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):  # a class typed at a prompt: its methods' code will do
        methods = [getattr(value, "__code__", None) for value in vars(thing).values()]
        return " ".join(f"{method.co_code!r} {method.co_consts!r}" for method in methods if method)
