"""Reads Markdown as far as the tests need: fenced blocks, inline code, and links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

#: The contract also binds what is not built yet, so its paths need not exist.
PROMISES: Final = frozenset({"contract.md"})


def pages() -> list[Path]:
    """The pages that speak about what is there."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(page for page in found if page.name not in PROMISES)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the words after the fence, its text, and its first line's number."""

    words: tuple[str, ...]
    text: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page in order."""
    words: tuple[str, ...] | None = None
    start, held = 0, []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if words is None and stripped.startswith("```"):
            words, start, held = tuple(stripped[3:].split()), number + 1, []
        elif words is not None and stripped == "```":
            yield Block(words, "\n".join(held) + "\n", start)
            words = None
        elif words is not None:
            held.append(line)


def indented(text: str) -> list[str]:
    """The lines of indented code, which a blank line or another one precedes."""
    found = []
    before, inside = "", False
    for line in prose(text).splitlines():
        inside = line.startswith("    ") and (inside or not before.strip())
        if inside:
            found.append(line.strip())
        before = line
    return found


def prose(text: str) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^[ \t]*```.*?^[ \t]*```[ \t]*$", "", text, flags=re.MULTILINE | re.DOTALL)


def spans(text: str) -> list[str]:
    """The inline code of a page."""
    return re.findall(r"`([^`\n]+)`", prose(text))


def links(text: str) -> list[str]:
    """The targets of links, by reference too, and images that stay inside the repository, without
    anchors.
    """
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(text))
    targets += re.findall(r"^ {0,3}\[[^\]]+\]:\s+<?([^\s>]+)", prose(text), re.MULTILINE)
    return [
        t.split("#")[0] for t in targets if "://" not in t and not t.startswith(("#", "mailto:"))
    ]


def commands(text: str) -> list[str]:
    """Lines of indented and fenced blocks but for other languages, and inline code, without the
    prompt; a line that a backslash ends goes on.
    """
    lines = indented(text)
    for block in blocks(text):
        if block.words[:1] in {(), ("console",), ("bash",), ("sh",), ("shell",)}:
            lines += block.text.replace("\\\n", " ").splitlines()
    return [line.strip().removeprefix("$ ") for line in lines] + spans(text)


#: What parts the commands of a line, where no quotes hold it.
_PARTS: Final = re.compile(r"&&|\|\||[;|&()<>]|\$\(")


def words(line: str) -> Iterator[list[str]]:
    """The words of each command of a line of the shell, without variables that are set before it.

    A placeholder in angle brackets is a word.

    >>> list(words("A=1 crivo serve --port <port> && make demo | tee file  # so"))
    [['crivo', 'serve', '--port', 'X'], ['make', 'demo'], ['tee', 'file']]
    """
    line = re.sub(r"<[^<>\s]+>", "X", line)
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        tokens = list(lexer)
    except ValueError:  # a quote that another line closes, or an apostrophe
        tokens = _PARTS.sub(" ; ", line).split()
    held: list[str] = []
    inner: list[str] = []
    for token in [*tokens, ";"]:
        if set(token) <= set("();<>|&"):
            if held:
                yield held
            held = []
            continue
        inner += re.findall(r"\$\(([^()]*)\)", token)
        if held or not re.fullmatch(r"[A-Za-z_]\w*=.*|\$", token, re.DOTALL):
            held.append(token)
    for each in inner:
        yield from words(each)
