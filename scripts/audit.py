"""Look up the locked packages in the database of known vulnerabilities, through the package index.

Fails for a vulnerability that a newer release fixes. Where the database cannot be reached, the script says so and ends
well: it was not asked.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LOCKS = ("runtime", "label-studio")
PROBE = "jinja2==2.10"  # has known vulnerabilities: an answer without them is no answer
OUT_OF_REACH = "dependency audit: the database of vulnerabilities cannot be reached; nothing was looked up"


def known(requirements: Path) -> list[tuple[str, str, dict[str, Any]]] | None:
    """Name, version and vulnerability, a row for each that pip-audit knows. None where it cannot ask."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(requirements), "--no-deps", "--disable-pip", "-f", "json"]
    options = ["--progress-spinner", "off", "--timeout", "10"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return None
    return [(package["name"], package["version"], each) for package in packages for each in package.get("vulns", [])]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.txt"
        probe.write_text(PROBE, encoding="utf-8")
        if not known(probe):
            print(OUT_OF_REACH)
            return 0
    fixable = 0
    for lock in LOCKS:
        rows = known(Path("locks") / f"{lock}.txt")
        if rows is None:
            print(f"dependency audit of locks/{lock}.txt: no answer")
            continue
        for name, version, each in rows:
            print(f"{name} {version}: {each['id']}, fixed in {', '.join(each['fix_versions']) or 'no release yet'}")
        fixable += sum(bool(each["fix_versions"]) for _, _, each in rows)
        print(f"dependency audit of locks/{lock}.txt: {len(rows)} known vulnerabilities")
    return int(fixable > 0)


if __name__ == "__main__":
    sys.exit(main())
