"""Files whose values are written as people and programs really write them, through `mi-sync pull`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mi_sync.cli import invoke
from workbooks import number, text, workbook

CONFIG = """\
[programme]
id = "spring-2026-7f3k9q"
timezone = "America/Chicago"

[[sources]]
name = "jobs"
connector = "files"
path = "jobs*"
mapping = "generic_postings"
pay = { currency = "USD" }

[[sources]]
name = "feed"
connector = "files"
path = "feed.xml"

[[sources]]
name = "people"
connector = "files"
path = "people.csv"
mapping = "people"
timezone = "Europe/Berlin"

[[sources]]
name = "reviews"
connector = "files"
path = "reviews.csv"
mapping = "reviews"
"""
PEOPLE_MAPPING = """\
[applicant]
id = "ID"
name = "Name"
email = "Email"
phone = "Phone"
graduation = "Grad"
majors = { column = "Majors", split = "|" }
[application]
posting.id = "Job"
applied_at = "When"
"""
REVIEWS_MAPPING = """\
[feedback]
posting.id = "Job"
applicant.email = "Email"
kind = { default = "final" }
rating = { column = "Rating", scale = [1, 5], decimal = "," }
submitted_at = { column = "Sent", dates = "epoch_ms" }
"""
JOBS = '''\
id,title,pay,hours,starts_on,skills
P1,"=HYPERLINK(""https://x.example"",""Gesti&oacute;n"")",$450,20 hours,7-Feb-26,"[""SQL"",""C; C++""]"
P2,Data \u2013 cleaning,Fixed fee: $400,10-15 hours,05 Mar 2026,a
P3,Three\u00a0words,Competitive,5,13/04/2026,"""a; b"";c"
P4,Four,$20 plus bonus,5,03/04/2026,
P5,Five,"\u20b915,000 / month",5,04/03/2026,
1.21143E+15,Six,450,5,,
'0012345678901234567,Seven,$350 - $550 stipend,"1 200",24th January 2026,
P8,Eight,\u20ac1.200,5,,
'''
BOOK = [
    [text(name) for name in ("id", "title", "pay", "starts_on")],
    [number("1234567890123456"), text("Rounded id"), text("$450"), number("46083", 1)],
    [text("1234567890123456"), text("Kept id"), number("450.30000000000001"), number("46083", 1)],
    [text("B3"), '<c t="str"><f>HYPERLINK("x")</f><v>Computed</v></c>', text("$50K per year"), text("2026-03-02")],
]
FEED = """\
<source><publisher>x</publisher>
<job><title><![CDATA[Gesti&oacute;n de datos]]></title><date>Thu, 31 Jul 2014 23:27:14 PDT</date>
<referencenumber>R1</referencenumber><url>https://x.example/1</url><company>Labs</company><city>Irvine</city>
<state>CA</state><country>US</country><description><![CDATA[<p>Dise&ntilde;o &amp; m&aacute;s</p>]]></description>
<salary>$10 - $20 / hour</salary></job>
<job><title>Two</title><date>2015-12-28T00:00:00</date><referencenumber>R2</referencenumber>
<url>https://x.example/2</url><company>Labs</company><city>Irvine</city><state>CA</state><country>US</country>
<description>x</description><salary>call us</salary></job>
</source>
"""
PEOPLE = '''\
ID,Name,Email,Phone,Grad,Majors,Job,When
1,"O'BRIEN, SAM, JR.",SAM@x.example,'+1 657 555 0168,Class of 2026,Engineering|Biology,P1,2026/04/16 1:00:00 PM EST
2,MCDONALD,b@x.example,(999)999-9999 Ext:9999,Spring 2026,"""A|B""|C",P1,2026-07-01 10:00 CET
3,"van der Berg, Anna",c@x.example, +15555550168,May 2027,,P1,2026-07-01 10:00 IST
4,Madonna ,d@x.example,,Junior,,P1,2017-03-18T00:00
'''
REVIEWS = """\
Job,Email,Rating,Sent
P1,sam@x.example,4 out of 5,1775225400000
P1,b@x.example,"4,5",1775225400000
P1,d@x.example,\u2605\u2605\u2605\u2605\u2606,1775225400000
P1,d@x.example,8/10,1775225500000
"""


@pytest.fixture
def pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mappings").mkdir()
    files = {
        "config.toml": CONFIG, "mappings/people.toml": PEOPLE_MAPPING, "mappings/reviews.toml": REVIEWS_MAPPING,
        "jobs.csv": JOBS, "feed.xml": FEED, "people.csv": PEOPLE, "reviews.csv": REVIEWS,
    }  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_text(content, "utf-8")
    (tmp_path / "jobs.xlsx").write_bytes(workbook({"S": BOOK}))
    assert invoke(["pull", "--output", "json"]) == 3
    return json.loads(capsys.readouterr().out)


def test_values_are_right_or_their_rows_are_left_out_with_a_remedy(pulled: Any) -> None:
    postings = {it["id"]: it for it in pulled["postings"]}
    people = {it["id"]: it for it in pulled["applicants"]}
    assert set(postings) == {"P1", "P3", "P5", "0012345678901234567", "1234567890123456", "B3", "R1", "R2"}
    first = postings["P1"]
    assert first["title"] == '=HYPERLINK("https://x.example","Gesti\u00f3n")'
    assert (first["hours"]["estimated"], first["starts_on"], first["skills"]) == (20, "2026-02-07", ["SQL", "C; C++"])
    assert (postings["P3"]["title"], postings["P3"]["pay"], postings["P3"]["skills"]) == (
        "Three words",
        None,
        ["a; b", "c"],
    )
    assert postings["P5"]["starts_on"] == "2026-03-04"  # the other dates of the column can only be day/month
    assert postings["R1"]["title"] == "Gesti\u00f3n de datos"
    assert postings["R1"]["summary"] == "Dise\u00f1o & m\u00e1s"
    assert (postings["R1"]["posted_on"], postings["R2"]["posted_on"]) == ("2014-08-01", "2015-12-28")
    assert (postings["B3"]["title"], postings["1234567890123456"]["starts_on"]) == ("Computed", "2026-03-02")
    assert {it: (p["name"], p["phone"], p["graduation"], p["majors"]) for it, p in people.items()} == {
        "1": ("Sam O'Brien, Jr.", "+1 657 555 0168", "2026", ["Engineering", "Biology"]),
        "2": ("McDonald", "(999)999-9999 Ext:9999", "2026 spring", ["A|B", "C"]),
        "4": ("Madonna", None, "Junior", []),
    }
    applied = {it["applicant"]: it["applied_at"] for it in pulled["applications"]}
    assert [applied[people[it]["key"]] for it in ("1", "2", "4")] == [
        "2026-04-16T20:00:00+02:00",
        "2026-07-01T11:00:00+02:00",
        "2017-03-18",  # midnight says a day
    ]
    assert sorted(it["rating"] for it in pulled["feedback"]) == [0.75, 0.75, 0.875]
    assert {it["submitted_at"] for it in pulled["feedback"]} == {"2026-04-03T09:10:00-05:00"}


def test_pay_has_what_its_text_or_its_source_says(pulled: Any) -> None:
    found = {it["id"]: it["pay"] and tuple(it["pay"].values()) for it in pulled["postings"]}
    assert found == {
        "P1": (450, 450, "USD", None),
        "P3": None,
        "P5": (15000, 15000, "INR", "month"),
        "0012345678901234567": (350, 550, "USD", None),
        "1234567890123456": (450.3, 450.3, "USD", None),
        "B3": (50000, 50000, "USD", "year"),
        "R1": (10, 20, None, "hour"),
        "R2": None,
    }


def test_what_is_left_out_is_named_with_its_line_field_and_remedy(pulled: Any) -> None:
    left_out = {(it["file"], it["line"]): (it["field"], it["why"]) for it in pulled["quarantined"]}
    assert {place: field for place, (field, _) in left_out.items()} == {
        ("jobs.csv", 3): "hours.estimated",
        ("jobs.csv", 5): "pay",
        ("jobs.csv", 7): "id",
        ("jobs.csv", 9): "pay",
        ("jobs.xlsx", 2): "id",
        ("people.csv", 4): "applied_at",
        ("reviews.csv", 5): "rating",
    }
    assert all(why.startswith("column '") and ";" in why for _, why in left_out.values())
