"""The command line, in process: what it prints where, and with which code it ends."""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mi_sync.cli import commands, invoke, plain, project
from mi_sync.errors import ExitCode, Locked
from mi_sync.state import Store


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project made by `mi-sync init`, and the working directory."""
    assert invoke(["init", str(tmp_path / "spring")]) == 0
    monkeypatch.chdir(tmp_path / "spring")
    return tmp_path / "spring"


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert invoke([*arguments, "--output", "json"]) == code
    return json.loads(capsys.readouterr().out)


# -------------------------------------------------------------------------------------------- usage


@pytest.mark.parametrize("arguments", [[], ["bogus"], ["run", "--bogus"], ["apply", "a", "b"], ["run", "--force=all"]])
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(arguments) == 2
    assert "Usage:" in capsys.readouterr().err


def test_global_options_go_before_and_after_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = folder.parent
    os.chdir(elsewhere)
    for arguments in (["--config", "spring/config.toml", "history"], ["history", "--config", "spring/config.toml"]):
        assert invoke([*arguments, "--output", "json"]) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"runs": []}


def test_the_configuration_may_be_named_by_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder.parent)
    assert invoke(["history"]) == 2
    monkeypatch.setenv("MI_SYNC_CONFIG", str(folder / "config.toml"))
    assert invoke(["history"]) == 0
    assert invoke(["history", "--config", "elsewhere.toml"]) == 2
    assert "elsewhere.toml" in capsys.readouterr().err


def test_an_error_is_an_object_with_output_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = as_json(capsys, "run", "--config", str(tmp_path / "none.toml"), code=2)
    assert (result["status"], result["exit_code"]) == ("failed", 2)
    assert "mi-sync init" in result["problems"][0]["why"]


def test_a_bug_is_1_with_a_log_that_holds_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(*_: Any) -> ExitCode:
        raise ValueError("the token is t-456")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(commands, "history", broken)
    monkeypatch.setattr(plain, "_hidden", {"t-456"})
    assert invoke(["history"]) == 1
    told = capsys.readouterr().err
    assert "Traceback" not in told
    (log,) = tmp_path.glob("mi-sync-*.log")
    assert str(log) in told
    assert "ValueError: the token is …" in log.read_text("utf-8")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> ExitCode:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "history", interrupted)
    assert invoke(["history"]) == 130


# ------------------------------------------------------------------------------------- init and pull


def test_init_makes_a_project_that_works_and_keeps_what_is_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = folder / "config.toml"
    config.write_text(config.read_text("utf-8") + "\n# mine\n", "utf-8")
    (folder / "engagements.csv").unlink()
    made = as_json(capsys, "init", ".")
    assert made["created"] == ["engagements.csv"]
    assert "# mine" in config.read_text("utf-8")
    assert invoke(["pull"]) == 3  # the samples have a bad date


def test_each_project_has_an_id_of_its_own() -> None:
    made = {project.new_id("Spring 2026!") for _ in range(20)}
    assert len(made) == 20
    assert all(each.startswith("spring-2026-") for each in made)


def test_pull_gives_the_records_and_the_rows_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    records = as_json(capsys, "pull", code=3)
    assert list(records) == ["postings", "applicants", "applications", "feedback", "quarantined", "milestones"]
    assert [len(values) for values in records.values()] == [3, 5, 5, 0, 1, 0]
    (left_out,) = records["quarantined"]
    assert {"source": "applicants", "file": "exports/applicants.csv", "line": 8, "field": "applied_at"}.items() <= (
        left_out.items()
    )
    assert "\n\n" in next(p for p in records["postings"] if p["id"] == "P-101")["summary"]
    labels = {applicant["id"]: applicant["label"] for applicant in records["applicants"]}
    assert labels["S-4"] == "CE"
    assert labels["S-1"] != labels["S-2"]  # both are AL on one posting
    assert {labels["S-1"][:3], labels["S-2"][:3]} == {"AL-"}


def test_known_trouble_is_no_news(folder: Path) -> None:
    assert invoke(["pull"]) == 3
    assert invoke(["pull"]) == 0
    exports = folder / "exports" / "applicants.csv"
    exports.write_bytes(exports.read_bytes() + b"S-9,No Body,nobody,P-101,New,,,,,\r\n")
    assert invoke(["pull"]) == 3
    assert invoke(["pull"]) == 0


def test_results_go_to_stdout_and_problems_to_stderr(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    capsys.readouterr()
    invoke(["pull"])
    told = capsys.readouterr()
    assert "quarantined" in told.out
    assert "exports/applicants.csv:8" in told.err
    assert "exports/applicants.csv:8" not in told.out
    assert "2026-02-30" not in told.out + told.err


def test_a_thousand_problems_of_one_file_hide_no_other_source(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"P-101,Title {n}\n" for n in range(1500))
    (folder / "exports" / "postings.csv").write_text(f"id,title\n{rows}", "utf-8")
    (folder / "engagements.csv").unlink()
    assert invoke(["pull"]) == 3
    told = capsys.readouterr().err
    assert "engagements.csv: there is no such file" in told
    assert "exports/applicants.csv:8 [applied_at]" in told
    assert "more about exports/postings.csv\n" in told
    assert len(told.splitlines()) < 30


def test_quarantine_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    assert as_json(capsys, "quarantine", "list") == {"quarantined": []}
    invoke(["pull"])
    (row,) = as_json(capsys, "quarantine", "list")["quarantined"]
    assert (row["line"], row["field"]) == (8, "applied_at")
    invoke(["quarantine", "list"])
    assert "exports/applicants.csv:8" in capsys.readouterr().out


def test_history_remembers_every_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    invoke(["pull"])
    invoke(["pull"])
    runs = as_json(capsys, "history")["runs"]
    assert [(run["command"], run["status"], run["exit_code"]) for run in runs] == [
        ("pull", "ok", 0),
        ("pull", "partial", 3),
    ]
    assert len(as_json(capsys, "history", "--limit", "1")["runs"]) == 1
    assert invoke(["history"]) == 0


# ----------------------------------------------------------------------------------------- looking


def test_status_before_anything_was_looked_at(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    answers = as_json(capsys, "status")
    assert answers["as_of"] is None
    assert answers["overdue"] == []
    assert invoke(["status"]) == 0
    assert "no board has been looked at yet" in capsys.readouterr().out


def test_connectors(capsys: pytest.CaptureFixture[str]) -> None:
    listed = {each["name"]: each["kind"] for each in as_json(capsys, "connectors")["connectors"]}
    assert {"files": "source", "trello": "board"}.items() <= listed.items()
    shown = as_json(capsys, "connectors", "trello")
    assert shown["capabilities"]["max_body"] == 16384
    assert [setting["key"] for setting in shown["settings"] if setting["required"]] == ["board"]
    assert {"key", "token", "access_token"} <= {setting["key"] for setting in shown["settings"]}
    assert invoke(["connectors"]) == invoke(["connectors", "files"]) == 0
    assert invoke(["connectors", "airtable"]) == 2


def test_check_names_what_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    capsys.readouterr()
    told = as_json(capsys, "check", code=2)
    assert [(problem["field"], problem["where"]) for problem in told["problems"]] == [
        ("targets[0].key", "config.toml"),
        ("targets[0].token", "config.toml"),
    ]
    assert "TRELLO_KEY" in told["problems"][0]["why"]


def test_a_wrong_export_is_found_before_a_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = (folder / "config.toml").read_text("utf-8")
    (folder / "config.toml").write_text(config[: config.index("[[targets]]")], "utf-8")
    (folder / "exports" / "applicants.csv").write_text("Name,Age\nX,1\n", "utf-8")
    checks = as_json(capsys, "check", code=2)["checks"]
    (wrong,) = [each for each in checks if not each["ok"]]
    assert wrong["what"] == "source applicants"
    assert "'Name', 'Age'" in wrong["why"]
    assert invoke(["check"]) == 2


def test_unlock_frees_what_is_held_only_when_forced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["state", "unlock"]) == 0  # nobody holds it, and there is no state yet
    assert not (folder / "state.db").exists()
    assert invoke(["pull"]) in {0, 3}
    assert as_json(capsys, "state", "unlock")["was_held"] is False
    with opened(folder) as store, store.lock(command="run"):
        for command in (["pull"], ["state", "unlock"]):
            why = as_json(capsys, *command, code=7)["problems"][0]["why"]
            assert re.search(rf"process {os.getpid()} on .* \(mi-sync run\) since 2", why)
        freed = as_json(capsys, "state", "unlock", "--force")
        assert (freed["was_held"], freed["holder"]["pid"]) == (True, os.getpid())
        assert invoke(["pull"]) in {0, 3}
        with pytest.raises(Locked), store.transaction():
            pass


def test_unlock_frees_what_somebody_holds_who_is_gone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(folder) as store, store.lock(command="run"):
        gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
        store._db.execute("UPDATE leases SET holder = json_set(holder, '$.pid', ?)", (int(gone.stdout),))
        assert as_json(capsys, "state", "unlock")["holder"]["pid"] == int(gone.stdout)
        assert invoke(["pull"]) in {0, 3}


def opened(folder: Path) -> contextlib.closing[Store]:
    programme = tomllib.loads((folder / "config.toml").read_text("utf-8"))["programme"]["id"]
    return closing(Store.open(folder / "state.db", programme))


def test_a_log_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    capsys.readouterr()
    invoke(["pull", "-v", "--log-format", "json"])
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {line["level"] for line in lines} == {"info", "warning"}  # the sample has a bad row on purpose
    assert any("applicants" in line["message"] for line in lines)


def test_the_sandbox_is_for_this_machine_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["sandbox", "--host", "192.0.2.1"]) == 2
    assert "loopback" in capsys.readouterr().err


def test_the_demonstration_removes_nothing_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("precious", "utf-8")
    assert invoke(["demo", "--folder", str(tmp_path)]) == 4
    assert (tmp_path / "thesis.txt").read_text("utf-8") == "precious"
    assert "--folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "word"),
    [(0, "ok"), (9, "ok"), (3, "partial"), (8, "partial"), (4, "refused"), (7, "refused"), (5, "failed")],
)
def test_the_status_word_of_an_exit_code(code: int, word: str) -> None:
    from mi_sync.errors import STATUSES

    assert STATUSES[ExitCode(code)] == word


def test_nobody_reading_is_no_failure(folder: Path) -> None:
    program = [sys.executable, "-m", "mi_sync", "pull", "--output", "json"]
    with subprocess.Popen(program, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.close()
        _, told = running.communicate(timeout=60)
    assert running.returncode == 3  # as with a reader: rows were left out
    assert b"Traceback" not in told
    assert b"bug" not in told


def test_why_knows_the_mapping_that_a_file_was_recognised_as(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = folder / "config.toml"
    config.write_text(config.read_text("utf-8").replace('mapping = "generic_postings"\n', ""), "utf-8")
    (posting, *_) = as_json(capsys, "pull", code=3)["postings"]
    told = as_json(capsys, "why", posting["key"], "title")
    assert "generic_postings.toml" in json.dumps(told)
    (folder / "exports" / "postings.csv").unlink()
    assert "cannot be read now" in json.dumps(as_json(capsys, "why", posting["key"], "title"))
