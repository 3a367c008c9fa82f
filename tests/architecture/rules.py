"""Rules of the house that no linter knows: each is a function from a text to its offences."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

FILE_LINES_MAX: Final = 400
FUNCTION_LINES_MAX: Final = 70
LINE_COLUMNS_MAX: Final = 100

_FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)

# Written in pieces, so that this file does not offend against itself.
_UNFINISHED: Final = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
_REGISTRIES: Final = re.compile(
    r"pypi\." + r"org|python" + r"hosted\.org|npm" + r"js\.(?:org|com)|proxy\.go" + r"lang\.org"
    r"|crates\." + r"io|maven\." + r"org|(?:extra-)?index-" + r"url\s*[=:]|find-" + r"links\s*[=:]"
)
_MACHINE_PATHS: Final = re.compile(
    r"(?<![\w.~$}/])/(?:wo" + r"rk|ro" + r"ot|ho" + r"me|Us" + r"ers|mnt)/|[A-Z]:\\\\?Us" + r"ers"
)
_SECRETS: Final = re.compile(
    r"BEGIN (?:[A-Z]+ )?PRIVATE " + r"KEY|\bAK" + r"IA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    r"|\bxox[abp]-[0-9A-Za-z-]{10,}|\bAI" + r"za[0-9A-Za-z_-]{35}\b|://[^/\s:@]+:[^/\s:@{$<]+@"
)


@lru_cache(maxsize=2_048)
def _tree(source: str) -> ast.Module:
    """Several rules read one source."""
    return ast.parse(source)


def sizes(source: str) -> Iterator[str]:
    """Files, functions and lines beyond their limits."""
    lines = source.splitlines()
    if len(lines) > FILE_LINES_MAX:
        yield f"{len(lines)} lines in one file, at most {FILE_LINES_MAX}"
    for number, line in enumerate(lines, start=1):
        if len(line) > LINE_COLUMNS_MAX:
            yield f"line {number} has {len(line)} columns, at most {LINE_COLUMNS_MAX}"
    for node in ast.walk(_tree(source)):
        if isinstance(node, _FUNCTION):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                yield f"{node.name} has {length} lines, at most {FUNCTION_LINES_MAX}"


def prints(source: str) -> Iterator[str]:
    """Calls of print: results belong to the command line alone."""
    for node in ast.walk(_tree(source)) if "print" in source else ():
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print":
            yield f"line {node.lineno} prints"


def silent_refusals(source: str) -> Iterator[str]:
    """Refusals that do not say the field or file, what was expected and what was found."""
    for node in ast.walk(_tree(source)) if "Refused(" in source else ():
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused":
            said = {keyword.arg for keyword in node.keywords}
            if "file" in said:
                said.add("field")
            lacking = sorted({"field", "expected", "found"} - said)
            # What is passed on as a whole is looked at where it is made.
            if lacking and None not in said:
                yield f"line {node.lineno} refuses without {', '.join(lacking)}"


def broad_excepts(source: str) -> Iterator[str]:
    """Handlers of everything that do not end by raising."""
    for node in ast.walk(_tree(source)) if "except" in source else ():
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        broad = any(
            name is None
            or (isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"})
            for name in caught
        )
        if broad and not isinstance(node.body[-1], ast.Raise):
            yield f"line {node.lineno} catches everything and goes on"


def stubs(source: str) -> Iterator[str]:
    """Modules without content, and functions that only pretend (ports and overloads declare)."""
    tree = _tree(source)
    if all(_says_nothing(node) for node in tree.body):
        yield "the module says nothing"
    yield from _stub_functions(tree)


def _stub_functions(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef) and _declares(child):
            continue
        if isinstance(child, _FUNCTION) and _pretends(child):
            yield f"{child.name} is a stub"
        yield from _stub_functions(child)


def _says_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Raise):
        return "NotImplemented" in ast.dump(node)
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__"
    return isinstance(node, ast.Pass)


def _declares(node: ast.ClassDef) -> bool:
    return any(ast.unparse(ancestor).split("[")[0].endswith("Protocol") for ancestor in node.bases)


def _pretends(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = {
        ast.unparse(decorator).rsplit(".", maxsplit=1)[-1] for decorator in node.decorator_list
    }
    declares = bool(names & {"overload", "abstractmethod"})
    return not declares and all(_says_nothing(statement) for statement in node.body)


def unfinished(text: str) -> Iterator[str]:
    """Notes that something is not done: it is done, or it is cut."""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _UNFINISHED.search(line):
            yield f"line {number} says {found[0]}"


def foreign_places(text: str) -> Iterator[str]:
    """Registries and folders of one machine: any mirror and any machine must serve."""
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern in (_REGISTRIES, _MACHINE_PATHS):
            if found := pattern.search(line):
                yield f"line {number} names {found[0]}"


def secrets(text: str) -> Iterator[str]:
    """What looks like a key, a token, or an address with a password."""
    for number, line in enumerate(text.splitlines(), start=1):
        if _SECRETS.search(line):
            yield f"line {number} looks like a secret"


def foreign_imports(source: str, allowed: frozenset[str]) -> Iterator[str]:
    """Imports (top-level names) outside `allowed`, wherever in the file they stand."""
    for node in ast.walk(_tree(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        for name in names:
            if name.split(".")[0] not in allowed:
                yield f"line {node.lineno} imports {name}"
