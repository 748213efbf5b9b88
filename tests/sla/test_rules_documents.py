"""Agreements as documents, which of them applies to a record, and the example policy."""

from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from services.sla.rules.agreement_spec import AgreementSpec
from services.sla.rules.agreements import AgreementVersion, Book, Subject, faults
from services.sla.rules.calendar_spec import CalendarSpec
from services.sla.rules.documents import SPECS, stored
from tests.sla.given import OFFICE_HOURS, agreement, at, book, calendar, hours, target

pytestmark = pytest.mark.capability("SLM-2")
NOW = at("2026-03-02 09:00")
RECORD = Subject("incident", 2, "northwind", "mail")


def names(policies: Book, subject: Subject = RECORD, when: str = "2026-03-02 09:00") -> dict[str, str]:
    return {key: terms.held.agreement for key, terms in policies.terms(subject, at(when)).items()}


def spec(**other: Any) -> dict[str, Any]:
    return stored(agreement().spec) | other


def test_the_example_policy_says_what_the_log_was_judged_by() -> None:
    path = Path(__file__).parents[2] / "examples" / "policies" / "servicenow-log.yaml"
    documents = list(yaml.safe_load_all(path.read_text()))
    assert [each["kind"] for each in documents] == ["sla/Calendar", "sla/Agreement", "incident/PriorityMatrix"]
    specs = [SPECS[each["kind"]].model_validate(each["spec"]) for each in documents[:2]]
    assert isinstance(specs[0], CalendarSpec)
    assert isinstance(specs[1], AgreementSpec)
    since = documents[0]["effective_from"]
    weekdays = specs[0].version(documents[0]["name"], 1, since)
    assert faults(specs[1], {weekdays.name: weekdays}) == []
    policies = Book([AgreementVersion("servicenow-log", 1, since, specs[1])], [weekdays])
    limits = [policies.terms(Subject("incident", p, "any"), NOW)["SLA:close"].limit for p in (1, 2, 3, 4)]
    assert limits == [timedelta(minutes=minutes) for minutes in (384, 2052, 9222, 20736)]
    assert weekdays.elapsed(at("2016-03-04 00:00"), at("2016-03-08 00:00")) == hours(48)


def test_an_agreement_that_names_the_customer_goes_before_one_that_names_the_service() -> None:
    everybody = agreement(name="everybody")
    for_mail = agreement(name="mail", services=["mail"])
    for_northwind = agreement(name="northwind", customers=["northwind"])
    for_both = agreement(name="both", customers=["northwind"], services=["mail"])
    assert names(book(everybody)) == {"SLA:close": "everybody"}
    assert names(book(everybody, for_mail)) == {"SLA:close": "mail"}
    assert names(book(everybody, for_mail, for_northwind)) == {"SLA:close": "northwind"}
    assert names(book(everybody, for_mail, for_northwind, for_both)) == {"SLA:close": "both"}
    other = RECORD._replace(organisation="contoso", service=None)
    assert names(book(everybody, for_mail, for_northwind, for_both), other) == {"SLA:close": "everybody"}


def test_among_equals_the_later_and_then_the_first_by_name_wins() -> None:
    assert names(book(agreement(name="b"), agreement(name="a"))) == {"SLA:close": "a"}
    later = agreement(name="b", since=at("2020-01-01 00:00"))
    assert names(book(later, agreement(name="a"))) == {"SLA:close": "b"}


def test_the_winner_wins_as_a_whole() -> None:
    everybody = agreement(target(name="r", measure="respond"), target(name="c"), name="everybody")
    own = agreement(target(limits={2: "1h"}), name="own", customers=["northwind"])
    assert names(book(everybody, own)) == {"SLA:close": "own"}
    assert names(book(everybody, own), RECORD._replace(priority=1)) == {}
    requests_only = agreement(target(kinds=["request"]), name="own", customers=["northwind"])
    assert names(book(everybody, requests_only)) == {"SLA:respond": "everybody", "SLA:close": "everybody"}


@pytest.mark.capability("SLM-3")
def test_agreements_with_a_customer_inside_and_with_suppliers_each_have_their_clocks() -> None:
    def with_provider(name: str, kind: str) -> AgreementVersion:
        return agreement(name=name, kind=kind, parties={"customer": "desk", "provider": name})

    policies = book(
        agreement(), with_provider("network", "OLA"), with_provider("acme", "UC"), with_provider("zeta", "UC")
    )
    assert sorted(names(policies)) == ["OLA:network:close", "SLA:close", "UC:acme:close", "UC:zeta:close"]


