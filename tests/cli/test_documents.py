"""YAML documents with their lines, and what of YAML is refused."""

from pathlib import Path

import pytest

from cli.documents import Document, Unreadable, documents

CALENDAR = """\
# a comment
kind: sla/Calendar
name: weekdays
effective_from: 2016-01-01T00:00:00Z
spec:
  country: NO
  spans:
    - {days: [monday, tuesday], from: 9:00, to: 17:00}
  holidays:
    - 2016-12-26
---
kind: sla/Agreement
spec:
  limits:
    1: 6.4
    2: 34
  pausing: false
  note: null
"""


def read(folder: Path, text: str) -> list[Document]:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return documents(path)


def fault(folder: Path, text: str) -> tuple[int, str, str]:
    with pytest.raises(Unreadable) as caught:
        read(folder, text)
    return caught.value.fault.line, caught.value.fault.field, caught.value.fault.message


def test_values_are_what_json_has_and_dates_and_times_stay_text(tmp_path: Path) -> None:
    calendar, agreement = read(tmp_path, CALENDAR)
    assert calendar.value == {
        "kind": "sla/Calendar",
        "name": "weekdays",
        "effective_from": "2016-01-01T00:00:00Z",
        "spec": {
            "country": "NO",
            "spans": [{"days": ["monday", "tuesday"], "from": "9:00", "to": "17:00"}],
            "holidays": ["2016-12-26"],
        },
    }
    spec = {"limits": {"1": 6.4, "2": 34}, "pausing": False, "note": None}
    assert agreement.value == {"kind": "sla/Agreement", "spec": spec}


@pytest.mark.parametrize(
    ("document", "field", "line"),
    [
        (0, ("name",), 3),
        (0, ("spec", "spans", "0", "from"), 8),
        (0, ("spec", "holidays", "0"), 10),
        (1, ("spec", "limits", "2"), 16),
        (1, ("spec", "limits", "3"), 14),
        (1, ("name",), 12),
        (1, (), 12),
    ],
)
def test_a_fault_names_the_line_of_its_field_or_of_the_nearest_thing_around_it(
    tmp_path: Path, document: int, field: tuple[str, ...], line: int
) -> None:
    found = read(tmp_path, CALENDAR)[document].fault(field, "is wrong")
    path = ".".join(("documents", str(document), *field))
    assert str(found) == f"{tmp_path}/policy.yaml:{line}: {path}: is wrong"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", (4, "documents.0.b.c", "this key is said twice")),
        ("1: a\n'1': b\n", (2, "documents.0.1", "this key is said twice")),
        ("a: !os x\n", (1, "documents.0.a", "the tag !os is not taken here")),
        ("a: !!python/name:os x\n", (1, "documents.0.a", "the tag tag:yaml.org,2002:python/name:os is not taken here")),
        ("a: 1\n---\nb: !!set {x}\n", (3, "documents.1.b", "the tag tag:yaml.org,2002:set is not taken here")),
        ("a: &a {x: 1}\nb:\n  <<: *a\n", (3, "documents.0.b", "merge keys (<<) are not taken here")),
        ("? [a]\n: 1\n", (1, "documents.0", "a key must be a text or a number")),
        ("a: &a [*a]\n", (1, "documents.0.a.0.0", "it is nested deeper than 40 levels")),
        ("a: " + "[" * 41 + "]" * 41, (1, "documents.0.a.0.0", "it is nested deeper than 40 levels")),
        ("[" * 100_000, (1, "", "it is nested deeper than 40 levels")),
    ],
)  # fmt: skip
def test_what_is_refused_is_refused_with_its_line(tmp_path: Path, text: str, expected: tuple[int, str, str]) -> None:
    assert fault(tmp_path, text) == expected


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    text = "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    assert fault(tmp_path, text)[2] == "the document holds more than 50,000 values"


def test_broken_yaml_is_told_with_the_line_of_the_break(tmp_path: Path) -> None:
    line, _, message = fault(tmp_path, "a: 1\nb: [1, 2\nc: 3\n")
    assert line == 3
    assert "flow sequence" in message


def test_a_file_that_is_not_text_or_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(Unreadable, match="utf-8"):
        documents(path)
    path.write_bytes(b"#" * 1_100_000)
    with pytest.raises(Unreadable, match="larger than"):
        documents(path)


def test_empty_documents_are_left_out_and_the_others_keep_their_place(tmp_path: Path) -> None:
    assert [(each.index, each.value) for each in read(tmp_path, "---\n---\na: 1\n---\n")] == [(1, {"a": 1})]
