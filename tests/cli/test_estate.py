"""Estates out of tables: what a mapping makes of rows, and that every broken row is named with its reason."""

import gzip
from pathlib import Path

import pytest

from cli.api import Failed
from cli.estate.mapping import Mapping, mapping
from cli.estate.planner import Estate, plan
from cli.estate.reading import rows_of

MAP = """
source: test
tables:
  services: {file: services.csv}
  hosts: {file: hosts.csv.gz}
  nodes: {file: nodes.csv, split: {roles: ";"}}
items:
  - table: services
    type: application
    name: "{name}"
    status: {column: state, values: {up: live, soon: planned}}
    fields: {title: "{text}", criticality: {column: page, values: {"yes": 1, "no": 3}}}
    attributes: {port: {column: port, kind: integer}}
  - {table: hosts, type: server, name: "{host}", fields: {location: "{site}"}}
  - {table: nodes, type: role, name: "role::{roles}", unless_empty: [roles]}
relationships:
  - kind: runs-on
    table: services
    join: {table: hosts, on: {pool: pool}}
    source: "{name}"
    target: "{hosts.host}"
  - kind: runs-on
    table: nodes
    match: {table: hosts, pattern: node, text: host}
    unless_empty: [roles]
    source: "role::{roles}"
    target: "{hosts.host}"
"""
SERVICES = "name,text,state,page,port,pool\nportal,Orders,up,yes,443,web\nmail,,soon,no,,post\n"
HOSTS = "host,site,pool\nweb1.x,Berlin,web\nweb2.x,Berlin,web\nweb1.x,Berlin,post\n"
NODES = "node,roles\n/^web[12]\\./,www;cache\nweb2.x,spare\ndefault,\n"


def planned(folder: Path, services: str = SERVICES, hosts: str = HOSTS, nodes: str = NODES, map: str = MAP) -> Estate:
    (folder / "map.yaml").write_text(map)
    (folder / "services.csv").write_text(services)
    (folder / "hosts.csv.gz").write_bytes(gzip.compress(hosts.encode()))
    (folder / "nodes.csv").write_text(nodes)
    rules: Mapping = mapping(folder / "map.yaml")
    return plan(rules, {name: rows_of(folder, table) for name, table in rules.tables.items()})


def reasons(estate: Estate) -> list[str]:
    return [str(each) for each in estate.rejects.values()]


def test_rows_become_items_and_relationships(tmp_path: Path) -> None:
    found = planned(tmp_path)
    assert reasons(found) == []
    assert found.items["portal"][0] == {
        "name": "portal", "type": "application", "status": "live", "title": "Orders", "criticality": 1,
        "attributes": {"port": 443}}  # fmt: skip
    # An empty cell is told as nothing, so that what was there before goes.
    assert found.items["mail"][0] == {
        "name": "mail", "type": "application", "status": "planned", "title": None, "criticality": 3,
        "attributes": {"port": None}}  # fmt: skip
    assert set(found.items) == {"portal", "mail", "web1.x", "web2.x", "role::www", "role::cache", "role::spare"}
    assert set(found.relationships) == {
        ("portal", "runs-on", "web1.x"), ("portal", "runs-on", "web2.x"), ("mail", "runs-on", "web1.x"),
        ("role::www", "runs-on", "web1.x"), ("role::www", "runs-on", "web2.x"), ("role::cache", "runs-on", "web1.x"),
        ("role::cache", "runs-on", "web2.x"), ("role::spare", "runs-on", "web2.x"),
    }  # fmt: skip


def test_every_broken_row_is_named_with_its_reason(tmp_path: Path) -> None:
    services = SERVICES + "a,b\nchat,x,down,yes,1,web\nwiki,x,up,yes,many,web\n,x,up,yes,1,web\n"
    hosts = HOSTS + "web1.x,Paris,web\n"
    found = planned(tmp_path, services, hosts, NODES + "/^(web/,www\n/^web,www\n")
    assert reasons(found) == [
        "services.csv row 3: 2 cells under a header of 6",
        "services.csv row 4: state is 'down', which the mapping does not know",
        "services.csv row 5: port is 'many', which is no integer",
        "services.csv row 6: there is nothing in {name}",
        "hosts.csv.gz row 4: web1.x: location is 'Paris' here and 'Berlin' in hosts.csv.gz row 1",
        "nodes.csv row 4: a ( without its ), at character 5 of ^(web",
        "nodes.csv row 5: /^web is an expression without its end",
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('name: "{name}"', 'name: "{title}"'), "the table services has no column title"),
        (("{pool: pool}", "{pool: rack}"), "the table hosts has no column rack"),
        (("table: nodes\n    match", "table: racks\n    match"), "there is no table racks"),
        (("source: test", "sauce: test"), "map.yaml:2: documents.0.sauce"),
        (("kind: runs-on", "kind: eats"), "documents.0.relationships.0.kind"),
    ],
)
def test_a_mapping_that_does_not_fit_says_where(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    with pytest.raises(Failed) as failed:
        planned(tmp_path, map=MAP.replace(*change, 1))
    assert words in str(failed.value)


@pytest.mark.parametrize("content", [b"\x1f\x8bno", b""])
def test_a_file_that_is_no_table_is_named(tmp_path: Path, content: bytes) -> None:
    planned(tmp_path)
    (tmp_path / "hosts.csv.gz").write_bytes(content or gzip.compress(b"host\n\xff\n"))
    rules = mapping(tmp_path / "map.yaml")
    with pytest.raises(Failed) as failed:
        rows_of(tmp_path, rules.tables["hosts"])
    assert "hosts.csv.gz" in str(failed.value)
