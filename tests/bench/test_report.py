"""What is written of a result, as text and as a picture."""

from pathlib import Path

from bench.findings import Finding
from bench.plot import draw
from bench.report import line, markdown
from tests.bench.test_findings import finding, result


def test_a_table_has_medians_ratios_and_all_other_figures() -> None:
    told = markdown(
        result(
            finding("direct", 300.0, 100.0, more={"p50 ms": 0.5}),
            finding("keyless", 150.0, 50.0, more={"p50 ms": 12.345, "cpu us": 7.0}),
        )
    )
    assert "| rounds | 3 |" in told
    assert "| cores | 2 |" in told
    assert "| keyless | 1 |" in told
    assert "- left out: a peer" in told
    table = told.partition("## work\n\n")[2].splitlines()
    assert table[0] == "| case | peer |  |  | +- | of direct | p50 ms | cpu us |"
    assert table[2] == "| case | direct | 200 | tps | 50% | 1.00 | 0.50 | - |"
    assert table[3] == "| case | keyless | 100 | tps | 50% | 0.50 | 12.3 | 7.00 |"


def test_failures_stand_below_their_table() -> None:
    wrong = Finding("work", "case", "keyless", "MiB/s", [{"speed": 1.0}], ["a row is missing"])
    assert markdown(result(wrong)).endswith("| MiB/s | 0% |\n\n- a row is missing\n")


def test_a_line_is_told_of_each_as_it_comes() -> None:
    assert line(finding("keyless", 20.0, 10.0)) == "work, case, keyless: 15.0 tps +- 33%"


def test_a_picture_is_drawn_also_of_nothing(tmp_path: Path) -> None:
    for number, findings in enumerate([(), (finding("direct", 2.0), finding("keyless x", 1.0))]):
        file = tmp_path / f"{number}.png"
        draw(result(*findings), file)
        assert file.read_bytes().startswith(b"\x89PNG")
