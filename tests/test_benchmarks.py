import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_gates_benchmark_runs_and_prints_its_tables():
    said = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "gate.py", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert said.returncode == 0, said.stderr
    for part in ("(a) coverage", "(b) false alarms", "(c) power", "smallest drop"):
        assert part in said.stdout
    assert "nan" not in said.stdout
