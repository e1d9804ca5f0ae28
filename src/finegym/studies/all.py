"""All studies and all sizes: the two dicts below are the whole registry."""

from __future__ import annotations

from finegym.studies import (
    confusion,
    efficiency,
    fig5,
    fig6a,
    fig6b,
    fig6c,
    fig6d,
    findings,
    longtail,
    queries,
    table1,
    table2,
    table3a,
    table3b,
    table3c,
    table4,
    table5,
)
from finegym.studies.size_medium import MEDIUM
from finegym.studies.size_paper import PAPER
from finegym.studies.size_simulated import LARGE, SMOKE, TINY
from finegym.studies.sizes import Size
from finegym.studies.study import Study

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        table1.STUDY,
        table2.STUDY,
        table3a.STUDY,
        table3b.STUDY,
        table3c.STUDY,
        table4.STUDY,
        table5.STUDY,
        longtail.STUDY,
        efficiency.STUDY,
        fig5.STUDY,
        fig6a.STUDY,
        fig6b.STUDY,
        fig6c.STUDY,
        fig6d.STUDY,
        findings.STUDY,
        confusion.STUDY,
        queries.STUDY,
    )
}
SIZES: dict[str, Size] = {size.name: size for size in (TINY, SMOKE, MEDIUM, LARGE, PAPER)}
