from __future__ import annotations

import random
import string

import pytest

from lineitem.agent.scheduler._paths import MAX_PATH, patterns, without_secrets

SECRETS = (
    "hunter2hunter2",
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4",
)
SHAPES = (
    "https://ana:{}@data.example.com/flights/part-0.csv",
    "https://{}@data.example.com/flights/part-0.csv",
    "https://data.example.com/flights/part-0.csv?X-Amz-Signature={}&x=1",
    "https://data.example.com/flights/part-0.csv?{}",
    "https://data.example.com/flights/part-0.csv#access_token={}",
    "s3://bucket/flights/token={}/part-0.parquet",
    "s3://bucket/flights/part-0.parquet?versionId={}",
    "bucket/secret_key={}/part-0.csv",
    "/data/password={}/x.csv",
    "/data/api-key:{}/x.csv",
    "postgresql://ana:{}@db:5432/flights",
    "ftp://ana:{}@host/x.csv",
    "abfs://container:{}@account.dfs.core.windows.net/x",
    "abfs://container@account.dfs.core.windows.net/x?sig={}",
    "simplecache::https://ana:{}@host/x.zip",
    "zip://x.csv::s3://key:{}@bucket/x.zip?a=b",
    "ana:{}@host:/data/x.csv",
    "hdfs://ana:{}@namenode:8020/x",
    "https://ana:pass/{}@host/x.csv",
    "s3://bucket/x.csv?AWSAccessKeyId=a&Signature={}",
    "gs://bucket/credentials={}&other=1/x",
)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_survives(shape: str, secret: str) -> None:
    clean = without_secrets(shape.format(secret))
    assert secret not in clean
    assert clean


def test_no_secret_survives_in_made_up_paths() -> None:
    chance = random.Random(7)
    letters = string.ascii_letters + string.digits
    for _ in range(5_000):
        secret = "".join(chance.choices(letters + "._~+-", k=chance.randint(12, 40)))
        scheme = chance.choice(["s3", "https", "gs", "abfs", "ftp", "webhdfs"])
        folders = "/".join("".join(chance.choices(letters, k=5)) for _ in range(chance.randint(0, 4)))
        place = "".join(chance.choices(letters, k=6))
        where = chance.choice(
            [
                f"{scheme}://user:{secret}@{place}/{folders}/x.csv",
                f"{scheme}://{place}/{folders}/x.csv?{place}={secret}",
                f"{scheme}://{place}/{folders}/x.csv#{secret}",
                f"{scheme}://{place}/{folders}/password={secret}/x.csv",
                f"{scheme}://{place}/{folders}/my_access_token={secret}/x.csv",
                f"filecache::{scheme}://user:{secret}@{place}/{folders}",
            ]
        )
        clean = without_secrets(where)
        assert secret not in clean, (where, clean)


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("s3://bucket/flights/year=2020/part-0.parquet", "s3://bucket/flights/year=2020/part-0.parquet"),
        ("/home/ana/flights-01.csv", "/home/ana/flights-01.csv"),
        ("abfs://container@account.dfs.core.windows.net/x", "abfs://container@account.dfs.core.windows.net/x"),
        (r"C:\data\flights.csv", r"C:\data\flights.csv"),
        ("https://ana:pw@host:8443/a/b.csv?x=1#y", "https://host:8443/a/b.csv"),
        ("memory://x/y.csv", "memory://x/y.csv"),
        ("/data/keyboard=1/x.csv", "/data/keyboard=1/x.csv"),
    ],
)
def test_the_rest_stays(path: str, clean: str) -> None:
    assert without_secrets(path) == clean


def test_anything_can_be_a_path() -> None:
    chance = random.Random(11)
    for _ in range(3_000):
        text = "".join(
            chr(chance.choice([chance.randint(0, 127), chance.randint(0, 0x2FFF)]))
            for _ in range(chance.randint(0, 60))
        )
        clean = without_secrets(text)
        assert len(clean) <= MAX_PATH
        assert clean.isprintable()
        made = patterns([text, text + "1", clean])
        assert sum(len(members) for members in made.values()) == 3


def test_digits_that_differ_become_a_star() -> None:
    assert list(patterns([f"/d/flights-2020-{month:02d}.csv" for month in range(1, 13)])) == ["/d/flights-2020-*.csv"]
    assert list(patterns(["/d/flights-2020.csv"])) == ["/d/flights-2020.csv"]
    assert list(patterns([f"s3://b/t/part.{n}.parquet" for n in range(100)])) == ["s3://b/t/part.*.parquet"]
    names = ["0f9a61d2-4b1c-4c55-9d3b-6c1f7a2e9b10", "1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d"]
    assert list(patterns([f"/t/{name}.parquet" for name in names])) == ["/t/*.parquet"]
    mixed = patterns([f"/t/{word}.csv" for word in ("north", "south", "east", "west", "up", "down", "left")])
    assert list(mixed) == ["/t/*.csv"]
    assert len(mixed["/t/*.csv"]) == 7
