"""What a real browser makes of a page: its width, its pictures, and what it complains about."""

import json
import re
import shutil
import subprocess
from html import escape, unescape
from pathlib import Path
from typing import NamedTuple

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
COMMAND = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = (
    "--headless",
    "--no-sandbox",  # which root would need
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",  # as on a phone, where they take no room
    "--enable-logging=stderr",
)

# The page is put into a frame, which can be as narrow as a phone; a browser's own window cannot.
_FRAME = """<!doctype html><meta charset="utf-8"><body><iframe style="border:0;width:{width}px;height:800px"
srcdoc="{page}"></iframe><script>onload = () => {{
  const frame = document.querySelector("iframe"), page = frame.contentDocument.documentElement
  const pictures = [...frame.contentDocument.images].map(i => i.complete && i.naturalWidth > 0 && i.clientWidth > 0)
  const seen = {{width: frame.contentWindow.innerWidth, needed: page.scrollWidth, pictures: pictures,
    text: page.innerText, fetched: frame.contentWindow.performance.getEntriesByType("resource").map(r => r.name)}}
  document.body.textContent = JSON.stringify(seen)
}}</script>"""


class Seen(NamedTuple):
    """A page as the browser laid it out."""

    width: int
    """Pixels of the window."""
    needed: int
    """Pixels that the page takes; more than the window has mean scrolling sideways."""
    pictures: list[bool]
    """Whether each picture was loaded and is shown."""
    text: str
    fetched: list[str]
    """What the page asked for, besides itself."""
    complaints: list[str]
    """Lines on the browser's console."""


def look(page: str, folder: Path, *, width: int) -> Seen:
    """Open a page in a window of so many pixels."""
    (folder / "frame.html").write_text(_FRAME.format(width=width, page=escape(page)))
    command = [COMMAND, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000", "--dump-dom"]
    done = subprocess.run([*command, f"file://{folder / 'frame.html'}"], capture_output=True, text=True, timeout=60)
    body = re.search(r"<body>(.*)</body>", done.stdout, flags=re.DOTALL)
    assert body, done.stderr
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Seen(**json.loads(unescape(body[1])), complaints=complaints)
