from __future__ import annotations

import torch

from sali_core.weights.fitting import fit_state

WANTED = {"a": torch.Size([2]), "b": torch.Size([3]), "c": torch.Size([1, 2])}


def test_all_that_fits_comes_under_our_names() -> None:
    state = {"A": torch.zeros(2), "B": torch.zeros(3), "C": torch.zeros(1, 2)}
    fit = fit_state(WANTED, state, str.upper)
    assert fit.problems == ""
    assert fit.tensors.keys() == WANTED.keys()


def test_what_does_not_fit_is_named_as_in_the_file() -> None:
    state = {"A": torch.zeros(4), "C": torch.zeros(1, 2), "X": torch.zeros(1)}
    fit = fit_state(WANTED, state, str.upper)
    assert fit.problems == (
        "1 missing (first: B); 1 unexpected (first: X); 1 misshapen (first: A [4] instead of [2])"
    )
    assert fit.problem_count == 3
    assert fit.tensors.keys() == {"c"}


def test_five_names_and_the_count_are_told() -> None:
    wanted = {f"n{k}": torch.Size([1]) for k in range(7)}
    assert fit_state(wanted, {}).problems == "7 missing (first: n0, n1, n2, n3, n4, ...)"


def test_ignored_names_are_not_unexpected() -> None:
    state = {"a": torch.zeros(2), "head": torch.zeros(9)}
    assert not fit_state({"a": torch.Size([2])}, state, ignored=frozenset({"head"})).problems
