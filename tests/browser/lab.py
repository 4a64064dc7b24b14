"""A JupyterLab of its own on this machine, and a page in it: opened, run, watched for errors and calls to outside."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, Page

from lib.workbook import BUILD, build, pages

CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync")  # fmt: skip
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},  # no pop-up
    "notebook-extension/tracker": {"windowingMode": "none"},  # cells out of view exist, too
}
BADGE = '<svg xmlns="http://www.w3.org/2000/svg" width="117" height="20"/>'
HARMLESS = ("favicon", "ResizeObserver", "/lsp/status", "Failed to fetch ./files")  # JupyterLab's own, nothing of ours


def notebook(name: str, folder: Path = BUILD / "browser", **parameters) -> Path:
    """The notebook as a reader would open it, not executed, below the repository so that it finds `lib`."""
    made = build.build(name)
    cell = made.cells[build.tagged(made, "parameters")]
    values = build.parameters(made) | parameters
    cell.source = "\n".join(f"{key} = {value!r}" for key, value in values.items())
    path = folder / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)
    return path


@contextmanager
def server(root: Path, home: Path):
    """A JupyterLab that shows `root`; its settings lie in `home`, the user's own are not touched. Gives its address."""
    port = _free_port()
    options = {"ServerApp.ip": "127.0.0.1", "ServerApp.port": port, "ServerApp.port_retries": 0,
               "IdentityProvider.token": "", "ServerApp.password": "", "ServerApp.disable_check_xsrf": True,
               "ServerApp.root_dir": root, "ServerApp.open_browser": False, "LabApp.expose_app_in_browser": True,
               "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate"}  # fmt: skip
    command = [sys.executable, "-m", "jupyterlab", "--allow-root", *(f"--{k}={v}" for k, v in options.items())]
    with open(home / "server.log", "w") as log:
        process = subprocess.Popen(command, env=_environment(home), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address, process, home / "server.log")
        yield address
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _environment(home: Path) -> dict[str, str]:
    names = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
             "IPYTHONDIR": "ipython", "JUPYTERLAB_SETTINGS_DIR": "settings",
             "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}  # fmt: skip
    for name, values in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    nowhere = {proxy: "http://127.0.0.1:9" for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")}
    own = {name: str(home / folder) for name, folder in names.items()}
    return os.environ | own | nowhere | {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


def _wait_for(address: str, process: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            opener.open(f"{address}/api", timeout=2)
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start in {seconds:.0f} s: {log.read_text()[-800:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Watched:
    """A page, with what went wrong in it: console errors, uncaught exceptions, requests that leave this machine."""

    def __init__(self, browser: Browser, address: str):
        self.address, self.errors, self.outside = address, [], []
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 900})
        self.page.route("**/colab-badge.svg", lambda route: route.fulfill(body=BADGE, content_type="image/svg+xml"))
        self.page.on("console", lambda m: self._error(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self._error(str(error)))
        self.page.on("request", lambda request: self._request(request.url))

    def _error(self, text: str) -> None:
        if not any(harmless in text for harmless in HARMLESS):
            self.errors.append(text)

    def _request(self, url: str) -> None:
        if url.endswith("/colab-badge.svg"):
            return  # the one picture from outside, under the title; without it the link still stands there
        if not url.startswith((self.address, self.address.replace("http", "ws", 1), "data:", "blob:", "file:")):
            self.outside.append(url)

    def open_notebook(self, name: str, seconds: float = 90) -> Page:
        """Open it and wait for its kernel: run-all before that does nothing at all."""
        self.page.goto(f"{self.address}/lab/tree/{name}?reset")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=1000 * seconds)
        idle = '.jp-Notebook-ExecutionIndicator[data-status="idle"]'
        self.page.wait_for_selector(idle, state="attached", timeout=1000 * seconds)
        return self.page

    def run_all(self, tries: int = 5) -> None:
        """Run every cell and wait for the last. A kernel may say it is idle before it listens, so try again."""
        done = "() => [...document.querySelectorAll('.jp-InputArea-prompt')].some(p => /\\d/.test(p.textContent))"
        for _ in range(tries):
            self.page.click(".jp-Notebook .jp-Cell", position={"x": 200, "y": 8})
            self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
            if self.page.evaluate(done):
                return
            self.page.wait_for_timeout(1000)
        raise RuntimeError(f"no cell ran in {tries} tries")


@contextmanager
def in_lab(browser: Browser, path: Path, home: Path, ready: str, seconds: float = 60):
    """A notebook in JupyterLab, all its cells set going, once what `ready` selects is there."""
    with server(path.parent, home) as address:
        watched = Watched(browser, address)
        watched.open_notebook(path.name)
        watched.run_all()
        watched.page.wait_for_selector(ready, timeout=1000 * seconds)
        yield watched
        watched.page.close()


def told(page: Page, status: str, words: str) -> None:
    """Wait until the status line says these words."""
    page.wait_for_function("([where, words]) => document.querySelector(where).textContent.includes(words)",
                           arg=[status, words], timeout=60_000)  # fmt: skip


def ask(page: Page, box: str, query: str) -> None:
    """Type a query into the box in place of what stands there, and press Enter."""
    page.locator(box).scroll_into_view_if_needed()
    page.locator(box).focus()
    page.keyboard.press("Control+A")
    page.keyboard.type(query)
    page.keyboard.press("Enter")


@contextmanager
def in_page(browser: Browser, executed: nbformat.NotebookNode, name: str, folder: Path, ready: str):
    """An executed notebook as `make pages` shows it: opened from the disk, offline."""
    build.write(executed, folder / "notebooks" / f"{name}.ipynb")
    pages.export(folder / "notebooks", folder / "pages")
    watched = Watched(browser, "file://")
    watched.page.context.set_offline(True)
    watched.page.goto((folder / "pages" / f"{name}.html").as_uri(), wait_until="domcontentloaded")
    watched.page.wait_for_selector(ready, timeout=60_000)
    yield watched
    watched.page.context.set_offline(False)
    watched.page.close()
