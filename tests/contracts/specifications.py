"""Third-party specifications that lie beside the project, for tests that validate against them."""

import json
import os
from pathlib import Path
from typing import Any, NoReturn

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def specification(name: str) -> Any:
    """A JSON document below ../shared/specs."""
    path = PROJECT.parent / "shared" / "specs" / name
    if not path.exists():
        not_here(f"../shared/specs/{name} is not there")
    return json.loads(path.read_text())


def not_here(reason: str) -> NoReturn:
    """Skip on a machine that lacks something; fail where everything has to be proven."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI=true and yet: {reason}", pytrace=False)
    pytest.skip(reason)
