"""The known classes of symbols, chosen so that each symbol has one colour."""

from collections.abc import Iterable

import pandas as pd


def divide(classes: pd.DataFrame | None, symbols: Iterable[str], most: int = 4) -> dict[str, set[str]]:
    """Divide the symbols into at most so many known classes; empty where no classes divide them.

    Starts with the first classes that share no member; then a class makes way for smaller ones that divide it in turn,
    the fewest first.
    """
    if classes is None:
        return {}
    members = {str(name): set(group) & set(symbols) for name, group in classes.groupby("class", sort=False)["symbol"]}

    def parts(whole: set[str]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for name, group in members.items():
            if group and group < whole and not any(group & other for other in found.values()):
                found[name] = group
        return found if set().union(*found.values()) == whole else {}

    division = parts(set(symbols))
    while True:
        finer = [(len(p), name, p) for name, group in division.items() if (p := parts(group))]
        if not finer or len(division) - 1 + min(finer)[0] > most:
            return division
        _, old, new = min(finer, key=lambda f: f[0])
        whole = division.items()
        division = {n: g for name, group in whole for n, g in (new if name == old else {name: group}).items()}
