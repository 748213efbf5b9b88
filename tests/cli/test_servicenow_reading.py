"""Reading the file: what is damaged costs one row each, and the rest is read."""

import gzip
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from cli.servicenow import log as reading
from cli.servicenow.dates import instant
from cli.servicenow.log import History, Log, NotALog, batches
from tests.cli.logs import COLUMNS, line, written


def histories(path: Path, limit: int | None = None) -> list[History]:
    with Log(path) as log:
        return list(log.histories(limit))


def read(path: Path) -> tuple[list[int], list[tuple[int, str]]]:
    """Row numbers that were read, and (row, reason) of those that were not."""
    found = histories(path)
    rows = [row.row for history in found for row in history.rows]
    return rows, [(reject.row, reject.reason) for history in found for reject in history.rejects]


def test_a_packed_log_is_known_by_its_content(tmp_path: Path) -> None:
    plain = written(tmp_path, line(), line())
    packed = tmp_path / "packed.csv"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read(packed) == read(plain) == ([1, 2], [])


def test_a_byte_order_mark_and_carriage_returns_do_no_harm(tmp_path: Path) -> None:
    path = written(tmp_path, line())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert histories(path)[0].rows[0].u_priority_confirmation == "?"
    assert read(path) == ([1], [])


def test_columns_are_found_by_name_and_absent_ones_are_missing(tmp_path: Path) -> None:
    header = "urgency,impact,sys_updated_at,opened_at,incident_state,number"
    path = written(tmp_path, "1 - High,3 - Low,1/1/2016 10:00,1/1/2016 9:00,New,INC1", header=header)
    row = histories(path)[0].rows[0]
    assert (row.number, row.impact, row.urgency, row.assignment_group) == ("INC1", "3 - Low", "1 - High", "?")


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        ("only,three,fields", f"the row has 3 fields where the header has {len(COLUMNS)}"),
        (line(number="?"), "the incident's number is missing"),
        (line(number=""), "the incident's number is missing"),
        ('"an open quote', f"the row has 1 fields where the header has {len(COLUMNS)}"),
    ],
)
def test_a_line_that_is_no_row_is_rejected_alone(tmp_path: Path, damaged: str, reason: str) -> None:
    assert read(written(tmp_path, line(), damaged, line(), line())) == ([1, 3, 4], [(2, reason)])


def test_a_line_that_is_not_utf8_is_rejected_alone(tmp_path: Path) -> None:
    path = written(tmp_path, line(), line(location="Größe"), line())
    path.write_bytes(path.read_bytes().replace("ö".encode(), b"\xf6", 1))
    assert read(path) == ([1, 3], [(2, "the line is not UTF-8")])


def test_an_endless_line_is_rejected_and_never_held_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_LINE", 2000)
    rows, rejects = read(written(tmp_path, line(), "x" * 100_000, line()))
    assert (rows, [row for row, _ in rejects]) == ([1, 3], [2])


def test_a_quoted_field_may_hold_commas_and_line_breaks(tmp_path: Path) -> None:
    path = written(tmp_path, line(location='"Lisbon, 2nd floor\nroom 7"'), line())
    assert [row.location for row in histories(path)[0].rows] == ["Lisbon, 2nd floor\nroom 7", "?"]


def test_empty_lines_are_not_rows(tmp_path: Path) -> None:
    assert read(written(tmp_path, line(), "", line())) == ([1, 2], [])


def test_a_file_without_the_columns_is_not_a_log(tmp_path: Path) -> None:
    with pytest.raises(NotALog, match="lacks incident_state, opened_at"):
        Log(written(tmp_path, header="number,title"))


def test_an_archive_that_breaks_off_says_after_which_row(tmp_path: Path) -> None:
    packed = tmp_path / "log.csv.gz"
    packed.write_bytes(gzip.compress(written(tmp_path, *[line()] * 50).read_bytes())[:-12])
    with pytest.raises(NotALog, match="is damaged after row"):
        histories(packed)


def test_a_limit_stops_at_the_end_of_an_incident(tmp_path: Path) -> None:
    path = written(tmp_path, line(), line(), line(), line(number="INC2"), line(number="INC3"))
    with Log(path) as log:
        assert [history.reference for history in log.histories(2)] == ["INC0000045"]
        assert log.count == 3


def test_more_rows_than_an_incident_can_have_are_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_ROWS_AN_INCIDENT", 2)
    assert read(written(tmp_path, *[line()] * 3)) == ([1, 2], [(3, "more than 2 rows of one incident")])


def test_batches_are_bounded_by_incidents_and_by_rows() -> None:
    def many() -> Iterator[History]:
        for number in range(5):
            yield History(str(number), [None] * 3, [])  # type: ignore[list-item]  # only the length counts here

    assert [len(batch) for batch in batches(many(), 2, 100)] == [2, 2, 1]
    assert [len(batch) for batch in batches(many(), 100, 4)] == [2, 2, 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("29/2/2016 01:16", "2016-02-29T01:16:00Z"),
        ("1/12/2016 9:05", "2016-12-01T09:05:00Z"),
        ("2016-12-01 09:05:07", "2016-12-01T09:05:07Z"),
        ("2016-12-01T09:05:07+01:00", "2016-12-01T08:05:07Z"),
    ],
)
def test_dates_are_read_day_first_or_iso(text: str, expected: str) -> None:
    assert instant(text, UTC) == expected


@pytest.mark.parametrize("text", ["", "?", "2/29/2016 01:16", "29/2/2017 01:16", "1/1/2016", "1/1/2016 25:00", "-100"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date"):
        instant(text, UTC)
