"""How late were the flights that left New York in the dark? A year of flights, its aircraft and its weather, with Dask.

Run it on a cluster that Lineitem starts, and see what each line cost::

    lineitem run examples/flights.py

or on any other: ``Client()`` connects to whatever Dask is configured for.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import dask.dataframe as dd
import numpy as np
import pandas as pd
from dask.distributed import Client

from tables import prepare

WAYPOINTS = np.linspace(0, 1, 150)


def great_circle(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return latitude and longitude, in radians, of waypoints on the shortest way between two points."""
    a = np.array([np.cos(start[0]) * np.cos(start[1]), np.cos(start[0]) * np.sin(start[1]), np.sin(start[0])])
    b = np.array([np.cos(end[0]) * np.cos(end[1]), np.cos(end[0]) * np.sin(end[1]), np.sin(end[0])])
    angle = np.arccos(np.clip(a @ b, -1, 1))
    path = np.outer(np.sin((1 - WAYPOINTS) * angle), a) + np.outer(np.sin(WAYPOINTS * angle), b)
    x, y, z = path.T / np.sin(angle)
    return np.arcsin(np.clip(z, -1, 1)), np.arctan2(y, x)


def sun_height(latitude: np.ndarray, longitude: np.ndarray, day: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """Return the height of the sun above the horizon, in radians, at a day of the year and an hour in UTC."""
    declination = np.radians(-23.44) * np.cos(2 * np.pi * (day + 10) / 365)
    hour_angle = np.radians(15 * (hour - 12)) + longitude
    overhead = np.sin(latitude) * np.sin(declination)
    return np.arcsin(overhead + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle))


def dark_share(start: np.ndarray, end: np.ndarray, left_at: pd.Timestamp, minutes: float) -> float:
    """Return the share of a flight, 0 to 1, during which the sun stood below the horizon."""
    latitude, longitude = great_circle(start, end)
    hour = left_at.hour + left_at.minute / 60 + WAYPOINTS * minutes / 60
    height = sun_height(latitude, longitude, left_at.dayofyear + hour // 24, hour % 24)
    return float(np.mean(height < 0))


def add_darkness(flights: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    """Add to each flight the share of it that was flown in the dark."""
    radians = np.radians(airports[["lat", "lon"]])
    place = {code: radians.loc[code].to_numpy() for code in radians.index}
    shares = [
        dark_share(place[flight.origin], place[flight.dest], flight.time_hour, flight.air_time)
        for flight in flights.itertuples()
    ]
    return flights.assign(dark=shares)


def main(folder: Path) -> None:
    """Compute the features, write them, and print what they say."""
    airports = pd.read_csv(folder / "airports.csv").set_index("faa")
    weather = pd.read_csv(folder / "weather.csv", parse_dates=["time_hour"]).drop_duplicates(["origin", "time_hour"])
    planes = pd.read_csv(folder / "planes.csv").rename(columns={"year": "built"})

    flights = dd.read_csv(str(folder / "flights-*.csv"), parse_dates=["time_hour"], dtype={"tailnum": "str"})
    flown = flights[flights.air_time.notnull() & flights.dest.isin(list(airports.index))]
    flown = flown.map_partitions(add_darkness, airports, meta=flown.dtypes.to_dict() | {"dark": "f8"})
    flown = flown.merge(weather[["origin", "time_hour", "precip", "visib", "wind_speed"]], on=["origin", "time_hour"])
    flown = flown.merge(planes[["tailnum", "built", "seats"]], on="tailnum", how="left")
    flown.to_parquet(folder / "features")

    features = dd.read_parquet(folder / "features")
    features["when"] = (features.dark > 0.5).map({True: "in the dark", False: "by day"}, meta=("when", "str"))
    features["sky"] = (features.precip > 0).map({True: "rain", False: "dry"}, meta=("sky", "str"))
    by_sky = features.groupby(["when", "sky"]).arr_delay.agg(["count", "mean", "std"]).compute()
    by_carrier = features.groupby(["carrier", "when"]).arr_delay.mean().compute().unstack()
    by_age = features.groupby("built").agg({"arr_delay": "mean", "seats": "mean", "flight": "count"}).compute()

    print("Minutes late on arrival, by light and weather:", by_sky.round(1), sep="\n")
    print("\nby airline:", by_carrier.round(1).sort_values("in the dark", ascending=False), sep="\n")
    print("\nby year in which the aircraft was built:", by_age[by_age.flight > 5000].round(1).sort_index(), sep="\n")


if __name__ == "__main__":
    with Client() as client:
        main(prepare(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.gettempdir()) / "nycflights13"))
