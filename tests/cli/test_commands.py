"""The commands as a person types them, as far as they need no server: outcomes, failures in one line, exit codes."""

import csv
import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from cli.api import Api, Failed, Places, Refused
from cli.checks import parts
from cli.main import app
from cli.tokens import duration
from shared.local import issuer
from tests.cli.logs import line, written


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner(env={"STEWARD_TOKEN": ""}).invoke(app, [str(each) for each in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_a_dry_run_ends_in_the_outcome_and_writes_what_it_would_reject(tmp_path: Path) -> None:
    log = written(
        tmp_path,
        line(),
        line(state="Resolved", at="1/3/2016 10:00", assignment_group="Group 1"),
        line(state="Active", at="2/3/2016 10:00", assignment_group="Group 1"),
        line(state="-100", at="2/3/2016 11:00", assignment_group="Group 1"),
        line(state="Closed", at="3/3/2016 10:00", assignment_group="Group 1"),
        line(number="INC2"),
        "=1+1",
    )
    rejects = tmp_path / "rejects.csv"
    code, out, err = run("import", "servicenow", log, "--dry-run", "--rejects", rejects)
    outcome = json.loads(out)
    assert (code, err, outcome.pop("seconds") >= 0) == (0, "", True)
    assert outcome == {
        "rows": 7,
        "rejected": 2,
        "incidents": 2,
        "closed": 1,
        "reopened": 1,
        "reassigned": 1,
        "sla_met": None,
        "sla_missed": None,
    }
    with rejects.open(newline="") as file:
        header, unknown, formula = csv.reader(file)
    assert header == ["row", "reference", "reason", "line"]
    assert unknown[:3] == ["4", "INC0000045", 'incident_state "-100" is not a state of an incident']
    assert formula[3] == "'=1+1"


def test_an_import_without_rejects_leaves_no_file(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    assert run("import", "servicenow", written(tmp_path, line()), "--dry-run", "--rejects", rejects)[0] == 0
    assert not rejects.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["import", "servicenow", "absent.csv"], 2, "does not exist"),
        (["import", "servicenow", __file__, "--dry-run"], 1, "is not an incident event log"),
        (["import", "servicenow", __file__, "--zone", "Mars/Base"], 2, "is not a time zone"),
        (
            ["token", "mallory"],
            1,
            "there is nobody called mallory; there are alice, bob, erin, frank, grace, heidi, carol, dave, root",
        ),
        (["token", "alice", "--data", "absent"], 1, "no embedded system has been started in absent"),
        (["token", "alice", "--lifetime", "soon"], 2, "is not a lifetime"),
        (["verify", "--token", "x", "--url", "ftp://here"], 1, '"ftp://here" is not an http or https URL'),
        (["bake"], 2, "No such command"),
    ],
)
def test_a_failure_is_one_line_without_a_traceback(arguments: list[str], code: int, words: str) -> None:
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert words in err
    assert "Traceback" not in err
    assert code == 2 or len(err.splitlines()) == 1


def test_a_token_is_all_that_the_output_holds(tmp_path: Path) -> None:
    issuer.load(tmp_path, "http://127.0.0.1/steward-local", "steward")
    code, out, err = run("token", "carol", "--data", tmp_path)
    assert (code, err) == (0, "")
    assert out.count(".") == 2
    assert len(out.splitlines()) == 1


def test_lifetimes_are_read_with_their_unit() -> None:
    assert [duration(text) for text in ("90s", "30m", "12h", "2d")] == [
        timedelta(seconds=90),
        timedelta(minutes=30),
        timedelta(hours=12),
        timedelta(days=2),
    ]


def test_the_doctor_says_what_mends_what_is_wrong(tmp_path: Path) -> None:
    code, out, _ = run("doctor", "--url", "http://127.0.0.1:9", "--data", tmp_path)
    assert code == 1
    assert out.splitlines()[-1].startswith("WRONG server")
    assert out.splitlines()[-1].endswith("to mend it: start it, or name its place with --url")
    state = {"incident": {"relay": {"ok": True, "detail": "0"}}, "sla": {"relay": {"ok": False, "detail": "9 wait"}}}
    assert [str(each) for each in parts(state)] == [
        "WRONG relay       sla: 9 wait; to mend it: start Kafka; what waits is published when it answers"
    ]


def api(answers: list[httpx.Response | Exception], asked: list[str], tries: int = 4) -> Api:
    """A client whose server gives these answers one after another; faults that a real one does not give on demand."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return Api(client, Places("http://steward"), tries, first_pause=0.0)


async def test_what_passes_is_tried_again_and_a_refusal_is_not() -> None:
    asked: list[str] = []
    passing: list[httpx.Response | Exception] = [
        httpx.ConnectError("refused"),
        httpx.Response(503),
        httpx.Response(429),
        httpx.Response(200, json=[1]),
    ]
    assert await api(passing, asked).get("/sla/clocks") == [1]
    assert len(asked) == 4
    problem = {"title": "Not valid", "detail": "origin is missing", "errors": [{"field": "origin", "message": "no"}]}
    with pytest.raises(Refused, match="POST /incident/history answered 422: Not valid; origin is missing") as caught:
        await api([httpx.Response(422, json=problem)], asked).post("/incident/history", {})
    assert caught.value.errors == [("origin", "no")]


async def test_the_tries_are_bounded_and_the_last_fault_is_told() -> None:
    with pytest.raises(Failed, match=r"http://steward/readyz does not answer \(refused\)"):
        await api([httpx.ConnectError("refused")] * 2, [], tries=2).services()


async def test_a_service_that_is_not_ready_still_says_how_it_is() -> None:
    state = {"incident": {"relay": {"ok": False, "detail": "9"}}}
    assert await api([httpx.Response(503, json={"services": state})], []).services() == state


def test_services_may_answer_each_at_a_place_of_its_own() -> None:
    places = Places("incident=http://a:1,sla=http://b:2/")
    assert (places.of("/incident/history"), places.of("/sla/clocks")) == ("http://a:1", "http://b:2")
    assert places.all() == ["http://a:1", "http://b:2"]
    with pytest.raises(Failed, match="no place for problem"):
        places.of("/problem/problems")
