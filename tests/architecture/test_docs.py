"""The documents for people keep up with the code."""

import re
from pathlib import Path

import pytest

from shared.run import picture
from shared.service import discovered

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_who_listens_to_whom() -> None:
    [shown] = re.findall(r"```mermaid\n(.*?)\n```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert shown == picture()


@pytest.mark.parametrize("name", discovered())
def test_a_process_has_a_page_that_names_its_clause_and_its_documents(name: str) -> None:
    service = discovered()[name]()
    page = (ROOT / "docs" / "processes" / f"{name}.md").read_text()
    assert f"ISO/IEC 20000-2:2005, {service.clause}" in page
    assert f"steward.{name}" in page
    assert set(re.findall(rf"`({name}/[A-Za-z]+)`", page)) == {kind.name for kind in service.policies}


def test_decisions_have_numbers_of_their_own() -> None:
    numbers = [path.name[:4] for path in sorted((ROOT / "docs" / "decisions").glob("*.md"))]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
