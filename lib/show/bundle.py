"""The one door to the reader: a bundle of MIME types in a notebook, plain text anywhere else."""

import html
import re

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display


def emit(data: dict[str, object], metadata: dict[str, dict] | None = None) -> None:
    """Show `data` (MIME type -> content; `text/plain` is required); without IPython print its text.

    A front end shows the richest type it knows; types it does not know (ours end in +json) survive in the file.
    """
    if "text/plain" not in data:
        raise ValueError(f"expected a text/plain entry for readers who see nothing else; got {sorted(data)}")
    if InteractiveShell.initialized():
        display(data, raw=True, metadata=metadata or {})
    else:
        print(data["text/plain"])


def escape(text: object) -> str:
    """Text from outside, safe inside HTML elements and quoted attributes."""
    return html.escape(str(text), quote=True)


def escape_markdown(text: object) -> str:
    """Text from outside, safe and literal inside a line or a table of Markdown."""
    return re.sub(r"([\\`*_\[\]<>|#$~])", r"\\\1", " ".join(str(text).split()))
