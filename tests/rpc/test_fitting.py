"""Replies fit however large a request is, and say how much they leave out."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from homeamp_agent.model.change import Edit, FilePlan, Plan, RefusedEdit, RollbackConflict
from homeamp_agent.rpc.methods.fitting import (
    ROOM_BYTES,
    fitted_conflicts,
    fitted_plan,
    size_of,
)
from homeamp_agent.rpc.protocol.messages import DeviationsListParams, RulesListParams

EDIT = Edit(instance="SURV01", file="plugins/Shop/config.yml", path=("a",) * 20, new="x" * 100)


def test_a_plan_of_ten_thousand_files_fits_and_says_how_many_it_leaves_out() -> None:
    refused = RefusedEdit(edit=EDIT, conflict=False, reason="there is no such file")
    file = FilePlan(
        instance="SURV01",
        file="plugins/Shop/config.yml",
        before_sha256="0" * 64,
        after_sha256="1" * 64,
        diff="+a: 1\n" * 40,
        edits=(EDIT,),
    )
    plan = Plan(digest="d", files=(file,) * 10_000, refused=(refused,) * 10_000)
    fitted = fitted_plan(plan)
    assert size_of(fitted) <= ROOM_BYTES
    assert (len(fitted.refused) > 1000, len(fitted.files) > 500) == (True, True)
    assert fitted.left_out == 20_000 - len(fitted.refused) - len(fitted.files)

    few = Plan(digest="d", files=(file,), refused=(refused,))
    assert fitted_plan(few) == few


def test_three_sides_of_a_huge_file_are_left_out_and_its_reason_stays() -> None:
    text = "x" * 200_000
    conflict = RollbackConflict(
        instance="SURV01", file="a.yml", before=text, ours=text, theirs=text, reason="was edited"
    )
    (told, *more) = fitted_conflicts([conflict] * 3, ROOM_BYTES)
    assert (told.theirs, told.reason, len(more)) == ("", "was edited", 2)
    assert fitted_conflicts([conflict], ROOM_BYTES) == (conflict,)


@pytest.mark.parametrize("params", [DeviationsListParams, RulesListParams])
def test_an_offset_that_no_list_has_is_refused_before_the_database_is_asked(params: Any) -> None:
    with pytest.raises(ValidationError, match="less than or equal to 1000000000"):
        params.model_validate({"offset": 10**20})