def test_only_signed_agreements_are_in_force_and_only_in_their_period() -> None:
    unsigned = agreement(signatures=[{"party": "customer", "name": "c", "date": "2000-01-01"}])
    assert names(book(unsigned)) == {}
    for_march = agreement(period={"from": "2026-03-01", "to": "2026-03-31"})
    assert names(book(for_march), when="2026-02-28 23:59") == {}
    assert names(book(for_march), when="2026-03-01 00:00") == {"SLA:close": "sla"}
    assert names(book(for_march), when="2026-03-31 23:59:59") == {"SLA:close": "sla"}
    assert names(book(for_march), when="2026-04-01 00:00") == {}


def test_a_version_counts_from_its_effective_from_on() -> None:
    policies = book(agreement(), agreement(target(limits={2: "1h"}), version=2, since=NOW))
    before = policies.terms(RECORD, NOW - timedelta(microseconds=1))["SLA:close"]
    assert (before.held.agreement_version, before.limit) == (1, hours(8))
    assert policies.terms(RECORD, NOW)["SLA:close"].held.agreement_version == 2


def test_an_agreement_holds_all_that_the_clause_lists() -> None:
    full = spec(
        service_hours="hours",
        escalation=[{"level": 1, "name": "Duty lead", "role": "service desk", "reach": "+49 30 1"}],
        customer_duties=["Name two contacts"],
        workload_limits=[{"of": "incidents", "at_most": 200, "per": "month"}],
        charging_basis="per seat and month",
        review_dates=["2026-06-30"],
    )
    read = AgreementSpec.model_validate(full)
    assert AgreementSpec.model_validate(stored(read)) == read
    assert stored(read)["targets"][0]["limits"]["1"] == "PT4H"


def test_warning_fractions_are_exact() -> None:
    read = agreement(target(warnings=[0.1, "0.75", "1/3"])).spec.targets[0].warnings
    assert read == (Fraction(1, 10), Fraction(3, 4), Fraction(1, 3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": []}, "promises something"),
        ({"targets": [target(limits={})]}, "at least 1 item"),
        ({"targets": [target(limits={6: "4h"})]}, "less than or equal to 5"),
        ({"targets": [target(limits={1: "0h"})]}, "priority 1 is not above zero"),
        ({"targets": [target(limits={1: "4000d"})]}, "at most ten years"),
        ({"targets": [target(limits={1: 4})]}, "has no unit"),
        ({"targets": [target(limits={1: "soon"})]}, "not a duration"),
        ({"targets": [target(measure="think")]}, "'respond', 'resolve', 'close' or 'fulfil'"),
        ({"targets": [target(measure={"start": "opened", "stop": "opened"})]}, "the same fact"),
        ({"targets": [target(measure={"start": "closed", "stop": "reopened"})]}, "from the closing on"),
        ({"targets": [target(warnings=[1.5])]}, "less than 1"),
        ({"targets": [target(warnings=[0.5, 0.5])]}, "given twice"),
        ({"targets": [target(on_reopen="forget")]}, "'continue', 'restart' or 'ignore'"),
        ({"targets": [target(pauses=["user"])]}, "pauses"),
        ({"targets": [target(), target()]}, "target name given twice: t"),
        ({"targets": [target(), target(name="u")]}, "'t' and 'u' both promise close of incidents with priority 1"),
        ({"period": {"from": "2026-01-02", "to": "2026-01-01"}}, "ends before it begins"),
        ({"supports": ["other"]}, "an SLA supports no other"),
        ({"kind": "Promise"}, "'SLA', 'OLA' or 'UC'"),
    ],
)
def test_an_agreement_that_cannot_be_meant_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        AgreementSpec.model_validate(spec(**change))


def test_references_that_lead_nowhere_and_limits_that_are_never_reached_are_faults() -> None:
    rare = calendar({"zone": "UTC", "weekly": {"monday": ["09:00-09:01"]}}, "rare")
    wanting = agreement(
        target(calendar="nights"), target(name="r", measure="respond", calendar="rare", limits={3: "300h"}),
        service_hours="days",
    ).spec  # fmt: skip
    assert faults(wanting, {"rare": rare, "hours": calendar(OFFICE_HOURS)}) == [
        ("service_hours", "there is no calendar 'days'"),
        ("targets.0.calendar", "there is no calendar 'nights'"),
        ("targets.1.limits.3", "'rare' is not open for that long within a century"),
    ]
