"""The list of capabilities and the tests that claim them agree."""

import ast

from tests.capabilities import LIST, ROOT, carried, listed, proven

SAMPLE = """
pytestmark = [pytest.mark.timeout(1), pytest.mark.capability("AAA-1")]

@pytest.mark.capability("BBB-2", "BBB-3")
async def test_one(): ...

@pytest.mark.capability("CCC-4")
class TestMany:
    pytestmark = pytest.mark.capability("CCC-5")

    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.capability("DDD-6"))])
    def test_two(self, x): ...

    def helper(self): ...

def test_three(): ...
"""


def test_every_place_a_mark_can_be_in_is_read() -> None:
    assert dict(carried(ast.parse(SAMPLE))) == {
        "TestMany::test_two": ["AAA-1", "CCC-4", "CCC-5", "DDD-6"],
        "test_one": ["AAA-1", "BBB-2", "BBB-3"],
        "test_three": ["AAA-1"],
    }


def test_the_list_is_whole() -> None:
    found = listed(LIST.read_text())
    assert len(found) == 130
    assert all(found.values())


def test_tests_claim_capabilities_that_there_are() -> None:
    every = listed(LIST.read_text())
    unknown = {id: tests for id, tests in proven(ROOT / "tests").items() if id not in every}
    assert unknown == {}
