"""What kinds of work are called in a sentence: ``read.csv`` is "parsing CSV". The one place for these words in Python.

The codes are the server's (docs/operations.md); one that this version does not know is spelled out.
"""

from __future__ import annotations

_VERBS = {
    "read": "reading",
    "write": "writing",
    "storage": "storage I/O",
    "decompress": "decompressing",
    "compress": "compressing",
    "convert": "converting",
    "groupby": "grouping",
    "sort": "sorting",
    "filter": "filtering",
    "join": "joining",
    "concat": "concatenating",
    "shuffle": "shuffling",
    "serialise": "serialising",
    "train": "training",
    "predict": "predicting with",
    "user": "own Python",
    "dataframe": "table work",
    "array": "array maths",
    "gpu": "GPU work",
    "import": "importing modules",
    "dask": "Dask's own work",
    "unknown": "other work",
}

# Text has to be parsed; the other formats are only read.
_PARSED = frozenset({"csv", "json", "xml", "html"})

_NAMES = {
    "csv": "CSV",
    "json": "JSON",
    "orc": "ORC",
    "hdf": "HDF",
    "sql": "SQL",
    "xml": "XML",
    "html": "HTML",
    "sas": "SAS",
    "netcdf": "NetCDF",
    "tiff": "TIFF",
    "parquet": "Parquet",
    "zarr": "Zarr",
    "excel": "Excel",
    "feather": "Feather",
    "avro": "Avro",
    "stata": "Stata",
    "string": "to strings",
    "storage": "to storage",
    "image": "images",
    "xgboost": "XGBoost",
    "lightgbm": "LightGBM",
    "catboost": "CatBoost",
    "sklearn": "scikit-learn",
    "torch": "PyTorch",
    "tensorflow": "TensorFlow",
    "cupy": "CuPy",
}


def operation_words(operation: str) -> str:
    """Return an operation in words, for the middle of a sentence.

    Examples
    --------
    >>> operation_words("read.csv"), operation_words("train.xgboost"), operation_words("gpu.cudf")
    ('parsing CSV', 'training XGBoost', 'GPU work: cudf')
    """
    first, *rest = (operation or "unknown").split(".")
    what = " ".join(_NAMES.get(part, part.replace("_", " ")) for part in rest)
    verb = "parsing" if first == "read" and rest and rest[0] in _PARSED else _VERBS.get(first, first.replace("_", " "))
    if not what:
        return verb
    return f"{verb}: {what}" if first == "gpu" else f"{verb} {what}"
