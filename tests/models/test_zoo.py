import re
from pathlib import Path

import pytest

from finegym.errors import ConfigError
from finegym.models.tsn import TSN
from finegym.models.zoo import NETWORKS, describe_network

PAGE = (Path(__file__).parents[2] / "docs" / "model-zoo.md").read_text(encoding="utf-8")


def read_rows():
    """Name → (parameters, GMACs) of the page's table."""
    rows = re.findall(r"^\| `([\w-]+)` \|.*?\| ([\d,]+) \| ([\d.]+) \|", PAGE, re.M)
    return {name: (int(parameters.replace(",", "")), gmacs) for name, parameters, gmacs in rows}


def test_every_network_is_on_the_page():
    assert list(read_rows()) == list(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_page_has_the_counts(name):
    facts = describe_network(name)
    digits = len(read_rows()[name][1].partition(".")[2])
    assert read_rows()[name] == (facts.num_parameters, f"{facts.multiply_adds / 1e9:.{digits}f}")
    assert facts.source.count("20") >= 1
    assert facts.deviations
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
    assert row.split("|")[-2].strip() == ("yes" if facts.is_trained_here else "not yet")


def test_tsn_is_trained_here_and_cites_its_paper():
    facts = describe_network("tsn-r50")
    assert facts.model == TSN.__name__
    assert facts.is_trained_here
    assert "ECCV 2016" in facts.source
    assert "BN-Inception" in facts.deviations
    assert facts.input == "(B, T, C, H, W) = (1, 3, 3, 224, 224)"


def test_an_unknown_name_says_what_may_have_been_meant():
    with pytest.raises(ConfigError, match=r'"tsm-r50"\? There are: tsn-r50, '):
        describe_network("tsmr50")
