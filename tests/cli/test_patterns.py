"""Patterns: they find what Python's engine finds, in a time that does not explode, and take nothing else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.estate.patterns import NotPlain, Pattern

ATOM = st.sampled_from(["a", "b", r"\.", "[ab]", "[^a]", "[a-c]", r"\d", ".", "1", "-"])
REPEAT = st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}"])
PATTERN = st.recursive(
    ATOM,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda each: f"({each[0]}|{each[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}"])).map(
            lambda each: f"(?:{each[0]}){each[1]}"
        ),
    ),
    max_leaves=7,
)
TEXT = st.text(alphabet="abc1.-", max_size=9)


@given(st.sampled_from(["", "^"]), PATTERN, st.sampled_from(["", "$"]), st.lists(TEXT, max_size=6))
def test_it_finds_what_the_other_engine_finds(begin: str, middle: str, end: str, texts: list[str]) -> None:
    pattern, oracle = Pattern(f"{begin}{middle}{end}"), re.compile(f"{begin}{middle}{end.replace('$', chr(92) + 'Z')}")
    for text in texts:
        assert pattern.search(text) == bool(oracle.search(text)), text


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        (r"^an-worker11(0[0-9]|1[0-9])\.eqiad\.", "an-worker1107.eqiad.wmnet", True),
        (r"^an-worker11(0[0-9]|1[0-9])\.eqiad\.", "an-worker1120.eqiad.wmnet", False),
        ("^ab?", "a", True),
        ("^a|b", "cb", True),
        ("^abc(d)|x", "x", True),
        ("[]a]", "]", True),
        ("[a-]", "-", True),
        (r"[\d-]x", "-x", True),
        (r"\W", "_", False),
    ],
)
def test_what_estates_write_is_understood(pattern: str, text: str, fits: bool) -> None:
    assert Pattern(pattern).search(text) is fits
    assert bool(re.search(pattern, text)) is fits


@pytest.mark.parametrize(
    "pattern",
    ["(a", "a)", "[a", "a\\", "*a", "a**", r"(a)\1", "(?=a)", "(?i)a", "a{3,2}", "a{999}", "[b-a]", r"\bword", "a{x}",
     "((((a{99}){99}){99}){99})"],
)  # fmt: skip
def test_what_is_no_plain_expression_is_refused(pattern: str) -> None:
    with pytest.raises(NotPlain):
        Pattern(pattern)


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "a*a*a*a*a*a*a*a*b"])
def test_no_pattern_keeps_it_busy(pattern: str) -> None:
    """Each of these keeps an engine that goes back busy for longer than any test may take."""
    assert not Pattern(pattern).search("a" * 2000 + "!")
