"""Looks up every installed package in the advisories, and says by name what could not be looked up.

pip-audit answers "no known vulnerabilities" also when it could ask about nothing: where only a mirror of the package
index can be reached, it skips every package and succeeds. So its report is counted here. Without the advisories this
ends with 0 and says so, because a checkout must build on a machine without a network; MI_SYNC_AUDIT=required makes that
a failure, for a machine that has one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

OURS = "mi-sync"


def report() -> Mapping[str, Any] | None:
    """What pip-audit found; None where it could not work."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.json"
        options = ("--format", "json", "--output", str(out), "--progress-spinner", "off", "--timeout", "15")
        command = [sys.executable, "-m", "pip_audit", *options, "--cache-dir", str(Path(folder) / "cache")]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own words
        if not out.exists():
            print(ended.stderr.strip().rpartition("\n")[2], file=sys.stderr)
            return None
        found: Mapping[str, Any] = json.loads(out.read_text("utf-8"))
        return found


def verdict(found: Mapping[str, Any] | None, *, required: bool) -> tuple[int, list[str]]:
    """The exit code, and what to say."""
    packages = [each for each in (found or {}).get("dependencies", []) if each["name"] != OURS]
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    bad = [line for each in packages for line in _told(each)]
    if bad:
        return 1, [*bad, "audit: packages with known vulnerabilities; raise them in pyproject.toml."]
    if not packages or unknown:
        which = ", ".join(unknown) if len(unknown) < len(packages) else "any package"
        return int(required), [f"audit: NOT DONE, the advisories could not be asked about {which}."]
    return 0, [f"audit: {len(packages)} looked up, no known vulnerability."]


def _told(package: Mapping[str, Any]) -> Sequence[str]:
    name = f"{package['name']} {package.get('version', '')}"
    return [
        f"{name}: {each['id']}, fixed in {', '.join(each['fix_versions']) or 'nothing yet'}"
        for each in package.get("vulns", [])
    ]


if __name__ == "__main__":
    code, lines = verdict(report(), required=os.environ.get("MI_SYNC_AUDIT") == "required")
    print("\n".join(lines))
    sys.exit(code)
