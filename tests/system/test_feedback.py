"""The answers of a form, from its export to the milestone that they tick off."""

from __future__ import annotations

from pathlib import Path

import pytest

from programme import CONFIG, Project, Server

pytestmark = pytest.mark.system

FORM = """\
[[sources]]
name = "check-ins"
connector = "files"
path = "check-ins.csv"
constants = { kind = "check_in", by = "intern" }
scale = [1, 5]

[[sources]]
name = "exit"
connector = "files"
path = "exit.csv"
constants = { kind = "exit_interview", by = "intern" }
scale = [0, 10]

[milestones]

[[milestones.steps]]
key = "check-in"
title = "Check-in {{ step.n }}"
due = "start+1w"
every = "1w"
until = "end"
done_when = "feedback.check_in"

[[milestones.steps]]
key = "exit"
title = "Exit interview"
due = "end+1b"
done_when = "feedback.exit_interview"
"""
GOOGLE = "Timestamp,Email Address,Which project is this about?,How is it going?,What is in the way?,Shoe size\n"
TYPEFORM = "#,Your email,Which project?,How would you rate your experience?,Would you do it again?,Submit Date (UTC)\n"


@pytest.fixture
def project(tmp_path: Path, server: Server) -> Project:
    made = Project.make(tmp_path / "project", server, CONFIG.replace("[milestones]\n", FORM, 1))
    made.write("check-ins.csv", GOOGLE)
    made.write("exit.csv", TYPEFORM)
    return made


def done(server: Server) -> set[str]:
    return {str(card["name"]) for card in server.cards() if card["dueComplete"]}


def test_feedback_of_forms_ticks_its_milestones_and_fills_its_records(project: Project, server: Server) -> None:
    project.run()
    assert done(server) == set()
    answer = "3/9/2026 10:04:21,Ana.Lopez@students.example,Donor dashboard,4,Nothing.,Sentinel-38\n"
    project.write("check-ins.csv", f"{GOOGLE}{answer}3/19/2026 10:04:21,nobody@x.example,Donor dashboard,1,,\n")
    ended = project.start("run", "--output", "json")
    assert ended.code == 3, ended.err  # the answer of somebody whom nobody knows is left out
    (problem,) = ended.json()["problems"]
    assert problem["where"] == "check-ins.csv:3"
    assert "give the intern's address" in problem["why"]
    assert done(server) == {"Check-in 1"}
    project.write("exit.csv", f"{TYPEFORM}0a1b,ana.lopez@students.example,Donor dashboard,9,1,2026-03-23 15:00:00\n")
    result = project.run()
    assert result["sources"]["exit"]["mapped"] == 1
    assert done(server) == {"Check-in 1", "Exit interview"}

    pulled = project.start("pull", "--output", "json")
    records = {record["kind"]: record for record in pulled.json()["feedback"]}
    check_in = records["check_in"]
    assert (check_in["by"], check_in["rating"], check_in["comments"]) == ("intern", 0.75, "Nothing.")
    assert (records["exit_interview"]["rating"], records["exit_interview"]["would_engage_again"]) == (0.9, True)
    assert "Sentinel" not in pulled.out + ended.out + ended.err

    told = project.start("why", check_in["key"], "--output", "json").json()["found"][0]["values"]
    came = {field["field"]: field for field in told}
    assert came["feedback.kind"]["transform"] == ["constant of the source in the configuration"]
    assert came["feedback.rating"]["column"] == "How is it going?"
    assert came["feedback.rating"]["mapping"] == "mappings/generic_feedback.toml"
    assert came["feedback.submitted_at"]["mapping"] == "mappings/google_forms.toml"


def test_a_form_that_says_too_little_is_refused_with_what_to_say(project: Project, server: Server) -> None:
    project.edit("config.toml", 'constants = { kind = "check_in", by = "intern" }\nscale = [1, 5]\n', "")
    ended = project.start("run")
    assert "check-ins.csv: nothing in it tells" in ended.err
    assert 'constants = { kind = "…" } and scale = [1, 5]' in ended.err
    assert server.writes()  # the rest goes on
